"""Ctrl-C and its like, counted."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from venice_core.cli.interrupts import Interrupts

pytestmark = pytest.mark.skipif(os.name != "posix", reason="they are sent as POSIX signals")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def interrupts(clock: Clock) -> Iterator[Interrupts]:
    with Interrupts(clock) as entered:
        yield entered


def send(number: int, clock: Clock, seconds: float = 1.0) -> None:
    clock.now += seconds
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_they_are_heard_and_end_nothing(interrupts: Interrupts, clock: Clock, number: int) -> None:
    assert interrupts.heard() == 0
    send(number, clock)
    assert interrupts.heard() == 1


def test_each_press_counts(interrupts: Interrupts, clock: Clock) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGINT):
        send(number, clock)
    assert interrupts.heard() == 3


def test_what_a_program_between_passes_on_is_no_second_press(interrupts: Interrupts, clock: Clock) -> None:
    send(signal.SIGINT, clock)
    send(signal.SIGINT, clock, 0.02)
    send(signal.SIGTERM, clock, 0.02)
    assert interrupts.heard() == 1
    send(signal.SIGINT, clock, 0.3)
    assert interrupts.heard() == 2


def test_a_terminal_that_is_gone_never_stops_for_good(interrupts: Interrupts, clock: Clock) -> None:
    for _ in range(3):
        send(signal.SIGHUP, clock)
    assert interrupts.heard() == 1
    send(signal.SIGTERM, clock)
    assert interrupts.heard() == 2


def test_afterwards_all_is_as_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with Interrupts():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            os.kill(os.getpid(), signal.SIGHUP)
            assert interrupts.heard() == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_the_main_thread_there_is_nothing_to_hear() -> None:
    failed: list[BaseException] = []

    def enter() -> None:
        try:
            with Interrupts() as interrupts:
                assert interrupts.heard() == 0
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert not failed
