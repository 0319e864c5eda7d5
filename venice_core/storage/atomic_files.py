"""Write files completely or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from pathlib import Path

from venice_core.errors import UnusableFile
from venice_core.storage.folders import APP, private_folder


def check_writable(path: Path) -> None:
    """Raise OSError if `write_atomically` could not write there, or if the file is read-only."""
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    handle, temporary = _temporary(_target(path))
    os.close(handle)
    temporary.unlink()


def write_atomically(path: Path, data: bytes, *, private: bool = True) -> None:
    """Write all of the data or nothing; it is on disk when this returns.

    A link is followed. A private file gets mode 0600; any other keeps the mode and owner of the file that it
    replaces, or gets the defaults.
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
    """Return where a link finally leads, or the path itself. Raises OSError for a circular link."""
    if not path.is_symlink():
        return path
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return target


def _temporary(path: Path) -> tuple[int, Path]:
    """Open a file next to the path, with a short name because the path's may be as long as allowed."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{APP}.")
    return handle, Path(name)


def _adopt(temporary: Path, path: Path) -> None:
    """Give a new file the mode and owner of the one that it replaces, or the defaults."""
    umask = os.umask(0)
    os.umask(umask)
    mode = 0o666 & ~umask
    if path.exists():
        old = path.stat()
        mode = stat.S_IMODE(old.st_mode)
        if os.name == "posix":
            with contextlib.suppress(OSError):  # of another user's, the group or nothing can be kept
                os.chown(temporary, old.st_uid, old.st_gid)
    temporary.chmod(mode)


def sync_folder(path: Path) -> None:
    """Flush the entries of a folder, such as new and renamed files, to disk."""
    if os.name == "posix":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_or_refuse(path: Path, data: bytes) -> None:
    """Write a file. Raises BadInput if that fails."""
    try:
        write_atomically(path, data)
    except OSError as error:
        raise UnusableFile(f"The file {path} cannot be written: {error.strerror}.") from error
