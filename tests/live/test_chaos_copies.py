"""The chaos of `chaos_copies.py`, bounded; run that program for longer ones."""

import pytest
from chaos_copies import Chaos

from studiolo.testing.servers import Server


@pytest.mark.parametrize("seed", [1])
def test_copies_are_all_accounted_for_however_often_hub_and_workers_are_killed(live_server, seed: int):
    server: Server = live_server("--copy-lease-seconds", "2")
    chaos = Chaos(server, seed, sources=2, targets=4)
    chaos.run(count=120, seconds=15)
    found = chaos.check()
    assert sum(chaos.kills.values()) > 5
    assert found["well"] > 80
