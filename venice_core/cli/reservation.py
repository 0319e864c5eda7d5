"""Reserve the name of a file before it exists, so that nobody else pays for the same file meanwhile.

A reservation is a lock on a hidden file in the same folder. The operating system releases the lock when its
process ends, however it ends: a killed process leaves an empty hidden file, which blocks nobody and is
removed with the next reservation of that name.
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
"""In bytes: the longest file name on every common file system."""


class Reservation:
    """Holds a name until it is released."""

    def __init__(self, lock: Path, handle: int) -> None:
        self._lock = lock
        self._handle = handle

    @classmethod
    def of(cls, path: Path) -> Reservation | None:
        """Reserve a name; return None if it is taken. Raises OSError if no file can be created there."""
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
        """Release the name and remove the hidden file.

        It is removed before somebody else can lock it, except on Windows, where an open file cannot be
        removed.
        """
        if sys.platform == "win32":
            os.close(self._handle)
        with contextlib.suppress(OSError):
            self._lock.unlink()
        if sys.platform != "win32":
            os.close(self._handle)


def lock_of(path: Path) -> Path:
    """Return the hidden file, which is the same for all spellings of a path."""
    real = Path(os.path.realpath(path))
    name = f".{real.name}{SUFFIX}"
    if len(os.fsencode(name)) > LONGEST:
        name = f".{hashlib.sha256(os.fsencode(real.name)).hexdigest()[:32]}{SUFFIX}"
    return real.with_name(name)


def _open(lock: Path) -> tuple[int, bool]:
    """Return the open file, and whether it was created here."""
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
    """Lock a file; return False if it is locked, or `otherwise` if the file system has no locks."""
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
