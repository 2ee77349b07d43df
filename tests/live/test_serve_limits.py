"""A project that wants everything gets its share, and the others do not notice."""

import pytest

from studiolo.testing.servers import Server

# as many processes as it is given, all waiting, then it tells how many there were
FORK_BOMB = """
import os, time
made = 0
try:
    while made < 5000:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        made += 1
except OSError:
    pass
print(made)
"""
HOG = "import sys; block = bytearray(3 << 30); print(len(block))"


@pytest.fixture(scope="module", params=[pytest.param("root", marks=pytest.mark.root), "ordinary"])
def limited(request: pytest.FixtureRequest):
    server = Server("--processes", "100", "--memory-mb", "512", is_root=request.param == "root")
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="module")
def neighbour(limited: Server) -> str:
    project_id = limited.project()
    limited.shell(project_id, "true")
    return project_id


def test_fork_bomb_meets_the_limit_and_neighbours_go_on(limited: Server, neighbour: str):
    project_id = limited.project()
    limited.done("write_text_file_to_project", project_id=project_id, path="bomb.py", content=FORK_BOMB)
    made = int(limited.shell(project_id, "exec timeout 20 python3 bomb.py"))
    assert 20 < made < 100
    assert limited.shell(neighbour, "echo fine") == "fine\n"
    assert limited.done("read_text_file_from_project", project_id=project_id, path="bomb.py")["content"] == FORK_BOMB


def test_allocation_beyond_the_limit_fails_and_the_project_goes_on(limited: Server, neighbour: str):
    project_id = limited.project()
    limited.done("write_text_file_to_project", project_id=project_id, path="hog.py", content=HOG)
    ran = limited.call("project_exec", project_id=project_id, command="python3", args=["hog.py"], timeout=60)
    assert ran["event"] == "error"
    assert "exited with nonzero code" in ran["error"]
    assert limited.shell(neighbour, "echo fine") == "fine\n"
    assert limited.shell(project_id, "echo recovered") == "recovered\n"


def test_spinning_project_leaves_processor_time_to_others(limited: Server, neighbour: str):
    project_id = limited.project()
    limited.shell(project_id, "for i in 1 2 3 4; do timeout 10 sh -c 'while :; do :; done' & done; true")
    for _ in range(5):
        assert limited.shell(neighbour, "echo fine", timeout=8) == "fine\n"


def test_command_that_takes_too_long_is_killed_with_all_its_children(limited: Server):
    project_id = limited.project()
    ran = limited.call("project_exec", project_id=project_id, command="sleep 300 & sleep 300", bash=True, timeout=1)
    assert "killed command" in ran["error"]
    assert limited.shell(project_id, "pgrep -c sleep || true") == "0\n"


def test_endless_output_is_bounded(limited: Server):
    project_id = limited.project()
    ran = limited.done("project_exec", project_id=project_id, command="yes | head -c 300000000", max_output=1000)
    assert len(ran["stdout"]) < 1100
    assert "truncated at 1000 characters" in ran["stdout"]
