"""Which test holds which known defect of earlier embeddings away.

Each line names a defect (spec of embedding, section 4) and the tests that would fail if we had it.
"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
DEFECTS = {
    "E1 first open on a stopped project does nothing": "test_first_open_message_on_a_stopped_project_starts_it",
    "E2 kiosk shows only the site name": "test_notebook_runs_with_third_party_cookies_blocked",
    "E3 blocked third-party cookies break authentication": "test_notebook_runs_with_third_party_cookies_blocked",
    "E4 a strict cookie keeps a cross-site frame signed out": "test_reloaded_frame_is_still_signed_in",
    "E5 impersonate drops target and kiosk": "test_impersonate_leads_to_its_target_in_kiosk",
    "E6 tokens stay in addresses and logs": "test_nothing_about_a_token_is_in_the_log",
    "E7 a token replaces the visitor's own sign-in": (
        "test_visitors_own_sign_in_is_untouched_by_a_frame_of_another_account"
    ),
    "E8 menu entries lead to a blank banner": "test_open_again_after_closeall_and_another_file",
    "E9 nothing is seen while loading": "test_progress_is_shown_while_the_project_starts",
    "E10 stopped projects are not started": "test_stopped_project_starts_by_itself_and_runs_a_cell",
    "E11 origins are compared by suffix": "test_host_page_that_is_not_allowed_may_not_show_the_frame",
    "E12 refused origins are ignored silently": (
        "test_message_from_an_origin_that_is_not_allowed_is_explained_in_the_console_and_not_answered"
    ),
    "E13 done is sent for what is not there": "test_open_of_a_file_that_is_not_there_is_an_error",
    "E14 the list of origins needs a restart of a proxy": "test_host_page_that_is_not_allowed_may_not_show_the_frame",
    "E15 libraries touch the parent window": ("test_scripts_run_in_a_frame_of_their_own_that_reaches_nothing"),
    "E16 state leaks from one window into another": "test_two_accounts_in_two_frames_of_one_page_stay_apart",
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_known_defect_has_a_test(defect: str):
    files = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py") if path != Path(__file__))
    assert f"def {DEFECTS[defect]}(" in files
