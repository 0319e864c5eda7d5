"""One picture on the command line: read, planned, sent, written."""

from __future__ import annotations

import logging
from argparse import Namespace
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from venice_core.cli import picture_files
from venice_core.cli.picture_files import Source
from venice_core.cli.remedies import sentence
from venice_core.cli.report import described
from venice_core.cli.room import check_room
from venice_core.cli.targets import Naming, Parts, Targets, check_apart
from venice_core.errors import BadInput, PlacementFailed, UnreadableImage, UnusableFile, VeniceError
from venice_core.execution.inputs import JobInputs, Prepared
from venice_core.execution.results import Result, RunResult
from venice_core.execution.run_thread import RunThread
from venice_core.execution.runner import NOTHING_TO_SEE, Runner
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.imaging.arrays import Values
from venice_core.imaging.codecs import Picture
from venice_core.job import Action, Job, Options
from venice_core.planning.plan import Plan
from venice_core.progress import OnProgress
from venice_core.providers.base import Provider
from venice_core.storage.atomic_files import check_writable

log = logging.getLogger(__name__)

DEFAULT_SIDE = 1024
"""In px: side of a generated picture if no size is requested, as at the service."""


@dataclass(frozen=True, eq=False)
class Ready:
    """A picture that is ready to be sent."""

    source: Source | None
    """None for a generation, or if it was released to save memory."""
    prepared: Prepared
    warnings: tuple[str, ...]

    @property
    def plan(self) -> Plan:
        return self.prepared.plan

    @property
    def all_warnings(self) -> tuple[str, ...]:
        """Including those of the plan."""
        return self.warnings + self.plan.warnings

    @property
    def without_pixels(self) -> Ready:
        """The same with its plan alone, to save memory; to be sent, it is read again."""
        return replace(self, source=None, prepared=replace(self.prepared, selection=None))


@dataclass(frozen=True, eq=False)
class Written:
    """The outcome of a picture."""

    plan: Plan
    files: list[Parts]
    details: dict[str, Any]
    """For `--json`."""
    warnings: tuple[str, ...]
    failures: tuple[VeniceError, ...]
    error: PlacementFailed | None
    """Why part of it could not be written."""


@dataclass(frozen=True, eq=False)
class BatchOptions:
    """What is requested of every picture alike."""

    action: Action
    options: Options
    naming: Naming
    provider: Provider
    mask: Path | None
    drawn: Picture | None
    """The content of `mask`, if several pictures share it."""
    mask_as_is: bool
    canvas: Extent
    sizes: tuple[Extent, ...]
    references: tuple[bytes, ...]
    """Raw sRGB RGBA, of `sizes`."""
    sources: tuple[Path, ...]
    """All input files."""

    @classmethod
    def of(cls, arguments: Namespace, options: Options, provider: Provider) -> BatchOptions:
        """Read the options and references. Raises BadInput for what would be wrong for any picture."""
        naming = _naming(arguments, options)
        paths = tuple(getattr(arguments, "reference", ()))
        read = [Source.load(path, None) for path in paths]
        mask = getattr(arguments, "mask", None)
        return cls(
            action=Action(arguments.action),
            options=options,
            naming=naming,
            provider=provider,
            mask=mask,
            drawn=picture_files.read(mask) if mask is not None and len(arguments.input) > 1 else None,
            mask_as_is=getattr(arguments, "mask_as_is", False),
            canvas=_parse_size(getattr(arguments, "size", None)),
            sizes=tuple(reference.picture.extent for reference in read),
            references=tuple(reference.whole() for reference in read),
            sources=(*arguments.input, *filter(None, [mask]), *paths),
        )

    def ready(self, path: Path | None) -> Ready:
        """Read a picture and plan what is sent of it. Raises BadInput if that is not possible."""
        try:
            source = self._load(path) if path else None
        except VeniceError:
            raise
        except Exception as error:  # whatever a decoder raises, its file is broken
            log.exception("a picture could not be read")
            raise UnreadableImage(str(path)) from error
        job = self._job(source)
        coverage = source.mask if source else None
        prepared = Prepared.of(job, coverage, self.provider)
        plan = prepared.plan
        if source is not None and not source.shows_something(plan):
            raise BadInput(NOTHING_TO_SEE)
        targets = next(self.naming.candidates(path))
        if source is not None and not any(map(picture_files.holds_alpha, _outputs(targets))):
            source = source.without_needless_alpha
        self._check(targets, source)
        return Ready(source, prepared, self._notes(targets, job, plan, source))

    def _load(self, path: Path) -> Source:
        return Source.load(path, self.mask, mask_as_is=self.mask_as_is, drawn=self.drawn)

    def concerns_all(self, error: BadInput) -> bool:
        """Return whether another picture would be refused in the same words, such as for an empty prompt."""
        size = Extent(DEFAULT_SIDE, DEFAULT_SIDE)
        window = Bounds.of(size) if self.mask else None
        coverage = np.full((size.height, size.width), 255, np.uint8) if self.mask else None
        try:
            job = Job(self.action, Bounds.of(size), size, window, self.options, self.sizes)
            Prepared.of(job, coverage, self.provider)
        except BadInput as other:
            return other.detail == error.detail
        return False

    def make(
        self, ready: Ready, targets: Targets, runner: Runner, attempt: RunThread[Written], show: OnProgress
    ) -> Written:
        """Send it and write what comes back. Raises a VeniceError if there is no result."""
        source, plan = ready.source, ready.plan
        coverage = source.mask if source and ready.prepared.job.selected else None
        material = JobInputs(
            source=source.crop(plan) if source else None,
            coverage=coverage.tobytes() if coverage is not None else None,
            references=self.references,
        )
        made = runner.run(ready.prepared, material, show, attempt.cancel, attempt.entries.append)
        written, error = self._write_all(made, targets.files(), source)
        details = self._details(made, written, ready)
        return Written(
            plan, written, details, made.warnings, tuple(each.error for each in made.failures), error
        )

    def _details(self, made: RunResult, written: list[Parts], ready: Ready) -> dict[str, Any]:
        first, plan = made.results[0], ready.plan
        return {
            **(_paths(written[0]) if written else {}),
            **({"variations": [_paths(parts) for parts in written]} if self.options.variations > 1 else {}),
            "job": first.entry.id,
            "facts": asdict(first.facts),
            "price": asdict(plan.total) if plan.total else None,
            "warnings": [*ready.warnings, *made.warnings],
            "failed": [
                {**described(each.error, sentence(each.error, plan.provider)), "job": each.entry.id}
                for each in made.failures
            ],
        }

    def _job(self, source: Source | None) -> Job:
        if source is not None:
            return source.job(self.action, self.options, self.sizes)
        return Job(self.action, Bounds.of(self.canvas), self.canvas, None, self.options, self.sizes)

    def _check(self, targets: list[Parts], source: Source | None) -> None:
        """Raise BadInput if something could not be written: better now than after paying."""
        check_apart(targets, self.sources)
        for parts in targets:
            for part, target in parts.items():
                alpha = source is not None and source.picture.has_alpha
                alpha = alpha or self.action is Action.CUTOUT or part == "layer"
                picture_files.check_target(target, transparent=alpha and part != "mask")

    def _notes(self, targets: list[Parts], job: Job, plan: Plan, source: Source | None) -> tuple[str, ...]:
        """Return what the user should know before sending. Raises BadInput if a file cannot hold a result."""
        notes = list(source.notes) if source else []
        most = self.provider.capabilities.max_upscaled
        for part, target in (pair for parts in targets for pair in parts.items()):
            notes += check_room(target, job, plan, source if part == "output" else None, most_pixels=most)
        return tuple(dict.fromkeys(notes))

    def _write_all(
        self, made: RunResult, targets: list[Parts], source: Source | None
    ) -> tuple[list[Parts], PlacementFailed | None]:
        """Write everything possible; the journal then records which jobs are complete."""
        failed: PlacementFailed | None = None
        written = []
        missing = set()
        # a service may make more than it was asked for: that stays in the job's folder
        for result, parts in zip(made.results, targets, strict=False):
            try:
                for part, target in parts.items():
                    self._write(result, part, target, source)
            except Exception as error:  # whatever it is, it must not cost the others
                log.exception("a result could not be written")
                detail = (
                    error.detail if isinstance(error, UnreadableImage) else getattr(error, "strerror", None)
                )
                failed = PlacementFailed(
                    f"{target}: {detail or 'it cannot be written'}", charge=result.charge
                )
                failed.__cause__ = error
                missing.add(result.entry.id)
            else:
                written.append(parts)
        for entry in made.entries:
            if entry.id not in missing:
                try:
                    entry.placed()
                except OSError:  # the file is there: what the journal says of it decides nothing
                    log.exception("the journal could not be written")
        return written, failed

    def _write(self, result: Result, part: str, target: Path, source: Source | None) -> None:
        plan, placed = result.plan, result.placed
        if source is None:
            picture_files.write_made(target, placed.pixels)
            return
        if part == "layer":
            values: Values = placed.pixels
        elif part == "mask":
            matte = source.matte(plan, placed)
            values = matte if self.action is Action.CUTOUT else matte[plan.crop.slices]
        elif self.action is Action.CUTOUT:
            values = source.cut_out(plan, placed)
        elif self.action is Action.UPSCALE:
            values = source.upscaled(placed)
        else:
            values = source.edited(plan, placed)
        picture_files.write(target, values, source.beside(values, own_colors=part == "output"))


def _naming(arguments: Namespace, options: Options) -> Naming:
    """Return the naming. Raises BadInput for several pictures without a folder."""
    action, out, several = Action(arguments.action), arguments.out, len(arguments.input) > 1
    folder = out if out is not None and out.is_dir() else None
    if several and out is not None:
        if folder is None:
            raise BadInput(f"With several images, -o must be an existing folder; {out} is not.")
        try:
            check_writable(folder / "any")
        except OSError as error:
            raise UnusableFile(f"{folder} cannot be written: {error.strerror}.") from error
    return Naming(
        action,
        options.variations,
        folder=folder,
        file=out if folder is None else None,
        apart=("layer", "mask") if getattr(arguments, "layer", False) else (),
        only="mask" if getattr(arguments, "part", "") == "mask" else "output",
    )


def _outputs(targets: list[Parts]) -> list[Path]:
    return [target for parts in targets for part, target in parts.items() if part == "output"]


def _paths(parts: Parts) -> dict[str, str]:
    return {part: str(target) for part, target in parts.items()}


def _parse_size(text: str | None) -> Extent:
    """Parse a size in px. Raises BadInput."""
    if not text:
        return Extent(DEFAULT_SIDE, DEFAULT_SIDE)
    width, _, height = text.lower().partition("x")
    if not all(side.isdecimal() and 1 <= int(side) <= 65535 for side in (width, height)):
        raise BadInput(f"“{text}” is not a size: use the form 1200x800.")
    return Extent(int(width), int(height))
