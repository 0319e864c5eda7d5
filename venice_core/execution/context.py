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
    """Who is asked, how, and what is kept of it."""

    provider: Provider
    key: Secret
    transport: Transport
    journal: Journal
    clock: Callable[[], float] = time.time
    """Unix time in s."""
    rate_limiter: RateLimiter = field(default_factory=RateLimiter)
    daily_limit: float | None = None
    """In US dollars; None where there is none."""

    def budget(self) -> Budget | None:
        """Return today's; None where there is no limit or the provider never charges."""
        if self.daily_limit is None or self.provider.capabilities.free:
            return None
        return Budget(self.daily_limit, spent_today(self.journal, self.clock()).usd)
