"""What a request costs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Price:
    """In US dollars and in DIEM, Venice's own unit; None: not known."""

    usd: float | None
    diem: float | None = None

    def plus(self, usd: float, diem: float) -> Price:
        return Price(
            None if self.usd is None else round(self.usd + usd, 6),
            None if self.diem is None else round(self.diem + diem, 6),
        )

    def share(self, count: int) -> Price:
        """Of one of `count` pictures that were made for this price."""
        return Price(
            None if self.usd is None else round(self.usd / count, 6),
            None if self.diem is None else round(self.diem / count, 6),
        )

    def times(self, count: int) -> Price:
        return Price(
            None if self.usd is None else round(self.usd * count, 6),
            None if self.diem is None else round(self.diem * count, 6),
        )
