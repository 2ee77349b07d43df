"""What API v2 and the official client's generic `call` once reached and is not offered, by design."""

from collections.abc import Mapping

_BILLING = "Billing: there is nothing to buy here."
_LANGUAGE_MODELS = "Asked an external language model; not part of the product."

NOT_OFFERED: Mapping[str, str] = {
    "v2 billing, purchases, shopping, vouchers, salesloft, licenses": _BILLING,
    "v2 compute": "Rented virtual machines and file systems of clouds; not part of the product.",
    "v2 llm/evaluate, openai/chatgpt": _LANGUAGE_MODELS,
    "v2 news, support": "There is no newsroom and no support desk; see the setting `help_email`.",
    "v2 accounts/send-verification-email, auth/redeem-verify-email": "Addresses are not verified by mail.",
    "v2 auth/sso-strategies, auth/unlink-strategy": "There is no single sign-on.",
    "v2 accounts/get-email-address, accounts/profile": "Administrators see addresses with `list_accounts`; there are no"
    " public profiles.",
    "v2 auth/has-password, auth/password-strength": "Helped the old web client's own pages.",
    "v2 auth/password-reset, auth/redeem-password-reset": "Use `forgot_password` and `reset_forgot_password`.",
    "v2 bookmarks, public-paths": "Stars and cached lists of the old web client; use `query` on `public_paths`.",
    "v2 file-access": "Use `query` on `file_use`.",
    "v2 latex": "Run the program itself with `project_exec`.",
    "v2 projects/copy-url": "Upload the file, or fetch it with `project_exec` where the project's network is on.",
    "v2 projects/filename-search": "Use `list_directory`, or `find` with `project_exec`.",
    "v2 token-action": "Invitations, registration tokens and auth tokens have calls of their own.",
    "v2 guesslang": "Guessed the language of a text with a model.",
    "v2 projects/course/set-course-info, projects/public-path-license": "Courses and licenses are other products' own.",
    "project editor.jupyterRunNotebook, editor.jupyterNbconvert, editor.formatterString": "Run the programs themselves "
    "with `project_exec`.",
    "project system.configuration, system.version, sync.close": "Told the old web client about its own parts.",
}
