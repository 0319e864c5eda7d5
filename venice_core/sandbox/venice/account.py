"""The account behind a key: what the key may do (depending on its text, see `switches`), and its balance."""

from __future__ import annotations

from venice_core.sandbox.switches import Switches
from venice_core.sandbox.venice.errors import ApiError

_BALANCES = {"USD": 50.23, "DIEM": 100.02}
_SHOWN = {"both": ("USD", "DIEM"), "usd": ("USD",), "diem": ("DIEM",), "none": ()}


def authorize(header: str, no_key: ApiError) -> str:
    """Return the key of an Authorization header. Raises `no_key`, or ApiError 401 or 403 for its text."""
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
    """Return the balances that are reported, by currency."""
    return {currency: _BALANCES[currency] for currency in _SHOWN[switches.balances]}
