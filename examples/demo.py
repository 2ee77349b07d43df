"""The whole of Studiolo in one command: a server, a host page on another origin, and a notebook embedded in it.

    make demo                  start everything and print the addresses to open; Ctrl-C stops it all
    DEMO_CHECK=1 make demo     drive the same page in headless Chromium, say what was seen, exit 0 or 1

Everything is made through the public HTTP API, the calls that an integration would make; each is shown with its reply.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import requests
import trustme
from host_page.server import HostPage, serve

HERE = Path(__file__).parent
STUDIOLO = Path(sys.executable).with_name("studiolo")
SECRET_FIELDS = {"password", "auth_token", "api_key"}


def main() -> int:
    """Run the demo; return the exit status."""
    is_check = bool(os.environ.get("DEMO_CHECK"))
    with tempfile.TemporaryDirectory(prefix="studiolo-demo-") as folder:
        home = Path(folder)
        authority, certificate = make_certificate(home)
        api_port = 0 if is_check else int(os.environ.get("DEMO_PORT", "8443"))
        host_port = 0 if is_check else int(os.environ.get("DEMO_HOST_PORT", "8444"))
        # The host page's origin must be known before the server starts, since the server is told whom to trust.
        pages: list[HostPage] = []
        page_server, host_port = serve(_Deferred(pages), host_port, certificate)
        host_origin = f"https://127.0.0.1:{host_port}"
        server, studiolo = start_server(home, certificate, api_port, host_origin)
        call = ApiClient(studiolo, authority)
        try:
            pages.append(prepare(call, home, studiolo))
            if is_check:
                return check(host_origin, home)
            print_addresses(studiolo, host_origin)
            server.wait()
        except KeyboardInterrupt:
            print("\nStopping.")
        finally:
            page_server.shutdown()
            call.close()
            stop(server)
    return 0


class _Deferred:
    """Stands for the host page until the project it shows has been made."""

    def __init__(self, pages: list[HostPage]) -> None:
        self._pages = pages

    def render(self) -> bytes:
        return self._pages[0].render() if self._pages else b"The demo is still starting; reload in a moment."


def make_certificate(home: Path) -> tuple[Path, Path]:
    """Make a development authority and one certificate for both local hosts; return the files."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    certificate = home / "certificate.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(certificate)
    certificate.chmod(0o600)
    authority.cert_pem.write_to_path(home / "authority.pem")
    return home / "authority.pem", certificate


def start_server(home: Path, certificate: Path, port: int, host_origin: str) -> tuple["subprocess.Popen[str]", str]:
    """Start `studiolo serve` on https and wait until it is ready; return the process and its address."""
    data = home / "data"
    command = [STUDIOLO, "serve", "--data", data, "--host", "127.0.0.1", "--port", port]
    command += ["--tls-cert", certificate, "--tls-key", certificate, "--embed-origins", host_origin]
    command += ["--stop-projects-on-exit"]
    print("$", " ".join(str(word) for word in command))
    server = subprocess.Popen(
        [str(word) for word in command], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    address: list[str] = []
    found = threading.Event()

    def follow() -> None:
        assert server.stderr is not None
        for line in server.stderr:
            if not any(kind in line for kind in (" request ", " socket ")):  # the calls show themselves
                print("  server:", line, end="")
            start = line.find("https://")
            if start >= 0 and not address:
                address.append("https://localhost:" + line[start:].split(":")[2].split()[0].split("/")[0])
                found.set()
        found.set()

    threading.Thread(target=follow, daemon=True).start()
    if not found.wait(60) or not address:
        stop(server)
        raise SystemExit("The server did not start; its own words are above.")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if requests.get(address[0] + "/healthz", verify=str(home / "authority.pem"), timeout=5).status_code == 200:
                return server, address[0]
        except requests.RequestException:
            time.sleep(0.1)
    stop(server)
    raise SystemExit("The server did not become ready within a minute.")


class ApiClient:
    """Makes calls of the public API and shows each with its reply."""

    def __init__(self, studiolo: str, authority: Path) -> None:
        self._studiolo = studiolo
        self._session = requests.Session()
        self._session.verify = str(authority)
        self._session.trust_env = False  # REQUESTS_CA_BUNDLE would win over the development certificate

    def close(self) -> None:
        """Let go of the connection, for which the server would wait when it is stopped."""
        self._session.close()

    def __call__(self, call: str, api_key: str, **data: Any) -> dict[str, Any]:
        """POST one call; stop the demo with its error if it failed."""
        shown = {name: "..." if name in SECRET_FIELDS else value for name, value in data.items()}
        print(f"\nPOST /api/v1/{call}  {shorten(shown)}")
        url = f"{self._studiolo}/api/v1/{call}"
        reply = self._session.post(url, auth=(api_key, ""), json=data, timeout=120).json()
        shown = {name: "..." if name in SECRET_FIELDS else value for name, value in reply.items()}
        print(f"  -> {shorten(shown)}")
        if "error" in reply or reply.get("event") == "account_creation_failed":
            raise SystemExit(f"{call} failed: {reply}")
        return reply


def shorten(value: Any, length: int = 220) -> str:
    """Return a value as JSON, cut for the screen."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= length else text[:length] + "..."


def prepare(call: ApiClient, home: Path, studiolo: str) -> HostPage:
    """Make an account, two projects and files, copy between them, and run a command, all through the API."""
    command = [STUDIOLO, "account", "create", "--data", home / "data", "--admin", "--api-key"]
    command += ["--email", "admin@example.org", "--password", "a-password-of-the-demo"]
    created = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    print("\n$ studiolo account create --admin --api-key ...")
    admin = json.loads(created.stdout)["api_key"]

    call("ping", admin)
    learner = call(
        "create_account",
        admin,
        first_name="Example",
        last_name="Learner",
        email_address="learner@example.org",
        password="another-password",
        agreed_to_terms=True,
        get_api_key=True,
    )
    source = call("create_project", admin, title="Course material")["project_id"]
    project = call("create_project", learner["api_key"], title="My course work", start=True)["project_id"]
    notebook = (HERE / "host_page" / "example.ipynb").read_text(encoding="utf-8")
    call("write_text_file_to_project", admin, project_id=source, path="first/example.ipynb", content=notebook)
    call("write_text_file_to_project", learner["api_key"], project_id=project, path="notes.md", content=NOTES)
    # The admin may read the source and write the target, so the admin hands the notebook out.
    copied = call(
        "copy_path_between_projects",
        admin,
        src_project_id=source,
        src_path="first/example.ipynb",
        target_project_id=project,
        target_path="example.ipynb",
        wait_until_done=False,
    )
    wait_for_copy(call, admin, copied["copy_path_id"])
    call("project_exec", learner["api_key"], project_id=project, command="ls", args=["-l"])
    return HostPage(
        studiolo=studiolo,
        project_id=project,
        path="example.ipynb",
        fresh_auth_token=lambda: call("user_auth", admin, account_id=learner["account_id"], password="")["auth_token"],
    )


NOTES = "# Notes\n\nWrite what you learnt here; it is saved as you type.\n"


def wait_for_copy(call: ApiClient, api_key: str, copy_path_id: str) -> None:
    """Ask for the copy's status until it is finished."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if call("copy_path_status", api_key, copy_path_id=copy_path_id)["data"].get("finished"):
            return
        time.sleep(1)
    raise SystemExit("The copy did not finish within a minute.")


def print_addresses(studiolo: str, host_origin: str) -> None:
    """Say what to open."""
    print(f"""
Ready. The certificate is a development one, so your browser will warn: accept it for both addresses, this one first.

    {studiolo}/healthz     (accept the certificate)
    {host_origin}/             the host page with the notebook inside

Ctrl-C stops it all.""")


def check(host_origin: str, home: Path) -> int:
    """Drive the host page in Chromium; say what was seen; return 0 when all of it is right."""
    from demo_check import drive  # Playwright is installed for checks only

    return drive(
        host_origin, Path(os.environ.get("DEMO_SCREENSHOT", tempfile.gettempdir())) / "studiolo-demo.png", home
    )


def stop(server: "subprocess.Popen[str]") -> None:
    """End the server and its projects."""
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()


if __name__ == "__main__":
    sys.exit(main())
