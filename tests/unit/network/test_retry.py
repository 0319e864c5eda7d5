"""Whether a request may be made once more, and when."""

from __future__ import annotations

import math
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_core import errors
from venice_core.errors import NoConnection, VeniceError
from venice_core.network.rate_limit_headers import RetryHint, parse_reset, parse_retry_after, server_wait
from venice_core.network.retry import DEFAULT_WAIT, MAX_WAIT, seconds_before_repeat

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
        ("1500ms", 1.5),
        (" 250.5 MS ", 0.2505),
        ("0ms", 0.0),
        ("-5ms", None),
        ("ms", None),
        ("1e3ms", None),
        ("1e9", 1e9),
        ("1000000000", 1e9),
    ],
)
def test_retry_after_is_read(value: str, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@given(st.text(max_size=40))
def test_no_header_breaks_it(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("outcome", "wait"),
    [
        (RetryHint(), DEFAULT_WAIT),
        (RetryHint("0"), 0.0),
        (RetryHint("2.5"), 2.5),
        (RetryHint("60"), 60.0),
        (RetryHint("60.1"), None),
        (RetryHint("86400"), None),
        (RetryHint(formatdate(NOW + 30, usegmt=True)), 30.0),
        (RetryHint(formatdate(NOW + 3600, usegmt=True)), None),
        (RetryHint(formatdate(NOW - 3600, usegmt=True)), 0.0),
        (RetryHint("nan"), DEFAULT_WAIT),
        (RetryHint("-5"), DEFAULT_WAIT),
        (RetryHint("soon"), DEFAULT_WAIT),
        (RetryHint("", "1500"), 1.5),
        (RetryHint("9", "1500"), 1.5),
        (RetryHint("9", "soon"), 9.0),
        (RetryHint("", "90000"), None),
    ],
)
def test_a_busy_provider_is_asked_once_more_after_the_wait_it_names(
    outcome: RetryHint, wait: float | None
) -> None:
    assert seconds_before_repeat(outcome, 1, NOW) == wait
    assert seconds_before_repeat(outcome, 2, NOW) is None


# Billing safety: a POST costs money


def unsent() -> NoConnection:
    return NoConnection("refused")


def half_sent() -> NoConnection:
    lost = NoConnection("reset while the body was sent")
    lost.retryable = False
    return lost


# (outcome, what a POST does after its first attempt, a GET after its first, second and third)
# None: stop. A GET backs off 0.5 s, then 1 s, and is content with a wait of at most 8 s.
DECISIONS: list[tuple[VeniceError | RetryHint, float | None, tuple[float | None, float | None]]] = [
    (unsent(), 0.0, (0.5, 1.0)),
    (half_sent(), None, (0.5, 1.0)),
    (errors.LostConnection("reset"), None, (0.5, 1.0)),
    (errors.LostConnection("no response within the time limit"), None, (0.5, 1.0)),
    *((errors.ServerFailure("x", status=status), None, (0.5, 1.0)) for status in (307, 500, 502, 504, 524)),
    (errors.ServerFailure("a gateway's own page", status=503), None, (0.5, 1.0)),
    *(
        (cls("x"), None, (None, None))
        for kind, cls in errors.every_kind().items()
        if kind not in ("no-connection", "lost-connection", "server-failure")
    ),
    (RetryHint(), DEFAULT_WAIT, (0.5, 1.0)),
    (RetryHint("0"), 0.0, (0.0, 0.0)),
    (RetryHint("8"), 8.0, (8.0, 8.0)),
    (RetryHint("9"), 9.0, (None, None)),
    (RetryHint("60"), 60.0, (None, None)),
    (RetryHint("61"), None, (None, None)),
    (RetryHint("1e9"), None, (None, None)),
    (RetryHint("inf"), None, (None, None)),
    (RetryHint("garbage"), DEFAULT_WAIT, (0.5, 1.0)),
    (RetryHint("", "", "7"), 7.0, (7.0, 7.0)),
    (RetryHint("", "", "3600"), None, (None, None)),
]


@pytest.mark.parametrize("attempt", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("outcome", "post", "get"), DECISIONS, ids=[f"{type(row[0]).__name__}-{row[0]}" for row in DECISIONS]
)
def test_what_is_done_after_each_outcome_of_each_attempt(
    outcome: VeniceError | RetryHint, post: float | None, get: tuple[float | None, float | None], attempt: int
) -> None:
    assert seconds_before_repeat(outcome, attempt, NOW) == (post if attempt == 1 else None)
    expected = get[attempt - 1] if attempt <= 2 else None
    assert seconds_before_repeat(outcome, attempt, NOW, method="GET") == expected


def test_the_table_names_every_class_of_the_tree() -> None:
    assert {type(row[0]) for row in DECISIONS} == {*errors.every_kind().values(), RetryHint}


@given(st.sampled_from(DECISIONS), st.integers(1, 50), st.floats(0, 4e9))
def test_no_wait_is_negative_or_longer_than_a_minute(row: Any, attempt: int, now: float) -> None:
    for method in ("POST", "GET"):
        wait = seconds_before_repeat(row[0], attempt, now, method=method)
        assert wait is None or 0 <= wait <= 60


# The rate limit's own header


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        ("0", 0.0),
        ("0.5", 0.5),
        ("999999999", 999_999_999.0),  # below 1e9 it is a duration, however long
        ("1790000030", 30.0),
        ("1790000000.25", 0.25),
        ("1789999000", 0.0),
        ("1790000030000", 30.0),
        ("1790000000500", 0.5),
        ("1789999000000", 0.0),
        ("1000000000", 0.0),  # 2001
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("", None),
        ("soon", None),
        ("30s", 30.0),
        ("6m0s", 360.0),
        ("1h2m3.5s", 3723.5),
        ("20ms", 0.02),
        ("1s500ms", 1.5),
        ("5m", 300.0),
        ("s", None),
        ("1d", None),
        ("m5s", None),
    ],
)
def test_the_rate_limits_reset_is_a_moment_in_ms_or_s_or_a_duration(
    value: str, seconds: float | None
) -> None:
    assert parse_reset(value, NOW) == seconds


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_no_three_headers_break_it(after: str, milliseconds: str, reset: str) -> None:
    seconds = server_wait(RetryHint(after, milliseconds, reset), NOW)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9", "x-ratelimit-reset-requests": "20"}, 1.5),
        ({"retry-after-ms": "-1", "retry-after": "9", "x-ratelimit-reset-requests": "20"}, 9.0),
        ({"retry-after-ms": "nan", "retry-after": "9", "x-ratelimit-reset-requests": "20"}, 9.0),
        ({"retry-after-ms": "inf", "retry-after": "9"}, 9.0),
        ({"retry-after": "0", "x-ratelimit-reset-requests": "20"}, 0.0),
        ({"retry-after": "-1", "x-ratelimit-reset-requests": "20"}, 20.0),
        ({"retry-after": "nan", "x-ratelimit-reset-requests": "1790000020000"}, 20.0),
        ({"retry-after": "soon", "x-ratelimit-reset-requests": "1790000020"}, 20.0),
        ({"x-ratelimit-reset-requests": "20"}, 20.0),
        ({"x-ratelimit-reset-requests": "never"}, None),
        ({"x-ratelimit-remaining-requests": "0"}, None),
        # Venice's budget for failed requests, beside that for all
        ({"x-ratelimit-remaining": "0", "x-ratelimit-resets": "1790000030000"}, 30.0),
        (
            {
                "x-ratelimit-remaining": "0",
                "x-ratelimit-resets": "1790000030000",
                "x-ratelimit-reset-requests": "1790000005000",
            },
            30.0,
        ),
        (
            {
                "x-ratelimit-remaining": "49",
                "x-ratelimit-resets": "1790000030000",
                "x-ratelimit-reset-requests": "1790000005000",
            },
            5.0,
        ),
        ({"retry-after": "1", "x-ratelimit-remaining": "0", "x-ratelimit-resets": "1790000030000"}, 1.0),
        ({}, None),
    ],
)
def test_the_finer_word_goes_first_and_an_unreadable_one_gives_way(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert server_wait(RetryHint.of(headers), NOW) == seconds


def test_the_longest_wait_is_a_minute() -> None:
    assert MAX_WAIT == 60
