"""Which scope an API key needs for which call: the whole policy on one page, asked by every door.

A call that stands nowhere here is refused to every key that has scopes of its own; a test says so of a new call.
Whether the caller may do it at all is decided by the domain as ever.
"""

from collections.abc import Mapping

from studiolo.core.models import KeyScope, Principal
from studiolo.domain.scopes import Need, Needs, require_scope

CALLS: Mapping[Need, str] = {
    Needs.NOTHING: """
        ping log_client_error get_available_upgrades forgot_password reset_forgot_password
        sign_in requires_registration_token sign_up_ephemeral whose_key which_project get_site_settings
        """,
    Needs.INSIDE: "query call_project",
    KeyScope.PROJECTS_READ: """
        list_projects get_project get_project_state get_project_status get_project_limits list_collaborators
        """,
    KeyScope.PROJECTS_WRITE: """
        create_project update_project touch_project disconnect_from_project start_project stop_project
        ping_project delete_project restore_project set_project_limits restart_project
        """,
    KeyScope.FILES_READ: """
        read_text_file_from_project public_get_text_file public_get_directory_listing
        get_syncdoc_history get_file_use_times list_directory stat_path
        """,
    KeyScope.FILES_WRITE: """
        write_text_file_to_project create_file move_path delete_path create_directory archive_paths
        extract_archive
        """,
    KeyScope.EXEC: """
        project_exec start_exec exec_status list_exec kill_exec jupyter_execute jupyter_kernels
        jupyter_start_pool list_jupyter_kernels stop_jupyter_kernel resolve_paths signal_processes
        """,
    KeyScope.COPIES: """
        copy_path_between_projects copy_path_status copy_path_delete copy_public_path_between_projects
        cancel_copy retry_copy copy_path_to_projects collect_path_from_projects copy_group_status
        cancel_copy_group retry_copy_group
        """,
    KeyScope.SHARING: """
        add_collaborator remove_collaborator set_collaborator_role invite_collaborator
        invite_noncloud_collaborators
        """,
    KeyScope.ACCOUNTS_READ: "list_audit_log list_accounts get_usernames user_search",
    KeyScope.ACCOUNTS_WRITE: """
        create_account delete_account change_password change_email_address create_password_reset_link
        ban_account unban_account set_account_name sign_out create_organization_user
        create_registration_token list_registration_tokens revoke_registration_token
        """,
    KeyScope.TOKENS_MINT: """
        user_auth mint_auth_token list_auth_tokens revoke_auth_token
        create_organization_token expire_organization_token
        """,
    KeyScope.KEYS: "create_api_key list_api_keys edit_api_key revoke_api_key manage_api_keys",
    KeyScope.MESSAGES: "send_message list_messages mark_message",
    KeyScope.ORGANIZATIONS: """
        list_organizations get_organization create_organization change_organization list_organization_users
        add_organization_admin remove_organization_admin add_organization_user remove_organization_user
        message_organization
        """,
}
_NEEDS: Mapping[str, Need] = {name: need for need, names in CALLS.items() for name in names.split()}


def need_of(call: str) -> Need | None:
    """Return what a key needs for a call, None for a call that is not in the table."""
    return _NEEDS.get(call)


def require_for_call(principal: Principal, call: str) -> None:
    """Raise ScopeMissing or Forbidden if the caller's key, token or sign-in is not good for a call."""
    require_scope(principal, need_of(call) or Needs.EVERYTHING)
