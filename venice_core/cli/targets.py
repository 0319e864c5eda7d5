"""What is written where: the names of the files that come of a picture."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from venice_core.cli.reservation import Reservation, lock_of
from venice_core.errors import BadInput
from venice_core.job import Action

Parts = dict[str, Path]
"""Of one result: "output" is the whole picture, "layer" and "mask" are parts of it."""

_SUFFIXES = {
    Action.EDIT: "edited",
    Action.CUTOUT: "cutout",
    Action.GENERATE: "generated",
    Action.UPSCALE: "upscaled",
}


@dataclass(frozen=True)
class Naming:
    """How files are named: in `folder` (None: beside the picture), or exactly `file`.

    `apart`: the parts that are written as files of their own, in place of the whole; `only`: what the whole
    is, where it is but a part.
    """

    action: Action
    variations: int
    folder: Path | None = None
    file: Path | None = None
    apart: tuple[str, ...] = ()
    only: str = "output"

    def candidates(self, path: Path | None) -> Iterator[list[Parts]]:
        """For each variation its parts: under the name that was asked for, or under each that is free.

        `path`: of the picture; None for a generation.
        """
        if self.file is not None:
            yield self._variations(self.file)
            return
        stem, beside = (path.stem, path.parent) if path else ("venice", Path())
        first = (self.folder or beside) / f"{stem}-{_SUFFIXES[self.action]}.png"
        for number in itertools.count(1):
            name = first.name if number == 1 else f"{first.stem}-{number}{first.suffix}"
            files = self._variations(first.with_name(name))
            if are_free(files):
                yield files

    def _variations(self, target: Path) -> list[Parts]:
        if self.variations == 1:
            return [self._parts(target)]
        numbers = range(1, self.variations + 1)
        return [self._parts(target.with_name(f"{target.stem}-{n}{target.suffix}")) for n in numbers]

    def _parts(self, target: Path) -> Parts:
        if self.apart:
            return {part: target.with_name(f"{target.stem}-{part}.png") for part in self.apart}
        return {self.only: target}


class Targets:
    """The files of one picture, reserved from here to `release`; also a context manager.

    A file of the name that was asked for is replaced; under other names nobody asked to replace anything.
    Raises BadInput where the name asked for is somebody else's at the moment.
    """

    def __init__(self, naming: Naming, path: Path | None) -> None:
        self._candidates = naming.candidates(path)
        self._replaces = naming.file is not None
        self._held: list[Reservation] = []
        self._files = self._next()

    def __enter__(self) -> Targets:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def files(self) -> list[Parts]:
        """For each variation its parts; other names where a program that knows no reservations was faster."""
        if not (self._replaces or are_free(self._files)):
            self.release()
            self._files = self._next()
        return self._files

    def release(self) -> None:
        while self._held:
            self._held.pop().release()

    def _next(self) -> list[Parts]:
        for files in self._candidates:
            taken = self._reserve(files)
            # once more: whoever held a name may have let go of it because the file is there now
            if taken is None and (self._replaces or are_free(files)):
                return files
            self.release()
            if taken is not None and self._replaces:
                raise BadInput(
                    f"Another run is about to write {taken}. (If no other run is active, delete "
                    f"{lock_of(taken)}.)"
                )
        raise AssertionError("names do not end")

    def _reserve(self, files: list[Parts]) -> Path | None:
        """The first that is somebody else's; None: all are reserved."""
        for path in _each(files):
            try:
                reservation = Reservation.of(path)
            except OSError as error:
                self.release()
                raise BadInput(f"{path} cannot be written: {error.strerror}.") from error
            if reservation is None:
                return path
            self._held.append(reservation)
        return None


def check_apart(files: list[Parts], sources: Iterable[Path]) -> None:
    """Raises BadInput where one of the files is a picture that the work begins with: it stays as it is."""
    for path in _each(files):
        for source in sources:
            if path.exists() and source.exists() and path.samefile(source):
                raise BadInput(f"{path} would replace the input {source}: choose another name.")


def _each(files: list[Parts]) -> Iterator[Path]:
    return (path for parts in files for path in parts.values())


def are_free(files: list[Parts]) -> bool:
    """Whether none of the files is there."""
    return not any(os.path.lexists(path) for path in _each(files))
