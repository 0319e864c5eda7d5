"""What a run needs from outside."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from venice_core.network.rate_limiter import RateLimiter
from venice_core.network.transport import Transport
from venice_core.providers.base import Provider
from venice_core.records.journal import Journal
from venice_core.records.spending import Budget, spent_today
from venice_core.secret import Secret


@dataclass(frozen=True)
class RunContext:
    """The services that a run uses."""

    provider: Provider
    key: Secret
    transport: Transport
    journal: Journal
    clock: Callable[[], float] = time.time
    """Returns Unix time."""
    rate_limiter: RateLimiter = field(default_factory=RateLimiter)
    daily_limit: float | None = None
    """In US dollars; None for no limit."""

    def budget(self) -> Budget | None:
        """Return today's budget, or None without a limit or if the provider never charges."""
        if self.daily_limit is None or self.provider.capabilities.free:
            return None
        return Budget(self.daily_limit, spent_today(self.journal, self.clock()).usd)
