"""The servers that are compared: ours, and one Jupyter server with Notebook 7 and JupyterLab; and their memory."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from _browsers import Product

HERE = Path(__file__).parent
PEERS = HERE / "environments" / "jupyter"
PEER_PACKAGES = ["notebook==7.6.5", "jupyterlab==4.6.6", "ipykernel==7.4.0"]
TOKEN = "benchmark"
AT_REST_SECONDS = 1.0  # before each opening, so that no server is still busy with the last one


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


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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
        time.sleep(AT_REST_SECONDS)

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
        look()  # in a project that runs, as in a server that runs, somebody has opened a notebook before
        time.sleep(AT_REST_SECONDS)

    def forget_stopped() -> None:
        write()
        act("stop", "opened")
        time.sleep(AT_REST_SECONDS)

    def look() -> None:
        opened = {"auth_token": parse_qs(urlsplit(address()).query)["auth_token"][0]}
        body = {**opened, "project_id": project, "path": "bench.ipynb"}
        session.post(f"{origin}/frame/open", json=body, headers={"Origin": origin}, timeout=60).raise_for_status()

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
