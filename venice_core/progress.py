"""What is happening, for whoever displays it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Stage(str, Enum):
    """What a run is doing."""

    PREPARING = "preparing"
    UPLOADING = "uploading"
    WAITING = "waiting"
    RETRYING = "retrying"
    DOWNLOADING = "downloading"
    FITTING = "fitting"


@dataclass(frozen=True)
class Progress:
    """The progress of a run."""

    stage: Stage
    done: int = 0
    """Bytes transferred, or answers received of several."""
    total: int = 0
    """The number of bytes or answers to expect; 0 if unknown."""
    seconds: float = 0.0
    """How long a retry waits."""


OnProgress = Callable[[Progress], None]
