"""Two ways to stop: for good, and letting go of what is already sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from venice_core.cancellation import Cancel
from venice_core.errors import Cancelled, Charge


@pytest.mark.parametrize(
    ("act", "unsent", "sent"),
    [
        ([], False, False),
        (["let_go"], True, False),
        (["set"], True, True),
        (["let_go", "set"], True, True),
        (["set", "let_go"], True, True),
    ],
)
def test_letting_go_ends_what_is_not_sent_and_setting_ends_everything(
    act: list[str], unsent: bool, sent: bool
) -> None:
    cancel = Cancel()
    for each in act:
        getattr(cancel, each)()
    assert (cancel.stops(sent=False), cancel.stops(sent=True), cancel.is_set) == (unsent, sent, sent)
    for flag, stops in ((False, unsent), (True, sent)):
        if stops:
            with pytest.raises(Cancelled) as caught:
                cancel.check(sent=flag)
            assert caught.value.charge is Charge.NONE
        else:
            cancel.check(sent=flag)
    if unsent:
        with pytest.raises(Cancelled):
            cancel.wait(30)


def test_a_wait_without_a_cancel_takes_its_time() -> None:
    begin = time.monotonic()
    Cancel().wait(0.05)
    assert time.monotonic() - begin >= 0.045


@pytest.mark.parametrize("act", [Cancel.set, Cancel.let_go])
def test_a_wait_ends_at_once(act: Callable[[Cancel], None]) -> None:
    cancel = Cancel()
    begin = time.monotonic()
    timer = threading.Timer(0.05, act, [cancel])
    timer.start()
    with pytest.raises(Cancelled):
        cancel.wait(30)
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize("act", [Cancel.set, Cancel.let_go])
def test_who_registers_is_woken_at_each_change_or_at_once_if_it_has_happened(
    act: Callable[[Cancel], None],
) -> None:
    cancel, woken = Cancel(), []
    cancel.on_change(lambda: woken.append("early"))
    assert woken == []
    act(cancel)
    assert woken == ["early"]
    cancel.on_change(lambda: woken.append("late"))
    assert woken == ["early", "late"]
    cancel.set()
    assert woken == ["early", "late", "early", "late"]


def test_a_callback_sees_what_has_happened_and_may_register_another() -> None:
    cancel, seen = Cancel(), []

    def look() -> None:
        seen.append((cancel.stops(sent=False), cancel.stops(sent=True)))
        if len(seen) == 1:
            cancel.on_change(look)

    cancel.on_change(look)
    cancel.let_go()
    assert seen == [(True, False), (True, False)]
    cancel.set()
    assert seen[2:] == [(True, True), (True, True)]


def test_nobody_is_forgotten_when_registering_and_cancelling_meet() -> None:
    for _ in range(200):
        cancel, woken = Cancel(), threading.Event()
        start = threading.Barrier(2)

        def end(cancel: Cancel = cancel, start: threading.Barrier = start) -> None:
            start.wait()
            cancel.set()

        thread = threading.Thread(target=end)
        thread.start()
        start.wait()
        cancel.on_change(woken.set)
        thread.join()
        assert woken.is_set()


def test_who_was_forgotten_is_not_woken() -> None:
    cancel, woken = Cancel(), []
    cancel.on_change(lambda: woken.append(1))
    cancel.forget()
    cancel.set()
    assert woken == []
    assert cancel.is_set
