"""Forms with structure."""

import time
from typing import Any

import pytest

from studiolo.core.errors import BodyMalformed
from studiolo.web.api_v1.form import MAX_FIELDS, decode_form


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        (b"", {}),
        (b"a=1", {"a": "1"}),
        (b"a=", {"a": ""}),
        (b"a", {"a": ""}),
        (b"a=x&a=y", {"a": ["x", "y"]}),
        (b"a=x&a=y&a=z", {"a": ["x", "y", "z"]}),
        (b"a[]=x", {"a": ["x"]}),
        (b"a%5B%5D=x&a%5B%5D=y", {"a": ["x", "y"]}),
        (b"a=x&a[]=y", {"a": ["x", "y"]}),
        (b"a=w&a[]=x&a[]=y", {"a": ["w", "x", "y"]}),
        (b"a[]=x&a=y", {"a": ["x", "y"]}),
        (b"a[1]=y&a[0]=x&a[10]=z", {"a": ["x", "y", "z"]}),
        (b"a[k]=v", {"a": {"k": "v"}}),
        (b"a[k]=v&a[l]=w", {"a": {"k": "v", "l": "w"}}),
        (b"a[k][]=v&a[k][]=w", {"a": {"k": ["v", "w"]}}),
        (b"a[k][l]=v", {"a": {"k": {"l": "v"}}}),
        (b"a[k]=v&a[k]=w", {"a": {"k": ["v", "w"]}}),
        (b"a[=v", {"a[": "v"}),
        (b"[]=v", {"[]": "v"}),
        (b"a+b=c+d", {"a b": "c d"}),
        (b"e=sofia%2Bx%40example.edu", {"e": "sofia+x@example.edu"}),
        ("ü=é".encode(), {"ü": "é"}),
        (b"0=x", {"0": "x"}),
        (b"__proto__[x]=1", {"__proto__": {"x": "1"}}),
    ],
)
def test_form_is_decoded(form: bytes, fields: dict[str, Any]):
    assert decode_form(form) == fields


@pytest.mark.parametrize(
    "form",
    [
        b"a=%ff",
        b"\xff=1",
        b"a=x&a[k]=v",
        b"a[k]=v&a=x",
        b"a[]=x&a[][k]=v&a[0][k]=1",
        b"a" + b"[k]" * 9 + b"=v",
        b"&".join([b"a=1"] * (MAX_FIELDS + 1)),
    ],
)
def test_form_that_makes_no_sense_is_refused(form: bytes):
    with pytest.raises(BodyMalformed):
        decode_form(form)


@pytest.mark.parametrize("field", [b"a=1", b"a[]=1"])
def test_a_form_of_many_fields_takes_no_time_to_speak_of(field: bytes):
    began = time.thread_time()
    assert decode_form(b"a[0]=1&" + b"&".join([field] * 9999)) == {"a": ["1"] * 10_000}
    assert time.thread_time() - began < 5


def test_words_of_a_refusal_do_not_repeat_an_endless_name():
    with pytest.raises(BodyMalformed) as refused:
        decode_form(b"a" + b"[b]" * 100_000 + b"=1")
    assert len(refused.value.message) < 200
