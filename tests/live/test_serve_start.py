"""Starting a server: with nothing given, with settings from everywhere, and in vain."""

import socket
import sys
from pathlib import Path

import pytest

from studiolo.testing.servers import Server


def test_server_without_any_option_is_ready_and_says_its_address_once(live_server):
    server: Server = live_server()
    assert server.options == []
    assert server.data.is_dir()
    assert (server.data / "studiolo.sqlite3").is_file()
    assert server.log().count(server.address) == 1
    assert "runner=sandbox" in server.log()
    assert server.get("/healthz").json() == {"status": "ok"}
    assert server.get("/api").status_code == 200


def test_metrics_count_requests_and_running_projects(server: Server):
    server.shell(server.project(), "true")
    server.shell(server.project(), "true")
    text = server.get("/metrics").text
    assert "studiolo_running_projects 2.0" in text
    assert 'studiolo_requests_total{call="project_exec",status="200"}' in text


def test_hub_may_open_as_many_files_as_the_system_lets_it(server: Server):
    lines = Path(f"/proc/{server.hub_pid}/limits").read_text().splitlines()
    few, most = next(line for line in lines if line.startswith("Max open files")).split()[3:5]
    assert few == most


def test_openapi_describes_the_calls(server: Server):
    document = server.get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.")
    assert "/api/v1/project_exec" in document["paths"]


def test_settings_come_from_options_then_variables_then_file(live_server):
    server: Server = live_server(
        is_started=False, is_root=False, variables={"STUDIOLO_LOG_FORMAT": "json", "STUDIOLO_PORT": ""}
    )
    config = server.home / "studiolo.toml"
    config.write_text('port = 0\nlog_format = "text"\nmemory_mb = 100\nprocesses = 77\n')
    config.chmod(0o644)
    server.options += ["--config", str(config), "--memory-mb", "256", "--data", "elsewhere"]
    server.data = server.home / "elsewhere"
    server.start()
    assert all(line.startswith("{") for line in server.log().splitlines())
    assert (server.data / "studiolo.sqlite3").is_file()
    project_id = server.project()
    assert server.shell(project_id, "ulimit -u") == "77\n"


def test_port_0_picks_a_free_port(live_server):
    first: Server = live_server("--port", "0")
    second: Server = live_server("--port", "0")
    assert first.address != second.address


WRONG = {
    "port out of range": (["--port", "99999"], "port: "),
    "number that is none": (["--memory-mb", "plenty"], "memory_mb: "),
    "origin with a path": (["--embed-origins", "https://lms.example.edu/course"], "embed_origins: "),
    "certificate without key": (["--tls-cert", "cert.pem"], "tls_cert and tls_key go together"),
    "certificate that is not there": (["--tls-cert", "cert.pem", "--tls-key", "key.pem"], "cert.pem"),
    "configuration that is not there": (["--config", "nowhere.toml"], "no configuration file nowhere.toml"),
    "runner of another release": (["--runner", "kubernetes"], "runner kubernetes is not part of this release"),
    "unknown runner": (["--runner", "magic"], "runner: "),
    "unknown database": (["--database", "mysql://localhost/x"], "postgresql://"),
    "database that is away": (["--database", "postgresql://a:hidden@127.0.0.1:1/x"], "database"),
    "environment that is not there": (["--environment", "/nowhere"], "make setup"),
    "data directory that is a file": (["--data", "/etc/passwd"], "/etc/passwd"),
    "host that is not ours": (["--host", "192.0.2.1"], "192.0.2.1"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_setting_ends_the_start_with_a_clear_word(wrong: str, live_server):
    server: Server = live_server(is_started=False, is_root=False)
    options, words = WRONG[wrong]
    refuses(server, options, words)


def refuses(server: Server, options: list[str], *words: str) -> None:
    done = server.run("serve", *options)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    for word in words:
        assert word in said
    assert "Traceback" not in said
    assert "hidden" not in said.replace("(hidden)", "")
    assert len(said) < 2000, said


def test_broken_configuration_file_is_explained(live_server):
    server: Server = live_server(is_started=False, is_root=False)
    for name, text, word in (
        ("broken.toml", "port = = 1", "broken.toml"),
        ("unknown.toml", "prot = 1", "prot"),
    ):
        config = server.home / name
        config.write_text(text)
        config.chmod(0o644)
        refuses(server, ["--config", str(config)], word)


def test_wrong_variable_is_explained(live_server):
    server: Server = live_server(is_started=False, is_root=False, variables={"STUDIOLO_CPU_CORES": "-1"})
    refuses(server, [], "cpu_cores: ")


def test_broken_certificate_is_explained(live_server):
    server: Server = live_server(is_started=False, is_root=False)
    for name in ("cert.pem", "key.pem"):
        (server.home / name).write_text("this is no certificate\n")
        (server.home / name).chmod(0o644)
    refuses(server, ["--tls-cert", "cert.pem", "--tls-key", "key.pem"], "cert")


def test_busy_port_is_explained(live_server):
    server: Server = live_server(is_started=False, is_root=False)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refuses(server, ["--port", port], port, "in use")


def test_missing_bubblewrap_is_explained(live_server):
    server: Server = live_server(is_started=False, is_root=False, variables={"PATH": "/nonexistent"})
    refuses(server, [], "apt install bubblewrap")


def test_second_server_on_the_same_data_is_refused(live_server):
    first: Server = live_server()
    second: Server = live_server(is_started=False, home=first.home)
    refuses(second, [], str(first.data), "There is another server")


@pytest.mark.root
def test_data_and_installation_below_closed_directories_work_as_root(live_server):
    server: Server = live_server(is_started=False, is_root=True)
    closed = server.home
    closed.chmod(0o700)
    server.program = _install(closed / "checkout" / "venv")
    server.start()
    project_id = server.project()
    assert server.shell(project_id, "echo works") == "works\n"
    copy = {"src_project_id": project_id, "src_path": "a", "target_project_id": project_id, "target_path": "b"}
    server.done("write_text_file_to_project", project_id=project_id, path="a", content="text")
    server.done("copy_path_between_projects", **copy, wait_until_done=True)
    assert closed.stat().st_mode & 0o777 == 0o700


def _install(place: Path) -> str:
    """Make a virtual environment there that has our package itself, and our libraries by reference."""
    import shutil
    import subprocess

    import studiolo

    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    packages = next((place / "lib").glob("python3*")) / "site-packages"
    package = Path(studiolo.__file__).parent
    shutil.copytree(package, packages / "studiolo", ignore=shutil.ignore_patterns("__pycache__"))
    libraries = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "libraries.pth").write_text(libraries + "\n")
    shutil.copy(Path(sys.prefix) / "studiolo-environment", place)
    script = place / "bin" / "studiolo"
    script.write_text(f"#!{place}/bin/python\nfrom studiolo.cli import main\nmain()\n")
    script.chmod(0o755)
    return str(script)
