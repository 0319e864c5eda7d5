"""Write internal errors to a file: a terminal shows sentences, never a traceback."""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path

from venice_core.storage.folders import private_folder

FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


class LogFile(RotatingFileHandler):
    """A log file, created on the first message and readable by its owner only. Write errors are ignored."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=1_000_000, backupCount=2, encoding="utf-8", delay=True)
        self.setFormatter(logging.Formatter(FORMAT))

    def _open(self) -> io.TextIOWrapper:
        private_folder(Path(self.baseFilename).parent)
        os.close(os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT, 0o600))
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        pass


@contextlib.contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Send warnings and errors, including those of libraries, to that file and nowhere else."""
    root, handler = logging.getLogger(), LogFile(path)
    root.addHandler(handler)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.removeHandler(handler)
        handler.close()
