"""The worker's process: its environment, its log, its loop."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Mapping
from logging.handlers import RotatingFileHandler

from venice_core.storage.folders import Folders, private_folder
from venice_core.worker.protocol import MessageWriter
from venice_core.worker.server import Worker


def main(env: Mapping[str, str]) -> None:
    """Run `python -m venice_core worker`. Standard output is for messages; stray prints are redirected."""
    messages = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    folder = private_folder(Folders.of(env).logs)
    handler = RotatingFileHandler(folder / "worker.log", maxBytes=1_000_000, backupCount=2, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Worker(env, sys.stdin.buffer, MessageWriter(messages)).serve()
