"""The process behind a front end: reads calls, runs one job at a time, answers.

It outlives its front end where money is at stake: once a request is wholly sent, a cancel or the end
of standard input only lets go of the front end; the answer is still received and journaled.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from venice_core import fit
from venice_core.cancel import Cancel
from venice_core.errors import BadInput, Cancelled, Charge, Unplaced, VeniceError
from venice_core.job import Job
from venice_core.journal import MASK, RESULT, Entry, Journal, Scratch
from venice_core.progress import Progress, Stage
from venice_core.protocol import Call, Output
from venice_core.providers.registry import NAMES, Opened, Registry
from venice_core.run import Prepared, Result, Runner, read_coverage
from venice_core.settings import Folders, Secret, private_folder
from venice_core.transport import Transport
from venice_core.version import VERSION

log = logging.getLogger("venice_core.worker")

DETACHED = (
    "The request had already been sent, so it may be charged. Its answer is still received, and kept in {}."
)
ABORT_SECONDS = 0.5
CLIPPED_SHARE = 0.01


class Worker:
    """Serves one front end."""

    def __init__(self, env: Mapping[str, str], calls: BinaryIO, output: Output) -> None:
        self._folders = Folders.of(env)
        self._calls = calls
        self._output = output
        self._registry = Registry(env, self._folders)
        self._journal = Journal(self._folders.jobs)
        self._running: _Running | None = None
        self._methods = {
            "plan": self._plan,
            "placed": self._placed,
            "status": self._status,
            "configure": self._configure,
        }

    def serve(self) -> None:
        """Until standard input ends; then until what is already paid for has arrived."""
        self._scratch = Scratch(self._folders.scratch)
        try:
            self._output.hello(VERSION, str(self._scratch.path))
            for line in self._calls:
                if line.strip():
                    self._handle(line)
            self._end()
        except SystemExit:  # asked to end by a signal
            if self._running is not None:
                self._running.cancel.set()
                self._running.over.wait(ABORT_SECONDS)
            raise
        finally:
            self._scratch.remove()
            self._registry.__exit__(None, None, None)

    def _handle(self, line: bytes) -> None:
        call_id = 0
        try:
            call = Call.parse(line)
            call_id = call.id
            if call.method == "run":
                self._start(call)
            elif call.method == "cancel":
                self._cancel(stop=bool(call.params.get("stop")))
                self._output.result(call.id, None)
            elif call.method in self._methods:
                self._output.result(call.id, self._methods[call.method](call.params))
            else:
                raise BadInput(f"There is no method “{call.method}”.")
        except VeniceError as error:
            self._output.error(call_id, error, "")
        except Exception as error:
            log.exception("call failed")
            self._output.error(call_id, VeniceError(f"{type(error).__name__}: {error}"), "")

    def _open(self, job: Job) -> Opened:
        return self._registry.open(job.options.provider)

    def _plan(self, params: Mapping[str, Any]) -> dict[str, Any]:
        job = Job.from_json(params["job"])
        opened = self._open(job)
        coverage = read_coverage(self._pixels(params.get("coverage"), job), job)
        plan = Prepared.of(job, coverage, opened.provider).plan
        return {**plan.to_json(), "key": bool(opened.key)}

    def _placed(self, params: Mapping[str, Any]) -> None:
        self._journal.get(str(params.get("job"))).placed()

    def _status(self, params: Mapping[str, Any]) -> dict[str, Any]:
        opened = self._registry.open(str(params.get("provider") or ""))
        models = opened.provider.capabilities.catalogue.models.values()
        return {
            "provider": opened.name,
            "providers": list(NAMES),
            "key": bool(opened.key),
            "key_source": opened.key_source,
            "default_model": opened.provider.capabilities.default_model,
            "models": [
                {
                    "id": model.id,
                    "name": model.name,
                    "price": asdict(price) if (price := model.price()) else None,
                }
                for model in models
            ],
        }

    def _configure(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`provider`: which to use from now on; `key`: that provider's key ("" forgets it)."""
        wish = str(params.get("provider") or "")
        name = self._registry.name(wish)
        kept = ""
        if params.get("key") is not None:
            kept = self._registry.store_key(name, Secret(str(params["key"])))
        if wish:
            self._registry.settings.update(provider=name)
        return {"provider": name, "kept": kept}

    def _pixels(self, name: Any, job: Job) -> bytes | None:
        if not name or job.window is None:
            return None
        return self._scratch.file(name, job.window.extent.pixels).read_bytes()

    def _start(self, call: Call) -> None:
        if self._running is not None and not self._running.over.is_set():
            raise BadInput("A job is already running.")
        job = Job.from_json(call.params["job"])
        opened = self._open(job)
        runner = Runner(opened.provider, opened.key, Transport(), self._journal)
        self._running = _Running(call, job, runner, self._scratch, self._output)
        self._running.start()

    def _cancel(self, *, stop: bool) -> None:
        running = self._running
        if running is None or running.over.is_set():
            return
        if running.uploaded and not stop:
            self._output.detached(running.call.id, DETACHED.format(running.folder))
            self._output.close()
            return
        running.cancel.set()
        if not running.over.wait(ABORT_SECONDS):  # it hangs where nothing wakes it, such as a name look-up
            running.abandon()

    def _end(self) -> None:
        """The front end is gone."""
        self._output.close()
        running = self._running
        if running is None:
            return
        if not running.uploaded:
            running.cancel.set()
            if not running.over.wait(ABORT_SECONDS):
                running.abandon()
                self._scratch.remove()
                os._exit(0)
        running.over.wait()


class _Running(threading.Thread):
    """A job under way.

    `over` is set before its end is told, so that who hears of it can start the next at once. (Joining
    the thread would not do: until Python 3.13 a signal in the middle of that marks it as ended.)
    """

    def __init__(self, call: Call, job: Job, runner: Runner, scratch: Scratch, output: Output) -> None:
        super().__init__(name=f"job-{call.id}", daemon=True)
        self.call = call
        self.cancel = Cancel()
        self.uploaded = False
        self.over = threading.Event()
        self._job = job
        self._runner = runner
        self._scratch = scratch
        self._output = output
        self._entry: Entry | None = None
        self._telling = threading.Lock()
        self._abandoned = False

    def run(self) -> None:
        try:
            value = self._work()
        except VeniceError as error:
            self._tell_error(error)
        except Exception as error:
            log.exception("job failed")
            charge = Charge(self._entry.record["charge"]) if self._entry else Charge.NONE
            self._tell_error(VeniceError(f"{type(error).__name__}: {error}", charge=charge))
        else:
            self._tell(lambda: self._output.result(self.call.id, value))

    def abandon(self) -> None:
        """Says that the job is cancelled although its thread still hangs."""
        error = Cancelled()
        if self._entry is not None:
            if self.uploaded:
                error = Cancelled(charge=Charge(self._entry.record["charge"]))
            self._entry.failed(error)
        self._tell_error(error)
        self._abandoned = True

    def _tell_error(self, error: VeniceError) -> None:
        name = self._runner.provider.capabilities.name
        self._tell(lambda: self._output.error(self.call.id, error, name))

    def _tell(self, say: Callable[[], None]) -> None:
        with self._telling:
            self.over.set()
            if not self._abandoned:
                say()

    def _work(self) -> dict[str, Any]:
        params = self.call.params
        coverage = None
        if self._job.window is not None and params.get("coverage"):
            coverage = self._scratch.file(params["coverage"], self._job.window.extent.pixels)
        source = self._scratch.file(params.get("source"))
        result = self._runner.run(self._job, source, coverage, self._on_progress, self.cancel, self._on_entry)
        try:
            message = _result_message(result)
        except OSError as error:
            detail = f"{error.strerror or error}; job {result.entry.id}"
            raise Unplaced(detail, charge=result.charge) from error
        if params.get("wide"):
            message["warnings"] += _clipped(self._scratch.path / str(params["wide"]), result)
        return message

    @property
    def folder(self) -> str:
        """Where the job is kept, once it is."""
        return str(self._entry.folder) if self._entry else ""

    def _on_entry(self, entry: Entry) -> None:
        self._entry = entry

    def _on_progress(self, progress: Progress) -> None:
        if progress.stage in (Stage.WAITING, Stage.RETRYING):
            self.uploaded = progress.stage is Stage.WAITING  # what is repeated was not accepted
        self._output.progress(self.call.id, progress)


def _result_message(result: Result) -> dict[str, Any]:
    folder = result.entry.folder
    (folder / RESULT).write_bytes(result.placed.pixels.tobytes())
    mask = result.placed.mask
    if mask is not None:
        (folder / MASK).write_bytes(mask.tobytes())
    return {
        "job": result.entry.id,
        "crop": asdict(result.plan.crop),
        "pixels": str(folder / RESULT),
        "mask": str(folder / MASK) if mask is not None else None,
        "name": result.name,
        "recipe": result.recipe,
        "warnings": list(result.warnings),
        "facts": asdict(result.facts),
        "price": asdict(result.plan.price) if result.plan.price else None,
    }


def _clipped(path: Path, result: Result) -> list[str]:
    """A warning where the layer has colours that sRGB cannot hold: `path` holds its float32 RGBA."""
    crop = result.plan.crop
    try:
        colours = np.fromfile(path, np.float32).reshape(crop.height, crop.width, 4)
    except (OSError, ValueError):
        log.exception("colours outside sRGB could not be counted")
        return []
    share = fit.clipped_share(colours, result.placed.mask)
    if share <= CLIPPED_SHARE:
        return []
    return [f"{100 * share:.0f} % of what was sent has colours outside sRGB, which the result cannot have."]


def main(env: Mapping[str, str]) -> None:
    """`python -m venice_core worker`. Standard output is for messages: stray prints go elsewhere."""
    messages = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    folder = private_folder(Folders.of(env).logs)
    handler = RotatingFileHandler(folder / "worker.log", maxBytes=1_000_000, backupCount=2, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Worker(env, sys.stdin.buffer, Output(messages)).serve()
