"""Where on the command line the user does what helps against an error."""

from __future__ import annotations

from venice_core import messages
from venice_core.errors import Remedy, VeniceError

REMEDIES = {
    Remedy.SET_KEY: "GIMP 3 can store it: Filters > Venice > Settings.",
    Remedy.RAISE_LIMIT: "“account --daily-limit USD” sets it.",
    Remedy.SET_ADDRESS: "It is set in GIMP 3 (Filters > Venice > Settings) or in the environment.",
}


def sentence(error: VeniceError, provider: str = "this provider") -> str:
    """Return what `messages.sentence` says, with where its remedy is found."""
    return messages.sentence(error, provider, REMEDIES)
