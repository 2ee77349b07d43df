"""How generated requests are made: as many as asked for, the same in each run, in their own time."""

import hypothesis
from hypothesis import HealthCheck, Phase


def generated(count: int, steps: int = 12) -> hypothesis.settings:
    """Return the settings for `count` examples, of that many steps at most; nothing is kept or looked for again."""
    return hypothesis.settings(
        max_examples=count,
        stateful_step_count=steps,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType] - its own metaclass
    )
