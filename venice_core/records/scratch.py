"""A folder for files exchanged between GIMP and the worker, removed once its process is gone."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from venice_core.errors import ProtocolError
from venice_core.records.processes import is_alive
from venice_core.storage.folders import private_folder


class Scratch:
    """A private folder for temporary pixels, named after the process that owns it."""

    def __init__(self, parent: Path) -> None:
        private_folder(parent)
        _sweep(parent)
        self.path = parent / f"{os.getpid()}-{secrets.token_hex(4)}"
        self.path.mkdir(mode=0o700)

    def file(self, name: object, size: int | None = None) -> Path:
        """Return a file in this folder. Raises BadInput if it is missing or has the wrong size in bytes."""
        path = self.path / str(name)
        if path.parent != self.path or not path.is_file():
            raise ProtocolError(f"There is no pixel file “{name}”.")
        if size is not None and path.stat().st_size != size:
            raise ProtocolError(f"“{name}” holds {path.stat().st_size} bytes, not {size}.")
        return path

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Remove what processes that are gone have left behind."""
    for folder in parent.iterdir():
        owner = folder.name.partition("-")[0]
        if owner.isdigit() and not is_alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
