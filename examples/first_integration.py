"""A first integration: make an account, a project and a notebook; get the address for an IFrame."""

# --8<-- [start:integration]
import secrets
from urllib.parse import quote

import requests


def call(studiolo, name, key, **data):
    reply = requests.post(f"{studiolo}/api/v1/{name}", auth=(key, ""), json=data).json()
    if "error" in reply or "reason" in reply:
        raise RuntimeError(reply.get("error") or reply["reason"])
    return reply


def enrol(studiolo, admin_key, email_address, notebook):  # once for each of your people
    details = {"email_address": email_address, "first_name": "Example", "last_name": "Learner", "get_api_key": True}
    person = call(studiolo, "create_account", admin_key, password=secrets.token_urlsafe(16), **details)
    key = person["api_key"]
    project_id = call(studiolo, "create_project", key, title="Course work")["project_id"]
    call(studiolo, "write_text_file_to_project", key, project_id=project_id, path="a.ipynb", content=notebook)
    return person["account_id"], project_id


def iframe_src(studiolo, admin_key, account_id, project_id, path="a.ipynb"):  # on every visit: a fresh token
    token = call(studiolo, "user_auth", admin_key, account_id=account_id, password="")["auth_token"]
    return f"{studiolo}/projects/{project_id}/files/{quote(path)}?auth_token={token}&fullscreen=kiosk&session="


# --8<-- [end:integration]
