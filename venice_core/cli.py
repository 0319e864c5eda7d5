"""The command line: `python -m venice_core COMMAND`.

Exit codes: 0 done; 2 bad input, nothing sent; 3 refused by the provider; 4 never accepted; 5 sent but
no usable answer, may have been charged; 130 cancelled.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venice_core.cancel import Cancel
from venice_core.errors import BadInput, Cancelled, Charge, ExitCode, MissingKey, Unplaced, VeniceError
from venice_core.job import Action, Options, SelectionUse
from venice_core.journal import Entry, Journal, summary
from venice_core.messages import sentence
from venice_core.progress import Progress, Stage
from venice_core.providers.registry import Registry
from venice_core.run import Prepared, Result, Runner
from venice_core.settings import Folders
from venice_core.transport import Transport
from venice_core.version import VERSION

if TYPE_CHECKING:
    from venice_core.files import Source


def main(argv: Sequence[str] | None = None, env: Mapping[str, str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    env = os.environ if env is None else env
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.command(arguments, env))
    except VeniceError as error:
        text = sentence(error)
        if getattr(arguments, "json", False):
            print(json.dumps({"exit": int(error.exit_code), "results": [], "error": _error(error, text)}))
        print(text, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.CANCELLED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="venice_core", description="Edit pictures with the Venice image API.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    edit = commands.add_parser("edit", help="edit pictures by a prompt")
    _add_pictures(edit)
    edit.add_argument("-p", "--prompt", required=True, help="what to change")
    edit.add_argument(
        "--reference", type=Path, action="append", default=[], help="a further picture for the model"
    )
    edit.add_argument("--model", default="", help="a model's id (default: the provider's)")
    edit.add_argument("--selection", choices=[use.value for use in SelectionUse], default="guide")
    edit.add_argument("--grow", type=int, default=0, metavar="PX", help="grow the mask (negative: shrink)")
    edit.add_argument(
        "--feather", type=int, default=-1, metavar="PX", help="soften the mask inwards (-1: automatic)"
    )
    edit.add_argument("--variations", type=int, default=1, metavar="N")
    edit.add_argument("--aspect-ratio", default="", metavar="W:H")
    edit.add_argument("--resolution", default="", help="such as 1K, 2K, 4K")
    edit.add_argument("--quality", default="", help="low, medium or high")
    edit.add_argument("--no-safe-mode", dest="safe_mode", action="store_false")
    edit.add_argument(
        "--enhance-prompt", action="store_true", help="let the service rewrite the prompt (costs more)"
    )
    edit.add_argument("--no-align", dest="align", action="store_false")
    edit.add_argument("--no-match-colors", dest="match_colors", action="store_false")
    edit.add_argument("--layer", action="store_true", help="write the result layer and its mask apart")
    edit.set_defaults(command=_edit)

    cutout = commands.add_parser("cutout", help="remove the background of pictures")
    _add_pictures(cutout)
    cutout.add_argument(
        "--output", choices=["layer", "mask"], default="layer", help="a cut-out, or its mask alone"
    )
    cutout.add_argument("--no-defringe", dest="defringe", action="store_false")
    cutout.set_defaults(command=_cutout)

    jobs = commands.add_parser("jobs", help="list what was sent, newest first")
    jobs.add_argument("--json", action="store_true")
    jobs.set_defaults(command=_jobs)

    sandbox = commands.add_parser("sandbox", help="run a stand-in for the service on this machine")
    sandbox.add_argument("--port", type=int, default=0, help="0 takes a free one")
    sandbox.add_argument(
        "--switch", action="append", default=[], metavar="NAME=VALUE", help="change how it answers"
    )
    sandbox.set_defaults(command=_sandbox)

    worker = commands.add_parser("worker", help="serve a front end on standard input and output")
    worker.set_defaults(command=_worker)
    return parser


def _add_pictures(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "input", type=Path, nargs="+", metavar="IN", help="a picture; several are done in turn"
    )
    parser.add_argument(
        "-o", "--out", type=Path, metavar="OUT", help="a file, or a folder for several pictures"
    )
    parser.add_argument("--mask", type=Path, metavar="M.png", help="same size as IN; white = change")
    parser.add_argument(
        "--context", type=int, default=-1, metavar="PX", help="surroundings to send (-1: automatic)"
    )
    parser.add_argument("--provider", default="")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be sent and its price, send nothing"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _edit(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    if arguments.reference:
        raise BadInput("Reference pictures cannot be used yet.")
    names = Options.__dataclass_fields__
    options = Options.from_json({name: value for name, value in vars(arguments).items() if name in names})
    return _run_all(Action.EDIT, options, arguments, env)


def _cutout(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    options = Options(context=arguments.context, defringe=arguments.defringe, provider=arguments.provider)
    return _run_all(Action.CUTOUT, options, arguments, env)


def _run_all(action: Action, options: Options, arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Each picture in turn, until one fails: what stops one will mostly stop the next, and each costs."""
    results: list[dict[str, Any]] = []
    code = int(ExitCode.DONE)
    with Registry(env, Folders.of(env)) as registry:
        for path in arguments.input:
            try:
                results.append(_run_one(path, action, options, arguments, registry, env))
            except VeniceError as error:
                provider = options.provider or "venice"
                text = sentence(error, provider)
                results.append({"input": str(path), "error": _error(error, text)})
                print(f"{path}: {text}", file=sys.stderr)
                code = int(error.exit_code)
                break
    if arguments.json:
        print(json.dumps({"exit": code, "results": results}))
    return code


def _run_one(
    path: Path,
    action: Action,
    options: Options,
    arguments: argparse.Namespace,
    registry: Registry,
    env: Mapping[str, str],
) -> dict[str, Any]:
    from venice_core import files

    source = files.Source.load(path, arguments.mask)
    targets = _targets(path, action, arguments)
    if not arguments.dry_run:
        for part, target in targets.items():
            alpha = action is Action.CUTOUT or source.picture.pixels.shape[2] == 4 or part == "layer"
            files.check_target(target, transparent=alpha and part != "mask")
    opened = registry.open(options.provider)
    job = source.job(action, options)
    plan = Prepared.of(job, source.mask, opened.provider).plan
    if arguments.dry_run:
        _say(arguments, f"{path}: {_plan_line(plan.to_json())}")
        return {"input": str(path), "plan": plan.to_json()}
    if not opened.key:
        raise MissingKey()
    runner = Runner(opened.provider, opened.key, Transport(), Journal(Folders.of(env).jobs))
    coverage = source.mask.tobytes() if job.selected and source.mask is not None else None
    result = _Attempt(runner, quiet=arguments.json).run(job, source.crop(plan), coverage)
    try:
        for part, target in targets.items():
            _write(part, target, source, action, result)
    except OSError as error:
        raise Unplaced(f"{target}: {error.strerror}; job {result.entry.id}") from error
    result.entry.placed()
    warnings = list(source.picture.warnings) + list(result.warnings)
    for warning in warnings:
        print(f"{path}: {warning}", file=sys.stderr)
    written = {part: str(target) for part, target in targets.items()}
    _say(arguments, ", ".join(written.values()))
    return {"input": str(path), **written, **_facts(result), "warnings": warnings}


def _write(part: str, target: Path, source: Source, action: Action, result: Result) -> None:
    from venice_core import files

    plan, placed = result.plan, result.placed
    if part == "layer":
        files.write(target, placed.pixels)
    elif part == "mask":
        matte = source.matte(plan, placed)
        files.write(target, matte if action is Action.CUTOUT else matte[plan.crop.slices])
    elif action is Action.CUTOUT:
        files.write(target, source.cut_out(plan, placed), source.picture.profile)
    else:
        files.write(target, source.edited(plan, placed), source.picture.profile)


class _Attempt:
    """One run in a thread, so that Ctrl-C is heard while it waits."""

    def __init__(self, runner: Runner, *, quiet: bool) -> None:
        self._runner = runner
        self._cancel = Cancel()
        self._sent = False
        self._line = sys.stderr.isatty() and not quiet
        self._outcome: list[Result | BaseException] = []
        self._entry: Entry | None = None

    def run(self, job: Any, source: bytes, coverage: bytes | None) -> Result:
        over = threading.Event()  # to join the thread would not do: see worker._Running

        def work() -> None:
            try:
                result = self._runner.run(job, source, coverage, self._show, self._cancel, self._keep)
                self._outcome.append(result)
            except BaseException as error:
                self._outcome.append(error)
            over.set()

        threading.Thread(target=work, daemon=True).start()
        told = False
        while not over.is_set():
            try:
                over.wait(0.2)
            except KeyboardInterrupt:
                if self._sent and not told:
                    told = True
                    print(
                        "\nThe request was already sent and may be charged: waiting for the answer. "
                        "Press Ctrl-C again to stop for good.",
                        file=sys.stderr,
                    )
                else:
                    self._cancel.set()
                    over.wait(1.0)
                    break
        if not self._outcome:  # it hangs where nothing wakes it, such as a name look-up
            cancelled = Cancelled(charge=Charge.POSSIBLE if self._sent else Charge.NONE)
            if self._entry is not None:
                self._entry.failed(cancelled)
            raise cancelled
        outcome = self._outcome[0]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def _keep(self, entry: Entry) -> None:
        self._entry = entry

    def _show(self, progress: Progress) -> None:
        if progress.stage in (Stage.WAITING, Stage.RETRYING):
            self._sent = progress.stage is Stage.WAITING
        if self._line:
            share = f" {100 * progress.done // progress.total} %" if progress.total else ""
            end = "\n" if progress.stage is Stage.FITTING else ""
            print(f"\r\x1b[K{progress.stage.value}{share}", end=end, file=sys.stderr, flush=True)


def _targets(path: Path, action: Action, arguments: argparse.Namespace) -> dict[str, Path]:
    """What is written where: "output" is the whole picture, "layer" and "mask" are parts of the result."""
    suffix = {Action.EDIT: "edited", Action.CUTOUT: "cutout"}[action]
    name = f"{path.stem}-{suffix}.png"
    out: Path | None = arguments.out
    if out is None or out.is_dir():
        target = _free((out or path.parent) / name)
    elif len(arguments.input) > 1:
        raise BadInput(f"For several pictures -o must be a folder that exists; {out} is not.")
    else:
        target = out
    if action is Action.CUTOUT:
        return {"mask" if arguments.output == "mask" else "output": target}
    if arguments.layer:
        return {part: target.with_name(f"{target.stem}-{part}.png") for part in ("layer", "mask")}
    return {"output": target}


def _free(path: Path) -> Path:
    """`path`, or the first numbered one that does not exist: nobody asked to replace an earlier result."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def _facts(result: Result) -> dict[str, Any]:
    return {
        "job": result.entry.id,
        "plan": result.plan.to_json(),
        "facts": asdict(result.facts),
        "price": asdict(result.plan.price) if result.plan.price else None,
    }


def _error(error: VeniceError, text: str) -> dict[str, Any]:
    return {
        **error.facts,
        "message": text,
        "charge": error.charge.value,
        "exit": int(error.exit_code),
    }


def _plan_line(plan: Mapping[str, Any]) -> str:
    size, price = plan["size"], plan["price"]
    cost = f"${price['usd']:.3f}" if price and price["usd"] is not None else "price not known"
    pictures = f"{plan['images']} picture(s) of {size['width']} × {size['height']} px"
    words = f"{plan['endpoint']} {plan['model']}, {pictures}"
    return " ".join([f"{words}, {cost}.", *plan["warnings"]])


def _say(arguments: argparse.Namespace, text: str) -> None:
    if not arguments.json:
        print(text)


def _jobs(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    found = [summary(entry) for entry in Journal(Folders.of(env).jobs)]
    if arguments.json:
        print(json.dumps({"jobs": found}))
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table("job", "made", "action", "status", "charge", "price", "prompt")
    for job in found:
        price = job["price"]["usd"] if job["price"] else None
        table.add_row(
            job["id"],
            time.strftime("%Y-%m-%d %H:%M", time.localtime(job["created"])),
            job["action"],
            f"{job['status']} {job['error']}".strip(),
            job["charge"],
            "" if price is None else f"${price:.3f}",
            job["prompt"],
        )
    Console().print(table)
    return 0


def _sandbox(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from venice_core.sandbox import Sandbox
    from venice_core.sandbox.switches import parse_setting

    try:
        sandbox = Sandbox(arguments.port, dict(parse_setting(text) for text in arguments.switch)).start()
    except (ValueError, OSError) as error:
        raise BadInput(f"The sandbox cannot start: {error}.") from error
    print(f"VENICE_BASE_URL={sandbox.url}", flush=True)
    print("Any key will do. Ctrl-C ends it.", file=sys.stderr, flush=True)
    sandbox.serve_forever()
    return 0


def _worker(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from venice_core import worker

    worker.main(env)
    return 0
