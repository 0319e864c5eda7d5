"""Errors as sentences for the user: what happened, what to do next, the provider's own words."""

from __future__ import annotations

from collections.abc import Mapping

from venice_core.errors import Cancelled, Charge, MissingKey, PolicyRefusal, Remedy, VeniceError

# kind -> (what happened, what to do next). An empty sentence: the detail says it.
SENTENCES: dict[str, tuple[str, str]] = {
    "error": ("An internal error occurred.", "Please report it."),
    "bad-input": ("", ""),
    "missing-key": (
        "No API key is set for {provider}.",
        "{choose} the provider “sandbox” to try things out without a key.",
    ),
    "over-limit": ("", "Nothing was sent."),
    "broken-file": ("The file cannot be read as an image.", ""),
    "cancelled": ("Cancelled.", ""),
    "not-accepted": ("The request was not accepted.", "Nothing was charged. Try again."),
    "no-connection": (
        "The service could not be reached.",
        "Check the network, proxy, and address, then try again. Nothing was charged.",
    ),
    "busy": (
        "The service is busy, or its rate limit was reached.",
        "Nothing was charged. Wait, then try again.",
    ),
    "unlisted": (
        "The service did not return the requested information.",
        "This request costs nothing. Check the network and the address, then try again.",
    ),
    "refused": ("The service refused the request.", ""),
    "invalid-request": (
        "The service rejected this request.",
        "Correct the problem it reports. As far as is known, nothing was charged.",
    ),
    "too-large": (
        "The image is too large for the service.",
        "Select a smaller region or use a smaller layer. As far as is known, nothing was charged.",
    ),
    "too-large-on-the-way": (
        "Something between this computer and the service, such as a proxy, accepts only smaller requests.",
        "Select a smaller region or use a smaller layer. If the proxy is yours, raise its limit (in "
        "nginx: client_max_body_size). As far as is known, nothing was charged.",
    ),
    "bad-key": (
        "The service did not accept the API key.",
        "Check that the key is complete and still valid. Nothing was charged.",
    ),
    "key-unseen": (
        "The service received no API key.",
        "Something between this computer and the service, such as a proxy, removed it. Nothing was charged.",
    ),
    "no-funds": (
        "The account balance or the key's spending limit does not cover this request.",
        "Add funds to the account or raise the key's limit. Nothing was charged.",
    ),
    "forbidden": (
        "This API key or its account is not allowed to do that.",
        "Use another model, or a key without this restriction. Nothing was charged.",
    ),
    "private-only": (
        "This API key allows private models only, and this model is not private.",
        "Choose a model that is listed as private, or change the key's privacy setting at the service. "
        "Nothing was charged.",
    ),
    "not-in-region": (
        "The service does not offer this in your region.",
        "Choose another model. Nothing was charged.",
    ),
    "intercepted": (
        "Something between this computer and the service, such as a proxy or firewall, refused the request.",
        "Check the network and the address, or ask your network administrator. As far as is known, "
        "nothing was charged.",
    ),
    "unknown-model": (
        "The service does not offer this model, or no longer does.",
        "Choose another model. Nothing was charged.",
    ),
    "not-found": (
        "There is no image service at this address.",
        "Check the address. Nothing was charged.",
    ),
    "policy": (
        "The service's content policy blocked this request.",
        "Change the prompt or the image.",
    ),
    "unanswered": ("The request was sent, but no usable response came back.", ""),
    "server-failure": ("The service failed while processing the request.", "Try again later."),
    "lost-connection": (
        "The connection was lost after the request was sent.",
        "Check your balance before you send it again.",
    ),
    "unfetched": (
        "The service made an image, but it could not be downloaded from the link in the response.",
        "The link is kept in the job's folder; such links expire within minutes or hours.",
    ),
    "unplaced": ("The result arrived but could not be put in place.", "The service's response is kept."),
    "unusable-answer": (
        "The service's response contains no usable image.",
        "Try another model or prompt. The response is kept in the job's folder.",
    ),
}

_CHARGES = {
    Charge.UNKNOWN: "It is not known whether you were charged.",
    Charge.POSSIBLE: "You may have been charged.",
    Charge.CHARGED: "You were charged.",
}


def sentence(
    error: VeniceError, provider: str = "this provider", remedies: Mapping[Remedy, str] | None = None
) -> str:
    """Return one paragraph on which the user can act. Contains no key.

    `remedies` has a sentence for each remedy, which says where in this front end that is done.
    """
    what, next_step = SENTENCES[error.kind]
    if isinstance(error, MissingKey):
        next_step = next_step.format(
            choose=f"Set {error.variable}, or choose" if error.variable else "Choose"
        )
    parts = [what.format(provider=provider) or error.detail]
    if what and error.detail:
        where = f"HTTP {error.status}: " if error.status else ""
        parts.append(f"({where}{error.detail})")
    elif error.status:
        parts.append(f"(HTTP {error.status})")
    charge = _CHARGES.get(error.charge, "")
    if isinstance(error, Cancelled | PolicyRefusal) and error.charge is Charge.NONE:
        charge = "Nothing was charged."
    parts += [charge, next_step]
    if remedies and error.remedy:
        parts.append(remedies[error.remedy])
    if error.request_id:
        parts.append(f"Support ID: {error.request_id}.")
    return " ".join(part for part in parts if part)
