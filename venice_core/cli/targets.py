"""Decide which files are written, and their names."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from venice_core.cli.reservation import Reservation, lock_of
from venice_core.errors import BadInput, UnusableFile
from venice_core.job import Action

Parts = dict[str, Path]
"""The files of one result: "output" is the whole picture, "layer" and "mask" are parts of it."""

_SUFFIXES = {
    Action.EDIT: "edited",
    Action.CUTOUT: "cutout",
    Action.GENERATE: "generated",
    Action.UPSCALE: "upscaled",
}


@dataclass(frozen=True)
class Naming:
    """How files are named."""

    action: Action
    variations: int
    folder: Path | None = None
    """None for the picture's own folder."""
    file: Path | None = None
    """The exact file, if one was requested."""
    apart: tuple[str, ...] = ()
    """The parts that are written as separate files instead of the whole picture."""
    only: str = "output"
    """What the whole picture is, if it is only a part."""

    def candidates(self, path: Path | None) -> Iterator[list[Parts]]:
        """Yield the parts of each variation under the requested name, or under one free name after another.

        `path` is the picture; None for a generation.
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
    """The files of one picture, reserved until `release`; a context manager.

    A file with the requested name is replaced; under other names nothing is, because nobody asked for that.
    Raises BadInput if the requested name is reserved by somebody else at the moment.
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
        """Return the parts of each variation, renamed if a program without reservations was faster."""
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
        """Reserve the files; return the first that is taken, or None."""
        for path in _each(files):
            try:
                reservation = Reservation.of(path)
            except OSError as error:
                self.release()
                raise UnusableFile(f"{path} cannot be written: {error.strerror}.") from error
            if reservation is None:
                return path
            self._held.append(reservation)
        return None


def check_apart(files: list[Parts], sources: Iterable[Path]) -> None:
    """Raise BadInput if one of the files is an input picture, which must not be changed."""
    for path in _each(files):
        for source in sources:
            if path.exists() and source.exists() and path.samefile(source):
                raise BadInput(f"{path} would replace the input {source}: choose another name.")


def _each(files: list[Parts]) -> Iterator[Path]:
    return (path for parts in files for path in parts.values())


def are_free(files: list[Parts]) -> bool:
    """Return whether none of the files exists."""
    return not any(os.path.lexists(path) for path in _each(files))
