"""Commands, through the real agent."""

import asyncio
import os
import shutil
import time

import pytest

from studiolo.agent.processes import Output
from studiolo.core.errors import CommandFailed, InvalidRequest

pytestmark = pytest.mark.anyio


async def gone(path) -> None:
    """Wait until the process whose id the file holds is gone."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            status = (await asyncio.to_thread((path / "status").read_text)).split("State:")[1].split()[0]
        except FileNotFoundError:
            return
        if status == "Z":  # killed; its parent is not ours to make reap it
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{path} still runs")


async def test_a_program_runs_at_home_with_its_arguments(shared_agent, call):
    answer = await call("exec.run", command="pwd")
    assert answer == {"stdout": f"{shared_agent.home}\n", "stderr": "", "exit_code": 0}
    answer = await call("exec.run", command="printf", args=["%s|", "a b", "", "$HOME", "*"])
    assert answer["stdout"] == "a b||$HOME|*|"


async def test_many_words_without_arguments_go_to_the_shell(call):
    assert (await call("exec.run", command="echo $((40 + 2)) | tr 2 3"))["stdout"] == "43\n"
    assert (await call("exec.run", command=" pwd ", bash=True))["exit_code"] == 0


async def test_one_word_is_a_program_and_no_shell_builtin(call):
    with pytest.raises(CommandFailed) as caught:
        await call("exec.run", command="declare", err_on_exit=False)
    assert caught.value.message == (
        "command 'declare' (args=) was not able to run -- stderr='ENOENT: no such file or directory, spawn 'declare''"
    )


async def test_arguments_reach_the_shell_as_they_are(call):
    answer = await call("exec.run", command="printf '%s|'", args=["a b", "$HOME", "'"], bash=True)
    assert answer["stdout"] == "a b|$HOME|'|"


async def test_the_shell_has_a_limit_of_processor_time(call):
    assert (await call("exec.run", command="ulimit -t", timeout_seconds=7.2))["stdout"] == "8\n"


@pytest.mark.parametrize(("path", "expected"), [("", ""), ("sub dir", "/sub dir"), ("sub dir/..", ""), (".", "")])
async def test_a_relative_path_starts_at_home(shared_agent, call, path, expected):
    (shared_agent.home / "sub dir").mkdir()
    assert (await call("exec.run", command="pwd", path=path))["stdout"] == f"{shared_agent.home}{expected}\n"


async def test_an_absolute_path_is_taken_as_it_is(call):
    assert (await call("exec.run", command="pwd", path="/etc"))["stdout"] == "/etc\n"


async def test_a_missing_directory_is_named(shared_agent, call):
    with pytest.raises(CommandFailed) as caught:
        await call("exec.run", command="ls", args=["-a", "-l"], path="nowhere")
    assert caught.value.message == (
        "command 'ls' (args=-a -l) was not able to run --"
        f" stderr='ENOENT: no such file or directory, chdir '{shared_agent.home}/nowhere''"
    )


async def test_both_streams_and_the_status_come_back(call):
    answer = await call("exec.run", command="echo out; echo err >&2; exit 3", err_on_exit=False)
    assert answer == {"stdout": "out\n", "stderr": "err\n", "exit_code": 3}


async def test_a_nonzero_status_is_an_error_unless_it_is_accepted(call):
    with pytest.raises(CommandFailed) as caught:
        await call("exec.run", command="sh", args=["-c", "echo no >&2; exit 4"])
    assert caught.value.message == (
        "command 'sh' (args=-c echo no >&2; exit 4) exited with nonzero code 4 -- stderr='no\n'"
    )


async def test_the_error_holds_the_first_1024_characters_of_stderr(call):
    with pytest.raises(CommandFailed) as caught:
        await call("exec.run", command="printf 'e%.0s' {1..2000} >&2; false")
    assert caught.value.message.endswith(f"-- stderr='{'e' * 1024}'")
    assert caught.value.message.startswith("command 'bash' (args=/tmp/")


async def test_an_end_by_a_signal_is_status_1(call):
    assert (await call("exec.run", command="kill -9 $$", err_on_exit=False))["exit_code"] == 1


async def test_nothing_can_be_read_from_stdin(call):
    assert (await call("exec.run", command="cat"))["stdout"] == ""


async def test_timeout_kills_the_whole_group_and_says_so(shared_agent, call):
    started = time.monotonic()
    with pytest.raises(CommandFailed) as caught:
        await call("exec.run", command="sleep 60 & echo $! > pid; sleep 61", timeout_seconds=0.5)
    assert time.monotonic() - started < 5
    assert caught.value.message.startswith("killed command 'bash /tmp/")
    await gone(type(shared_agent.home)("/proc") / (shared_agent.home / "pid").read_text().strip())


async def test_timeout_names_program_and_arguments(call):
    with pytest.raises(CommandFailed) as caught:
        await call("exec.run", command="sleep", args=["60"], timeout_seconds=0.2)
    assert caught.value.message == "killed command 'sleep 60'"


async def test_the_background_does_not_hold_the_answer_back_and_lives_on(shared_agent, call):
    started = time.monotonic()
    answer = await call("exec.run", command="sleep 30 & echo $!", timeout_seconds=20)
    assert time.monotonic() - started < 5
    pid = int(answer["stdout"])
    os.kill(pid, 0)
    os.kill(pid, 9)


async def test_no_script_is_left_behind(call):
    listing = "import glob; print(len(glob.glob('/tmp/studiolo-*.sh')))"
    before = (await call("exec.run", command="python3", args=["-c", listing]))["stdout"]
    await call("exec.run", command="true; true")
    assert (await call("exec.run", command="python3", args=["-c", listing]))["stdout"] == before


@pytest.mark.parametrize(
    ("max_output", "expected"),
    [
        (3, "xyz (truncated at 3 characters)"),
        (6, "xyzabc (truncated at 6 characters)"),
        (7, "xyzabc"),
        (0, " (truncated at 0 characters)"),
    ],
)
async def test_output_is_cut_and_says_so_even_at_its_exact_length(call, max_output, expected):
    answer = await call("exec.run", command="printf xyzabc; printf xyzabc >&2", bash=True, max_output=max_output)
    assert (answer["stdout"], answer["stderr"]) == (expected, expected)


async def test_output_is_cut_at_characters_not_bytes(call):
    answer = await call("exec.run", command="printf", args=["é🎈ü"], max_output=2)
    assert answer["stdout"] == "é🎈 (truncated at 2 characters)"


async def test_output_that_is_not_text_is_decoded_with_replacement(call):
    assert (await call("exec.run", command="printf 'a\\377b\\0c\\360\\237'"))["stdout"] == "a\ufffdb\0c\ufffd"


async def test_endless_output_fills_neither_memory_nor_the_frame(shared_agent, call):
    answer = await call("exec.run", command="head -c 400000000 /dev/zero; echo done >&2", timeout_seconds=60)
    assert answer["stderr"] == "done\n"
    assert 5_000_000 < len(answer["stdout"]) < 6_400_000  # a NUL is six characters in the frame
    assert answer["stdout"].endswith(" characters)")
    status = (await call("files.read_text", path=f"/proc/{shared_agent.process.pid}/status"))["content"]
    peak_kilobytes = int(status.split("VmHWM:")[1].split()[0])
    assert peak_kilobytes < 400_000


@pytest.mark.parametrize("size", [0, 1, 65536, 300_000])
def test_output_without_a_limit_comes_whole(size):
    output = Output(None)
    output.feed(b"x" * size)
    assert output.text() == "x" * size


async def test_equal_calls_with_the_same_aggregate_run_once(shared_agent, call):
    command = "echo run >> runs; sleep 0.4; echo $$"
    calls = [call("exec.run", command=command, aggregate=value) for value in (1, 1, 1, 2)]
    answers = await asyncio.gather(*calls)
    assert answers[0] == answers[1] == answers[2] != answers[3]
    assert (shared_agent.home / "runs").read_text() == "run\n" * 2
    await call("exec.run", command=command, aggregate=1)
    assert (shared_agent.home / "runs").read_text() == "run\n" * 3


async def test_a_failure_is_shared_too(call):
    calls = [call("exec.run", command="sleep 0.3; exit 5", aggregate="a") for _ in range(3)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [CommandFailed] * 3


async def test_many_commands_run_at_once(call):
    started = time.monotonic()
    answers = await asyncio.gather(*[call("exec.run", command="sleep 0.5; echo x") for _ in range(20)])
    assert all(answer["stdout"] == "x\n" for answer in answers)
    assert time.monotonic() - started < 5


async def test_the_environment_is_the_projects_and_not_the_agents(shared_agent, call):
    lines = (await call("exec.run", command="env"))["stdout"].splitlines()
    assert f"HOME={shared_agent.home}" in lines
    assert not [line for line in lines if line.startswith("PYTHON")]


async def test_no_descriptor_of_the_agent_is_inherited(call):
    assert (await call("exec.run", command="ls", args=["/proc/self/fd"]))["stdout"].split() == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"command": ""},
        {"command": " \n"},
        {"command": 5},
        {"command": "a\0b"},
        {"command": "ls", "args": "x"},
        {"command": "ls", "args": ["a\0b"]},
        {"command": "ls", "args": ["\ud800"]},
        {"command": "ls", "args": [None]},
        {"command": "ls", "timeout_seconds": 0},
        {"command": "ls", "timeout_seconds": "5"},
        {"command": "ls", "timeout_seconds": True},
        {"command": "ls", "max_output": -1},
        {"command": "ls", "bash": "yes"},
        {"command": "ls", "path": "a\0b"},
    ],
)
async def test_malformed_params_are_refused(call, params):
    with pytest.raises(InvalidRequest):
        await call("exec.run", **params)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/etc", "was not able to run -- stderr='EACCES: permission denied, spawn '/etc''"),
        ("./broken", "was not able to run -- stderr='ENOEXEC: exec format error, spawn './broken''"),
    ],
)
async def test_what_is_no_program_is_told(shared_agent, call, command, words):
    (shared_agent.home / "broken").write_bytes(b"\x7fELF nonsense")
    (shared_agent.home / "broken").chmod(0o755)
    with pytest.raises(CommandFailed) as caught:
        await call("exec.run", command=command)
    assert caught.value.message.endswith(words)


async def test_arguments_over_the_systems_limit_are_told(call):
    with pytest.raises(CommandFailed) as caught:
        await call("exec.run", command="echo", args=["x" * 3_000_000])
    assert caught.value.message.endswith("-- stderr='E2BIG: argument list too long, spawn 'echo''")


async def test_a_home_that_was_removed_is_told(agent, connector):
    shutil.rmtree(agent.home)
    with pytest.raises(CommandFailed, match="ENOENT: no such file or directory, chdir"):
        await connector.call(agent.socket_path, "exec.run", {"command": "ls"}, timeout_seconds=10)


async def test_more_variables_of_the_environment_can_be_given(call):
    answer = await call("exec.run", command="echo $GREETING $HOME", environment={"GREETING": "hi", "HOME": "/nowhere"})
    assert answer["stdout"] == "hi /nowhere\n"
    for wrong in ({"A=B": "1"}, {"": "1"}, {"A": "\0"}):
        with pytest.raises(InvalidRequest):
            await call("exec.run", command="true", environment=wrong)
