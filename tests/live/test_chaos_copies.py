"""The chaos of `chaos_copies.py`, bounded; run that program for longer ones."""

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("chaos_copies.py")
BOUNDED = ("--seed", "1", "--copies", "120", "--seconds", "15", "--sources", "2", "--targets", "4")


def test_copies_are_all_accounted_for_however_often_hub_and_workers_are_killed():
    done = subprocess.run([sys.executable, PROGRAM, *BOUNDED], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert sum(told["kills"].values()) > 3
    assert told["found"]["well"] > 80
