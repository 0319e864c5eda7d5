"""The commands that send something: `edit`, `cutout`, `generate`, `upscale`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from venice_core import files
from venice_core.attempt import Attempt
from venice_core.errors import BadInput, BrokenFile, ExitCode, Unplaced, VeniceError
from venice_core.files import Source
from venice_core.geometry import Bounds, Extent
from venice_core.icc import Values
from venice_core.job import Action, Job, Options
from venice_core.journal import Journal
from venice_core.messages import sentence
from venice_core.plan import Plan
from venice_core.progress import Progress, Stage
from venice_core.providers.registry import Registry
from venice_core.run import Made, Material, Prepared, Result, Runner
from venice_core.settings import Folders, provider_for_people
from venice_core.targets import check_room
from venice_core.terminal import unfiltered
from venice_core.transport import Transport

SUFFIXES = {
    Action.EDIT: "edited",
    Action.CUTOUT: "cutout",
    Action.GENERATE: "generated",
    Action.UPSCALE: "upscaled",
}
ABORT_SECONDS = 1.0
DEFAULT_SIDE = 1024
"""In px: of a generated picture for which no size is asked for, as the service has it."""


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Each picture in turn, until one fails: what stops one will mostly stop the next, and each costs."""
    action, options = Action(arguments.action), _options(arguments)
    results: list[dict[str, Any]] = []
    code = int(ExitCode.DONE)
    with Registry(env, Folders.of(env)) as registry:
        for path in arguments.input or [None]:
            try:
                results.append(_Command(path, action, options, arguments, registry, env).run())
            except VeniceError as error:
                text = sentence(error, provider_for_people(options.provider, env))
                named = {"input": str(path)} if path else {}
                results.append({**named, "error": described(error, text)})
                print(f"{path}: {text}" if path else text, file=sys.stderr)
                code = int(error.exit_code)
                break
    if arguments.json:
        print(json.dumps({"exit": code, "results": results}))
    return code


def described(error: VeniceError, text: str) -> dict[str, Any]:
    """An error for `--json`."""
    return {
        **error.facts,
        "message": text,
        "charge": error.charge.value,
        "exit": int(error.exit_code),
    }


def _options(arguments: argparse.Namespace) -> Options:
    names = Options.__dataclass_fields__
    chosen = {name: value for name, value in vars(arguments).items() if name in names}
    return Options.from_json(chosen | {"as_made": arguments.action == "generate" and not arguments.size})


class _Command:
    """One picture's way through; `path` is None for a generation."""

    def __init__(
        self,
        path: Path | None,
        action: Action,
        options: Options,
        arguments: argparse.Namespace,
        registry: Registry,
        env: Mapping[str, str],
    ) -> None:
        self._path = path
        self._action = action
        self._options = options
        self._arguments = arguments
        self._registry = registry
        self._env = env

    def run(self) -> dict[str, Any]:
        arguments = self._arguments
        mask, as_is = getattr(arguments, "mask", None), getattr(arguments, "mask_as_is", False)
        source = Source.load(self._path, mask, mask_as_is=as_is) if self._path else None
        references = [Source.load(path, None) for path in getattr(arguments, "reference", ())]
        targets = self._targets()
        if not arguments.dry_run:
            for target in targets:
                self._check(target, source)
        opened = self._registry.open(self._options.provider, to_send=True)
        job = self._job(source, references)
        coverage = source.mask if source else None
        plan = Prepared.of(job, coverage, opened.provider).plan
        runner = Runner(
            opened.provider,
            opened.key,
            Transport(),
            Journal(Folders.of(self._env).jobs),
            daily_limit=self._registry.settings.daily_limit,
        )
        named = {"input": str(self._path)} if self._path else {}
        notes = self._notes(job, plan, targets, source, opened.provider.capabilities.max_upscaled)
        if arguments.dry_run:
            budget = runner.budget()
            if budget is not None:
                budget.check(plan.total)
            self._say(_plan_line(plan.to_json()))
            return {**named, "plan": plan.to_json(), "warnings": notes}
        if opened.lacks_key:
            raise opened.missing_key
        material = Material(
            source=source.crop(plan) if source else None,
            coverage=coverage.tobytes() if job.selected and coverage is not None else None,
            references=tuple(reference.whole() for reference in references),
        )
        made = _Terminal(runner, quiet=arguments.json).run(job, material)
        written = self._place_all(made, targets, source)
        for entry in made.entries:
            entry.placed()
        self._warn(made.warnings)
        self._say_written(written)
        first = made.results[0]
        return {
            **named,
            **{part: str(target) for part, target in written[0].items()},
            **({"variations": [_paths(parts) for parts in written]} if len(targets) > 1 else {}),
            "job": first.entry.id,
            "jobs": [entry.id for entry in made.entries],
            "plan": plan.to_json(),
            "facts": asdict(first.facts),
            "price": asdict(plan.total) if plan.total else None,
            "warnings": [*notes, *made.warnings],
            "failed": [described(error, sentence(error, plan.provider)) for error in made.failures],
        }

    def _job(self, source: Source | None, references: list[Source]) -> Job:
        sizes = tuple(reference.picture.extent for reference in references)
        if source is not None:
            return source.job(self._action, self._options, sizes)
        extent = _parse_size(self._arguments.size)
        return Job(self._action, Bounds.of(extent), extent, None, self._options, sizes)

    def _targets(self) -> list[dict[str, Path]]:
        """What is written where, for each variation.

        "output" is the whole picture, "layer" and "mask" are parts of the result.
        """
        arguments, out = self._arguments, self._arguments.out
        stem, folder = (self._path.stem, self._path.parent) if self._path else ("venice", Path())
        name = f"{stem}-{SUFFIXES[self._action]}.png"
        if out is None or out.is_dir():
            return self._first_free((out or folder) / name)
        if len(arguments.input) > 1:
            raise BadInput(f"For several pictures -o must be a folder that exists; {out} is not.")
        return self._variations(out)

    def _first_free(self, path: Path) -> list[dict[str, Path]]:
        """Under this name or the first numbered one: nobody asked to replace an earlier result."""
        number, targets = 1, self._variations(path)
        while any(target.exists() for parts in targets for target in parts.values()):
            number += 1
            targets = self._variations(path.with_name(f"{path.stem}-{number}{path.suffix}"))
        return targets

    def _variations(self, target: Path) -> list[dict[str, Path]]:
        count = self._options.variations
        if count == 1:
            return [self._parts(target)]
        return [
            self._parts(target.with_name(f"{target.stem}-{number}{target.suffix}"))
            for number in range(1, count + 1)
        ]

    def _parts(self, target: Path) -> dict[str, Path]:
        if self._action is Action.CUTOUT:
            return {"mask" if self._arguments.part == "mask" else "output": target}
        if getattr(self._arguments, "layer", False):
            return {part: target.with_name(f"{target.stem}-{part}.png") for part in ("layer", "mask")}
        return {"output": target}

    def _check(self, targets: dict[str, Path], source: Source | None) -> None:
        """Raises BadInput where something could not be written: better now than after paying."""
        for part, target in targets.items():
            alpha = (source is not None and source.picture.has_alpha) or self._action is Action.CUTOUT
            transparent = (alpha or part == "layer") and part != "mask"
            files.check_target(target, transparent=transparent, inputs=self._kept_inputs)

    def _notes(
        self, job: Job, plan: Plan, targets: list[dict[str, Path]], source: Source | None, most_pixels: int
    ) -> list[str]:
        """What people should know before anything is sent. Raises BadInput where a result has no room."""
        notes = list(source.notes) if source else []
        for part, target in (pair for parts in targets for pair in parts.items()):
            own = source if part == "output" else None
            notes += check_room(target, job, plan, own, most_pixels=most_pixels)
        notes = list(dict.fromkeys(notes))
        self._warn(notes)
        return notes

    def _warn(self, warnings: Iterable[str]) -> None:
        for warning in warnings:
            print(f"{self._path}: {warning}" if self._path else warning, file=sys.stderr)

    def _place_all(
        self, made: Made, targets: list[dict[str, Path]], source: Source | None
    ) -> list[dict[str, Path]]:
        """What was written. Raises Unplaced, but only after all that can be written is."""
        failed: Unplaced | None = None
        written = []
        # a service may make more than it was asked for: that stays in the job's folder
        for result, parts in zip(made.results, targets, strict=False):
            try:
                for part, target in parts.items():
                    self._write(result, part, target, source)
            except (OSError, BrokenFile) as error:
                detail = error.detail if isinstance(error, BrokenFile) else error.strerror
                failed = Unplaced(f"{target}: {detail}; job {result.entry.id}", charge=result.charge)
            else:
                written.append(parts)
        if failed is not None:
            if written:
                self._say_written(written)
            raise failed
        return written

    @property
    def _kept_inputs(self) -> list[Path]:
        """Files that no result may replace."""
        mask = getattr(self._arguments, "mask", None)
        return [*([mask] if mask else []), *getattr(self._arguments, "reference", ())]

    def _write(self, result: Result, part: str, target: Path, source: Source | None) -> None:
        plan, placed = result.plan, result.placed
        if source is None:
            files.write_made(target, placed.pixels)
            return
        if part == "layer":
            values: Values = placed.pixels
        elif part == "mask":
            matte = source.matte(plan, placed)
            values = matte if self._action is Action.CUTOUT else matte[plan.crop.slices]
        elif self._action is Action.CUTOUT:
            values = source.cut_out(plan, placed)
        elif self._action is Action.UPSCALE:
            values = source.upscaled(placed)
        else:
            values = source.edited(plan, placed)
        files.write(target, values, source.beside(values, own_colors=part == "output"))

    def _say_written(self, written: list[dict[str, Path]]) -> None:
        self._say(", ".join(str(target) for parts in written for target in parts.values()), prefix=False)

    def _say(self, text: str, *, prefix: bool = True) -> None:
        if not self._arguments.json:
            print(f"{self._path}: {text}" if prefix and self._path else text)


class _Terminal:
    """A run with its progress shown, and Ctrl-C heard while it lasts."""

    def __init__(self, runner: Runner, *, quiet: bool) -> None:
        self._runner = runner
        self._line = sys.stderr.isatty() and not quiet

    def run(self, job: Job, material: Material) -> Made:
        outcome: list[Made | VeniceError] = []

        def work(attempt: Attempt[Made]) -> Made:
            return self._runner.run(job, material, self._show, attempt.cancel, attempt.entries.append)

        attempt = Attempt(work, outcome.append)
        attempt.start()
        let_go = False
        while not attempt.over.is_set():
            try:
                attempt.over.wait(0.2)
            except KeyboardInterrupt:
                if let_go or not attempt.let_go(ABORT_SECONDS):
                    attempt.stop(ABORT_SECONDS)
                    break
                let_go = True
                print(
                    "\nThe request was already sent and may be charged: waiting for the answer. "
                    "Press Ctrl-C again to stop for good.",
                    file=sys.stderr,
                )
        while not outcome:  # `over` is set a moment before it is told
            attempt.join(0.01)
        if isinstance(outcome[0], VeniceError):
            raise outcome[0]
        return outcome[0]

    def _show(self, progress: Progress) -> None:
        if self._line:
            share = f" {100 * progress.done // progress.total} %" if progress.total else ""
            end = "\n" if progress.stage is Stage.FITTING else ""
            line = f"\r\x1b[K{progress.stage.value}{share}"
            print(line, end=end, file=unfiltered(sys.stderr), flush=True)


def _parse_size(text: str | None) -> Extent:
    """Raises BadInput for what is no size in px."""
    if not text:
        return Extent(DEFAULT_SIDE, DEFAULT_SIDE)
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and 1 <= int(width) <= 65535 and 1 <= int(height) <= 65535):
        raise BadInput(f"“{text}” is no size, such as 1200x800.")
    return Extent(int(width), int(height))


def _paths(parts: dict[str, Path]) -> dict[str, str]:
    return {part: str(target) for part, target in parts.items()}


def _plan_line(plan: Mapping[str, Any]) -> str:
    size, price = plan["size"], plan["total"]
    cost = f"${price['usd']:.3f}" if price and price["usd"] is not None else "price not known"
    count = f"{plan['requests']} × " if plan["requests"] > 1 else ""
    pictures = f"{plan['images']} picture(s) of {size['width']} × {size['height']} px"
    if not plan["images"]:
        pictures = f"for {plan['pictures']} picture(s) of about {size['width']} × {size['height']} px"
    words = f"{count}{plan['endpoint']} {plan['model']}, {pictures}"
    return " ".join([f"{words}, {cost}.", *plan["warnings"]])
