"""What Venice provides for free: models, traits, styles, the account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from venice_core.errors import LookupFailed
from venice_core.network.messages import Request, Response
from venice_core.providers.base import Account
from venice_core.providers.venice.json_values import as_mapping
from venice_core.secret import Secret

NO_KEY = Secret("")


def models(base_url: str, kind: str, key: Secret = NO_KEY) -> Request:
    """Request the models of a type.

    The key is sent only if the service asks for one; the documentation says both that it is and is not
    needed.
    """
    return Request("GET", f"{base_url}/models?type={kind}", key=key)


def read_models(response: Response) -> list[Any]:
    """Return the entries as sent by the service. Raises LookupFailed."""
    entries = _body(response, "models").get("data")
    if not isinstance(entries, list):
        raise LookupFailed("the list of models could not be read", status=response.status)
    return entries


def styles(base_url: str) -> Request:
    return Request("GET", f"{base_url}/image/styles")


def read_styles(response: Response) -> tuple[str, ...]:
    """Read both documented forms, `{"data": […]}` and the bare list. Raises LookupFailed."""
    body = response.json
    listed = body.get("data") if isinstance(body, dict) else body
    if not isinstance(listed, list):
        raise LookupFailed("the list of styles could not be read", status=response.status)
    return tuple(style for style in listed if isinstance(style, str))


def traits(base_url: str, kind: str, key: Secret) -> Request:
    return Request("GET", f"{base_url}/models/traits?type={kind}", key=key)


def read_traits(response: Response) -> dict[str, str]:
    """Return model ids by trait. Raises LookupFailed."""
    named = as_mapping(_body(response, "traits").get("data"))
    return {str(trait): model for trait, model in named.items() if isinstance(model, str)}


def account(base_url: str, key: Secret) -> Request:
    """Request the account, which tests the key and costs nothing."""
    return Request("GET", f"{base_url}/api_keys/rate_limits", key=key)


def read_account(response: Response) -> Account:
    """Read the account; any balance may be missing. Raises LookupFailed."""
    data = as_mapping(_body(response, "account").get("data"))
    balances = as_mapping(data.get("balances"))

    def amount(name: str) -> float | None:
        value = balances.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
            return None
        return float(value)

    tier = as_mapping(data.get("apiTier")).get("id")
    return Account(
        permitted=data.get("accessPermitted") is not False,
        tier=tier if isinstance(tier, str) else "",
        usd=amount("USD"),
        diem=amount("DIEM"),
    )


def _body(response: Response, what: str) -> Mapping[str, Any]:
    body = response.json
    if not isinstance(body, dict):
        raise LookupFailed(f"the {what} response could not be read", status=response.status)
    return body
