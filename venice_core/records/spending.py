"""What was spent, from the journal, and whether one more request fits into what may be spent in a day.

A charge that is only possible counts as one, and so does a job that is about to be sent: so two runs at
once cannot both slip under the limit.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from venice_core.errors import Charge, SpendingLimitExceeded
from venice_core.planning.price import Price
from venice_core.records.entry import Entry, Status
from venice_core.records.journal import Journal

FREE = ("sandbox",)
"""Providers that never charge."""


@dataclass(frozen=True)
class Spending:
    """US dollars and DIEM; `certain` is the part of `usd` that was charged as far as is known.

    `unpriced`: how many requests may have been charged at a price that is not known.
    """

    usd: float = 0.0
    diem: float = 0.0
    certain: float = 0.0
    requests: int = 0
    unpriced: int = 0


def dollars(amount: float) -> str:
    """With two to four decimals."""
    whole, _, cents = f"{amount:.4f}".rstrip("0").partition(".")
    return f"${whole}.{cents:0<2}"


def today(now: float) -> float:
    """When the day of Unix time `now` began here, in Unix time."""
    here = time.localtime(now)
    return time.mktime((here.tm_year, here.tm_mon, here.tm_mday, 0, 0, 0, 0, 0, -1))


def spent(entries: Iterable[Entry]) -> Spending:
    """What these jobs cost or may have cost."""
    usd = diem = certain = 0.0
    requests = unpriced = 0
    for entry in entries:
        record = entry.record
        reserved = entry.status is Status.PLANNED and not entry.interrupted
        charged = record["charge"] == Charge.CHARGED.value
        if record["plan"]["provider"] in FREE or (record["charge"] == Charge.NONE.value and not reserved):
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
    """On the day of Unix time `now`."""
    return spent(journal.since(today(now)))


@dataclass(frozen=True)
class Budget:
    """What may be spent in a day, in US dollars, and what of it is spent already."""

    limit: float
    spent: float

    def check(self, price: Price | None, *, reserved: bool = False) -> None:
        """Raises SpendingLimitExceeded where a request of that price would exceed the limit.

        `reserved`: `spent` holds it already.
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
        """The same for several pictures, each at its price: all of them or none."""
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
