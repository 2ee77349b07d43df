"""Programs that the keeper runs to their end, or gives up."""

import subprocess

from studiolo.runtime.keeper.execute import execute, kill_child
from studiolo.runtime.keeper.linux import name_process
from studiolo.runtime.keeper.loop import Loop
from studiolo.runtime.keeper.spawn import Launch
from studiolo.testing.live import until

PARENT = ("/bin/sh", "-c", "setsid sleep 100 & echo $!; wait")


def test_child_is_killed_with_its_children():
    with subprocess.Popen(PARENT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = name_process(int(parent.stdout.readline()))
        assert child is not None
        kill_child(parent.pid)
        until(lambda: not child.is_alive())


def test_child_that_has_ended_is_only_waited_for():
    with subprocess.Popen(["/bin/true"], stdout=subprocess.PIPE) as ended:
        assert ended.stdout is not None
        ended.stdout.read()
        kill_child(ended.pid)
        kill_child(ended.pid)


def test_program_of_a_task_that_is_given_up_is_killed(tmp_path):
    failures: list[Exception] = []
    loop = Loop(failures.append)
    running = loop.start(execute(Launch(("/bin/sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 100"), {})), _never)
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    name = name_process(int((tmp_path / "pid").read_text()))
    assert name is not None
    running.cancel()
    assert not name.is_alive()
    assert failures == []


def _never(_value: object, _error: BaseException | None) -> None:
    raise AssertionError("a task that was given up answers nothing")
