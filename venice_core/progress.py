"""What is happening, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Stage(str, Enum):
    PREPARING = "preparing"
    UPLOADING = "uploading"
    WAITING = "waiting"
    RETRYING = "retrying"
    DOWNLOADING = "downloading"
    FITTING = "fitting"


@dataclass(frozen=True)
class Progress:
    """`done` of `total` bytes (0: not known) while something travels; `seconds` to wait when retrying.

    While several answers are waited for, `done` of `total` counts those that are there.
    """

    stage: Stage
    done: int = 0
    total: int = 0
    seconds: float = 0.0


OnProgress = Callable[[Progress], None]
