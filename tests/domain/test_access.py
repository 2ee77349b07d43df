import pytest

from studiolo.core.errors import FileNotFound, Forbidden, NotFound, ProjectNotFound, RoleTooLow, StudioloError
from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import ANONYMOUS, Account, Principal, Role, Scope
from studiolo.domain.access import Access, is_path_within
from studiolo.storage import accounts, collaborators, projects
from studiolo.storage.database import Database, Transaction
from studiolo.testing.clock import START

pytestmark = pytest.mark.anyio
PROJECT = ProjectId("aaaaaaaa-0000-4000-8000-000000000000")
OTHER = ProjectId("bbbbbbbb-0000-4000-8000-000000000000")
DELETED = ProjectId("cccccccc-0000-4000-8000-000000000000")
MISSING = ProjectId("dddddddd-0000-4000-8000-000000000000")
OWNER = AccountId("00000000-0000-4000-8000-000000000001")
COLLABORATOR = AccountId("00000000-0000-4000-8000-000000000002")
VIEWER = AccountId("00000000-0000-4000-8000-000000000003")
STRANGER = AccountId("00000000-0000-4000-8000-000000000004")
ROLES = {OWNER: Role.OWNER, COLLABORATOR: Role.COLLABORATOR, VIEWER: Role.VIEWER}
NARROW = Scope(PROJECT, "week1")

as_admin = Principal(STRANGER, is_admin=True)
as_project_key = Principal(key_project_id=PROJECT)


@pytest.fixture
async def access(database: Database) -> Access:
    def fill(tx: Transaction) -> None:
        for account_id in (*ROLES, STRANGER):
            accounts.insert(tx, Account(account_id, None, None, "", "", False, False, False, START, None))
        for project_id in (PROJECT, OTHER, DELETED):
            projects.insert(tx, project_id, title="", description="", now=START)
            for account_id, role in ROLES.items():
                collaborators.put(tx, project_id, account_id, role, {}, START)
        projects.change(tx, DELETED, {"is_deleted": True})

    await database.write(fill)
    return Access(database)


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize(
    "principal",
    [Principal(OWNER), Principal(COLLABORATOR), as_admin, as_project_key],
    ids=["owner", "collaborator", "admin", "key"],
)
async def test_owner_collaborator_administrator_and_the_projects_key_may_read_and_write(
    access: Access, principal: Principal, write: bool
) -> None:
    project = await access.project(principal, PROJECT, write=write)
    assert project.project_id == PROJECT
    assert {person.account_id: person.role for person in project.collaborators} == ROLES


async def test_a_viewer_reads_and_does_not_write(access: Access) -> None:
    await access.project(Principal(VIEWER), PROJECT, write=False)
    with pytest.raises(RoleTooLow) as caught:
        await access.project(Principal(VIEWER), PROJECT, write=True)
    assert caught.value.message == f"User {VIEWER} does not have write access to project {PROJECT}"


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize(
    ("principal", "project_id"),
    [
        (Principal(STRANGER), PROJECT),
        (ANONYMOUS, PROJECT),
        (as_project_key, OTHER),
        (Principal(OWNER), MISSING),
        (as_admin, MISSING),
        (Principal(OWNER), DELETED),
        (as_admin, DELETED),
        (Principal(OWNER), ProjectId("nonsense")),
        (as_admin, ProjectId("\0'; DROP TABLE projects")),
        (as_admin, ProjectId(PROJECT.upper())),
    ],
)
async def test_a_project_that_is_not_there_or_not_for_the_caller_looks_the_same(
    access: Access, principal: Principal, project_id: ProjectId, write: bool
) -> None:
    with pytest.raises(ProjectNotFound) as caught:
        await access.project(principal, project_id, write=write)
    verb = "write" if write else "read"
    assert caught.value.message == f"User {principal.wire_id} does not have {verb} access to project {project_id}"


async def test_a_deleted_project_is_given_to_who_asks_for_deleted_ones_too(access: Access) -> None:
    assert (await access.project(Principal(OWNER), DELETED, write=True, including_deleted=True)).is_deleted
    with pytest.raises(ProjectNotFound):
        await access.project(Principal(STRANGER), DELETED, write=False, including_deleted=True)


@pytest.mark.parametrize(
    ("scope", "project_id", "write", "path", "refusal"),
    [
        (Scope(), OTHER, True, None, None),
        (Scope(PROJECT), PROJECT, True, None, None),
        (Scope(PROJECT), OTHER, False, None, ProjectNotFound),
        (Scope(is_read_only=True), PROJECT, False, "any.md", None),
        (Scope(is_read_only=True), PROJECT, True, "any.md", RoleTooLow),
        (NARROW, PROJECT, False, None, None),
        (NARROW, PROJECT, True, None, Forbidden),
        (NARROW, PROJECT, True, "week1/a.ipynb", None),
        (NARROW, PROJECT, False, "week2/a.ipynb", FileNotFound),
        (NARROW, PROJECT, True, "week10/a.ipynb", FileNotFound),
        (NARROW, OTHER, False, "week1/a.ipynb", ProjectNotFound),
    ],
)
@pytest.mark.parametrize("account_id", [OWNER, STRANGER])
async def test_a_narrowed_sign_in_gets_no_more_than_its_scope(
    access: Access,
    account_id: AccountId,
    scope: Scope,
    project_id: ProjectId,
    write: bool,
    path: str | None,
    refusal: type[StudioloError] | None,
) -> None:
    principal = Principal(account_id, is_admin=account_id == STRANGER, scope=scope)
    if refusal is None:
        await access.project(principal, project_id, write=write, path=path)
        return
    with pytest.raises(refusal):
        await access.project(principal, project_id, write=write, path=path)


async def test_a_scope_gives_nobody_more_than_they_have(access: Access) -> None:
    with pytest.raises(NotFound):
        await access.project(Principal(STRANGER, scope=Scope(PROJECT)), PROJECT, write=False)
    with pytest.raises(RoleTooLow):
        await access.project(Principal(VIEWER, scope=Scope(PROJECT)), PROJECT, write=True)


@pytest.mark.parametrize(
    ("path", "prefix", "is_within"),
    [
        ("a.md", "a.md", True),
        ("week1", "week1", True),
        ("week1/", "week1", True),
        ("week1/deep/er.md", "week1/", True),
        ("./week1/x", "week1", True),
        ("week1//x", "week1", True),
        ("anything", "", True),
        ("week10", "week1", False),
        ("week", "week1", False),
        ("week1/../secret", "week1", False),
        ("../week1", "week1", False),
        ("..", "", False),
        ("/week1/x", "week1", False),
        ("/etc/passwd", "", False),
    ],
)
async def test_a_path_is_within_a_prefix_by_whole_names(path: str, prefix: str, is_within: bool) -> None:
    assert is_path_within(path, prefix) is is_within
