"""A folder for files that pass between GIMP and the worker, swept when their process is gone."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from venice_core.errors import BadInput
from venice_core.records.processes import is_alive
from venice_core.storage.folders import private_folder


class Scratch:
    """A private folder for pixels on their way, named after the process that owns it."""

    def __init__(self, parent: Path) -> None:
        private_folder(parent)
        _sweep(parent)
        self.path = parent / f"{os.getpid()}-{secrets.token_hex(4)}"
        self.path.mkdir(mode=0o700)

    def file(self, name: object, size: int | None = None) -> Path:
        """A file that was put here. Raises BadInput where it is missing or has another size in bytes."""
        path = self.path / str(name)
        if path.parent != self.path or not path.is_file():
            raise BadInput(f"There is no pixel file “{name}”.")
        if size is not None and path.stat().st_size != size:
            raise BadInput(f"“{name}” holds {path.stat().st_size} bytes, not {size}.")
        return path

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Removes what processes that are gone have left."""
    for folder in parent.iterdir():
        owner = folder.name.partition("-")[0]
        if owner.isdigit() and not is_alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
