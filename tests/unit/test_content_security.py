import base64
import hashlib

from studiolo.core.origins import Origins
from studiolo.web import content_security


def _directives(policy: str) -> dict[str, str]:
    return dict(part.split(" ", 1) for part in policy.split("; "))


def test_pages_run_no_script_and_are_never_framed():
    policy = _directives(content_security.page_policy())
    assert policy["default-src"] == "'none'"
    assert "script-src" not in policy
    assert policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'"


def test_the_shell_names_who_may_frame_it_and_its_one_inline_script():
    policy = _directives(
        content_security.shell_policy(
            Origins(("https://lms.example.edu", "https://*.uni.example")),
            own_origin="https://hub.test:8443",
            script_hashes=("'sha256-x'",),
            style_nonce="n",
        )
    )
    assert policy["frame-ancestors"] == "'self' https://lms.example.edu https://*.uni.example"
    assert policy["script-src"] == "'sha256-x' https://hub.test:8443/assets/"
    assert policy["connect-src"] == "'self' wss://hub.test:8443"
    assert policy["require-trusted-types-for"] == "'script'"
    assert policy["trusted-types"] == "studiolo"
    assert "unsafe-inline" not in str(policy)


def test_the_output_frame_gets_no_origin_of_ours():
    policy = _directives(content_security.output_policy(Origins(("https://lms.example.edu",))))
    assert "allow-same-origin" not in policy["sandbox"]
    assert "allow-top-navigation" not in policy["sandbox"]
    assert policy["frame-ancestors"] == "'self' https://lms.example.edu"


def test_a_hash_is_of_exactly_the_text():
    digest = base64.b64encode(hashlib.sha256("ü".encode()).digest()).decode()
    assert content_security.source_hash("ü") == f"'sha256-{digest}'"
