"""Where the user of the command line finds the remedy for an error."""

from __future__ import annotations

from venice_core import error_messages
from venice_core.errors import Remedy, VeniceError

REMEDIES = {
    Remedy.SET_KEY: "To store a key, open Filters > Venice > Settings in GIMP 3.",
    Remedy.RAISE_LIMIT: "To change or remove the daily limit, run “account --daily-limit USD”.",
    Remedy.SET_ADDRESS: "To enter or change the address, open Filters > Venice > Settings in GIMP 3, or "
    "set its environment variable.",
}


def sentence(error: VeniceError, provider: str = "this provider") -> str:
    """Return the error as `error_messages.sentence` does, with where its remedy is."""
    return error_messages.sentence(error, provider, REMEDIES)
