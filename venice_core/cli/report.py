"""The outcome of each picture of a command: in words, as JSON and as an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from venice_core.cli.remedies import sentence
from venice_core.errors import Cancelled, Charge, ExitCode, VeniceError
from venice_core.planning.plan import Plan
from venice_core.planning.price import Price
from venice_core.records.entry import Entry, Status
from venice_core.records.spending import Spending, dollars, spent

_GRAVEST_FIRST = (
    ExitCode.CANCELLED,
    ExitCode.UNANSWERED,
    ExitCode.REFUSED,
    ExitCode.NOT_ACCEPTED,
    ExitCode.BAD_INPUT,
)


class Fate(str, Enum):
    """What happened to a picture."""

    PLANNED = "planned"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NEVER_TRIED = "never-tried"


@dataclass(eq=False)
class Outcome:
    """The outcome of one picture."""

    path: Path | None
    """None for a generation."""
    fate: Fate = Fate.NEVER_TRIED
    error: VeniceError | None = None
    """Why it failed or was never tried."""
    plan: Plan | None = None
    """How it is sent, once that is known."""
    entries: list[Entry] = field(default_factory=list)
    """Its jobs."""
    details: dict[str, Any] = field(default_factory=dict)
    """The outcome for `--json`."""
    cut_short: bool = False
    """Whether it was cancelled before all of its variations were made."""

    def end(self, error: VeniceError) -> None:
        self.fate = Fate.CANCELLED if isinstance(error, Cancelled) else Fate.FAILED
        self.error = error

    @property
    def exit_code(self) -> ExitCode:
        if self.cut_short:
            return ExitCode.CANCELLED
        return self.error.exit_code if self.error else ExitCode.DONE

    def line(self, text: str) -> str:
        return f"{self.path}: {text}" if self.path else text

    def why(self, provider: str) -> str:
        """Return why it was not done and, if it may have cost money, its jobs and where their answers are."""
        if self.error is None:
            return ""
        jobs = [entry.whereabouts for entry in self.entries if entry.status is not Status.PLACED]
        return " ".join([sentence(self.error, provider), *filter(None, jobs)])

    def to_json(self, provider: str) -> dict[str, Any]:
        jobs = [entry.id for entry in self.entries]
        return {
            **({"input": str(self.path)} if self.path else {}),
            "status": self.fate.value,
            **({"plan": self.plan.to_json()} if self.plan else {}),
            **({"job": jobs[0], "jobs": jobs} if jobs else {}),
            **self.details,
            **({"error": described(self.error, self.why(provider))} if self.error else {}),
        }


@dataclass(frozen=True)
class Report:
    """The outcomes of all pictures of a command, in order."""

    outcomes: Sequence[Outcome]
    provider: str

    @property
    def exit_code(self) -> ExitCode:
        """The most serious: a cancellation, then what may have cost money for nothing."""
        codes = {outcome.exit_code for outcome in self.outcomes}
        return next((code for code in _GRAVEST_FIRST if code in codes), ExitCode.DONE)

    def to_json(self) -> dict[str, Any]:
        counts = {fate.name.lower(): len(self._of(fate)) for fate in Fate}
        summary = {**counts, "price": asdict(self._price), "spent": asdict(self._spending)}
        results = [outcome.to_json(self.provider) for outcome in self.outcomes]
        return {"exit": int(self.exit_code), "results": results, "summary": summary}

    def plans(self) -> str:
        """Return how many pictures would be sent, and the price."""
        count, usd = len(self._of(Fate.PLANNED)), self._price.usd
        cost = "price unknown" if usd is None else dollars(usd)
        return f"{count} of {len(self.outcomes)} images can be sent, {cost} in total."

    def summary(self) -> str:
        """Return how many were done, failed or never tried, and the cost."""
        fates = {fate: self._of(fate) for fate in (Fate.FAILED, Fate.CANCELLED, Fate.NEVER_TRIED)}
        parts = [
            f"{len(outcomes)} {fate.value.replace('-', ' ')}{_charged(outcomes)}"
            for fate, outcomes in fates.items()
            if outcomes
        ]
        return f"{', '.join([f'{len(self._of(Fate.DONE))} done', *parts])}; {_cost(self._spending)}."

    def _of(self, fate: Fate) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.fate is fate]

    @property
    def _price(self) -> Price:
        """The price of everything that could be sent, as far as it is known."""
        prices = [outcome.plan.total or Price(None) for outcome in self.outcomes if outcome.plan]
        usd, diem = ([getattr(price, unit) for price in prices] for unit in ("usd", "diem"))
        return Price(*(None if None in amounts else round(sum(amounts), 6) for amounts in (usd, diem)))

    @property
    def _spending(self) -> Spending:
        return spent(entry for outcome in self.outcomes for entry in outcome.entries)


def described(error: VeniceError, text: str) -> dict[str, Any]:
    """Return an error for `--json`."""
    return {
        **error.facts,
        "message": text,
        "charge": error.charge.value,
        "exit": int(error.exit_code),
    }


def _charged(outcomes: Sequence[Outcome]) -> str:
    """Return, in parentheses, how many of them may have cost money."""
    charges = [Charge.gravest(Charge(entry.record["charge"]) for entry in each.entries) for each in outcomes]
    paid = [charge for charge in charges if charge is not Charge.NONE]
    if not paid:
        return ""
    sure = all(charge is Charge.CHARGED for charge in paid)
    count = "" if len(paid) == len(outcomes) else f"{len(paid)} "
    return f" ({count}{'charged' if sure else 'may have been charged'})"


def _cost(spending: Spending) -> str:
    unpriced = f"{spending.unpriced} at an unknown price" if spending.unpriced else ""
    if not spending.usd:
        return unpriced or "nothing spent"
    if not spending.certain:
        cost = f"at most {dollars(spending.usd)} spent"
    elif spending.certain < spending.usd:
        cost = f"about {dollars(spending.certain)} spent, at most {dollars(spending.usd)}"
    else:
        cost = f"about {dollars(spending.usd)} spent"
    return f"{cost}, and {unpriced}" if unpriced else cost
