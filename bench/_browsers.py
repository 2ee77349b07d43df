"""A real Chromium, a host page on an origin of its own, and what is done in the frame: the same for every product.

Times are the browser's own. `WATCH` runs in every frame and looks, when the page has changed, at the beginning of the
next painted frame whether a wish has come true. It asks for no frame of its own: with one always asked for, Chromium
puts off what comes from the network after every key.
"""

import base64
import hashlib
import json
import shutil
import ssl
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import BrowserContext, Frame, Page, Playwright, WebSocket
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

CHROMIUM = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
CHROMIUM += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
COOKIES_ALLOWED = {"profile": {"block_third_party_cookies": False, "cookie_controls_mode": 0}}
PATIENCE_SECONDS = 60.0
RETRY_SECONDS = 0.3  # letters typed before an editor listens are lost
TYPING_SECONDS = 20.0
RUN_AGAIN_SECONDS = 5.0
MARK = "~"  # a letter that the notebook lacks
MARGIN = 8  # of the host page, around the frame
SETTLE_MS = 100  # between the last letter and the keys that run it, and before the next, as with people
HOLD_MS = 60  # from one key of a combination to the other, as with people

# Runs in every frame.
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
    bench.plan?.();
  };
  addEventListener("keydown", (e) => { if (e.key === "Enter" && e.ctrlKey) bench.sent = now(); }, true);
  const look = () => {
    isPlanned = false;
    for (const [name, wish] of Object.entries(bench.wishes)) {
      let isTrue = false;
      try { isTrue = wish(); } catch {}
      if (isTrue) { bench.at[name] = now(); delete bench.wishes[name]; }
    }
  };
  let isPlanned = false;
  const plan = () => {
    if (isPlanned) return;
    isPlanned = true;
    requestAnimationFrame(look);
  };
  bench.plan = plan;
  const everything = { subtree: true, childList: true, characterData: true, attributes: true };
  new MutationObserver(plan).observe(document, everything);
  addEventListener("load", plan, true); // of a style sheet, say
})();
"""
# The middle of the first element that is on the screen.
SPOT = """selector => {
  const found = document.querySelector(selector)?.getBoundingClientRect();
  return found && found.width > 0 ? [found.left + found.width / 2, found.top + found.height / 2] : null;
}"""
HOST_PAGE = """<!doctype html><title>host</title><body><script>
window.embed = (src) => {
  document.querySelector("iframe")?.remove();
  const frame = document.createElement("iframe");
  frame.style = "position: absolute; left: 8px; top: 8px; width: 1000px; height: 760px; border: 0";
  document.body.append(frame);
  const t0 = performance.timeOrigin + performance.now();
  frame.src = src;
  return t0;
};
</script></body>"""


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
    address: Callable[[], str]  # made just before each opening
    forget: Callable[[], None]  # ends kernels, restores the file
    pids: Callable[[], list[int]]
    opened: dict[str, list[Opened]] = field(default_factory=dict)


def key_hash(certificate: Path) -> str:
    """Return the hash of a certificate's public key in the form that Chromium's command line takes."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(spki).digest()).decode()


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


@contextmanager
def browser(playwright: Playwright, work: Path, certificate: Path) -> Generator[BrowserContext]:
    """Give a Chromium with an empty profile that takes third-party cookies and trusts our certificate."""
    profile = Path(tempfile.mkdtemp(dir=work))
    (profile / "Default").mkdir()
    (profile / "Default" / "Preferences").write_text(json.dumps(COOKIES_ALLOWED))
    # Chromium keeps nothing in its cache for a certificate it does not trust.
    trust = f"--ignore-certificate-errors-spki-list={key_hash(certificate)}"
    context = playwright.chromium.launch_persistent_context(
        profile, executable_path="/usr/bin/chromium", args=[*CHROMIUM, trust]
    )
    try:
        yield context
    finally:
        context.close()
        shutil.rmtree(profile, ignore_errors=True)


def wait_at(frame: Frame, name: str, timeout_seconds: float = PATIENCE_SECONDS) -> float:
    """Wait for a wish and return when it came true, on the browser's clock."""
    frame.wait_for_function("n => window.__bench?.at[n]", arg=name, timeout=timeout_seconds * 1000, polling=20)
    return frame.evaluate("n => window.__bench.at[n]", name)


def open_once(context: BrowserContext, product: Product, host_origin: str) -> Opened:
    """Open the product in a new frame and use it."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    first = f"__bench.text('first', {json.dumps(product.first)}, 'FIRSTCELL')"
    typing = f"__bench.text('typing', {json.dumps(f'{product.cell} .cm-content')}, {json.dumps(MARK)})"
    page.add_init_script(WATCH)
    page.add_init_script(f"if (location.origin === {json.dumps(product.origin)}) {{ {first}; {typing}; }}")
    wire = Wire(page, product.origin)
    page.goto(host_origin + "/")
    src = product.address()
    t0 = page.evaluate("src => embed(src)", src)
    frame = find_frame(page, product.origin)
    measured = Opened()
    seen, spot = first_cell(frame, product)
    measured.first_cell = seen - t0
    measured.typing = type_marker(page, frame, product, spot) - t0
    measured.requests, measured.kib = wire.until(frame, t0 + measured.typing)
    measured.output = run(page, frame, product, "111111+1", "111112")[0] - t0 - SETTLE_MS - HOLD_MS
    again: list[float] = []
    for i in range(5):
        page.wait_for_timeout(SETTLE_MS)
        again.append(run(page, frame, product, f"{210000 + i}+7", str(210007 + i))[1])
    measured.second = statistics.median(again)
    page.wait_for_timeout(300)
    page.close()
    return measured


def first_cell(frame: Frame, product: Product) -> tuple[float, list[float] | None]:
    """Wait for the first cell; return when it was seen, and where to press to type into the first code cell.

    Both in one question: each further one would wait for the page's main thread and be counted as the product's.
    """
    asked = f"selector => window.__bench?.at.first && [__bench.at.first, ({SPOT})(selector)]"
    found = frame.wait_for_function(asked, arg=product.click, timeout=PATIENCE_SECONDS * 1000, polling=20)
    seen, spot = found.json_value()
    return seen, spot


def type_marker(page: Page, frame: Frame, product: Product, spot: list[float] | None = None) -> float:
    """Press into the first code cell, type a letter once the caret is there; return when the letter was seen.

    Without a caret letters are commands to some, and change the notebook.
    The pointer is moved by hand: the checks that Playwright makes before a click would be counted in every product.
    """
    deadline = time.monotonic() + TYPING_SECONDS
    while time.monotonic() < deadline:
        spot = spot or frame.evaluate(SPOT, product.click)
        if spot is None:
            continue
        page.mouse.click(MARGIN + spot[0], MARGIN + spot[1])
        try:
            has_caret = "selector => document.activeElement?.closest(selector)"
            frame.wait_for_function(has_caret, arg=product.editor, timeout=RETRY_SECONDS * 1000, polling=10)
            page.keyboard.press(MARK)
            return wait_at(frame, "typing", RETRY_SECONDS)
        except PlaywrightTimeout:
            spot = None
    raise PlaywrightError(f"{product.name} accepts no typing")


def run(page: Page, frame: Frame, product: Product, code: str, result: str) -> tuple[float, float]:
    """Replace the code in the focused editor, run it; return when the result was seen and how long it took.

    The keys are let go once the result is there: people hold a key for some 100 ms, and each key that is let go makes
    the browser put off what comes from the network until it has drawn a frame.
    """
    focus = "([cell, editor]) => document.querySelector(cell).querySelector(editor).focus()"
    frame.evaluate(focus, [product.cell, product.editor])
    page.keyboard.press("Control+a")
    page.keyboard.type(code)
    page.wait_for_timeout(SETTLE_MS)
    frame.evaluate(focus, [product.cell, product.editor])  # which some lose while they are still loading
    frame.evaluate("([s, v]) => __bench.text('output', s, v)", [product.output, result])
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        page.keyboard.down("Control")
        page.wait_for_timeout(HOLD_MS)
        page.keyboard.down("Enter")
        try:
            seen = wait_at(frame, "output", RUN_AGAIN_SECONDS)
        except PlaywrightTimeout:
            continue  # some pass the keys over while they are still loading
        finally:
            page.keyboard.up("Enter")
            page.keyboard.up("Control")
        return seen, seen - frame.evaluate("__bench.sent")
    raise PlaywrightError(f"{product.name} runs nothing")


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
