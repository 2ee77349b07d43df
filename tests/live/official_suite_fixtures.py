"""What the official client's own tests expect beside them: its package leaves this file out.

It is copied as `conftest.py` next to those tests, which run in a process of their own against a server that runs.
"""

import os
import time
import uuid

import pytest
from cocalc_api import Hub, Project


@pytest.fixture(scope="session")
def api_key():
    return os.environ["COCALC_API_KEY"]


@pytest.fixture(scope="session")
def cocalc_host():
    return os.environ["COCALC_HOST"]


@pytest.fixture(scope="session")
def hub(api_key, cocalc_host):
    return Hub(api_key=api_key, host=cocalc_host)


@pytest.fixture(scope="session")
def resource_tracker():
    """Give what the tests note their projects, accounts and organizations in; the server is thrown away whole."""
    return []


@pytest.fixture(scope="session")
def temporary_project(hub):
    title, description = f"CoCalc API Test {uuid.uuid4()}", "Temporary project created by cocalc-api tests"
    project_id = hub.projects.create_project(title=title, description=description)
    return {"project_id": project_id, "title": title, "description": description}


@pytest.fixture(scope="session")
def project_client(temporary_project, api_key, cocalc_host):
    return Project(project_id=temporary_project["project_id"], api_key=api_key, host=cocalc_host)


def assert_valid_uuid(value, description="id"):
    assert str(uuid.UUID(value)) == value, description


def create_tracked_project(hub, resource_tracker, **given):
    resource_tracker.append(hub.projects.create_project(**given))
    return resource_tracker[-1]


def create_tracked_org(hub, resource_tracker, name):
    resource_tracker.append(hub.org.create(name))
    return resource_tracker[-1]


def create_tracked_user(hub, resource_tracker, org_name, **given):
    """Make an account in an organization, which some of the tests name without having made it."""
    if org_name not in [one["name"] for one in hub.org.get_all()]:
        create_tracked_org(hub, resource_tracker, org_name)
    resource_tracker.append(hub.org.create_user(name=org_name, **given))
    return resource_tracker[-1]


def cleanup_project(hub, project_id):
    hub.projects.stop(project_id)
    hub.projects.delete(project_id)


def retry_with_backoff(work, max_retries=3, retry_delay=5):
    for _ in range(max_retries - 1):
        try:
            return work()
        except RuntimeError:
            time.sleep(retry_delay)
    return work()
