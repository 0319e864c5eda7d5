"""The settings file, and the provider that it selects.

Nothing here reads the environment; callers pass it in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from venice_core.errors import BadInput, UnusableFile
from venice_core.storage.atomic_files import write_or_refuse
from venice_core.storage.folders import Folders

DEFAULT_PROVIDER = "venice"


class Settings:
    """The settings file: `{"provider": name, "daily_limit_usd": number, "profiles": {name: {…}}}`.

    Unknown entries are kept.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "settings.json"

    def read(self) -> dict[str, Any]:
        """Return the settings. Raises BadInput if the file exists but cannot be read."""
        try:
            values = json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UnusableFile(f"The settings file {self.path} cannot be read: {error}.") from error
        if not isinstance(values, dict):
            raise BadInput(f"The settings file {self.path} does not contain settings.")
        return values

    @property
    def daily_limit(self) -> float | None:
        """The daily limit in US dollars, or None. Raises BadInput if the entry is invalid."""
        limit = self.read().get("daily_limit_usd")
        return None if limit is None else _amount(limit, f"daily_limit_usd in {self.path}")

    def set_daily_limit(self, limit: Any) -> None:
        """Set the daily limit, None for no limit. Raises BadInput if it is not an amount of US dollars."""
        self.update(daily_limit_usd=None if limit is None else _amount(limit, "The daily limit"))

    def update(self, **changes: Any) -> None:
        values = {**self.read(), **changes}
        write_or_refuse(self.path, json.dumps(values, indent=1, sort_keys=True).encode())


def _amount(value: Any, what: str) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value < 1e9:
        raise BadInput(f"{what} must be an amount in US dollars, 0 or more.")
    return float(value)


def provider_name(requested: str, env: Mapping[str, str], settings: Settings) -> str:
    """Return the requested provider, or else that of `VENICE_PROVIDER`, of the settings, or Venice."""
    return (
        requested
        or env.get("VENICE_PROVIDER")
        or str(settings.read().get("provider") or "")
        or DEFAULT_PROVIDER
    )


def displayed_provider(requested: str, env: Mapping[str, str]) -> str:
    """Return the same for use in a sentence, even if the settings cannot be read."""
    try:
        return provider_name(requested, env, Settings(Folders.of(env).settings))
    except BadInput:
        return requested or DEFAULT_PROVIDER
