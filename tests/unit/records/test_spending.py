"""What counts as spent, and whether one more request fits into the day's limit."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_core.errors import (
    BadInput,
    Busy,
    Charge,
    DownloadFailed,
    LostConnection,
    NoConnection,
    PolicyRefusal,
    SpendingLimitExceeded,
)
from venice_core.geometry.rectangles import Bounds
from venice_core.job import Action, Job, Options
from venice_core.network.messages import Response
from venice_core.planning.planner import make_plan
from venice_core.planning.price import Price
from venice_core.providers.venice.model_entries import packaged_catalogue
from venice_core.providers.venice.provider import Venice
from venice_core.records.entry import Entry
from venice_core.records.journal import Journal
from venice_core.records.spending import Budget, Spending, dollars, spent, today
from venice_core.secret import Secret

WHOLE = Bounds(0, 0, 256, 256)
NOBODY = 2**22 + 7  # no process has such a number


def begin(folder: Path, provider: str = "venice", model: str = "", variations: int = 1) -> Entry:
    job = Job(Action.EDIT, WHOLE, WHOLE.extent, None, Options(prompt="x", model=model, variations=variations))
    can = Venice(Secret(""), name=provider, catalogue=packaged_catalogue()).capabilities
    return Journal(folder).begin(job, make_plan(job, None, can))


def orphaned(entry: Entry) -> None:
    entry.record["pid"] = NOBODY
    entry._mark(entry.status)


def answered(entry: Entry, charge: Charge = Charge.CHARGED) -> None:
    entry.sending()
    entry.answered(Response(200, {}, b"x"), charge)


# What counts; the default model costs 0.04


@pytest.mark.parametrize(
    ("steps", "usd", "certain"),
    [
        ([], 0.04, 0.0),  # about to be sent
        ([orphaned], 0.0, 0.0),  # its process died before sending it
        ([Entry.sending], 0.04, 0.0),
        ([Entry.sending, orphaned], 0.04, 0.0),
        ([Entry.sending, Entry.sent], 0.04, 0.0),
        ([Entry.sending, Entry.sent, orphaned], 0.04, 0.0),
        ([Entry.sending, Entry.sent, Entry.turned_away], 0.04, 0.0),  # it will be repeated
        ([Entry.sending, Entry.sent, Entry.turned_away, orphaned], 0.0, 0.0),
        ([answered], 0.04, 0.04),
        ([answered, Entry.done], 0.04, 0.04),
        ([answered, Entry.done, Entry.placed], 0.04, 0.04),
        ([lambda entry: answered(entry, Charge.NONE)], 0.0, 0.0),
        ([Entry.sending, lambda entry: entry.failed(NoConnection("x"))], 0.0, 0.0),
        ([Entry.sending, lambda entry: entry.failed(Busy("x"))], 0.0, 0.0),
        ([Entry.sending, lambda entry: entry.failed(LostConnection("x"))], 0.04, 0.0),
        ([Entry.sending, lambda entry: entry.failed(PolicyRefusal("x"))], 0.04, 0.0),  # charge unknown
        ([lambda entry: entry.failed(SpendingLimitExceeded("x"))], 0.0, 0.0),
        ([answered, lambda entry: entry.failed(BadInput("x", charge=Charge.CHARGED))], 0.04, 0.04),
    ],
)
def test_what_was_or_may_have_been_charged_counts_and_so_does_what_is_about_to_be(
    tmp_path: Path, steps: list[Any], usd: float, certain: float
) -> None:
    entry = begin(tmp_path)
    for step in steps:
        step(entry)
    requests = 1 if usd else 0
    assert spent(Journal(tmp_path)) == Spending(usd, usd, certain, requests)


def test_the_sandbox_is_free(tmp_path: Path) -> None:
    answered(begin(tmp_path, "sandbox"))
    begin(tmp_path, "sandbox")
    assert spent(Journal(tmp_path)) == Spending()


def test_amounts_add_up_and_unknown_prices_are_counted_apart(tmp_path: Path) -> None:
    for model in ("firered-image-edit", "flux-2-max-edit", "flux-2-max-edit", "unknown-model"):
        answered(begin(tmp_path, model=model))
    begin(tmp_path, model="unknown-model").sending()
    assert spent(Journal(tmp_path)) == Spending(0.28, 0.28, 0.28, 5, 2)


def test_an_entry_of_several_counts_its_own_request_only(tmp_path: Path) -> None:
    answered(begin(tmp_path, variations=4))
    assert spent(Journal(tmp_path)).usd == 0.04


@pytest.mark.parametrize(
    ("model", "facts", "usd", "unpriced"),
    [
        ("", {"cost_usd": 0.0123}, 0.0123, 0),
        ("", {"cost_usd": 0.5}, 0.5, 0),
        ("", {"cost_usd": 0.0}, 0.04, 0),  # who counts nothing has not counted
        ("", {"cost_usd": None}, 0.04, 0),
        ("", {}, 0.04, 0),
        ("", None, 0.04, 0),
        ("unknown-model", {"cost_usd": 0.0123}, 0.0123, 0),
        ("unknown-model", {"cost_usd": None}, 0.0, 1),
        ("unknown-model", {"cost_usd": 0.0}, 0.0, 1),
    ],
)
@pytest.mark.parametrize("ending", ["done", "failed"])
def test_what_was_counted_wins_over_the_estimate(
    tmp_path: Path, ending: str, model: str, facts: Any, usd: float, unpriced: int
) -> None:
    entry = begin(tmp_path, model=model)
    answered(entry)
    if ending == "done":
        entry.done(facts=facts)
    else:
        entry.failed(DownloadFailed("expired"), facts=facts)
    spending = spent(Journal(tmp_path))
    assert (spending.usd, spending.certain, spending.unpriced) == (usd, usd, unpriced)
    assert spending.requests == 1


# The day


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    if not hasattr(time, "tzset"):
        pytest.skip("this system's time zone cannot be changed for one process")

    def use(name: str) -> ZoneInfo:
        try:
            found = ZoneInfo(name)
        except ZoneInfoNotFoundError:
            pytest.skip("this system has no time zones (tzdata)")
        monkeypatch.setenv("TZ", name)
        time.tzset()
        return found

    yield use
    monkeypatch.undo()
    time.tzset()


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


@pytest.mark.parametrize(
    ("name", "now", "began"),
    [
        ("UTC", "2026-03-29T12:00:00", "2026-03-29T00:00:00"),
        ("UTC", "2026-03-29T00:00:00", "2026-03-29T00:00:00"),
        ("UTC", "2026-03-28T23:59:59", "2026-03-28T00:00:00"),
        ("Europe/Berlin", "2026-01-01T12:00:00", "2025-12-31T23:00:00"),
        ("Europe/Berlin", "2026-07-01T21:59:59", "2026-06-30T22:00:00"),
        ("Europe/Berlin", "2026-07-01T22:00:00", "2026-07-01T22:00:00"),
        # the day with 23 hours and the one with 25
        ("Europe/Berlin", "2026-03-29T12:00:00", "2026-03-28T23:00:00"),
        ("Europe/Berlin", "2026-03-30T12:00:00", "2026-03-29T22:00:00"),
        ("Europe/Berlin", "2026-10-25T20:00:00", "2026-10-24T22:00:00"),
        ("Europe/Berlin", "2026-10-26T20:00:00", "2026-10-25T23:00:00"),
        ("America/New_York", "2026-11-20T02:00:00", "2026-11-19T05:00:00"),
        ("Asia/Kolkata", "2026-11-20T18:29:00", "2026-11-19T18:30:00"),
        ("Asia/Kolkata", "2026-11-20T18:30:00", "2026-11-20T18:30:00"),
        # midnight comes twice, and does not come at all
        ("America/Havana", "2026-11-01T05:30:00", "2026-11-01T04:00:00"),
        ("America/Havana", "2026-11-01T04:30:00", "2026-11-01T04:00:00"),
        ("America/Sao_Paulo", "2018-11-04T12:00:00", "2018-11-04T03:00:00"),
    ],
)
def test_the_day_begins_at_midnight_here(zone: Any, name: str, now: str, began: str) -> None:
    zone(name)
    assert today(utc(now)) == utc(began)


@pytest.mark.parametrize(
    "name", ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana"]
)
def test_every_moment_lies_in_its_day_and_the_day_in_one_date(zone: Any, name: str) -> None:
    where = zone(name)

    @given(st.integers(int(utc("2020-01-01")), int(utc("2030-01-01"))))
    def check(now: int) -> None:
        began = today(now)
        assert began <= now
        assert now - began < 25 * 3600
        date = datetime.fromtimestamp(now, where).date()
        assert datetime.fromtimestamp(began, where).date() == date
        assert datetime.fromtimestamp(began - 1, where).date() == date - timedelta(days=1)

    check()


def test_only_jobs_of_today_are_read(tmp_path: Path, zone: Any) -> None:
    zone("Asia/Kolkata")
    midnight = utc("2026-11-19T18:30:00")
    stamps = {"before": midnight - 0.001, "at": midnight, "after": midnight + 3600}
    for name, moment in stamps.items():
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(moment)) + f"{round(moment % 1 * 1000):03d}"
        begin(tmp_path).folder.rename(tmp_path / f"{stamp}-{name}")
    found = [entry.id.rpartition("-")[2] for entry in Journal(tmp_path).since(today(midnight + 7200))]
    assert found == ["after", "at"]


# The limit


@pytest.mark.parametrize(
    ("limit", "before", "price", "fits"),
    [
        (1.0, 0.0, 1.0, True),  # exactly reached
        (1.0, 0.9, 0.1, True),
        (0.3, 0.1 + 0.1, 0.1, True),  # 0.30000000000000004 to a computer
        (1.0, 0.9, 0.1001, False),
        (1.0, 1.0, 0.01, False),
        (1.0, 5.0, 0.0, False),  # the limit was lowered
        (0.0, 0.0, 0.0, True),
        (0.0, 0.0, 0.01, False),
    ],
)
@pytest.mark.parametrize("reserved", [False, True])
def test_a_limit_may_be_reached_and_not_exceeded(
    limit: float, before: float, price: float, fits: bool, reserved: bool
) -> None:
    budget = Budget(limit, before + price if reserved else before)
    if fits:
        budget.check(Price(price), reserved=reserved)
    else:
        with pytest.raises(SpendingLimitExceeded) as caught:
            budget.check(Price(price), reserved=reserved)
        assert caught.value.detail == (
            f"This would cost {dollars(price)}. Of today's {dollars(limit)} limit, "
            f"{dollars(before)} is already spent."
        )
        assert caught.value.charge is Charge.NONE


@pytest.mark.parametrize("price", [None, Price(None), Price(None, 0.1)])
def test_with_a_limit_nothing_is_bought_at_an_unknown_price(price: Price | None) -> None:
    with pytest.raises(SpendingLimitExceeded, match="price is unknown"):
        Budget(100.0, 0.0).check(price)


@pytest.mark.parametrize(
    ("before", "prices", "words"),
    [
        (0.0, [], None),
        (0.0, [0.5, 0.5], None),
        (0.1, [0.1, 0.2, 0.6], None),
        (
            0.0,
            [0.04] * 26,
            "These 26 images would cost $1.04 in total. Of today's $1.00 limit, $0.00 is "
            "spent and $1.00 remains: enough for the first 25 of them.",
        ),
        (0.9, [0.1, 0.01], "$0.90 is spent and $0.10 remains: enough for the first 1 of them."),
        (0.99, [0.1, 0.01], "$0.01 remains: enough for none of them."),
        (3.0, [0.0, 0.01], "$3.00 is spent and $0.00 remains: enough for the first 1 of them."),
        (0.0, [0.01, None, None], "The price of 2 of these images is unknown, so the daily limit of $1.00"),
        (0.999, [0.01], "This would cost $0.01. Of today's $1.00 limit, $0.999 is already spent."),
        (0.0, [None], "price is unknown"),
    ],
)
def test_several_pictures_fit_together_or_not_at_all(
    before: float, prices: list[float | None], words: str | None
) -> None:
    each = [None if price is None else Price(price) for price in prices]
    if words is None:
        Budget(1.0, before).check_all(each)
    else:
        with pytest.raises(SpendingLimitExceeded) as caught:
            Budget(1.0, before).check_all(each)
        assert words in caught.value.detail


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "$0.00"),
        (0.04, "$0.04"),
        (1.5, "$1.50"),
        (0.0125, "$0.0125"),
        (12, "$12.00"),
        (0.30000000004, "$0.30"),
    ],
)
def test_amounts_have_two_to_four_decimals(amount: float, text: str) -> None:
    assert dollars(amount) == text


def test_what_was_reserved_before_midnight_does_not_make_room_after_it() -> None:
    with pytest.raises(SpendingLimitExceeded):
        Budget(0.5, 0.0).check(Price(2.0), reserved=True)


amounts = st.integers(0, 500).map(lambda cents: cents / 100)


@given(amounts, amounts, amounts)
def test_what_fits_is_what_adds_up_to_no_more_than_the_limit(
    limit: float, before: float, price: float
) -> None:
    fits = round(before * 100) + round(price * 100) <= round(limit * 100)
    for budget, reserved in ((Budget(limit, before), False), (Budget(limit, before + price), True)):
        try:
            budget.check(Price(price), reserved=reserved)
        except SpendingLimitExceeded:
            assert not fits
        else:
            assert fits


def test_nobody_has_the_process_number_used_here() -> None:
    if os.name != "posix":
        pytest.skip("process numbers are asked for otherwise there")
    with pytest.raises((ProcessLookupError, OverflowError)):
        os.kill(NOBODY, 0)
