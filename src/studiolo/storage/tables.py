"""The schema, one table a noun. Migrations build the same from nothing (a test holds them together)."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TextClause,
    TypeDecorator,
    UniqueConstraint,
    event,
    false,
    text,
    true,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """An aware UTC moment: `timestamptz` on PostgreSQL, sortable text of fixed width on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Choose the column type of the dialect."""
        kind: Any = String(32) if dialect.name == "sqlite" else DateTime(timezone=True)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Write UTC; a naive moment is a programming error."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        value = value.astimezone(UTC)
        return _as_text(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Read UTC."""
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return value.astimezone(UTC) if isinstance(value, datetime) else None


def _as_text(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


class Document(TypeDecorator[Any]):
    """JSON: `jsonb` on PostgreSQL, text on SQLite."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Choose the column type of the dialect."""
        if dialect.name != "postgresql":
            return dialect.type_descriptor(JSON())
        from sqlalchemy.dialects.postgresql import JSONB  # 2 MB, with every driver there is: not for SQLite

        return dialect.type_descriptor(JSONB())


def _partial(name: str, *columns: str | TextClause, where: str) -> Index:
    """Return an index of those rows only that are asked for all the time, few among many."""
    return Index(name, *columns, sqlite_where=text(where))


@event.listens_for(metadata, "before_create")
def _narrow_on_postgres(made: MetaData, connection: Connection, **_: Any) -> None:
    """Give the partial indexes the same WHERE there; named from the start, it would load that dialect for SQLite."""
    if connection.dialect.name == "postgresql":
        for index in (index for table in made.tables.values() for index in table.indexes):
            if (where := index.dialect_kwargs.get("sqlite_where")) is not None:
                index.dialect_kwargs["postgresql_where"] = where


PATH_START = text("substr(source_path, 1, 64)")  # a whole path may be too long for an index


def _copies_of(side: str, kind: str, *more: TextClause, where: str) -> Index:
    """Return an index of a project's copies of one kind, in the order of lists.

    There is none of all kinds: SQLite would take it for the better one wherever a few projects have most copies.
    """
    return _partial(f"ix_copy_paths_{side}_{kind}", f"{side}_project_id", *more, "created_at", "copy_id", where=where)


Uuid = String(36)
Hash = String(64)
Sha1 = String(40)  # names a thing that a project and a path make one

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("email_address", String(254), unique=True),  # lower case
    Column("email_address_before_delete", String(254), index=True),
    Column("password_hash", Text),
    Column("first_name", String(254), nullable=False, server_default=""),
    Column("last_name", String(254), nullable=False, server_default=""),
    Column("is_admin", Boolean, nullable=False, server_default=false()),
    Column("is_banned", Boolean, nullable=False, server_default=false()),
    Column("is_deleted", Boolean, nullable=False, server_default=false()),
    Column("agreed_to_terms_at", Moment),
    Column("created_by", Uuid),
    Column("registration_token_id", Uuid),  # with which it was made
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, index=True),  # of a throw-away account
    Column("last_active_at", Moment),
    # name, editor_settings, other_settings, terminal, autosave, font_size, profile, ssh_keys, unlisted, tags ...
    Column("settings", Document, nullable=False, server_default=text("'{}'")),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("api_key_id", Integer, primary_key=True, autoincrement=True),
    Column("account_id", Uuid, ForeignKey("accounts.account_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("project_id", Uuid, ForeignKey("projects.project_id", ondelete="CASCADE")),
    Column("name", String(128), nullable=False, server_default=""),
    Column("key_hash", Hash, nullable=False, unique=True),
    Column("trunc", String(16), nullable=False),
    Column("scopes", Text),  # names between spaces; null: everything
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("last_active_at", Moment),
    sqlite_autoincrement=True,
)

auth_tokens = Table(
    "auth_tokens",
    metadata,
    Column("token_hash", Hash, primary_key=True),
    Column("auth_token_id", Uuid),
    Column("account_id", Uuid, ForeignKey("accounts.account_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_by", Uuid, index=True),
    Column("api_key_id", Integer, index=True),  # the key it was made with: revoking that ends this
    Column("key_scopes", Text),  # of that key; null: everything
    Column("sign_in_seconds", Integer),  # how long a browser stays signed in; null: as the settings say
    Column("ends_at", Moment),  # when every sign-in made from it ends, with the key
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
    Column("is_single_use", Boolean, nullable=False, server_default=false()),
    Column("used_at", Moment),
    Column("project_id", Uuid),
    Column("path_prefix", Text),
    Column("is_read_only", Boolean, nullable=False, server_default=false()),
    Column("may_start", Boolean, nullable=False, server_default=true()),
    Index("ix_auth_tokens_auth_token_id", "auth_token_id", unique=True),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("sign_in_id", Uuid, primary_key=True),
    Column("secret_hash", Hash, nullable=False, unique=True),  # of the cookie's value
    Column("account_id", Uuid, ForeignKey("accounts.account_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("frame_key", String(32)),  # null: an ordinary first-party sign-in
    Column("token_hash", Hash, index=True),  # the auth token it was made from: revoking that ends this
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
    Column("last_active_at", Moment),
    Column("project_id", Uuid),
    Column("path_prefix", Text),
    Column("is_read_only", Boolean, nullable=False, server_default=false()),
    Column("may_start", Boolean, nullable=False, server_default=true()),
    Column("key_scopes", Text),  # of the key with which its auth token was made; null: everything
)

bearers = Table(
    "bearers",
    metadata,
    Column("bearer_hash", Hash, primary_key=True),
    Column("sign_in_id", Uuid, ForeignKey("sign_ins.sign_in_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("expires_at", Moment, nullable=False, index=True),
)

registration_tokens = Table(
    "registration_tokens",  # whoever has one may make an account
    metadata,
    Column("registration_token_id", Uuid, primary_key=True),
    Column("token_hash", Hash, nullable=False, unique=True),
    Column("description", Text, nullable=False, server_default=""),
    Column("created_by", Uuid),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("usage_limit", Integer),
    Column("uses", Integer, nullable=False, server_default=text("0")),
    Column("is_disabled", Boolean, nullable=False, server_default=false()),
    Column("ephemeral_seconds", Integer),  # how long accounts made with it live; null: for good
)

throttles = Table(
    "throttles",
    metadata,
    Column("action", String(32), primary_key=True),  # sign_in, user_auth, create_account
    Column("subject", String(300), primary_key=True),  # an address, an e-mail address, a pair
    Column("window_started_at", Moment, nullable=False),
    Column("count", Integer, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("uid", Integer, nullable=False, unique=True),
    Column("title", Text, nullable=False, server_default=""),
    Column("description", Text, nullable=False, server_default=""),
    Column("is_deleted", Boolean, nullable=False, server_default=false()),
    Column("state", String(16), nullable=False, server_default="opened"),
    Column("state_changed_at", Moment),
    Column("state_error", Text),
    Column("runner", String(32)),
    Column("runner_state", Document),
    Column("has_network", Boolean, nullable=False, server_default=false()),
    Column("limits", Document, nullable=False, server_default=text("'{}'")),
    Column("created_at", Moment, nullable=False),
    Column("last_edited_at", Moment),
    Column("last_active_at", Moment),
    # name, invite, invite_requests, course, compute_image, env, sandbox, avatar_image_tiny, action_request ...
    Column("settings", Document, nullable=False, server_default=text("'{}'")),
)

collaborators = Table(
    "collaborators",
    metadata,
    Column("project_id", Uuid, ForeignKey("projects.project_id", ondelete="CASCADE"), primary_key=True),
    Column("account_id", Uuid, ForeignKey("accounts.account_id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("role", String(16), nullable=False),
    Column("details", Document, nullable=False, server_default=text("'{}'")),  # hide, upgrades, ssh_keys
    Column("created_at", Moment, nullable=False),
)

copies = Table(
    "copy_paths",  # the historical name; at once the public record and the queue
    metadata,
    Column("copy_id", Uuid, primary_key=True),
    Column("account_id", Uuid),
    Column("created_at", Moment, nullable=False),
    Column("source_project_id", Uuid, nullable=False),
    Column("source_path", Text, nullable=False),
    Column("target_project_id", Uuid, nullable=False),
    Column("target_path", Text, nullable=False),
    Column("overwrite_newer", Boolean, nullable=False, server_default=false()),
    Column("delete_missing", Boolean, nullable=False, server_default=false()),
    Column("backup", Boolean, nullable=False, server_default=false()),
    Column("exclude", Document, nullable=False, server_default=text("'[]'")),
    Column("timeout_seconds", Float),
    Column("scheduled_at", Moment),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Column("error", Text),
    Column("error_code", String(64)),
    Column("expires_at", Moment, nullable=False, index=True),
    Column("due_at", Moment),  # when a worker may claim it; null once finished
    Column("lease_owner", String(64)),
    Column("lease_until", Moment),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("is_public", Boolean, nullable=False, server_default=false()),  # the source was to be public, no more
    Column("group_id", Uuid),  # the group it was ordered in, and its place there
    Column("position", Integer),
    Column("mode", String(16), nullable=False, server_default="copy"),  # copy, revise, or rehearse: a dry run of that
    Column("is_cancelled", Boolean, nullable=False, server_default=false()),  # whoever carries it out shall stop
    Column("files_done", BigInteger),
    Column("files_total", BigInteger),
    Column("bytes_done", BigInteger),
    Column("bytes_total", BigInteger),
    Column("report", Document),  # what came of it, file by file; bounded
    _partial("ix_copy_paths_queue", "due_at", where="due_at IS NOT NULL"),
    _partial("ix_copy_paths_later", "due_at", where="due_at IS NOT NULL AND scheduled_at IS NULL"),
    _partial(
        "ix_copy_paths_scheduled",
        "scheduled_at",
        "due_at",
        where="due_at IS NOT NULL AND scheduled_at IS NOT NULL",
    ),
    _partial("ix_copy_paths_leased", "lease_owner", where="lease_owner IS NOT NULL"),
    _copies_of("source", "open", where="finished_at IS NULL"),
    _copies_of("source", "ended", where="finished_at IS NOT NULL"),
    _copies_of("source", "failed", where="error IS NOT NULL"),
    _copies_of("source", "path", PATH_START, where="finished_at IS NOT NULL"),
    _copies_of("target", "open", where="finished_at IS NULL"),
    _copies_of("target", "ended", where="finished_at IS NOT NULL"),
    _copies_of("target", "failed", where="error IS NOT NULL"),
    _copies_of("target", "path", PATH_START, where="finished_at IS NOT NULL"),
    # an account's place in the queue
    _partial("ix_copy_paths_turn", "account_id", "scheduled_at", "due_at", where="due_at IS NOT NULL"),
    Index("ix_copy_paths_group", "group_id", "position"),
)

copy_groups = Table(
    "copy_groups",  # copies that were ordered together
    metadata,
    Column("group_id", Uuid, primary_key=True),
    Column("owner", String(64), nullable=False),  # the account, or the project of a project's own key
    Column("account_id", Uuid),
    Column("group_key", String(128)),  # the client's name for it: the same order is not carried out twice
    Column("request_hash", Hash, nullable=False),
    Column("kind", String(16), nullable=False),  # hand_out, collect
    Column("mode", String(16), nullable=False),
    Column("project_id", Uuid, nullable=False),  # the one source, or the one target
    Column("path", Text, nullable=False),
    Column("total", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("scheduled_at", Moment),
    Column("expires_at", Moment, nullable=False, index=True),
    UniqueConstraint("owner", "group_key"),
    Index("ix_copy_groups_project", "project_id", "created_at"),
)

copy_snapshots = Table(
    "copy_snapshots",  # what was handed out, kept on disk outside of every home
    metadata,
    Column("snapshot_id", Uuid, primary_key=True),  # that of the group
    Column("project_id", Uuid, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("is_taken", Boolean, nullable=False, server_default=false()),  # until then it may be incomplete
    Index("ix_copy_snapshots_newest", "project_id", "created_at"),
)

copy_bases = Table(
    "copy_bases",  # which snapshot a place in a project was given last
    metadata,
    Column("target_project_id", Uuid, primary_key=True),
    Column("place", Hash, primary_key=True),  # of the source's project and path and of the target's path
    Column("snapshot_id", Uuid, nullable=False, index=True),
    Column("copied_at", Moment, nullable=False),
)

client_errors = Table(
    "client_error_log",
    metadata,
    Column("error_id", Uuid, primary_key=True),
    Column("account_id", Uuid),
    Column("event", String(64), nullable=False),
    Column("error", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
)

password_resets = Table(
    "password_resets",
    metadata,
    Column("code_hash", Hash, primary_key=True),
    Column("account_id", Uuid, ForeignKey("accounts.account_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
)

invitations = Table(
    "invitations",  # of people who have no account yet; applied when one with their address is made
    metadata,
    Column("email_address", String(254), primary_key=True),  # lower case
    Column("project_id", Uuid, ForeignKey("projects.project_id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("role", String(16), nullable=False),
    Column("invited_by", Uuid),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
)

invitation_mails = Table(
    "invitation_mails",  # so that nobody is mailed about one project twice in a week
    metadata,
    Column("email_address", String(254), primary_key=True),
    Column("project_id", Uuid, ForeignKey("projects.project_id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("sent_at", Moment, nullable=False, index=True),
)

invite_tokens = Table(
    "project_invite_tokens",  # whoever has one may join the project; its people may read it, so it is kept as it is
    metadata,
    Column("token", String(64), primary_key=True),
    Column("project_id", Uuid, ForeignKey("projects.project_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_by", Uuid),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("usage_limit", Integer),
    Column("uses", Integer, nullable=False, server_default=text("0")),
)

public_paths = Table(
    "public_paths",
    metadata,
    Column("public_path_id", Sha1, primary_key=True),
    Column("project_id", Uuid, ForeignKey("projects.project_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("path", Text, nullable=False),
    Column("is_disabled", Boolean, nullable=False, server_default=false()),
    Column("created_at", Moment, nullable=False),
    Column("last_edited_at", Moment),
    Column("last_saved_at", Moment),
    Column("counter", Integer, nullable=False, server_default=text("0")),
    # name, description, image, unlisted, authenticated, license, url, compute_image, redirect ...
    Column("settings", Document, nullable=False, server_default=text("'{}'")),
)

project_log = Table(
    "project_log",
    metadata,
    Column("entry_id", Uuid, primary_key=True),
    Column("project_id", Uuid, ForeignKey("projects.project_id", ondelete="CASCADE"), nullable=False),
    Column("account_id", Uuid),
    Column("logged_at", Moment, nullable=False),
    Column("event", Document, nullable=False),
    Index("ix_project_log_newest", "project_id", "logged_at"),
)

file_use = Table(
    "file_use",
    metadata,
    Column("file_use_id", Sha1, primary_key=True),
    Column("project_id", Uuid, ForeignKey("projects.project_id", ondelete="CASCADE"), nullable=False),
    Column("path", Text, nullable=False),
    Column("users", Document, nullable=False, server_default=text("'{}'")),
    Column("last_edited_at", Moment),
    Index("ix_file_use_newest", "project_id", "last_edited_at"),
)

listings = Table(
    "listings",
    metadata,
    Column("listing_id", Sha1, primary_key=True),
    Column("project_id", Uuid, ForeignKey("projects.project_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("path", Text, nullable=False),
    Column("listed_at", Moment),
    Column("interest_at", Moment),
    Column("contents", Document, nullable=False, server_default=text("'{}'")),  # listing, missing, error, deleted
)

documents = Table(
    "documents",  # which document a `string_id` stands for
    metadata,
    Column("string_id", Sha1, primary_key=True),
    Column("project_id", Uuid, ForeignKey("projects.project_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("path", Text, nullable=False),
    Column("first_opened_at", Moment, nullable=False),
)

jupyter_results = Table(
    "jupyter_results",
    metadata,
    Column("result_hash", Hash, primary_key=True),
    Column("project_id", Uuid, ForeignKey("projects.project_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("output", Document, nullable=False),
    Column("total_seconds", Float, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
)

organizations = Table(
    "organizations",
    metadata,
    Column("organization_id", Uuid, primary_key=True),
    Column("name", String(39), nullable=False, unique=True),
    Column("title", Text, nullable=False, server_default=""),
    Column("description", Text, nullable=False, server_default=""),
    Column("email_address", String(254), nullable=False, server_default=""),
    Column("link", Text, nullable=False, server_default=""),
    Column("created_by", Uuid),
    Column("created_at", Moment, nullable=False),
)

organization_members = Table(
    "organization_members",  # an account belongs to one organization at most
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.account_id", ondelete="CASCADE"), primary_key=True),
    Column(
        "organization_id",
        Uuid,
        ForeignKey("organizations.organization_id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("is_admin", Boolean, nullable=False, server_default=false()),
    Column("joined_at", Moment, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("message_id", Integer, primary_key=True, autoincrement=True),
    Column("from_id", Uuid, nullable=False, index=True),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("sent_at", Moment, nullable=False),
    Column("thread_id", Integer),  # the first message of the conversation
    sqlite_autoincrement=True,
)

message_recipients = Table(
    "message_recipients",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.account_id", ondelete="CASCADE"), primary_key=True),
    Column("message_id", Integer, ForeignKey("messages.message_id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("is_read", Boolean, nullable=False, server_default=false()),
    Column("is_starred", Boolean, nullable=False, server_default=false()),
    Column("is_liked", Boolean, nullable=False, server_default=false()),
)

audit_log = Table(
    "audit_log",  # what matters for security; never a secret
    metadata,
    Column("audit_id", Integer, primary_key=True, autoincrement=True),
    Column("happened_at", Moment, nullable=False, index=True),
    Column("action", String(64), nullable=False),
    Column("result", String(64), nullable=False),  # done, or the code of the error
    Column("account_id", Uuid),  # who did it; null: nobody known, or a project's own key
    Column("key_project_id", Uuid),
    Column("address", String(64), nullable=False, server_default=""),
    Column("request_id", Uuid),
    Column("target_account_id", Uuid),
    Column("target_project_id", Uuid),
    Column("details", Document, nullable=False, server_default=text("'{}'")),
    Index("ix_audit_log_caller", "account_id", "audit_id"),
    Index("ix_audit_log_target", "target_account_id", "audit_id"),
    Index("ix_audit_log_project", "target_project_id", "audit_id"),
    Index("ix_audit_log_action", "action", "audit_id"),
    sqlite_autoincrement=True,
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("caller", Uuid, primary_key=True),  # the account, or the project of a project's own key
    Column("key_hash", Hash, primary_key=True),
    Column("request_hash", Hash, nullable=False),
    Column("made", String(64), nullable=False),  # the id of what the request made: never an answer, never a secret
    Column("expires_at", Moment, nullable=False, index=True),
)
