"""The account behind a key: what the key may do (its text decides, see `switches`), and what is left."""

from __future__ import annotations

from venice_core.sandbox.switches import Switches
from venice_core.sandbox.venice.errors import ApiError

_BALANCES = {"USD": 50.23, "DIEM": 100.02}
_SHOWN = {"both": ("USD", "DIEM"), "usd": ("USD",), "diem": ("DIEM",), "none": ()}


def authorize(header: str, no_key: ApiError) -> str:
    """The key in an Authorization header; raises `no_key` without one, ApiError 401 or 403 by its text."""
    if not header:
        raise no_key
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer" or not key.strip() or key.startswith("bad"):
        raise ApiError(401, "Authentication failed")
    if key.startswith("admin-only"):
        raise ApiError(401, "Unauthorized. This model is only available to keys with a higher access level")
    if key.startswith("restricted"):
        raise ApiError(403)
    return key


def balances(switches: Switches) -> dict[str, float]:
    """By currency, those that are told."""
    return {currency: _BALANCES[currency] for currency in _SHOWN[switches.balances]}
