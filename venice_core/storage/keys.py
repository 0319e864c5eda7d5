"""Store API keys in the system's keyring, or in a file that only the user can read."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from venice_core.secret import Secret
from venice_core.storage.atomic_files import write_or_refuse
from venice_core.storage.folders import APP

KEYRING_SECONDS = 3.0
IN_ENVIRONMENT = "environment"
"""The origin of a key."""

T = TypeVar("T")


class KeyStore:
    """Keys by provider: from the environment, the system's keyring, or a file of mode 0600, in this order."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.path = folder / "keys.json"
        self._env = env

    def find(self, provider: str, variable: str = "") -> tuple[Secret, str]:
        """Return the key and its origin: "environment", "keyring", "file", or "" with an empty secret.

        The environment variable `variable`, if set, takes precedence.
        """
        value = self._env.get(variable, "").strip()
        if value:
            return Secret(value), IN_ENVIRONMENT
        value = _within(lambda: _keyring_get(provider), "")
        if value:
            return Secret(value), "keyring"
        value = self._read_file().get(provider, "")
        return Secret(value), "file" if value else ""

    def store(self, provider: str, key: Secret) -> str:
        """Store a key, or remove it if it is empty; return "keyring" or "file"."""
        value = key.reveal().strip()
        kept = _within(lambda: _keyring_set(provider, value), False)
        keys = self._read_file()
        keys.pop(provider, None)
        if value and not kept:
            keys[provider] = value
        if keys or self.path.exists():
            write_or_refuse(self.path, json.dumps(keys, indent=1).encode())
        return "keyring" if kept else "file"

    def _read_file(self) -> dict[str, str]:
        try:
            values = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(values, dict):
            return {}
        return {name: value for name, value in values.items() if isinstance(value, str)}


def _keyring_get(provider: str) -> str:
    import keyring  # noqa: PLC0415 - it looks for back ends when imported

    return keyring.get_password(APP, provider) or ""


def _keyring_set(provider: str, value: str) -> bool:
    import keyring  # noqa: PLC0415
    from keyring.errors import PasswordDeleteError  # noqa: PLC0415

    if value:
        keyring.set_password(APP, provider, value)
        # a back end that is switched off takes everything and keeps nothing
        return keyring.get_password(APP, provider) == value
    with contextlib.suppress(PasswordDeleteError):
        keyring.delete_password(APP, provider)
    return True


def _within(action: Callable[[], T], otherwise: T, seconds: float = KEYRING_SECONDS) -> T:
    """Return the action's value, or `otherwise` if it fails or takes too long: a locked keyring may block."""
    outcome: list[T] = []

    def attempt() -> None:
        with contextlib.suppress(Exception):  # any back end may fail in its own way
            outcome.append(action())

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    return outcome[0] if outcome else otherwise
