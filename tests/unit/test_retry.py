"""Whether a request that costs money may be made once more."""

from __future__ import annotations

import math
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_core import errors
from venice_core.errors import NoConnection, VeniceError
from venice_core.retry import DEFAULT_WAIT, MAX_WAIT, Busy, parse_retry_after, seconds_before_repeat

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        ("1.5", 1.5),
        (" 3 ", 3.0),
        ("1e3", 1000.0),
        ("-1", None),
        ("-0.5", None),
        ("nan", None),
        ("inf", math.inf),
        ("-inf", None),
        ("1e999", math.inf),
        ("", None),
        ("soon", None),
        ("5 seconds", None),
        ("٣", 3.0),  # Python reads digits of any script
        (formatdate(NOW + 20, usegmt=True), 20.0),
        (formatdate(NOW - 20, usegmt=True), 0.0),
        (formatdate(NOW + 10**8, usegmt=True), 1e8),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 - NOW),
        ("Thu, 32 Foo 2026 99:99:99 GMT", None),
        ("Wed, 21 Oct", None),
    ],
)
def test_retry_after_is_read(value: str, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@given(st.text(max_size=40))
def test_no_header_breaks_it(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)


@pytest.mark.parametrize(
    ("outcome", "wait"),
    [
        (Busy(), DEFAULT_WAIT),
        (Busy("0"), 0.0),
        (Busy("2.5"), 2.5),
        (Busy("60"), 60.0),
        (Busy("60.1"), None),
        (Busy("86400"), None),
        (Busy(formatdate(NOW + 30, usegmt=True)), 30.0),
        (Busy(formatdate(NOW + 3600, usegmt=True)), None),
        (Busy(formatdate(NOW - 3600, usegmt=True)), 0.0),
        (Busy("nan"), DEFAULT_WAIT),
        (Busy("-5"), DEFAULT_WAIT),
        (Busy("soon"), DEFAULT_WAIT),
        (Busy("", "1500"), 1.5),
        (Busy("9", "1500"), 1.5),
        (Busy("9", "soon"), 9.0),
        (Busy("", "90000"), None),
    ],
)
def test_a_busy_provider_is_asked_once_more_after_the_wait_it_names(
    outcome: Busy, wait: float | None
) -> None:
    assert seconds_before_repeat(outcome, 1, NOW) == wait
    assert seconds_before_repeat(outcome, 2, NOW) is None


def test_a_connection_that_took_no_byte_is_tried_once_more_at_once() -> None:
    lost = NoConnection("refused")
    assert seconds_before_repeat(lost, 1, NOW) == 0.0
    assert seconds_before_repeat(lost, 2, NOW) is None
    lost.retryable = False
    assert seconds_before_repeat(lost, 1, NOW) is None


@pytest.mark.parametrize(
    "cls", [cls for cls in errors.every_kind().values() if cls is not NoConnection], ids=lambda c: c.kind
)
def test_nothing_else_is_ever_repeated(cls: type[VeniceError]) -> None:
    assert seconds_before_repeat(cls("x"), 1, NOW) is None


def test_the_longest_wait_is_a_minute() -> None:
    assert MAX_WAIT == 60
