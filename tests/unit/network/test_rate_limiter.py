"""Requests leave as fast as the provider's headers allow, and no faster."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import wait_for

from venice_core.cancellation import Cancel
from venice_core.errors import Busy, Cancelled, Charge
from venice_core.network.rate_limiter import RateLimiter


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
    pace = RateLimiter(clock)
    for _ in range(100):
        pace.wait(clock.cancel())
    assert clock.waits == []


def test_what_remains_is_counted_down_and_then_waited_for() -> None:
    clock = Clock()
    pace, cancel, told = RateLimiter(clock), clock.cancel(), []
    pace.update(headers(3, 20))
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
    pace = RateLimiter(clock)
    pace.update(headers(0, reset))
    pace.wait(clock.cancel())
    assert clock.waits == [20.0]


def test_the_latest_word_counts() -> None:
    clock = Clock()
    pace = RateLimiter(clock)
    pace.update(headers(0, 50))
    pace.update(headers(1, 30))
    pace.wait(clock.cancel())
    assert clock.waits == []
    pace.wait(clock.cancel())
    assert clock.waits == [30.0]


def test_once_the_reset_is_over_nothing_waits() -> None:
    clock = Clock()
    pace = RateLimiter(clock)
    pace.update(headers(0, 20))
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
    pace = RateLimiter(clock)
    pace.update(odd)
    clock.now += 1
    for _ in range(3):
        pace.wait(clock.cancel())
    assert clock.waits == []
    pace.update(headers(0, 20))
    pace.update(odd if odd != headers(0, "1") else {})
    pace.wait(clock.cancel())
    assert clock.waits == [20.0], "an odd header took back what was known"


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_header_breaks_it(remaining: str, reset: str) -> None:
    clock = Clock()
    pace = RateLimiter(clock)
    pace.update(headers(remaining, reset))
    pace.update(headers(0, reset))
    try:
        pace.wait(clock.cancel())
    except Busy:
        assert not clock.waits


@pytest.mark.parametrize(("seconds", "busy"), [(60, False), (60.5, True), (3600, True), (10**8, True)])
def test_more_than_a_minute_is_not_waited_for_and_costs_nothing(seconds: float, busy: bool) -> None:
    clock = Clock()
    pace = RateLimiter(clock)
    pace.update(headers(0, seconds))
    told: list[float] = []
    if not busy:
        pace.wait(clock.cancel(), told.append)
        assert told == [seconds]
        return
    with pytest.raises(Busy, match="rate limit resets in") as caught:
        pace.wait(clock.cancel(), told.append)
    assert caught.value.charge is Charge.NONE
    assert told == clock.waits == []


def test_a_cancel_is_heard_while_waiting() -> None:
    pace, cancel = RateLimiter(), Cancel()
    pace.update(headers(0, 30))
    timer = threading.Timer(0.05, cancel.let_go)
    begin = time.monotonic()
    timer.start()
    with pytest.raises(Cancelled):
        pace.wait(cancel)
    assert time.monotonic() - begin < 5


def test_many_threads_at_once_take_no_more_than_there_is() -> None:
    pace = RateLimiter(lambda: 0.0)
    pace.update(headers(100, 50))
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


# As many at once as the provider takes


class Turns:
    """Requests in threads of their own, each under way until it is let go of."""

    def __init__(self, pace: RateLimiter) -> None:
        self.pace = pace
        self.cancel = Cancel()
        self.lock = threading.Lock()
        self.under_way: list[threading.Event] = []
        self.ended: list[str] = []
        self.threads: list[threading.Thread] = []

    def begin(self) -> None:
        def work() -> None:
            over, how = threading.Event(), "well"
            try:
                with self.pace.slot(self.cancel):
                    with self.lock:
                        self.under_way.append(over)
                    assert over.wait(20)
            except Cancelled:
                how = "cancelled"
            self.ended.append(how)

        self.threads.append(threading.Thread(target=work, daemon=True))
        self.threads[-1].start()

    def end_one(self) -> None:
        ended = len(self.ended)
        with self.lock:
            over = self.under_way.pop(0)
        over.set()
        wait_for(lambda: len(self.ended) > ended)

    def count(self, expected: int) -> None:
        """So many are under way, and it stays at that."""
        wait_for(lambda: len(self.under_way) == expected)
        time.sleep(0.05)
        assert len(self.under_way) == expected


@pytest.fixture
def turns() -> Iterator[Turns]:
    these = Turns(RateLimiter())
    yield these
    these.cancel.set()
    for over in these.under_way:
        over.set()
    for thread in these.threads:
        thread.join(10)


def test_any_number_may_be_under_way_until_one_is_turned_away(turns: Turns) -> None:
    for _ in range(12):
        turns.begin()
    turns.count(12)


def test_once_one_is_turned_away_no_more_leave_than_were_under_way(turns: Turns) -> None:
    for _ in range(2):
        turns.begin()
    turns.count(2)
    turns.pace.lower_concurrency()
    for _ in range(3):
        turns.begin()
    turns.count(2)
    for _ in range(3):
        turns.end_one()
        turns.count(2)
    turns.end_one()
    turns.count(1)


def test_that_holds_until_a_new_run_begins(turns: Turns) -> None:
    turns.begin()
    turns.count(1)
    turns.pace.lower_concurrency()
    turns.begin()
    turns.count(1)
    turns.end_one()
    turns.count(1)
    turns.end_one()
    turns.pace.reset()
    for _ in range(4):
        turns.begin()
    turns.count(4)


def test_after_one_turned_away_alone_they_leave_one_by_one(turns: Turns) -> None:
    turns.pace.lower_concurrency()
    for _ in range(3):
        turns.begin()
    for _ in range(2):
        turns.count(1)
        turns.end_one()
    turns.count(1)


def test_a_cancel_is_heard_while_waiting_for_a_turn(turns: Turns) -> None:
    turns.begin()
    turns.count(1)
    turns.pace.lower_concurrency()
    turns.begin()
    turns.count(1)
    turns.cancel.let_go()
    wait_for(lambda: turns.ended == ["cancelled"])
    turns.count(1)


def test_a_turn_ends_however_the_exchange_does() -> None:
    pace = RateLimiter()
    for error in (ValueError, KeyboardInterrupt, Cancelled):
        with pytest.raises(error), pace.slot(Cancel()):
            raise error
    pace.lower_concurrency()  # nobody is under way, so nobody is waited for
    with pace.slot(Cancel()):
        pass


def test_a_turn_waits_for_the_rate_limit_too() -> None:
    clock = Clock()
    pace, told = RateLimiter(clock), []
    pace.update(headers(0, 20))
    with pace.slot(clock.cancel(), told.append):
        assert told == [20.0]
    pace.update(headers(0, 3600))
    with pytest.raises(Busy), pace.slot(clock.cancel()):
        pytest.fail("it left")
