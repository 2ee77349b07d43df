"""Whatever tests start is found, wherever it went."""

import subprocess
import sys

LOOK = """
import subprocess
from studiolo.testing.leftovers import Leftovers
before = subprocess.Popen(["sleep", "100"])
leftovers = Leftovers(grace_seconds=0.2)
leftovers.note("nobody")
subprocess.run(["sh", "-c", "setsid sleep 200 & true"])
leftovers.note("tests/one.py")
subprocess.run(["sh", "-c", "true & true"])
print(*leftovers.end(), sep="\\n")
print(leftovers.end(), before.poll())
before.kill()
before.wait()
"""


def test_process_in_a_session_of_its_own_whose_parent_is_gone_is_found_and_ended():
    said = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True).stdout
    found, rest = said.splitlines()
    place, _, pid_and_command = found.partition(": ")
    assert (place, pid_and_command.split()[1:]) == ("tests/one.py", ["sleep", "200"])
    assert rest == "[] None"
