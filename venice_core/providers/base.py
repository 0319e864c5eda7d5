"""What every provider can do. Pure: a provider builds requests and reads answers, it sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from venice_core.job import Facts, Options
from venice_core.network.messages import File, Request, Response
from venice_core.network.refusal_reader import Reader
from venice_core.network.urls import is_local
from venice_core.planning.capabilities import Capabilities
from venice_core.planning.plan import Plan


@dataclass(frozen=True)
class Encoded:
    """A picture as a file to send."""

    data: bytes = field(repr=False)
    media_type: str

    def file(self, name: str, stem: str) -> File:
        """As a part of a multipart body, under the field `name`."""
        return File(name, f"{stem}.{self.media_type.rpartition('/')[2]}", self.data, self.media_type)


def as_texts(fields: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Fields as a multipart body has them."""
    return tuple((name, str(v).lower() if isinstance(v, bool) else str(v)) for name, v in fields.items())


@dataclass(frozen=True)
class Upload:
    """What goes along with one request: the pictures in the order in which they are sent, the base first.

    `mask`: a real mask (RGBA, transparent = change), where the plan has one.
    """

    images: tuple[Encoded, ...] = ()
    mask: Encoded | None = None


@dataclass(frozen=True)
class Link:
    """Where a picture can be fetched, as the answer says it."""

    url: str


@dataclass(frozen=True)
class Account:
    """What a key may do and what is left on it, in US dollars and DIEM; None: not told.

    `note`: what else people should know.
    """

    permitted: bool
    tier: str = ""
    usd: float | None = None
    diem: float | None = None
    note: str = ""


def is_of_sandbox(response: Response, base_url: str) -> bool:
    """Whether a sandbox has made this, for nothing. Only one on this machine is believed."""
    said = response.headers.get("x-venice-sandbox", "").lower() == "true"
    return said and is_local(base_url)


class Provider(Reader, Protocol):
    """A dialect of an image API with its address and key."""

    @property
    def base_url(self) -> str:
        """Without a trailing slash; "": it has none yet."""
        ...

    @property
    def capabilities(self) -> Capabilities: ...

    def max_file_bytes(self, plan: Plan) -> int:
        """How large each picture of the plan's request may be as a file."""
        ...

    def request(self, plan: Plan, options: Options, upload: Upload) -> Request:
        """The smallest correct request. Raises BadInput where there is no address to send it to."""
        ...

    def pictures(self, response: Response) -> tuple[bytes | Link, ...]:
        """The picture files in a success, or where they are; at least one. Raises UnusableAnswer."""
        ...

    def facts(self, response: Response, plan: Plan) -> Facts:
        """What the response says beside the picture."""
        ...

    def account(self) -> Request:
        """The test of the key; it costs nothing. Raises BadInput as `request` does."""
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
        """Raises LookupFailed."""
        ...
