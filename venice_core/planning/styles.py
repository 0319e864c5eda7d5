"""The style of a generated image, as the service spells it."""

from __future__ import annotations

import difflib

from venice_core.errors import BadInput


def match_style(requested: str, known: tuple[str, ...]) -> str:
    """Return the style as the service spells it. Raises BadInput if it is unknown."""
    if not requested or not known:
        return requested
    spelled = {name.lower(): name for name in known}
    if requested.lower() in spelled:
        return spelled[requested.lower()]
    near = [spelled[name] for name in difflib.get_close_matches(requested.lower(), spelled, 3, 0.5)]
    hint = f"did you mean {', '.join(near)}?" if near else f"available styles include {', '.join(known[:8])}."
    raise BadInput(f"There is no style “{requested}”; {hint}")
