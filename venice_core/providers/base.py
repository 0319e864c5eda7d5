"""What every provider can do. Pure: a provider builds requests and reads responses but sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from venice_core.job import Facts, Options
from venice_core.network.messages import File, Request, Response
from venice_core.network.refusal_reader import RefusalReader
from venice_core.network.urls import is_local
from venice_core.planning.capabilities import Capabilities
from venice_core.planning.plan import Plan


@dataclass(frozen=True)
class Encoded:
    """A picture as a file to send."""

    data: bytes = field(repr=False)
    media_type: str

    def file(self, name: str, stem: str) -> File:
        """Return the picture as a part of a multipart body, under the field `name`."""
        return File(name, f"{stem}.{self.media_type.rpartition('/')[2]}", self.data, self.media_type)


def form_fields(fields: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return fields as in a multipart body."""
    return tuple((name, str(v).lower() if isinstance(v, bool) else str(v)) for name, v in fields.items())


@dataclass(frozen=True)
class RequestImages:
    """The files of one request."""

    images: tuple[Encoded, ...] = ()
    """In the order in which they are sent, with the base first."""
    mask: Encoded | None = None
    """A real mask (RGBA, transparent to change), if the plan has one."""


@dataclass(frozen=True)
class ImageLink:
    """Where a picture can be downloaded, as given by the answer."""

    url: str


@dataclass(frozen=True)
class Account:
    """What a key may do, and its balance."""

    permitted: bool
    tier: str = ""
    usd: float | None = None
    """In US dollars; None if unknown."""
    diem: float | None = None
    """In DIEM; None if unknown."""
    note: str = ""
    """What else the user should know."""


def is_of_sandbox(response: Response, base_url: str) -> bool:
    """Return whether a sandbox sent this, for free. Only one on this machine is trusted."""
    said = response.headers.get("x-venice-sandbox", "").lower() == "true"
    return said and is_local(base_url)


class Provider(RefusalReader, Protocol):
    """A dialect of an image API, with its URL and key."""

    @property
    def base_url(self) -> str:
        """Without a trailing slash; "" if it has none yet."""
        ...

    @property
    def capabilities(self) -> Capabilities: ...

    def max_file_bytes(self, plan: Plan) -> int:
        """Return how large each picture of the plan's request may be as a file."""
        ...

    def request(self, plan: Plan, options: Options, upload: RequestImages) -> Request:
        """Return the smallest correct request. Raises BadInput if there is no URL to send it to."""
        ...

    def pictures(self, response: Response) -> tuple[bytes | ImageLink, ...]:
        """Return the pictures of a success, or links to them; at least one. Raises UnusableAnswer."""
        ...

    def facts(self, response: Response, plan: Plan) -> Facts:
        """Return what the response says in addition to the picture."""
        ...

    def account(self) -> Request:
        """Return the request that tests the key; it costs nothing. Raises BadInput like `request`."""
        ...

    def traits(self, kind: str) -> Request:
        """Ask which model of that type has which trait; it costs nothing.

        Raises BadInput where the service has no traits, and as `request` does.
        """
        ...

    def read_traits(self, response: Response) -> dict[str, str]:
        """Return models' ids by trait. Raises LookupFailed."""
        ...

    def read_account(self, response: Response) -> Account:
        """Read the response to `account`. Raises LookupFailed."""
        ...
