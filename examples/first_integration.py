"""A first integration: make an account, a project and a notebook; get the address for an IFrame."""

import json
import sys
from urllib.parse import quote

import requests


def embed(studiolo: str, admin_key: str, notebook: str, verify: str | bool = True) -> str:
    """Return the address of a fresh notebook for a fresh account, ready to be an IFrame's `src`."""
    # --8<-- [start:integration]
    def call(name, key, **data):
        reply = requests.post(f"{studiolo}/api/v1/{name}", auth=(key, ""), json=data, verify=verify).json()
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply

    # once for each of your people: an account with a key, and a project that belongs to it
    person = call("create_account", admin_key, first_name="Example", last_name="Learner", get_api_key=True)
    project_id = call("create_project", person["api_key"], title="Course work")["project_id"]
    call("write_text_file_to_project", person["api_key"], project_id=project_id, path="a.ipynb", content=notebook)

    # on every visit: a fresh token, and the address for the IFrame
    token = call("user_auth", admin_key, account_id=person["account_id"], password="")["auth_token"]
    path = quote("a.ipynb")
    src = f"{studiolo}/projects/{project_id}/files/{path}?auth_token={token}&fullscreen=kiosk&session="
    # --8<-- [end:integration]
    return src


NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    "cells": [
        {"cell_type": "code", "id": "a", "metadata": {}, "source": "1 + 1", "outputs": [], "execution_count": None}
    ],
}

if __name__ == "__main__":
    print(embed(sys.argv[1].rstrip("/"), sys.argv[2], json.dumps(NOTEBOOK)))
