import json
from pathlib import Path
from typing import Any

import pytest

from studiolo.core.origins import Origins, parse_origin_rule

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "web/golden/origins.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['origin']}-{case['is_development']}")
def test_origins_are_decided_as_in_the_table_that_the_frame_shares(case):
    origins = Origins(tuple(case["rules"]), is_development=case["is_development"])

    assert origins.allows(case["origin"]) is case["is_allowed"]
    assert list(origins.rules) == case["served_rules"]


@pytest.mark.parametrize(
    "rule",
    ["portal.example.edu", "http://portal.example.edu", "https://*.edu", "https://a.b/path", "https://u@a.b", "*", ""],
)
def test_a_rule_that_is_not_an_exact_origin_is_refused(rule):
    with pytest.raises(ValueError, match=r"origin|https|top-level"):
        parse_origin_rule(rule)


def test_the_frame_ancestors_come_from_the_same_rules():
    origins = Origins(("https://portal.example.edu:443", "https://*.school.org"))

    assert origins.frame_ancestors == "'self' https://portal.example.edu https://*.school.org"
