"""Requests leave as fast as the provider's headers allow, and no faster."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_core.cancel import Cancel
from venice_core.errors import Busy, Cancelled, Charge
from venice_core.pace import Pace


class Clock:
    """Unix time that goes on only by waiting; `Cancel` and clock in one."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def cancel(self) -> Any:
        clock = self

        class Waiting(Cancel):
            def wait(self, seconds: float) -> None:
                self.check()
                clock.waits.append(seconds)
                clock.now += seconds

        return Waiting()


def headers(remaining: object, reset: object) -> dict[str, str]:
    return {
        "x-ratelimit-remaining-requests": str(remaining),
        "x-ratelimit-reset-requests": str(reset),
    }


def test_until_the_provider_has_said_anything_nothing_waits() -> None:
    clock = Clock()
    pace = Pace(clock)
    for _ in range(100):
        pace.wait(clock.cancel())
    assert clock.waits == []


def test_what_remains_is_counted_down_and_then_waited_for() -> None:
    clock = Clock()
    pace, cancel, told = Pace(clock), clock.cancel(), []
    pace.learn(headers(3, 20))
    for _ in range(3):
        pace.wait(cancel, told.append)
    assert clock.waits == []
    clock.now += 5
    pace.wait(cancel, told.append)
    assert clock.waits == told == [15.0]
    # the new span's number is not known until the next answer
    for _ in range(50):
        pace.wait(cancel)
    assert clock.waits == [15.0]


@pytest.mark.parametrize("reset", ["20", "1790000020", "1790000020000"])
def test_the_reset_is_read_in_every_documented_form(reset: str) -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.learn(headers(0, reset))
    pace.wait(clock.cancel())
    assert clock.waits == [20.0]


def test_the_latest_word_counts() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.learn(headers(0, 50))
    pace.learn(headers(1, 30))
    pace.wait(clock.cancel())
    assert clock.waits == []
    pace.wait(clock.cancel())
    assert clock.waits == [30.0]


def test_once_the_reset_is_over_nothing_waits() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.learn(headers(0, 20))
    clock.now += 20
    pace.wait(clock.cancel())
    assert clock.waits == []


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"x-ratelimit-remaining-requests": "0"},
        {"x-ratelimit-reset-requests": "20"},
        headers("", 20),
        headers("-1", 20),
        headers("0.5", 20),
        headers("none", 20),
        headers("²", 20),
        headers("٠", 20),
        headers("0" * 10_000, 20),
        headers("9" * 10_000, 20),
        headers(0, ""),
        headers(0, "soon"),
        headers(0, "-5"),
        headers(0, "nan"),
        headers(0, "inf"),
        headers(0, "1"),  # readable and over, by the time it is asked
    ],
)
def test_what_cannot_be_read_changes_nothing(odd: dict[str, str]) -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.learn(odd)
    clock.now += 1
    for _ in range(3):
        pace.wait(clock.cancel())
    assert clock.waits == []
    pace.learn(headers(0, 20))
    pace.learn(odd if odd != headers(0, "1") else {})
    pace.wait(clock.cancel())
    assert clock.waits == [20.0], "an odd header took back what was known"


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_header_breaks_it(remaining: str, reset: str) -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.learn(headers(remaining, reset))
    pace.learn(headers(0, reset))
    try:
        pace.wait(clock.cancel())
    except Busy:
        assert not clock.waits


@pytest.mark.parametrize(("seconds", "busy"), [(60, False), (60.5, True), (3600, True), (10**8, True)])
def test_more_than_a_minute_is_not_waited_for_and_costs_nothing(seconds: float, busy: bool) -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.learn(headers(0, seconds))
    told: list[float] = []
    if not busy:
        pace.wait(clock.cancel(), told.append)
        assert told == [seconds]
        return
    with pytest.raises(Busy, match="rate limit is used up") as caught:
        pace.wait(clock.cancel(), told.append)
    assert caught.value.charge is Charge.NONE
    assert told == clock.waits == []


def test_a_cancel_is_heard_while_waiting() -> None:
    pace, cancel = Pace(), Cancel()
    pace.learn(headers(0, 30))
    timer = threading.Timer(0.05, cancel.let_go)
    begin = time.monotonic()
    timer.start()
    with pytest.raises(Cancelled):
        pace.wait(cancel)
    assert time.monotonic() - begin < 5


def test_many_threads_at_once_take_no_more_than_there_is() -> None:
    pace = Pace(lambda: 0.0)
    pace.learn(headers(100, 50))
    taken, refused = [], []
    start = threading.Barrier(8)

    class Waits(Exception):
        pass

    def stop(seconds: float) -> None:
        raise Waits

    def take() -> None:
        start.wait()
        for _ in range(50):
            try:
                pace.wait(Cancel(), stop)
            except Waits:
                refused.append(1)
            else:
                taken.append(1)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(refused)) == (100, 300)
