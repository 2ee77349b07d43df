"""The nouns of the API as attributes. Written by `make client` from the registry of calls; not to be edited."""

from studiolo.client.calling import AsyncCaller, Caller
from studiolo.client.copies import AsyncCopies, Copies
from studiolo.client.exec import AsyncExec, Exec
from studiolo.client.files import AsyncFiles, Files
from studiolo.client.nouns.accounts import AccountsCalls, AsyncAccountsCalls
from studiolo.client.nouns.api_keys import ApiKeysCalls, AsyncApiKeysCalls
from studiolo.client.nouns.audit import AsyncAuditCalls, AuditCalls
from studiolo.client.nouns.auth_tokens import AsyncAuthTokensCalls, AuthTokensCalls
from studiolo.client.nouns.collaborators import AsyncCollaboratorsCalls, CollaboratorsCalls
from studiolo.client.nouns.documents import AsyncDocumentsCalls, DocumentsCalls
from studiolo.client.nouns.jupyter import AsyncJupyterCalls, JupyterCalls
from studiolo.client.nouns.projects import AsyncProjectsCalls, ProjectsCalls
from studiolo.client.nouns.public_paths import AsyncPublicPathsCalls, PublicPathsCalls
from studiolo.client.nouns.queries import AsyncQueriesCalls, QueriesCalls
from studiolo.client.nouns.registration_tokens import AsyncRegistrationTokensCalls, RegistrationTokensCalls
from studiolo.client.nouns.server import AsyncServerCalls, ServerCalls


class Nouns:
    """What a `Client` offers."""

    def __init__(self, caller: Caller) -> None:
        """Give every noun the connection."""
        self._caller = caller
        self.accounts = AccountsCalls(caller)
        self.api_keys = ApiKeysCalls(caller)
        self.audit = AuditCalls(caller)
        self.auth_tokens = AuthTokensCalls(caller)
        self.collaborators = CollaboratorsCalls(caller)
        self.copies = Copies(caller)
        self.documents = DocumentsCalls(caller)
        self.exec = Exec(caller)
        self.files = Files(caller)
        self.jupyter = JupyterCalls(caller)
        self.projects = ProjectsCalls(caller)
        self.public_paths = PublicPathsCalls(caller)
        self.queries = QueriesCalls(caller)
        self.registration_tokens = RegistrationTokensCalls(caller)
        self.server = ServerCalls(caller)


class AsyncNouns:
    """What an `AsyncClient` offers."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Give every noun the connection."""
        self._caller = caller
        self.accounts = AsyncAccountsCalls(caller)
        self.api_keys = AsyncApiKeysCalls(caller)
        self.audit = AsyncAuditCalls(caller)
        self.auth_tokens = AsyncAuthTokensCalls(caller)
        self.collaborators = AsyncCollaboratorsCalls(caller)
        self.copies = AsyncCopies(caller)
        self.documents = AsyncDocumentsCalls(caller)
        self.exec = AsyncExec(caller)
        self.files = AsyncFiles(caller)
        self.jupyter = AsyncJupyterCalls(caller)
        self.projects = AsyncProjectsCalls(caller)
        self.public_paths = AsyncPublicPathsCalls(caller)
        self.queries = AsyncQueriesCalls(caller)
        self.registration_tokens = AsyncRegistrationTokensCalls(caller)
        self.server = AsyncServerCalls(caller)
