"""Messages between a front end and the worker: one JSON object a line, UTF-8, on standard input and output.

A front end sends calls; the worker answers each with events that carry its number. The worker's first message
is `Hello`. Pixels travel as raw files in the folder that it names: 8-bit RGBA of a picture, 8-bit coverage of
a selection, float32 RGBA of colors outside sRGB. A host that can only save and load pictures has them turned
into raw pixels by `decode`, and back by `encode`.

The methods are in `methods`; their parameters and values are here. Parameters with a default may be missing.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, TypedDict

from venice_core.error_messages import sentence
from venice_core.errors import ProtocolError, VeniceError
from venice_core.planning.price import Price
from venice_core.progress import Progress

PROTOCOL = 2


# Values that several messages hold


class ExtentJson(TypedDict):
    """In px."""

    width: int
    height: int


class BoundsJson(ExtentJson):
    """In px of the image."""

    x: int
    y: int


class PriceJson(TypedDict):
    """In US dollars and DIEM; None: unknown."""

    usd: float | None
    diem: float | None


def price_json(price: Price | None) -> PriceJson | None:
    """Return a price as messages have it."""
    return {"usd": price.usd, "diem": price.diem} if price else None


# The parameters of the methods, and their values


class _TrialParams(TypedDict, total=False):
    trial: bool
    """The user sees in a window which provider it is: without a choice it may be the sandbox on trial."""


class PlanParams(_TrialParams, total=False):
    job: dict[str, Any]
    """As `Job.from_json` reads it."""
    coverage: str
    """The file with the selection's coverage."""
    to_send: bool
    """Its pixels come next, and `run` names it by its id; so an empty prompt is a mistake now."""


class PlanValue(TypedDict):
    """What would be sent, and what it costs: the fields of `Plan` that a front end reads."""

    id: int
    action: str
    key: bool
    """Whether there is a key, or none is needed."""
    provider: str
    endpoint: str
    model: str
    crop: BoundsJson
    size: ExtentJson
    guided: bool
    references: list[ExtentJson]
    privacy: str
    requests: int
    pictures: int
    total: PriceJson | None
    warnings: list[str]


class RunParams(TypedDict, total=False):
    plan: int
    """The id of the plan that is sent."""
    source: str
    wide: str
    """The source's colors where they may be outside sRGB."""
    coverage: str | None
    references: list[str]


class ResultJson(TypedDict):
    """One picture. `pixels`, `mask` and `rim` are paths of raw files."""

    job: str
    crop: BoundsJson
    pixels: str | None
    mask: str | None
    rim: str | None
    name: str
    recipe: dict[str, Any]
    facts: dict[str, Any]
    price: PriceJson | None


class RunValue(TypedDict):
    results: list[ResultJson]
    warnings: list[str]
    failed: int
    """How many of the wanted variations were not made."""


class PlacedParams(TypedDict):
    job: str


class StatusParams(_TrialParams, total=False):
    provider: str
    action: str
    """Whose models to list; an edit's where it is missing."""


class ModelJson(TypedDict):
    id: str
    name: str
    price: PriceJson | None
    aspect_ratios: list[str]
    resolutions: list[str]
    qualities: list[str]
    offline: bool
    privacy: str


class ProfileJson(TypedDict):
    """The profile of an OpenAI-compatible service, as Settings show it."""

    title: str
    based_on: str
    base_url: str
    base_url_variable: str
    """The environment variable that the address comes from; "": none."""
    model: str
    changed: bool


class StatusValue(TypedDict):
    provider: str
    providers: list[str]
    titles: dict[str, str]
    default_provider: str
    trial: bool
    key: bool
    key_source: str
    keyless: bool
    profile: ProfileJson | None
    bases: list[str]
    default_model: str
    models: list[ModelJson]
    models_date: float
    """Unix time; 0: the packaged list."""
    styles: list[str]
    daily_limit: float | None
    spent_today: dict[str, Any]


class AccountParams(TypedDict, total=False):
    """A provider, with what was typed but not stored yet."""

    provider: str
    key: str
    base_url: str
    model: str


class AccountValue(TypedDict):
    permitted: bool
    tier: str
    usd: float | None
    diem: float | None
    note: str


class CancelParams(TypedDict, total=False):
    stop: bool
    """Also where it may already be paid for."""
    unless_sent: bool
    """Nothing is stopped where it may already be paid for; then the value is "sent"."""


class ConfigureParams(TypedDict, total=False):
    provider: str
    key: str | None
    """"" forgets it; None leaves it."""
    use: bool
    """False: the provider in use stays."""
    trial: bool
    daily_limit: float | None
    """In US dollars a day; None removes the limit."""


class ConfigureValue(TypedDict):
    provider: str
    kept: str
    """Where the key is stored; "": none was given."""


class ProfileParams(TypedDict):
    provider: str
    entries: dict[str, Any]
    """An entry of None is removed."""


class ForgetParams(TypedDict):
    provider: str


class DecodeParams(ExtentJson):
    """A `picture` in the worker's folder, and the file of raw pixels `to` be made of it there."""

    kind: Literal["rgba", "coverage", "wide"]
    picture: str
    to: str


class _EncodeParams(ExtentJson):
    kind: Literal["rgba", "coverage", "wide"]
    pixels: str
    to: str


class EncodeParams(_EncodeParams, total=False):
    """A result's file of raw `pixels`, and the picture `to` be made of it in the worker's folder."""

    alpha: str | None
    """A file of coverage that becomes its alpha."""


# Events


class Hello(TypedDict):
    id: int
    event: Literal["hello"]
    protocol: int
    version: str
    folder: str


class ResultEvent(TypedDict):
    id: int
    event: Literal["result"]
    value: Any
    """That of the call's method."""


class ErrorJson(TypedDict):
    kind: str
    message: str
    """A paragraph for the user; a front end adds where to find the remedy."""
    detail: str
    status: int | None
    request_id: str
    technical: str
    charge: str
    retryable: bool
    remedy: str | None


class ErrorEvent(TypedDict):
    id: int
    event: Literal["error"]
    error: ErrorJson


class ProgressEvent(TypedDict):
    id: int
    event: Literal["progress"]
    stage: str
    done: int
    total: int
    seconds: float


class DetachedEvent(TypedDict):
    """The worker goes on alone; the answer will be in the journal."""

    id: int
    event: Literal["detached"]
    message: str


class NewsEvent(TypedDict):
    """There is a newer list of models, so plans may have changed."""

    id: int
    event: Literal["news"]


Event = Hello | ResultEvent | ErrorEvent | ProgressEvent | DetachedEvent | NewsEvent


@dataclass(frozen=True)
class Call:
    """What a front end asks: `{"id": …, "method": …, "params": {…}}`."""

    id: int
    method: str
    params: dict[str, Any]

    @classmethod
    def parse(cls, line: bytes) -> Call:
        """Parse a line. Raises BadInput if it is not a call."""
        try:
            message = json.loads(line)
            call = cls(message["id"], message["method"], message.get("params") or {})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ProtocolError(f"not a message: {error}") from error
        if not (isinstance(call.id, int) and isinstance(call.method, str) and isinstance(call.params, dict)):
            raise ProtocolError("not a message: id, method or params have the wrong type")
        return call


class MessageWriter:
    """Writes events, from any thread; once the reader is gone, into nothing."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream: BinaryIO | None = stream
        self._lock = threading.Lock()

    def hello(self, version: str, folder: str) -> None:
        self._write({"id": 0, "event": "hello", "protocol": PROTOCOL, "version": version, "folder": folder})

    def result(self, call_id: int, value: Any) -> None:
        self._write({"id": call_id, "event": "result", "value": value})

    def error(self, call_id: int, error: VeniceError, provider: str) -> None:
        facts: ErrorJson = {
            "kind": error.kind,
            "message": sentence(error, provider),
            "detail": error.detail,
            "status": error.status,
            "request_id": error.request_id,
            "technical": error.technical,
            "charge": error.charge.value,
            "retryable": error.retryable,
            "remedy": error.remedy.value if error.remedy else None,
        }
        self._write({"id": call_id, "event": "error", "error": facts})

    def news(self) -> None:
        self._write({"id": 0, "event": "news"})

    def progress(self, call_id: int, progress: Progress) -> None:
        self._write(
            {
                "id": call_id,
                "event": "progress",
                "stage": progress.stage.value,
                "done": progress.done,
                "total": progress.total,
                "seconds": progress.seconds,
            }
        )

    def detached(self, call_id: int, message: str) -> None:
        self._write({"id": call_id, "event": "detached", "message": message})

    def close(self) -> None:
        with self._lock:
            stream, self._stream = self._stream, None
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    return

    def _write(self, message: Event) -> None:
        data = json.dumps(message).encode("ascii") + b"\n"
        with self._lock:
            if self._stream is None:
                return
            try:
                self._stream.write(data)
                self._stream.flush()
            except (OSError, ValueError):
                self._stream = None
