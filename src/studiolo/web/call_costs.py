"""Which calls cost the server much: one table, asked by every door before a call runs."""

from collections.abc import Mapping

from studiolo.core.models import Principal
from studiolo.domain.spending import Costly, Spending

CALLS: Mapping[Costly, str] = {
    Costly.PASSWORD: """
        create_account create_organization_user change_password change_email_address user_auth sign_in
        reset_forgot_password
        """,
    Costly.COMMAND: "project_exec start_exec jupyter_execute jupyter_start_pool start_project restart_project",
    Costly.COPY: """
        copy_path_between_projects copy_public_path_between_projects copy_path_to_projects
        collect_path_from_projects retry_copy retry_copy_group archive_paths extract_archive
        """,
}
_KINDS: Mapping[str, Costly] = {name: kind for kind, names in CALLS.items() for name in names.split()}


def charge_for_call(spending: Spending, principal: Principal, name: str) -> None:
    """Count a call that costs much; raise RateLimited if the caller made too many."""
    kind = _KINDS.get(name)
    if kind is not None:
        spending.charge(principal, kind)
