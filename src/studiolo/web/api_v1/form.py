"""Forms with structure: `a=1`, `a=x&a=y` and `a[]=x` (lists), `a[k]=v` and `a[k][j]=v` (objects)."""

import re
from typing import Any, cast
from urllib.parse import parse_qsl

from studiolo.core.errors import BodyMalformed

MAX_FIELDS = 10_000
MAX_DEPTH = 8

_KEY = re.compile(r"([^\[]+)((?:\[[^\[\]]*\])*)")
_NUMBER = re.compile("[0-9]{1,5}")
_STEP = re.compile(r"\[([^\[\]]*)\]")


class _Fields(dict[str, Any]):
    """An object on the way, which knows whether it is a list: asking all keys at each field would take minutes."""

    is_list = True

    def __setitem__(self, key: str, value: Any) -> None:
        self.is_list = self.is_list and _NUMBER.fullmatch(key) is not None
        super().__setitem__(key, value)


def decode_form(raw: bytes) -> dict[str, Any]:
    """Return the form's fields; every leaf is text.

    Raises BodyMalformed for bytes that are not UTF-8, too many fields, too deep or contradictory keys.
    """
    try:
        pairs = parse_qsl(
            raw.decode(), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError as error:
        raise BodyMalformed("The form's body is not UTF-8, or has too many fields.", internal=str(error)) from error
    root = _Fields()
    for key, value in pairs:
        _put(root, _steps(key), value, key)
    return {key: _settled(value) for key, value in root.items()}


def _steps(key: str) -> list[str]:
    """Split `a[k][]` into `a`, `k` and the empty step; a key of another shape stays whole."""
    match = _KEY.fullmatch(key)
    steps = [match[1], *_STEP.findall(match[2])] if match else [key]
    if len(steps) > MAX_DEPTH:
        raise BodyMalformed(f"The form's field '{key[:100]}' is nested too deeply.")
    return steps


def _put(node: _Fields, steps: list[str], value: str, key: str) -> None:
    step, *rest = steps
    if step == "":
        step = str(len(node))
    if not rest:
        _put_leaf(node, step, value, key)
        return
    if step not in node:
        node[step] = _Fields()
    below = node[step]
    if isinstance(below, list | str) and rest == [""]:  # a=x&a[]=y
        _put_leaf(node, step, value, key)
    elif isinstance(below, _Fields):
        _put(below, rest, value, key)
    else:
        raise _contradiction(key)


def _put_leaf(node: _Fields, step: str, value: str, key: str) -> None:
    there = node.get(step)
    if there is None:
        node[step] = value
    elif isinstance(there, str):
        node[step] = [there, value]
    elif isinstance(there, list):
        cast("list[str]", there).append(value)
    elif isinstance(there, _Fields) and there.is_list:  # a[]=x&a=y
        there[str(len(there))] = value
    else:
        raise _contradiction(key)


def _settled(node: Any) -> Any:
    """Turn objects whose keys are all numbers into lists, in the order of the numbers."""
    if not isinstance(node, _Fields):
        return node
    if node.is_list:
        return [_settled(node[key]) for key in sorted(node, key=int)]
    return {key: _settled(value) for key, value in node.items()}


def _contradiction(key: str) -> BodyMalformed:
    return BodyMalformed(f"The form's field '{key[:100]}' is given both as a value and as an object.")
