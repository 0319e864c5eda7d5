"""What the network layer asks a provider about a refusal."""

from __future__ import annotations

from typing import Protocol

from venice_core.errors import VeniceError
from venice_core.network.messages import Response


class RefusalReader(Protocol):
    """Interprets the refusals of a service."""

    def is_busy(self, response: Response) -> bool:
        """Return whether the provider says, in the documented way, that it is busy and charged nothing."""
        ...

    def failure(self, response: Response) -> VeniceError:
        """Return what an unsuccessful response means."""
        ...
