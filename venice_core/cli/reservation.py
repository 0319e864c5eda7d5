"""A file's name that is taken before the file is there, so that nobody pays for the same file meanwhile.

It is a lock on a hidden file beside it. The operating system lets go of the lock when its process ends,
however it ends: what a killed one leaves is an empty hidden file, which is in nobody's way and goes with the
next reservation of that name.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from pathlib import Path

SUFFIX = ".venice"
LONGEST = 255
"""In bytes, of a file's name on every usual disk."""


class Reservation:
    """Holds a name until it is released."""

    def __init__(self, lock: Path, handle: int) -> None:
        self._lock = lock
        self._handle = handle

    @classmethod
    def of(cls, path: Path) -> Reservation | None:
        """None where somebody else holds the name. Raises OSError where there can be no file."""
        lock = lock_of(path)
        while True:
            try:
                handle, made = _open(lock)
            except PermissionError:
                if lock.exists():  # somebody else's, who lets nobody look at it
                    return None
                raise
            try:
                if not _take(handle, otherwise=made):
                    os.close(handle)
                    return None
                if _is(lock, handle):
                    return cls(lock, handle)
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)  # whoever held it took it away between opening and locking

    def release(self) -> None:
        """The hidden file goes too: before somebody else can lock it, but an open one cannot on Windows."""
        if sys.platform == "win32":
            os.close(self._handle)
        with contextlib.suppress(OSError):
            self._lock.unlink()
        if sys.platform != "win32":
            os.close(self._handle)


def lock_of(path: Path) -> Path:
    """The hidden file; one for all spellings of a path."""
    real = Path(os.path.realpath(path))
    name = f".{real.name}{SUFFIX}"
    if len(os.fsencode(name)) > LONGEST:
        name = f".{hashlib.sha256(os.fsencode(real.name)).hexdigest()[:32]}{SUFFIX}"
    return real.with_name(name)


def _open(lock: Path) -> tuple[int, bool]:
    """The open file, and whether it was made here."""
    flags = os.O_RDWR | os.O_CREAT
    try:
        return os.open(lock, flags | os.O_EXCL, 0o666), True
    except FileExistsError:
        pass
    except PermissionError:
        if os.name == "posix":
            raise
        time.sleep(0.1)  # one that is going away cannot be opened there until it is gone
    try:
        return os.open(lock, flags, 0o666), False
    except PermissionError:
        return os.open(lock, os.O_RDONLY), False  # another user's: it can be locked all the same


def _take(handle: int, *, otherwise: bool) -> bool:
    """Whether nobody else has it locked; `otherwise`: the answer where the disk knows no locks."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - only there

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl  # noqa: PLC0415 - not there

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return otherwise
    return True


def _is(lock: Path, handle: int) -> bool:
    try:
        return os.path.samestat(lock.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
