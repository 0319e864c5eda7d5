"""What every provider can do. Pure: a provider builds requests and reads answers, it sends nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from venice_core.errors import VeniceError
from venice_core.job import Facts, Options
from venice_core.plan import Plan
from venice_core.providers.capabilities import Capabilities
from venice_core.transport import Request, Response


@dataclass(frozen=True)
class Encoded:
    """A picture as a file to send."""

    data: bytes = field(repr=False)
    media_type: str


class Provider(Protocol):
    """A dialect of an image API with its address and key."""

    @property
    def capabilities(self) -> Capabilities: ...

    def max_file_bytes(self, plan: Plan) -> int:
        """How large each picture of the plan's request may be as a file."""
        ...

    def request(self, plan: Plan, options: Options, images: tuple[Encoded, ...]) -> Request:
        """The smallest correct request; `images` in the order in which they are sent, base first."""
        ...

    def is_busy(self, response: Response) -> bool:
        """Whether the provider says "not now" in the documented way and has charged nothing."""
        ...

    def failure(self, response: Response) -> VeniceError:
        """What a response that is no success means."""
        ...

    def pictures(self, response: Response) -> tuple[bytes, ...]:
        """The picture files in a success, at least one. Raises UnusableAnswer."""
        ...

    def facts(self, response: Response) -> Facts:
        """What the response says beside the picture."""
        ...
