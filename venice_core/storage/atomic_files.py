"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from pathlib import Path

from venice_core.errors import BadInput
from venice_core.storage.folders import APP, private_folder


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


def write_or_refuse(path: Path, data: bytes) -> None:
    """Raises BadInput where it cannot be written."""
    try:
        write_atomically(path, data)
    except OSError as error:
        raise BadInput(f"The file {path} cannot be written: {error.strerror}.") from error
