"""`python -m studiolo.runtime.keeper --plan-fd N`: the keeper in a process of its own, without anything else loaded."""

import os
import sys

from studiolo.runtime.keeper.plan import plan_from_json
from studiolo.runtime.keeper.supervisor import serve


def main(arguments: list[str]) -> int:
    """Read the plan from the inherited descriptor and serve."""
    with os.fdopen(int(arguments[arguments.index("--plan-fd") + 1]), "rb") as file:
        file.seek(0)
        plan = plan_from_json(file.read())
    return serve(plan)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
