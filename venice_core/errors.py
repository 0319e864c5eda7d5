"""What can go wrong: one class for each meaning.

    VeniceError
    ├── BadInput                    the request cannot be made as asked; nothing was sent
    │   ├── MissingKey              no key for the provider; nothing was sent
    │   ├── SpendingLimitExceeded   it would exceed the daily limit; nothing was sent
    │   ├── UnreadableImage         a local file is not the picture that it should be
    │   ├── UnusableFile            a file or folder cannot be read or written: missing, full, forbidden
    │   ├── AlreadyRunning          the worker runs one job at a time
    │   └── ProtocolError           a front end's message does not make sense
    ├── Cancelled                   the user stopped it
    ├── NotAccepted                 the provider never took the request; nothing was charged
    │   ├── NoConnection            not reached: name, refused, certificate, connect timeout
    │   ├── Busy                    429, or 503 in the documented form, after one retry
    │   └── LookupFailed            a free request got no usable answer
    ├── Refused                     the provider said no (4xx)
    │   ├── InvalidRequest          400, 415 and other 4xx
    │   ├── TooLarge                413
    │   │   └── TooLargeOnTheWay    413 from a proxy in front of the service
    │   ├── BadKey                  401
    │   ├── KeyNotReceived          402 as for a request without a key
    │   ├── NoFunds                 402
    │   ├── Forbidden               403, or 401 for a model that needs a higher access level
    │   │   ├── PrivateOnly         the key is for private models only
    │   │   └── NotInRegion         the model is not available everywhere
    │   ├── Intercepted             401, 403, 407 from something between here and the service
    │   ├── UnknownModel            404 about a model, 410
    │   ├── NotFound                404 about the URL
    │   └── PolicyRefusal           422, or a blocked picture: charge unknown
    └── NoUsableAnswer              sent, but no usable answer: may have been charged
        ├── ServerFailure       3xx, 5xx
        ├── LostConnection      reset, closed, or timed out after the body had begun
        ├── UnusableAnswer      2xx without a picture
        ├── DownloadFailed      2xx with a link to a picture that could not be downloaded
        └── PlacementFailed     the answer arrived and is kept, but could not be put in place

The sentences for the user are in `error_messages`; these are the facts.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any


class Charge(str, Enum):
    """What is known about a charge, from the least to the most serious."""

    NONE = "none"
    UNKNOWN = "unknown"
    POSSIBLE = "possible"
    CHARGED = "charged"

    @classmethod
    def gravest(cls, charges: Iterable[Charge]) -> Charge:
        """Return the most serious one; NONE if there are none."""
        return max(charges, key=list(cls).index, default=cls.NONE)


class Remedy(str, Enum):
    """What the user can do about an error; each front end says where."""

    SET_KEY = "set-key"
    RAISE_LIMIT = "raise-limit"
    SET_ADDRESS = "set-address"


class ExitCode(int, Enum):
    """What the command line returns."""

    DONE = 0
    BAD_INPUT = 2
    REFUSED = 3
    NOT_ACCEPTED = 4
    UNANSWERED = 5
    CANCELLED = 130


class VeniceError(Exception):
    """Root of the tree.

    `detail` is the provider's message, or what happened in one line; it never contains a key. `technical`
    helps to find the cause, such as an exception of the operating system. `status` is the HTTP status, if
    any, `request_id` the provider's support id, and `retryable` whether the same request may work later.
    """

    kind = "error"
    exit_code = ExitCode.UNANSWERED
    charge = Charge.NONE
    retryable = False
    remedy: Remedy | None = None

    def __init__(
        self,
        detail: str = "",
        *,
        status: int | None = None,
        request_id: str = "",
        charge: Charge | None = None,
        technical: str = "",
        remedy: Remedy | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.technical = technical
        self.status = status
        self.request_id = request_id
        if charge is not None:
            self.charge = charge
        if remedy is not None:
            self.remedy = remedy

    @property
    def facts(self) -> dict[str, str | int | None]:
        """What goes into records and messages, without the charge, which is stored separately."""
        return {
            "kind": self.kind,
            "detail": self.detail,
            "status": self.status,
            "request_id": self.request_id,
        }

    @property
    def maybe_charged(self) -> bool:
        return self.charge is not Charge.NONE


class BadInput(VeniceError):
    kind = "bad-input"
    exit_code = ExitCode.BAD_INPUT


class MissingKey(BadInput):
    """`variable` is the environment variable that could hold the key; "" if there is none."""

    kind = "missing-key"
    remedy = Remedy.SET_KEY

    def __init__(self, detail: str = "", *, variable: str = "", **facts: Any) -> None:
        super().__init__(detail, **facts)
        self.variable = variable


class SpendingLimitExceeded(BadInput):
    kind = "over-limit"
    remedy = Remedy.RAISE_LIMIT


class UnreadableImage(BadInput):
    kind = "broken-file"


class UnusableFile(BadInput):
    @classmethod
    def of(cls, error: OSError) -> UnusableFile:
        """Return the error for a file or folder that the system refuses."""
        return cls(f"{error.filename or 'A file'} cannot be used: {error.strerror or 'unknown error'}.")


class AlreadyRunning(BadInput):
    pass


class ProtocolError(BadInput):
    pass


class Cancelled(VeniceError):
    kind = "cancelled"
    exit_code = ExitCode.CANCELLED


class NotAccepted(VeniceError):
    kind = "not-accepted"
    exit_code = ExitCode.NOT_ACCEPTED
    retryable = True


class NoConnection(NotAccepted):
    kind = "no-connection"


class Busy(NotAccepted):
    kind = "busy"


class LookupFailed(NotAccepted):
    kind = "unlisted"


class Refused(VeniceError):
    kind = "refused"
    exit_code = ExitCode.REFUSED


class InvalidRequest(Refused):
    kind = "invalid-request"


class TooLarge(Refused):
    kind = "too-large"


class TooLargeOnTheWay(TooLarge):
    kind = "too-large-on-the-way"


class BadKey(Refused):
    kind = "bad-key"
    remedy = Remedy.SET_KEY


class KeyNotReceived(Refused):
    kind = "key-unseen"


class NoFunds(Refused):
    kind = "no-funds"


class Forbidden(Refused):
    kind = "forbidden"


class PrivateOnly(Forbidden):
    kind = "private-only"


class NotInRegion(Forbidden):
    kind = "not-in-region"


class Intercepted(Refused):
    kind = "intercepted"


class UnknownModel(Refused):
    kind = "unknown-model"


class NotFound(Refused):
    kind = "not-found"
    remedy = Remedy.SET_ADDRESS


class PolicyRefusal(Refused):
    kind = "policy"
    charge = Charge.UNKNOWN


class NoUsableAnswer(VeniceError):
    kind = "unanswered"
    charge = Charge.POSSIBLE


class ServerFailure(NoUsableAnswer):
    kind = "server-failure"


class LostConnection(NoUsableAnswer):
    kind = "lost-connection"


class UnusableAnswer(NoUsableAnswer):
    kind = "unusable-answer"


class DownloadFailed(NoUsableAnswer):
    kind = "unfetched"
    charge = Charge.CHARGED


class PlacementFailed(NoUsableAnswer):
    kind = "unplaced"
    charge = Charge.CHARGED


def every_kind() -> dict[str, type[VeniceError]]:
    """Return the classes by their kind on the wire, which a class without its own shares with its parent."""
    found: dict[str, type[VeniceError]] = {}
    waiting: list[type[VeniceError]] = [VeniceError]
    while waiting:
        cls = waiting.pop()
        found.setdefault(cls.kind, cls)
        waiting.extend(cls.__subclasses__())
    return found
