"""All that the product can do, put together once and passed to the doors."""

from collections.abc import Callable
from dataclasses import dataclass

from studiolo.core.clock import Clock
from studiolo.core.secrets import SecretSource
from studiolo.core.settings import Settings
from studiolo.domain.access import Access
from studiolo.domain.account_lists import AccountLists
from studiolo.domain.account_search import AccountSearch
from studiolo.domain.accounts import Accounts
from studiolo.domain.agents import Agents
from studiolo.domain.api_keys import ApiKeys
from studiolo.domain.audit import Audit
from studiolo.domain.auth_tokens import AuthTokens
from studiolo.domain.client_errors import ClientErrors
from studiolo.domain.collaborators import Collaborators
from studiolo.domain.copies import Copies
from studiolo.domain.copy_group_overviews import CopyGroupOverviews
from studiolo.domain.copy_groups import CopyGroups
from studiolo.domain.copy_overviews import CopyOverviews
from studiolo.domain.copying import Copying
from studiolo.domain.documents import Documents
from studiolo.domain.endings import Endings
from studiolo.domain.entries import Entries
from studiolo.domain.ephemeral_accounts import EphemeralAccounts
from studiolo.domain.exec import Exec
from studiolo.domain.exec_jobs import ExecJobs
from studiolo.domain.files import Files
from studiolo.domain.histories import Histories
from studiolo.domain.idempotency import Idempotency
from studiolo.domain.invitations import Invitations
from studiolo.domain.jupyter import Jupyter
from studiolo.domain.lifecycle import Lifecycle
from studiolo.domain.messages import Messages
from studiolo.domain.organizations import Organizations
from studiolo.domain.password_resets import PasswordResets
from studiolo.domain.passwords import Passwords
from studiolo.domain.project_limits import ProjectLimits
from studiolo.domain.project_status import ProjectStatuses
from studiolo.domain.projects import Projects
from studiolo.domain.public_paths import PublicPaths
from studiolo.domain.queries import Queries
from studiolo.domain.query_accounts import AccountsTable
from studiolo.domain.query_collaborators import CollaboratorsTable
from studiolo.domain.query_file_use import FileUseTable
from studiolo.domain.query_invite_tokens import InviteTokensTable
from studiolo.domain.query_listings import ListingsTable
from studiolo.domain.query_project_log import ProjectLogTable
from studiolo.domain.query_projects import ProjectsTable
from studiolo.domain.query_projects_admin import ProjectsAdminTable
from studiolo.domain.query_public_paths import PublicPathsTable
from studiolo.domain.registration_tokens import RegistrationTokens
from studiolo.domain.sign_ins import SignIns
from studiolo.domain.spending import Spending
from studiolo.domain.transfers import Transfers
from studiolo.runtime.mail import mailer_of
from studiolo.runtime.protocols import AgentConnector, BatchCopyEngine, HomeRemover, Mailer, ProjectRunner
from studiolo.storage.database import Database


@dataclass(frozen=True, slots=True)
class Services:
    """The domain's objects; none of them is handed this."""

    accounts: Accounts
    account_search: AccountSearch
    account_lists: AccountLists
    password_resets: PasswordResets
    api_keys: ApiKeys
    auth_tokens: AuthTokens
    sign_ins: SignIns
    access: Access
    projects: Projects
    collaborators: Collaborators
    invitations: Invitations
    files: Files
    transfers: Transfers
    entries: Entries
    public_paths: PublicPaths
    exec: Exec
    exec_jobs: ExecJobs
    jupyter: Jupyter
    copies: Copies
    copy_groups: CopyGroups
    copy_overviews: CopyOverviews
    copy_group_overviews: CopyGroupOverviews
    queries: Queries
    documents: Documents
    histories: Histories
    client_errors: ClientErrors
    messages: Messages
    organizations: Organizations
    project_statuses: ProjectStatuses
    project_limits: ProjectLimits
    registration_tokens: RegistrationTokens
    ephemeral_accounts: EphemeralAccounts
    spending: Spending
    audit: Audit
    idempotency: Idempotency


def build_services(
    settings: Settings,
    database: Database,
    clock: Clock,
    secrets: SecretSource,
    runner: ProjectRunner,
    connector: AgentConnector,
    copy_engine: BatchCopyEngine | None = None,
    on_copy_queued: Callable[[], None] | None = None,
    passwords: Passwords | None = None,
    mailer: Mailer | None = None,
    homes: HomeRemover | None = None,
) -> Services:
    """Build the domain. Only a process with a `copy_engine` can carry out copies; `on_copy_queued` wakes one up.

    Mails go the way of the settings unless a `mailer` is given.
    """
    mailer = mailer or mailer_of(settings, clock, secrets)
    access = Access(database)
    endings = Endings()
    accounts = Accounts(settings, database, clock, secrets, passwords or Passwords(), endings)
    auth_tokens = AuthTokens(settings, database, clock, secrets, accounts, endings)
    sign_ins = SignIns(settings, database, clock, secrets, accounts, endings)
    messages = Messages(database, clock)
    lifecycle = Lifecycle(settings, database, clock, runner)
    agents = Agents(database, clock, lifecycle, connector)
    histories = Histories(database, clock, access, agents)
    copying = Copying(settings, database, clock, copy_engine) if copy_engine is not None else None
    tables = (
        ProjectsTable("projects", settings, database, clock, lifecycle),
        ProjectsTable("projects_all", settings, database, clock, lifecycle),
        ProjectsAdminTable(settings, database),
        AccountsTable(database),
        CollaboratorsTable("collaborators", database),
        CollaboratorsTable("collaborators_one_project", database),
        InviteTokensTable(database, clock),
        PublicPathsTable(database, clock),
        ProjectLogTable("project_log", database, clock, secrets),
        ProjectLogTable("project_log_all", database, clock, secrets),
        FileUseTable(database, clock),
        ListingsTable(database),
    )
    return Services(
        accounts=accounts,
        account_search=AccountSearch(database, clock),
        account_lists=AccountLists(database),
        password_resets=PasswordResets(settings, database, clock, secrets, accounts, mailer),
        api_keys=ApiKeys(settings, database, clock, secrets, endings),
        auth_tokens=auth_tokens,
        sign_ins=sign_ins,
        access=access,
        projects=Projects(settings, database, clock, secrets, access, lifecycle, agents),
        collaborators=Collaborators(database, clock),
        invitations=Invitations(database, clock, mailer),
        files=Files(settings, access, agents),
        transfers=Transfers(settings, clock, access, agents),
        entries=Entries(settings, access, agents),
        public_paths=PublicPaths(database, agents),
        exec=Exec(access, agents),
        exec_jobs=ExecJobs(settings, access, agents),
        jupyter=Jupyter(database, clock, access, agents),
        copies=Copies(database, clock, secrets, copying, on_copy_queued),
        copy_overviews=CopyOverviews(database),
        copy_group_overviews=CopyGroupOverviews(database, clock),
        copy_groups=CopyGroups(settings, database, clock, secrets, on_copy_queued, homes),
        queries=Queries(clock, tables),
        documents=Documents(settings, database, access, agents, histories),
        histories=histories,
        client_errors=ClientErrors(database, clock, secrets),
        messages=messages,
        organizations=Organizations(database, clock, secrets, accounts, auth_tokens, messages),
        project_statuses=ProjectStatuses(access, agents),
        project_limits=ProjectLimits(settings, database, clock, access, lifecycle, runner),
        registration_tokens=RegistrationTokens(database, clock, secrets),
        ephemeral_accounts=EphemeralAccounts(database, clock, secrets, accounts, auth_tokens, sign_ins, lifecycle),
        spending=Spending(settings, clock),
        audit=Audit(settings, database, clock),
        idempotency=Idempotency(database, clock),
    )
