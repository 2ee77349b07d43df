"""From setting `iframe.src` to a notebook one can work with, beside Notebook 7 and JupyterLab.

A host page on one https origin frames each product on another (cross-site). Times are taken inside the frame, on the
browser's own clock, the same way for all: `first cell` when its text is on the screen, `typing` when text that was
typed after a click into a code cell is there, `output` when the result of an addition is on the screen. Every opening
is in a new frame; `cold` with an empty browser cache, `warm` with a filled one. The peers keep their server running;
so does ours, but `stopped` rows begin with the project stopped: sandbox, agent and kernel start on the way.

Third-party cookies are allowed in this run, since the peers do not work without them.
"""

import argparse
import base64
import hashlib
import json
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
import trustme
from _results import Row, beside, report, within
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import BrowserContext, Frame, Page, Playwright, WebSocket, sync_playwright
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

HERE = Path(__file__).parent
PEERS = HERE / "environments" / "jupyter"
PEER_PACKAGES = ["notebook==7.6.5", "jupyterlab==4.6.6", "ipykernel==7.4.0"]
TOKEN = "benchmark"
CHROMIUM = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
CHROMIUM += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
COOKIES_ALLOWED = {"profile": {"block_third_party_cookies": False, "cookie_controls_mode": 0}}

# Runs in every frame. Each wish is looked at once per painted frame.
WATCH = r"""
(() => {
  if (window.__bench) return;
  const now = () => performance.timeOrigin + performance.now();
  const visible = (e) => { const r = e.getBoundingClientRect(); return r.width > 0 && r.height > 0; };
  const bench = (window.__bench = { at: {}, sent: 0, wishes: {} });
  bench.text = (name, selector, text) => {
    delete bench.at[name];
    const isThere = (e) => e.textContent.includes(text) && visible(e);
    bench.wishes[name] = () => [...document.querySelectorAll(selector)].some(isThere);
  };
  addEventListener("keydown", (e) => { if (e.key === "Enter" && e.ctrlKey) bench.sent = now(); }, true);
  const look = () => {
    for (const [name, wish] of Object.entries(bench.wishes)) {
      let isTrue = false;
      try { isTrue = wish(); } catch {}
      if (isTrue) { bench.at[name] = now(); delete bench.wishes[name]; }
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
HOST_PAGE = """<!doctype html><title>host</title><body><script>
window.embed = (src) => {
  document.querySelector("iframe")?.remove();
  const frame = document.createElement("iframe");
  frame.style = "width: 1000px; height: 760px; border: 0";
  document.body.append(frame);
  const t0 = performance.timeOrigin + performance.now();
  frame.src = src;
  return t0;
};
</script></body>"""


def notebook() -> dict[str, Any]:
    """Return a notebook of 20 cells with some outputs."""
    cells: list[dict[str, Any]] = [
        {"cell_type": "markdown", "id": "c0", "metadata": {}, "source": "# FIRSTCELL\n\nSome *text*."},
        code_cell(1, "FIRSTCODE = 1", []),
    ]
    for i in range(2, 20):
        if i % 4 == 0:
            text = f"## Part {i}\n\nDo **this**:\n\n- a\n- b"
            cells.append({"cell_type": "markdown", "id": f"c{i}", "metadata": {}, "source": text})
        else:
            stream = {"output_type": "stream", "name": "stdout", "text": "".join(f"{k} {k * k}\n" for k in range(6))}
            source = f"def f{i}(x):\n    # exercise {i}\n    for k in range(6):\n        print(k, k * k)\n\nf{i}(3)"
            cells.append(code_cell(i, source, [stream]))
    spec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    metadata = {"kernelspec": spec, "language_info": {"name": "python"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def code_cell(i: int, source: str, outputs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one code cell."""
    return {
        "cell_type": "code",
        "id": f"c{i}",
        "metadata": {},
        "execution_count": i,
        "source": source,
        "outputs": outputs,
    }


@dataclass
class Opened:
    """What one opening took, in milliseconds from `iframe.src`; sizes in KiB on the wire."""

    first_cell: float = 0
    typing: float = 0
    output: float = 0
    second: float = 0
    requests: int = 0
    kib: float = 0


@dataclass
class Product:
    """One thing that can be opened in a frame."""

    name: str
    origin: str
    first: str  # selectors
    cell: str
    click: str
    editor: str
    output: str
    address: Any  # () -> str, made just before each opening
    forget: Any  # () -> None: end kernels, restore the file
    pids: Any  # () -> list[int]
    opened: dict[str, list[Opened]] = field(default_factory=dict)


def key_hash(certificate: Path) -> str:
    """Return the hash of a certificate's public key in the form that Chromium's command line takes."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(spki).digest()).decode()


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve_host_page(certificate: Path) -> tuple[ThreadingHTTPServer, str]:
    """Serve the host page over https."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = HOST_PAGE.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            return

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            return  # the browser hangs up on connections that it opened ahead of need

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"https://127.0.0.1:{server.server_address[1]}"


def wait_for(url: str, process: "subprocess.Popen[bytes]", verify: str) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"the server behind {url} ended with status {process.returncode}")
        try:
            requests.get(url, verify=verify, timeout=5)
            return
        except requests.RequestException:
            time.sleep(0.05)
    raise SystemExit(f"{url} does not answer")


def family(pid: int) -> list[int]:
    """Return a process and all below it."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            found.extend(int(child) for child in task.read_text().split())
    return found


def pss_mb(pids: list[int]) -> float:
    """Return the proportional set size of processes in MB, from smaps_rollup."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def start_jupyter(work: Path, certificate: Path, authority: Path, host_origin: str) -> tuple[Any, list[Product]]:
    """Start one Jupyter server, which serves both Notebook 7 and JupyterLab."""
    if not (PEERS / "bin" / "jupyter-lab").exists():
        print("installing the peers into", PEERS, flush=True)
        subprocess.run(["/usr/bin/python3", "-m", "venv", PEERS], check=True)
        subprocess.run([PEERS / "bin" / "pip", "install", "--quiet", *PEER_PACKAGES], check=True)
    folder = work / "jupyter"
    folder.mkdir()
    path = folder / "bench.ipynb"
    path.write_text(json.dumps(notebook(), indent=1))
    port = free_port()
    headers = {"headers": {"Content-Security-Policy": f"frame-ancestors 'self' {host_origin}"}}
    cookies = {"SameSite": "None", "Secure": True}
    command = [PEERS / "bin" / "jupyter-notebook", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1"]
    command += [f"--IdentityProvider.token={TOKEN}", f"--certfile={certificate}", f"--keyfile={certificate}"]
    command += [f"--ServerApp.root_dir={folder}", f"--ServerApp.tornado_settings={headers}"]
    command += [f"--IdentityProvider.cookie_options={cookies}", "--ServerApp.port_retries=0"]
    environment = {"HOME": str(work), "PATH": f"{PEERS / 'bin'}:/usr/bin:/bin", "LANG": "C.UTF-8"}
    log = (work / "jupyter.log").open("wb")
    process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    origin = f"https://localhost:{port}"
    wait_for(origin + "/api", process, str(authority))
    headers = {"Authorization": f"token {TOKEN}"}

    def forget() -> None:
        sessions = requests.get(origin + "/api/sessions", headers=headers, verify=str(authority), timeout=20).json()
        for session in sessions:
            url = f"{origin}/api/sessions/{session['id']}"
            requests.delete(url, headers=headers, verify=str(authority), timeout=20)
        path.write_text(json.dumps(notebook(), indent=1))

    selectors = {
        "first": ".jp-Cell",
        "cell": ".jp-CodeCell",
        "click": ".jp-CodeCell .cm-content",
        "editor": ".cm-content",
        "output": ".jp-OutputArea-output",
    }

    def product(name: str, view: str) -> Product:
        address = f"{origin}/{view}/bench.ipynb?token={TOKEN}"
        return Product(
            name, origin, **selectors, address=lambda: address, forget=forget, pids=lambda: family(process.pid)
        )

    return process, [product("Notebook 7", "notebooks"), product("JupyterLab", "lab/tree")]


def start_studiolo(work: Path, certificate: Path, authority: Path, host_origin: str) -> tuple[Any, Product, Product]:
    """Start our server; return it and the product with a running and with a stopped project."""
    program = Path(sys.executable).with_name("studiolo")
    data = work / "studiolo"
    port = free_port()
    command = [program, "serve", "--data", data, "--port", port, "--tls-cert", certificate, "--tls-key", certificate]
    command += ["--embed-origins", host_origin, "--stop-projects-on-exit", "--log-level", "warning"]
    log = (work / "studiolo.log").open("wb")
    process = subprocess.Popen([str(w) for w in command], stdout=log, stderr=log, start_new_session=True)
    origin = f"https://localhost:{port}"
    wait_for(origin + "/healthz", process, str(authority))
    create = [program, "account", "create", "--data", data, "--admin", "--api-key", "--email", "bench@example.org"]
    made = subprocess.run([*map(str, create), "--password", "benchmark"], check=True, capture_output=True)
    account = json.loads(made.stdout)
    session = requests.Session()
    session.verify = str(authority)
    session.trust_env = False  # REQUESTS_CA_BUNDLE would win over the development certificate

    def call(name: str, **data: Any) -> dict[str, Any]:
        url = f"{origin}/api/v1/{name}"
        reply = session.post(url, json=data, auth=(account["api_key"], ""), timeout=60).json()
        if "error" in reply:
            raise SystemExit(f"{name}: {reply}")
        return reply

    project = call("create_project", title="bench")["project_id"]

    def act(action: str, wanted: str) -> None:
        call("query", query={"projects": {"project_id": project, "action_request": {"action": action}}})
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            answer = call("query", query={"projects": {"project_id": project, "state": None}})
            if answer["query"]["projects"]["state"]["state"] == wanted:
                return
            time.sleep(0.05)
        raise SystemExit(f"the project did not become {wanted}")

    def write() -> None:
        content = json.dumps(notebook(), indent=1)
        call("write_text_file_to_project", project_id=project, path="bench.ipynb", content=content)

    def forget_running() -> None:
        act("stop", "opened")  # ends the kernel
        write()  # starts the project again

    def forget_stopped() -> None:
        write()
        act("stop", "opened")

    def address() -> str:
        token = call("user_auth", account_id=account["account_id"], password="")["auth_token"]
        return f"{origin}/projects/{project}/files/bench.ipynb?auth_token={token}&fullscreen=kiosk&session="

    def pids() -> list[int]:
        """Return the project's processes: the agents are nobody's children, so look for the project's mark."""
        found: list[int] = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = entry.read_bytes()
            except OSError:
                continue
            if project.encode() in words:
                found.extend(family(int(entry.parent.name)))
        return sorted(set(found))

    selectors = {
        "first": "[data-id]",
        "cell": '[data-id="c1"]',
        "click": '[data-id="c1"] .source',
        "editor": ".cm-content",
        "output": ".output",
    }
    write()
    running = Product("Studiolo", origin, **selectors, address=address, forget=forget_running, pids=pids)
    stopped = Product("Studiolo stopped", origin, **selectors, address=address, forget=forget_stopped, pids=pids)
    return process, running, stopped


def wait_at(frame: Frame, name: str, timeout_seconds: float = 15) -> float:
    """Wait for a wish and return when it came true, on the browser's clock."""
    frame.wait_for_function("n => window.__bench?.at[n]", arg=name, timeout=timeout_seconds * 1000, polling=20)
    return frame.evaluate("n => window.__bench.at[n]", name)


def open_once(context: BrowserContext, product: Product, host_origin: str) -> Opened:
    """Open the product in a new frame and use it."""
    page = context.new_page()
    page.set_default_timeout(15_000)
    first = f"__bench.text('first', {json.dumps(product.first)}, 'FIRSTCELL')"
    page.add_init_script(WATCH)
    page.add_init_script(f"if (location.origin === {json.dumps(product.origin)}) {{ {first}; }}")
    wire = Wire(page, product.origin)
    page.goto(host_origin + "/")
    src = product.address()
    t0 = page.evaluate("src => embed(src)", src)
    frame = find_frame(page, product.origin)
    measured = Opened()
    measured.first_cell = wait_at(frame, "first") - t0
    measured.typing = type_marker(page, frame, product) - t0
    measured.requests, measured.kib = wire.until(frame, t0 + measured.typing)
    measured.output = run(page, frame, product, "111111+1", "111112")[0] - t0
    again = [run(page, frame, product, f"{210000 + i}+7", str(210007 + i))[1] for i in range(5)]
    measured.second = statistics.median(again)
    page.wait_for_timeout(300)
    page.close()
    return measured


def type_marker(page: Page, frame: Frame, product: Product) -> float:
    """Click into the first code cell and type, again until the text stays; return when it was seen."""
    selector = f"{product.cell} .cm-content"
    frame.evaluate("([s, v]) => __bench.text('typing', s, v)", [selector, "#z1"])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        frame.locator(product.click).first.click()
        page.keyboard.press("End")
        page.keyboard.type("#z1")
        try:
            return wait_at(frame, "typing", 2)
        except PlaywrightTimeout:
            continue
    raise SystemExit(f"{product.name} accepts no typing")


def run(page: Page, frame: Frame, product: Product, code: str, result: str) -> tuple[float, float]:
    """Replace the code in the focused editor, run it; return when the result was seen and how long it took."""
    frame.evaluate(
        "([cell, editor]) => document.querySelector(cell).querySelector(editor).focus()", [product.cell, product.editor]
    )
    page.keyboard.press("Control+a")
    page.keyboard.type(code)
    frame.evaluate("([s, v]) => __bench.text('output', s, v)", [product.output, result])
    page.keyboard.press("Control+Enter")
    seen = wait_at(frame, "output")
    return seen, seen - frame.evaluate("__bench.sent")


class Wire:
    """What went over the wire to one origin: files by the frame's own account, WebSocket messages by the browser's."""

    def __init__(self, page: Page, origin: str) -> None:
        self._messages: list[tuple[float, int]] = []
        self._sockets: list[float] = []
        self._origin = origin.replace("http", "ws")
        page.on("websocket", self._opened)

    def _opened(self, socket: WebSocket) -> None:
        if socket.url.startswith(self._origin):
            self._sockets.append(time.time() * 1000)
            socket.on("framereceived", self._message)
            socket.on("framesent", self._message)

    def _message(self, payload: str | bytes) -> None:
        self._messages.append((time.time() * 1000, len(payload)))

    def until(self, frame: Frame, moment: float) -> tuple[int, float]:
        """Return how many requests were made and how many KiB came, until `moment`."""
        entries: list[list[float]] = frame.evaluate(
            """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
                 .map((e) => [performance.timeOrigin + e.startTime, e.transferSize])"""
        )
        sizes = [size for start, size in entries if start <= moment]
        messages = sum(size for at, size in self._messages if at <= moment)
        made = len([s for s in sizes if s]) + len([at for at in self._sockets if at <= moment])
        return made, (sum(sizes) + messages) / 1024


def find_frame(page: Page, origin: str) -> Frame:
    """Return the frame of the product, as soon as it is there."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for frame in page.frames:
            if frame.url.startswith(origin):
                return frame
        page.wait_for_timeout(5)
    raise SystemExit(f"no frame of {origin} came up")


def open_patiently(context: BrowserContext, product: Product, host_origin: str) -> Opened:
    """Open the product; when it does not come up at all (peers do that on a busy machine), say so and try again."""
    for _ in range(3):
        product.forget()
        try:
            return open_once(context, product, host_origin)
        except PlaywrightError as error:
            print(f"{product.name} did not come up, once more: {str(error).splitlines()[0]}", flush=True)
            for page in context.pages[1:]:
                page.close()
    raise SystemExit(f"{product.name} cannot be opened")


def measure(playwright: Playwright, work: Path, products: list[Product], host_origin: str, rounds: int) -> None:
    """Open every product `rounds` times, taking turns so that noise falls on all alike."""
    for i in range(rounds):
        for product in products:
            profile = Path(tempfile.mkdtemp(dir=work))
            (profile / "Default").mkdir()
            (profile / "Default" / "Preferences").write_text(json.dumps(COOKIES_ALLOWED))
            context = playwright.chromium.launch_persistent_context(
                profile, executable_path="/usr/bin/chromium", args=CHROMIUM
            )
            for mode in ("cold", "warm"):
                measured = open_patiently(context, product, host_origin)
                product.opened.setdefault(mode, []).append(measured)
                shown = {name: round(value, 1) for name, value in vars(measured).items()}
                print(f"round {i + 1} {product.name} {mode}: {shown}", flush=True)
            context.close()
            shutil.rmtree(profile, ignore_errors=True)


def memory(playwright: Playwright, work: Path, product: Product, host_origin: str) -> float:
    """Return the server's memory with one notebook open and its kernel up, in MB of PSS."""
    profile = Path(tempfile.mkdtemp(dir=work))
    context = playwright.chromium.launch_persistent_context(profile, executable_path="/usr/bin/chromium", args=CHROMIUM)
    open_patiently(context, product, host_origin)
    used = pss_mb(product.pids())
    context.close()
    return used


def rows(ours: Product, stopped: Product, peers: list[Product]) -> list[Row]:
    """Compare what was measured with what was promised."""
    targets = {"first_cell": 8.0, "typing": 6.0, "output": 2.0, "second": 2.0}
    found: list[Row] = []
    for mode in ("cold", "warm"):
        for peer in peers:
            for name, target in targets.items():
                mine = stopped if name == "output" else ours
                promised = target if peer.name == "Notebook 7" else None
                label = f"{name} ({mode}{', from a stopped project' if mine is stopped else ''})"
                mine_all = [getattr(o, name) for o in mine.opened[mode]]
                peer_all = [getattr(o, name) for o in peer.opened[mode]]
                found.append(beside(label, "ms", mine_all, peer_all, peer.name, promised))
    cold, peer_cold = ours.opened["cold"], peers[0].opened["cold"]
    for name, unit in (("requests", "requests"), ("kib", "KiB")):
        mine_all, peer_all = [getattr(o, name) for o in cold], [getattr(o, name) for o in peer_cold]
        found.append(beside(f"{name} until typing (cold)", unit, mine_all, peer_all, peers[0].name, None))
    found.append(within("requests until typing (cold)", "requests", [o.requests for o in cold], 12))
    found.append(within("wire until typing (cold)", "KiB", [o.kib for o in cold], 150))
    for mode in ("cold", "warm"):
        first = [o.first_cell for o in stopped.opened[mode]]
        peer_first = [o.first_cell for o in peers[0].opened[mode]]
        label = f"first_cell ({mode}, from a stopped project)"
        found.append(beside(label, "ms", first, peer_first, peers[0].name, None))
    return found


def main() -> int:
    """Run the benchmark."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="one round, Notebook 7 only")
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    work = Path(tempfile.mkdtemp(prefix="studiolo-bench-"))
    processes: list[subprocess.Popen[bytes]] = []
    try:
        issued = (authority := trustme.CA()).issue_cert("localhost", "127.0.0.1")
        certificate, authority_file = work / "certificate.pem", work / "authority.pem"
        issued.private_key_and_cert_chain_pem.write_to_path(certificate)
        authority.cert_pem.write_to_path(authority_file)
        # Chromium keeps nothing in its cache for a certificate it does not trust.
        CHROMIUM.append(f"--ignore-certificate-errors-spki-list={key_hash(certificate)}")
        _, host_origin = serve_host_page(certificate)
        jupyter, peers = start_jupyter(work, certificate, authority_file, host_origin)
        processes.append(jupyter)
        studiolo, ours, stopped = start_studiolo(work, certificate, authority_file, host_origin)
        processes.append(studiolo)
        time.sleep(2)
        idle = pss_mb(family(studiolo.pid))
        peers = peers[:1] if given.quick else peers
        with sync_playwright() as playwright:
            measure(playwright, work, [ours, stopped, *peers], host_origin, 1 if given.quick else given.rounds)
            mine, theirs = (memory(playwright, work, product, host_origin) for product in (ours, peers[0]))
        found = rows(ours, stopped, peers)
        found.append(
            beside("memory of an open notebook with its kernel", "MB", [mine], [theirs], peers[0].name, 1 / 0.65)
        )
        found.append(within("memory of the idle server, all its processes", "MB", [idle], 80))
        found.append(within("script inlined before the first cell", "KiB", [boot_script_kib()], 5))
        return report("kiosk_open", found)
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(work, ignore_errors=True)


def boot_script_kib() -> float:
    """Return the size of the boot script, compressed with brotli as it is sent."""
    import brotli

    static = HERE.parent / "src" / "studiolo" / "web" / "static"
    manifest = json.loads((static / "manifest.json").read_text())
    entry = next(item for name, item in manifest.items() if "boot" in name and item.get("isEntry"))
    return len(brotli.compress((static / entry["file"]).read_bytes())) / 1024


if __name__ == "__main__":
    sys.exit(main())
