"""The how-to for deploying: the service as it is described to systemd, behind a real nginx, and with a certificate."""

import ssl
import subprocess
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets.sync.client

from studiolo.testing.databases import dies_with_parent
from studiolo.testing.documentation import Terminal, blocks
from studiolo.testing.live import make_certificate, until
from studiolo.testing.servers import Server

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "deploy.md"
SITE, SERVICE = "https://studiolo.example.edu", "http://127.0.0.1:8000"
UNPACKED = ROOT / ".setup" / "nginx" / "usr" / "sbin" / "nginx"  # by scripts/setup, where there was none
NGINX = UNPACKED if UNPACKED.exists() else Path("/usr/sbin/nginx")
MAIN = """
daemon off; master_process off; pid nginx.pid; error_log stderr;
events {}
http { access_log off; INCLUDED
SITE
}
"""
PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
pytestmark = pytest.mark.live


@dataclass
class Deployment:
    """The page's service, made in a directory that stands for the machine."""

    root: Path
    proxy_port: int
    background: Any

    def __post_init__(self) -> None:
        self.etc = self.root / "etc"
        (self.etc / "systemd" / "system").mkdir(parents=True)
        self.certificate, authority = make_certificate(self.root)
        self.trusted = ssl.create_default_context(cafile=str(authority))
        self.proxy = f"https://localhost:{self.proxy_port}"
        self.here = {
            "/etc/ssl/studiolo.pem": str(self.certificate),
            "/etc/ssl/studiolo.key": str(self.certificate),
            "/var/lib/studiolo/data": str(self.root / "service"),
            "/etc/": f"{self.etc}/",
            SITE: self.proxy,
        }

    def start_service(self) -> Server:
        """Do what systemd would."""
        settings = self.etc / "studiolo.toml"
        settings.write_text(self.put(settings.read_text()).replace("port = 8000", "port = 0"))
        unit = ConfigParser(interpolation=None)
        unit.read(self.etc / "systemd" / "system" / "studiolo.service")
        server = self.background.serve(self.put(unit["Service"]["ExecStart"]))
        server.data = self.root / "service"
        return server

    def put(self, text: str) -> str:
        for written, here in self.here.items():
            text = text.replace(written, here)
        return text

    @contextmanager
    def nginx(self, site: str) -> Iterator[None]:
        """Let a real nginx check the page's site, and run it."""
        directory = self.root / "nginx"
        directory.mkdir()
        own = "".join(f"{one}_temp_path {one};" for one in PATHS)
        site = self.put(site).replace("listen 443 ssl", f"listen 127.0.0.1:{self.proxy_port} ssl")
        (directory / "nginx.conf").write_text(MAIN.replace("INCLUDED", own).replace("SITE", site))
        command = [str(NGINX), "-p", str(directory), "-c", "nginx.conf", "-e", "stderr"]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        assert "test is successful" in checked.stderr
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen([*dies_with_parent("TERM"), *command], stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture
def deployment(background: Any, free_port: int, directory: Path) -> Deployment:
    return Deployment(directory, free_port, background)


def test_page_makes_a_service_behind_nginx_and_one_with_its_own_certificate(deployment: Deployment, background: Any):
    services: list[Server] = []

    def start() -> None:
        services.append(deployment.start_service())
        terminal.put[SERVICE] = deployment.here[SERVICE] = services[0].address

    def serve(command: str) -> None:
        background.trusted = deployment.trusted
        services.append(background.serve(f"{command} --data {deployment.root / 'other'}"))

    here = {"examples/deploy/": f"{ROOT}/examples/deploy/", "0.0.0.0": "127.0.0.1", "--port 443": "--port 0"}
    terminal = Terminal(deployment.root, serve, {**here, **deployment.here})
    terminal.stand_ins = {"systemctl enable --now studiolo": start}
    terminal.run_page(PAGE)
    assert terminal.left_of(PAGE) == []
    assert '"status":"ok"' in terminal.said[-1].replace(" ", "")
    assert services[1].address.startswith("https://")
    assert services[1].is_healthy()

    (site,) = [block for block in blocks(PAGE) if block.language == "nginx"]
    service = services[0]
    made = service.create_account("operator@example.edu", "--admin", "--api-key")
    service.key = made.stdout.partition('"api_key": "')[2].partition('"')[0]
    with (
        deployment.nginx((ROOT / str(site.example)).read_text()),
        httpx.Client(base_url=deployment.proxy, auth=(service.key, ""), verify=deployment.trusted, timeout=60) as http,
    ):
        until(lambda: _answers(http))
        _check_proxy(http, service, deployment)


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def _check_proxy(http: httpx.Client, service: Server, deployment: Deployment) -> None:
    """Check what the page says that matters."""
    project_id = http.post("/api/v1/create_project", json={}).json()["project_id"]
    content = bytes(range(256)) * 12_000  # more than nginx lets through by itself
    assert http.put(f"/api/v1/files/{project_id}/big.bin", content=content).status_code == 201
    assert http.get(f"/api/v1/files/{project_id}/big.bin").content == content

    job = http.post(
        "/api/v1/start_exec", json={"project_id": project_id, "command": "echo one; sleep 600", "bash": True}
    ).json()
    asked = {"project_id": project_id, "job_id": job["job_id"]}
    with http.stream("GET", "/api/v1/exec_output", params=asked) as answer:
        assert any("one" in line for line in answer.iter_lines())  # while the command goes on
    http.post("/api/v1/kill_exec", json={**asked, "grace": 0})

    address = f"{deployment.proxy.replace('https', 'wss')}/frame/socket"
    with websockets.sync.client.connect(address, ssl=deployment.trusted, origin=deployment.proxy) as socket:
        assert socket.ping().wait(20)

    http.post("/api/v1/ping", headers={"X-Forwarded-For": "203.0.113.7"})
    until(lambda: "203.0.113.7" in service.log())
