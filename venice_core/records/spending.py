"""Add up spending from the journal, and check requests against the daily limit.

A possible charge counts as a charge, and so does a job that is about to be sent, so that two runs at the same
time cannot exceed the limit together.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from venice_core.errors import Charge, SpendingLimitExceeded
from venice_core.planning.price import FREE_PROVIDERS, Price
from venice_core.records.entry import Entry, Status
from venice_core.records.journal import Journal


@dataclass(frozen=True)
class Spending:
    """What was spent, in US dollars and DIEM."""

    usd: float = 0.0
    diem: float = 0.0
    certain: float = 0.0
    """The part of `usd` that was charged as far as is known."""
    requests: int = 0
    unpriced: int = 0
    """How many requests may have been charged at an unknown price."""


def dollars(amount: float) -> str:
    """Format an amount with two to four decimals."""
    whole, _, cents = f"{amount:.4f}".rstrip("0").partition(".")
    return f"${whole}.{cents:0<2}"


def today(now: float) -> float:
    """Return the start of the local day of Unix time `now`, in Unix time."""
    here = time.localtime(now)
    return time.mktime((here.tm_year, here.tm_mon, here.tm_mday, 0, 0, 0, 0, 0, -1))


def spent(entries: Iterable[Entry]) -> Spending:
    """Add up what these jobs cost or may have cost."""
    usd = diem = certain = 0.0
    requests = unpriced = 0
    for entry in entries:
        record = entry.record
        reserved = entry.status is Status.PLANNED and not entry.interrupted
        charged = record["charge"] == Charge.CHARGED.value
        if record["plan"]["provider"] in FREE_PROVIDERS:
            continue
        if record["charge"] == Charge.NONE.value and not reserved:
            continue
        price = record["plan"]["price"] or {}
        # what was counted is better than the estimate, if anything was
        cost = (record.get("facts") or {}).get("cost_usd") or price.get("usd")
        requests += 1
        unpriced += cost is None
        usd += cost or 0.0
        diem += price.get("diem") or 0.0
        certain += (cost or 0.0) if charged else 0.0
    return Spending(round(usd, 6), round(diem, 6), round(certain, 6), requests, unpriced)


def spent_today(journal: Journal, now: float) -> Spending:
    """Add up the jobs of the local day of Unix time `now`."""
    return spent(journal.since(today(now)))


@dataclass(frozen=True)
class Budget:
    """The daily limit in US dollars, and how much of it has been spent."""

    limit: float
    spent: float

    def check(self, price: Price | None, *, reserved: bool = False) -> None:
        """Raise SpendingLimitExceeded if a request of that price would exceed the limit.

        With `reserved`, `spent` already includes it.
        """
        if price is None or price.usd is None:
            raise SpendingLimitExceeded(
                f"The price is unknown, so the daily limit of {dollars(self.limit)} cannot be enforced."
            )
        # not below 0: what was reserved just before midnight belongs to the day before
        before = max(0.0, self.spent - price.usd) if reserved else self.spent
        if before + price.usd > self.limit + 1e-9:
            raise SpendingLimitExceeded(
                f"This would cost {dollars(price.usd)}. Of today's {dollars(self.limit)} limit, "
                f"{dollars(before)} is already spent."
            )

    def check_all(self, prices: Sequence[Price | None]) -> None:
        """Do the same for several requests: all of them are allowed or none."""
        if len(prices) == 1:
            self.check(prices[0])
            return
        known = [price.usd for price in prices if price is not None and price.usd is not None]
        if unknown := len(prices) - len(known):
            raise SpendingLimitExceeded(
                f"The price of {unknown} of these images is unknown, so the daily limit of "
                f"{dollars(self.limit)} cannot be enforced."
            )
        sums = list(itertools.accumulate(known))
        if sums and self.spent + sums[-1] > self.limit + 1e-9:
            left = max(0.0, self.limit - self.spent)
            fit = sum(each <= left + 1e-9 for each in sums)
            raise SpendingLimitExceeded(
                f"These {len(sums)} images would cost {dollars(sums[-1])} in total. Of today's "
                f"{dollars(self.limit)} limit, {dollars(self.spent)} is spent and {dollars(left)} "
                f"remains: enough for {f'the first {fit}' if fit else 'none'} of them."
            )
