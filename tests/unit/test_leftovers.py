"""Whatever tests leave is found, wherever it went."""

import subprocess
import sys

from studiolo.runtime.keeper.linux import name_process

RUN = "import sys; from studiolo.testing.leftovers import run; sys.exit(run(['sh', '-c', sys.argv[1]], 0.2))"


def running(script: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", RUN, script], capture_output=True, text=True, timeout=60)


def test_process_in_a_session_of_its_own_whose_parent_is_gone_is_found_and_ended():
    done = running("(setsid sleep 200 </dev/null >/dev/null 2>&1 &); exit 0")
    assert done.returncode == 1
    words, _, left = done.stderr.partition("\n  ")
    pid, *command = left.split()
    assert (words, command) == ("Processes that the tests left:", ["sleep", "200"])
    assert name_process(int(pid)) is None


def test_exit_code_is_that_of_the_tests_when_nothing_is_left():
    assert [running(f"true & (true &); exit {code}").returncode for code in (0, 3)] == [0, 3]
    assert running("kill -9 $$").returncode == 1


def test_orphan_that_ends_is_waited_for():
    script = "(setsid sh -c 'exit 0' & echo $! >pid); while [ -d /proc/$(cat pid) ]; do :; done; rm pid"
    assert running(f"cd $(mktemp -d) && {script}").returncode == 0


def test_tests_are_told_of_ctrl_c_even_beside_a_shell():
    deaf = f'trap \'\' INT; exec {sys.executable} -c "$0" "$1"'
    script = f"{sys.executable} -c 'import signal; exit(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)'"
    assert subprocess.run(["sh", "-c", deaf, RUN, script], timeout=60).returncode == 0
