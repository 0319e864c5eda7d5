"""What the network layer asks a provider about a refusal."""

from __future__ import annotations

from typing import Protocol

from venice_core.errors import VeniceError
from venice_core.network.messages import Response


class Reader(Protocol):
    """Who understands the refusals of a service."""

    def is_busy(self, response: Response) -> bool:
        """Whether the provider says "not now" in the documented way and has charged nothing."""
        ...

    def failure(self, response: Response) -> VeniceError:
        """What a response that is no success means."""
        ...
