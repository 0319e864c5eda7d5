"""Folders, the settings file, and where the API key comes from.

Nothing here reads the environment by itself: callers pass it in.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, AnyStr, TypeVar

import platformdirs

from venice_core.errors import BadInput

APP = "venice-gimp"
KEYRING_SECONDS = 3.0
DEFAULT_PROVIDER = "venice"
IN_ENVIRONMENT = "environment"
"""Where a key is from."""

T = TypeVar("T")


class Secret:
    """A key that does not show itself in logs, errors or tracebacks."""

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    @property
    def sendable(self) -> bool:
        """Whether it can stand in a header: visible ASCII characters only."""
        return self._value.isascii() and self._value.isprintable() and " " not in self._value

    @property
    def is_distinct(self) -> bool:
        """Whether it is long enough not to occur somewhere by chance."""
        return len(self._value) >= 12

    def scrub(self, text: AnyStr) -> AnyStr:
        """`text` without the key, should a server have repeated it."""
        if not self._value:
            return text
        if isinstance(text, bytes):
            return text.replace(self._value.encode(), b"***")
        return text.replace(self._value, "***")

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(***)" if self._value else "Secret()"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written anywhere")


@dataclass(frozen=True)
class Folders:
    """Where things are kept; none is made before something is written there."""

    settings: Path
    jobs: Path
    cache: Path
    logs: Path
    scratch: Path

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Folders:
        """`VENICE_HOME` holds everything; without it the platform's user folders do."""
        home = env.get("VENICE_HOME")
        if home:
            try:
                base = Path(home).expanduser().absolute()
            except RuntimeError as error:
                raise BadInput(f"VENICE_HOME is {home}, and nobody here has that name.") from error
            return cls(base, base / "jobs", base / "cache", base / "logs", base / "scratch")
        data = Path(platformdirs.user_data_dir(APP, appauthor=False))
        return cls(
            settings=Path(platformdirs.user_config_dir(APP, appauthor=False)),
            jobs=data / "jobs",
            cache=Path(platformdirs.user_cache_dir(APP, appauthor=False)),
            logs=Path(platformdirs.user_log_dir(APP, appauthor=False)),
            scratch=data / "scratch",
        )


def private_folder(path: Path) -> Path:
    """Made if missing, readable by its owner only."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def check_writable(path: Path) -> None:
    """Raises OSError where `write_atomically` could not write there, or a read-only file is."""
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    handle, temporary = _temporary(_target(path))
    os.close(handle)
    temporary.unlink()


def write_atomically(path: Path, data: bytes, *, private: bool = True) -> None:
    """All of it or nothing, on the disk when this returns; mode 0600, or as the user's umask has it.

    Where the path is a link, what it leads to is written. A file that is not private keeps mode and owner.
    """
    path = _target(path)
    private_folder(path.parent)
    handle, temporary = _temporary(path)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if not private:
            _adopt(temporary, path)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _target(path: Path) -> Path:
    """Where a link leads to in the end, or the path itself. Raises OSError for a link to itself."""
    if not path.is_symlink():
        return path
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return target


def _temporary(path: Path) -> tuple[int, Path]:
    """An open file beside it; of a short name, since the path's may be as long as names can be."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{APP}.")
    return handle, Path(name)


def _adopt(temporary: Path, path: Path) -> None:
    """Gives a new file the mode and the owner of the one whose place it takes, or what is usual."""
    umask = os.umask(0)
    os.umask(umask)
    mode = 0o666 & ~umask
    if path.exists():
        old = path.stat()
        mode = stat.S_IMODE(old.st_mode)
        if os.name == "posix":
            with contextlib.suppress(OSError):  # of another person's, the group or nothing can be kept
                os.chown(temporary, old.st_uid, old.st_gid)
    temporary.chmod(mode)


def sync_folder(path: Path) -> None:
    """Afterwards what was made in it or renamed is on the disk too."""
    if os.name == "posix":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Settings:
    """The settings file: `{"provider": name, "daily_limit_usd": number, "profiles": {name: {…}}}`.

    Unknown entries are kept.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "settings.json"

    def read(self) -> dict[str, Any]:
        """Raises BadInput where the file is there and not readable as settings."""
        try:
            values = json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise BadInput(f"The settings file {self.path} cannot be read: {error}.") from error
        if not isinstance(values, dict):
            raise BadInput(f"The settings file {self.path} does not hold settings.")
        return values

    @property
    def daily_limit(self) -> float | None:
        """What may be spent in a day, in US dollars; None: no limit. Raises BadInput for what is none."""
        limit = self.read().get("daily_limit_usd")
        return None if limit is None else _amount(limit, f"daily_limit_usd in {self.path}")

    def set_daily_limit(self, limit: Any) -> None:
        """None takes it away. Raises BadInput for what is no amount of US dollars."""
        self.update(daily_limit_usd=None if limit is None else _amount(limit, "The limit per day"))

    def update(self, **changes: Any) -> None:
        values = {**self.read(), **changes}
        _write(self.path, json.dumps(values, indent=1, sort_keys=True).encode())


def _amount(value: Any, what: str) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value < 1e9:
        raise BadInput(f"{what} must be an amount of US dollars, 0 or more.")
    return float(value)


def provider_name(wish: str, env: Mapping[str, str], settings: Settings) -> str:
    """The provider asked for, else `VENICE_PROVIDER`, else the settings', else Venice."""
    return (
        wish or env.get("VENICE_PROVIDER") or str(settings.read().get("provider") or "") or DEFAULT_PROVIDER
    )


def provider_for_people(wish: str, env: Mapping[str, str]) -> str:
    """As `provider_name`, for a sentence: also where the settings cannot be read."""
    try:
        return provider_name(wish, env, Settings(Folders.of(env).settings))
    except BadInput:
        return wish or DEFAULT_PROVIDER


class KeyStore:
    """Keys by provider: environment, then the system's keyring, then a file of mode 0600."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.path = folder / "keys.json"
        self._env = env

    def find(self, provider: str, variable: str = "") -> tuple[Secret, str]:
        """The key and where it is from: "environment", "keyring", "file", or "" with an empty secret.

        `variable`: of the environment, which wins.
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
        """Keeps the key (empty: forgets it) and says where: "keyring" or "file"."""
        value = key.reveal().strip()
        kept = _within(lambda: _keyring_set(provider, value), False)
        keys = self._read_file()
        keys.pop(provider, None)
        if value and not kept:
            keys[provider] = value
        if keys or self.path.exists():
            _write(self.path, json.dumps(keys, indent=1).encode())
        return "keyring" if kept else "file"

    def _read_file(self) -> dict[str, str]:
        try:
            values = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(values, dict):
            return {}
        return {name: value for name, value in values.items() if isinstance(value, str)}


def _write(path: Path, data: bytes) -> None:
    """Raises BadInput where it cannot be written."""
    try:
        write_atomically(path, data)
    except OSError as error:
        raise BadInput(f"The file {path} cannot be written: {error.strerror}.") from error


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
    """The action's value, or `otherwise` when it fails or takes longer: a locked keyring may wait."""
    outcome: list[T] = []

    def attempt() -> None:
        with contextlib.suppress(Exception):  # any back end may fail in its own way
            outcome.append(action())

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    return outcome[0] if outcome else otherwise
