"""The progress of several simultaneous requests, combined."""

from __future__ import annotations

import threading

from venice_core.progress import OnProgress, Progress, Stage


class CombinedProgress:
    """The combined progress of simultaneous requests; for a single one, its own."""

    def __init__(self, count: int, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._latest: list[Progress | None] = [Progress(Stage.PREPARING)] * count

    def of(self, number: int) -> OnProgress:
        """Return the callback for the request with that number, from 0."""
        if len(self._latest) == 1:
            return self._on_progress
        return lambda progress: self._update(number, progress)

    def over(self, number: int) -> None:
        """Record that the request has ended, successfully or not."""
        if len(self._latest) > 1:
            self._update(number, None)

    def _update(self, number: int, progress: Progress | None) -> None:
        with self._lock:
            self._latest[number] = progress
            under_way = [each for each in self._latest if each is not None]
            if under_way:
                self._on_progress(self._combined(under_way))

    def _combined(self, under_way: list[Progress]) -> Progress:
        stages = {each.stage for each in under_way}
        if len(stages) > 1:
            stages.discard(Stage.PREPARING)  # some have begun
        stage = next(stage for stage in Stage if stage in stages)  # the first that one of them is in
        if stage is Stage.WAITING:
            count = len(self._latest)
            return Progress(stage, count - len(under_way), count)
        there = [each for each in under_way if each.stage is stage]
        return Progress(
            stage,
            sum(each.done for each in there),
            sum(each.total for each in there),
            max((each.seconds for each in there), default=0.0),
        )
