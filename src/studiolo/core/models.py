"""The things of the product, as plain frozen values; storage returns them, the domain passes them on."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from studiolo.core.ids import AccountId, ApiKeyId, CopyGroupId, CopyId, MessageId, OrganizationId, ProjectId, SignInId
from studiolo.core.limits import Limits


class Role(StrEnum):
    """What an account is in a project."""

    OWNER = "owner"
    COLLABORATOR = "collaborator"
    VIEWER = "viewer"


class ProjectState(StrEnum):
    """The wire's words for where a project is in its life."""

    OPENED = "opened"  # exists, is not running
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


class KeyScope(StrEnum):
    """What an API key may be good for; a key with none of its own is good for everything its account may."""

    PROJECTS_READ = "projects:read"
    PROJECTS_WRITE = "projects:write"
    FILES_READ = "files:read"
    FILES_WRITE = "files:write"
    EXEC = "exec"
    COPIES = "copies"
    SHARING = "sharing"
    ACCOUNTS_READ = "accounts:read"
    ACCOUNTS_WRITE = "accounts:write"
    TOKENS_MINT = "tokens:mint"
    KEYS = "keys"
    MESSAGES = "messages"
    ORGANIZATIONS = "organizations"
    ADMIN = "admin"


KeyScopes = frozenset[KeyScope] | None  # None: everything


@dataclass(frozen=True, slots=True)
class Scope:
    """What an auth token, and every sign-in made from it, is narrowed to; the default is not narrowed at all."""

    project_id: ProjectId | None = None
    path_prefix: str | None = None
    is_read_only: bool = False
    may_start: bool = True


FULL_SCOPE = Scope()


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, already authenticated. It says who, never whether.

    Exactly one of three: an account (`account_id` set), a project's own key (`key_project_id` set), or nobody.
    """

    account_id: AccountId | None = None
    key_project_id: ProjectId | None = None
    is_admin: bool = False
    scope: Scope = FULL_SCOPE
    sign_in_id: SignInId | None = None
    address: str = ""
    key_scopes: KeyScopes = None  # of the API key, or of the one with which the auth token was made
    api_key_id: ApiKeyId | None = None
    key_expires_at: datetime | None = None

    @property
    def is_anonymous(self) -> bool:
        """Tell whether nobody is known behind the request."""
        return self.account_id is None and self.key_project_id is None

    @property
    def wire_id(self) -> str:
        """Return the id that historical error texts show: the account's, or the project's for a project key."""
        return self.account_id or self.key_project_id or "anonymous"


ANONYMOUS = Principal()


@dataclass(frozen=True, slots=True)
class Account:
    """An identity of a person or a robot."""

    account_id: AccountId
    email_address: str | None
    password_hash: str | None
    first_name: str
    last_name: str
    is_admin: bool
    is_banned: bool
    is_deleted: bool
    created_at: datetime
    last_active_at: datetime | None
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    expires_at: datetime | None = None  # of a throw-away account


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A program's long-lived secret, without the secret."""

    api_key_id: ApiKeyId
    account_id: AccountId
    project_id: ProjectId | None
    name: str
    trunc: str
    created_at: datetime
    expires_at: datetime | None
    last_active_at: datetime | None
    scopes: KeyScopes = None


@dataclass(frozen=True, slots=True)
class AuthToken:
    """A short-lived secret that signs a browser in, without the secret."""

    account_id: AccountId
    created_at: datetime
    expires_at: datetime
    is_single_use: bool
    used_at: datetime | None
    scope: Scope
    auth_token_id: str = ""
    created_by: AccountId | None = None
    api_key_id: ApiKeyId | None = None  # with which it was made: it ends with that key
    key_scopes: KeyScopes = None  # of that key: what the token may be at the API
    sign_in_seconds: int | None = None  # how long a browser stays signed in; None: as the settings say
    ends_at: datetime | None = None  # when every sign-in made from it ends, with the key


@dataclass(frozen=True, slots=True)
class RegistrationToken:
    """A text with which somebody may make an account, without the text."""

    registration_token_id: str
    description: str
    created_by: AccountId | None
    created_at: datetime
    expires_at: datetime | None
    usage_limit: int | None
    uses: int
    is_disabled: bool
    ephemeral_seconds: int | None  # how long an account made with it lives; None: for good


@dataclass(frozen=True, slots=True)
class SignIn:
    """A browser's signed-in state; `frame_key` is set for one that lives in a frame only."""

    sign_in_id: SignInId
    account_id: AccountId
    frame_key: str | None
    created_at: datetime
    expires_at: datetime
    scope: Scope
    key_scopes: KeyScopes = None


@dataclass(frozen=True, slots=True)
class Collaborator:
    """An account's place in a project."""

    account_id: AccountId
    role: Role
    details: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Project:
    """Files, a sandbox and people."""

    project_id: ProjectId
    uid: int  # number of the OS user that owns the home where the runner separates users
    title: str
    description: str
    is_deleted: bool
    state: ProjectState
    state_changed_at: datetime | None
    state_error: str | None
    runner: str | None
    runner_state: dict[str, Any] | None
    has_network: bool
    limits: dict[str, Any]
    created_at: datetime
    last_edited_at: datetime | None
    last_active_at: datetime | None
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    collaborators: tuple[Collaborator, ...] = ()

    def role_of(self, account_id: AccountId | None) -> Role | None:
        """Return the account's role here, or None for a stranger."""
        return next((c.role for c in self.collaborators if c.account_id == account_id), None)


# revise: keep what was changed; rehearse: tell what that would do; snapshot: keep what is handed out as a later base
CopyMode = Literal["copy", "revise", "rehearse", "snapshot"]


@dataclass(frozen=True, slots=True)
class CopyOperation:
    """The durable record of one copy between projects; times are None until they happened."""

    copy_id: CopyId
    account_id: AccountId | None
    created_at: datetime
    source_project_id: ProjectId
    source_path: str
    target_project_id: ProjectId
    target_path: str
    overwrite_newer: bool
    delete_missing: bool
    backup: bool
    exclude: tuple[str, ...]
    timeout_seconds: float | None
    scheduled_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    error_code: str | None
    attempts: int
    is_public: bool = False  # the source had to be public, not readable by the caller
    group_id: CopyGroupId | None = None
    position: int | None = None  # its place in the group
    mode: CopyMode = "copy"
    is_cancelled: bool = False  # whoever carries it out shall stop
    files_done: int | None = None  # None: nothing was reported yet, or cannot be known
    files_total: int | None = None
    bytes_done: int | None = None
    bytes_total: int | None = None
    report: dict[str, Any] | None = None


CopyState = Literal["waiting", "running", "done", "missing", "failed", "cancelled"]  # missing: there is no such source
COPY_STATES: tuple[CopyState, ...] = ("waiting", "running", "done", "missing", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class CopyGroup:
    """Copies that were ordered together: from one project to many, or from many to one."""

    group_id: CopyGroupId
    owner: str  # the account, or the project of a project's own key
    account_id: AccountId | None
    group_key: str | None
    request_hash: str
    kind: Literal["hand_out", "collect"]
    mode: CopyMode
    project_id: ProjectId  # the one
    path: str  # of the source
    total: int
    created_at: datetime
    scheduled_at: datetime | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ClientError:
    """An error that a client reported about itself."""

    error_id: str
    account_id: AccountId | None
    event: str
    error: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ProjectSpec:
    """All that a runner needs to know of a project to run it."""

    project_id: ProjectId
    uid: int
    limits: Limits
    has_network: bool = False


@dataclass(frozen=True, slots=True)
class CopyOrder:
    """All that a copy engine needs to know of one copy.

    Paths are relative to the homes and may come from anybody: the engine resolves them inside the walls.
    """

    source: ProjectSpec
    source_path: str
    target: ProjectSpec
    target_path: str
    overwrite_newer: bool = False
    delete_missing: bool = False
    backup: bool = False
    exclude: tuple[str, ...] = ()
    timeout_seconds: float | None = None
    mode: CopyMode = "copy"
    base_id: ProjectId | None = None  # the home, belonging to the source's, that holds what was handed out last
    stamp: str | None = None  # the date for names of what cannot take its place
    max_bytes: int | None = None
    source_within: str | None = None  # links in the source's path lead no further than this path, if it is given
    is_handed_out: bool = False  # and may be revised: where the homes share no disk, the target keeps what it was given


@dataclass(frozen=True, slots=True)
class Invitation:
    """A place in a project that waits for somebody to make an account with this address."""

    email_address: str
    project_id: ProjectId
    role: Role
    invited_by: AccountId | None
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class InviteToken:
    """A text with which an account may join a project."""

    token: str
    project_id: ProjectId
    created_by: AccountId | None
    created_at: datetime
    expires_at: datetime | None
    usage_limit: int | None
    uses: int


@dataclass(frozen=True, slots=True)
class PublicPath:
    """A file or directory of a project that everybody may read."""

    public_path_id: str
    project_id: ProjectId
    path: str
    is_disabled: bool
    created_at: datetime
    last_edited_at: datetime | None
    last_saved_at: datetime | None
    counter: int
    settings: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Something that happened in a project."""

    entry_id: str
    project_id: ProjectId
    account_id: AccountId | None
    logged_at: datetime
    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FileUse:
    """Who used a file, and when it was edited last."""

    file_use_id: str
    project_id: ProjectId
    path: str
    users: dict[str, Any]
    last_edited_at: datetime | None


@dataclass(frozen=True, slots=True)
class Listing:
    """What a client last saw in a directory."""

    listing_id: str
    project_id: ProjectId
    path: str
    listed_at: datetime | None
    interest_at: datetime | None
    contents: dict[str, Any]


@dataclass(frozen=True, slots=True)
class JupyterResult:
    """What running code gave, kept to be given again."""

    result_hash: str
    project_id: ProjectId
    output: list[dict[str, Any]]
    total_seconds: float
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Mail:
    """A message to one person."""

    to: str
    subject: str
    body: str
    reply_to: str | None = None
    reply_to_name: str = ""


@dataclass(frozen=True, slots=True)
class Organization:
    """Accounts that belong together, and those of them who look after the others."""

    organization_id: OrganizationId
    name: str
    title: str
    description: str
    email_address: str
    link: str
    created_at: datetime
    admin_ids: tuple[AccountId, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """What one account wrote to others, as one of them sees it."""

    message_id: MessageId
    from_id: AccountId
    to_ids: tuple[AccountId, ...]
    subject: str
    body: str
    sent_at: datetime
    thread_id: MessageId | None
    is_read: bool = False
    is_starred: bool = False
    is_liked: bool = False


@dataclass(frozen=True, slots=True)
class ProjectStatus:
    """What a project uses now; nothing is known of one that does not run."""

    state: ProjectState
    state_changed_at: datetime | None
    state_error: str | None
    agent_pid: int | None = None
    agent_version: str | None = None
    memory_bytes: int | None = None
    disk_bytes: int | None = None
    open_documents: int | None = None
    kernels: int | None = None
    idle_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Something that matters for security: who did what to whom, from where, and how it ended."""

    happened_at: datetime
    action: str
    result: str  # done, or the code of an error
    account_id: AccountId | None
    key_project_id: ProjectId | None
    address: str
    request_id: str | None
    target_account_id: AccountId | None
    target_project_id: ProjectId | None
    details: dict[str, Any] = field(default_factory=dict[str, Any])
    audit_id: int = 0  # given by the database
