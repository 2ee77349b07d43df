"""The command line's way into the keeper."""

import os
import sys
from typing import NoReturn

from studiolo.runtime.keeper.plan import KeeperPlan


def run(plan: KeeperPlan) -> NoReturn:
    """Become the keeper: this process is replaced by a lean one with the same pid, and does not come back.

    The command line has loaded its settings' libraries (20 MB); a process that stays for months, perhaps as root,
    should hold nothing but what it needs.
    """
    fd = os.memfd_create("studiolo-plan", 0)
    os.write(fd, plan.as_json())
    sys.stdout.flush()
    sys.stderr.flush()
    argv = [sys.executable, "-m", "studiolo.runtime.keeper", "--plan-fd", str(fd)]
    os.execv(sys.executable, argv)  # noqa: S606 - our own interpreter, no shell
