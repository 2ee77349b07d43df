"""From setting `iframe.src` to a notebook one can work with, beside Notebook 7 and JupyterLab.

A host page on one https origin frames each product on another (cross-site). Times are taken inside the frame, on the
browser's own clock, the same way for all: `first cell` when its text is on the screen, `typing` when text that was
typed after a click into a code cell is there, `output` when the result of an addition is on the screen. Every opening
is in a new frame; `cold` with an empty browser cache, `warm` with a filled one. The peers keep their server running;
so does ours, but `stopped` rows begin with the project stopped: sandbox, agent and kernel start on the way.

Third-party cookies are allowed in this run, since the peers do not work without them.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import brotli
import trustme
from _browsers import Product, browser, open_patiently, serve_host_page
from _peers import HERE, family, pss_mb, start_jupyter, start_studiolo
from _results import Row, beside, report, within
from playwright.sync_api import Playwright, sync_playwright


@dataclass(frozen=True)
class Place:
    """Where this run takes place."""

    work: Path
    certificate: Path
    host_origin: str


def measure(playwright: Playwright, place: "Place", products: list[Product], rounds: int) -> None:
    """Open every product `rounds` times, taking turns so that noise falls on all alike."""
    for i in range(rounds):
        for product in products:
            with browser(playwright, place.work, place.certificate) as context:
                for mode in ("cold", "warm"):
                    measured = open_patiently(context, product, place.host_origin)
                    product.opened.setdefault(mode, []).append(measured)
                    shown = {name: round(value, 1) for name, value in vars(measured).items()}
                    print(f"round {i + 1} {product.name} {mode}: {shown}", flush=True)


def memory(playwright: Playwright, place: "Place", product: Product) -> float:
    """Return the server's memory with one notebook open and its kernel up, in MB of PSS."""
    with browser(playwright, place.work, place.certificate) as context:
        open_patiently(context, product, place.host_origin)
        return pss_mb(product.pids())


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
    print("load of the machine:", os.getloadavg(), flush=True)
    work = Path(tempfile.mkdtemp(prefix="studiolo-bench-"))
    processes: list[subprocess.Popen[bytes]] = []
    try:
        issued = (authority := trustme.CA()).issue_cert("localhost", "127.0.0.1")
        certificate, authority_file = work / "certificate.pem", work / "authority.pem"
        issued.private_key_and_cert_chain_pem.write_to_path(certificate)
        authority.cert_pem.write_to_path(authority_file)
        _, host_origin = serve_host_page(certificate)
        place = Place(work, certificate, host_origin)
        jupyter, peers = start_jupyter(work, certificate, authority_file, host_origin)
        processes.append(jupyter)
        studiolo, ours, stopped = start_studiolo(work, certificate, authority_file, host_origin)
        processes.append(studiolo)
        time.sleep(2)
        idle = pss_mb(sorted({*family(studiolo.pid)} - {*ours.pids()}))  # without the project, which runs
        peers = peers[:1] if given.quick else peers
        with sync_playwright() as playwright:
            measure(playwright, place, [ours, stopped, *peers], 1 if given.quick else given.rounds)
            mine, theirs = (memory(playwright, place, product) for product in (ours, peers[0]))
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
    static = HERE.parent / "src" / "studiolo" / "web" / "static"
    boot = json.loads((static / "shell.json").read_text())["boot"]
    return len(brotli.compress((static / boot).read_bytes())) / 1024


if __name__ == "__main__":
    sys.exit(main())
