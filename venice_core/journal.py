"""Every job on disk before it is sent, every answer before it is used.

A job is a private folder: `job.json` (the record), `answer.bin` (the answer's bytes as they came),
`picture-1.bin` and so on (files that the answer only links to), and, until the result is placed, the
pixels it was made from (`source.rgba`, `coverage.grey`, raw).
The record never holds a key.

The record is written pessimistically: from the moment the request may leave, it says that a charge is
possible, until the outcome is known. So whatever dies, what is on disk is true.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from venice_core.errors import BadInput, Cancelled, Charge, VeniceError
from venice_core.geometry import Extent
from venice_core.job import Job
from venice_core.plan import Plan
from venice_core.settings import private_folder, sync_folder, write_atomically
from venice_core.transport import Response

ANSWER = "answer.bin"
SOURCE = "source.rgba"
PICTURE = "picture-{}.bin"
COVERAGE = "coverage.grey"
RESULT = "result-{}.rgba"
MASK = "mask-{}.grey"
RIM = "rim-{}.grey"
STAMP = "%Y%m%d-%H%M%S"
_WORKING_FILES = (SOURCE, COVERAGE, *(name.format("*") for name in (RESULT, MASK, RIM)))


class Status(str, Enum):
    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    ANSWERED = "answered"
    DONE = "done"
    PLACED = "placed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Entry:
    """One job on disk."""

    def __init__(self, folder: Path, record: dict[str, Any]) -> None:
        self.folder = folder
        self.record = record

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def status(self) -> Status:
        return Status(self.record["status"])

    @property
    def whereabouts(self) -> str:
        """A sentence that names it and where its answer is; "" where it cost nothing and none came."""
        if (self.folder / ANSWER).exists():
            return f"Job {self.id}: what came is in {self.folder}."
        return f"Job {self.id}." if self.record["charge"] != Charge.NONE.value else ""

    @property
    def interrupted(self) -> bool:
        """Whether the process that worked on it is gone without having said how it ended."""
        busy = self.status in (Status.PLANNED, Status.SENDING, Status.SENT)
        return busy and not _alive(int(self.record.get("pid", 0)))

    def sending(self) -> None:
        """From here on a charge is possible, and the job is never sent again.

        Raises BadInput where that cannot be written: then it must not be sent.
        """
        try:
            self._mark(Status.SENDING, charge=Charge.POSSIBLE.value)
        except OSError as error:
            raise _not_kept(self.folder, error) from error

    def sent(self) -> None:
        self._mark(Status.SENT)

    def turned_away(self) -> None:
        """The provider said "not now": it is as if it had not been sent, and it may be, once."""
        self._mark(Status.PLANNED, charge=Charge.NONE.value)

    def answered(self, response: Response, charge: Charge) -> None:
        """Keeps the answer's bytes, then says so."""
        write_atomically(self.folder / ANSWER, response.body)
        headers = {name: value for name, value in response.headers.items() if name != "set-cookie"}
        self._mark(
            Status.ANSWERED,
            charge=charge.value,
            answer={"status": response.status, "headers": headers, "bytes": len(response.body)},
        )

    def fetched(self, number: int, data: bytes) -> None:
        """Keeps a picture to which the answer links; `number` counts from 1."""
        write_atomically(self.folder / PICTURE.format(number), data)

    def done(self, **facts: Any) -> None:
        self._mark(Status.DONE, **facts)

    def placed(self) -> None:
        """The result is where it belongs: the pixels it was made from are no longer needed."""
        self._mark(Status.PLACED)
        self._drop_pixels()

    def failed(self, error: VeniceError, **facts: Any) -> None:
        """How it ended. The answer, if there is one, stays; and if it is paid for, what it was made from."""
        status = Status.CANCELLED if isinstance(error, Cancelled) else Status.FAILED
        self._mark(status, charge=error.charge.value, error=error.facts, **facts)
        if error.charge is not Charge.CHARGED:
            self._drop_pixels()

    def discard(self) -> None:
        """Takes a job away that was never sent."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _drop_pixels(self) -> None:
        for name in _WORKING_FILES:
            for path in self.folder.glob(name):
                path.unlink(missing_ok=True)

    def _mark(self, status: Status, **changes: Any) -> None:
        self.record.update(changes, status=status.value)
        self.record["history"].append([status.value, round(time.time(), 3)])
        data = json.dumps(self.record, indent=1, ensure_ascii=False)
        # half of a surrogate pair, as JSON from a server may hold it, is no text: it becomes “?”
        write_atomically(self.folder / "job.json", data.encode(errors="replace"))


class Journal:
    """All jobs, one folder each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(
        self,
        job: Job,
        plan: Plan,
        *,
        source: bytes | Path | None = None,
        coverage: bytes | Path | None = None,
    ) -> Entry:
        """A new job with its pixels: RGBA of the crop's size, coverage of the window's. Files are moved in.

        When this returns, the job is on disk. Raises BadInput where it cannot be.
        """
        try:
            return self._begin(job, plan, {SOURCE: source, COVERAGE: coverage})
        except OSError as error:
            raise _not_kept(self.folder, error) from error

    def begin_all(
        self, job: Job, plan: Plan, *, source: bytes | Path | None, coverage: bytes | Path | None
    ) -> list[Entry]:
        """As `begin`, one job for each of the plan's requests."""
        first = self.begin(job, plan, source=source, coverage=coverage)
        entries = [first]
        try:
            for _ in range(1, plan.requests):
                entry = self._begin(job, plan, {})
                entries.append(entry)
                for name in (SOURCE, COVERAGE):
                    _share(first.folder / name, entry.folder / name)
        except OSError as error:
            for entry in entries:
                entry.discard()
            raise _not_kept(self.folder, error) from error
        return entries

    def _begin(self, job: Job, plan: Plan, pixels: Mapping[str, bytes | Path | None]) -> Entry:
        now = time.time()
        # Sorted by name they are sorted by time.
        stamp = time.strftime(STAMP, time.gmtime(now)) + f"{int(now % 1 * 1000):03d}"
        private_folder(self.folder)
        folder = self.folder / f"{stamp}-{secrets.token_hex(4)}"
        folder.mkdir(mode=0o700)
        sync_folder(self.folder)
        for name, data in pixels.items():
            if data is not None:
                _take(data, folder / name)
        record = {
            "record": 1,
            "created": round(now, 3),
            "pid": os.getpid(),
            "charge": Charge.NONE.value,
            "job": job.to_json(),
            "plan": plan.to_json(),
            "history": [],
        }
        entry = Entry(folder, record)
        entry._mark(Status.PLANNED)
        return entry

    def get(self, job_id: str) -> Entry:
        """Raises BadInput where there is no such job."""
        if job_id and Path(job_id).name == job_id:
            entry = self._read(self.folder / job_id)
            if entry is not None:
                return entry
        raise BadInput(f"There is no job “{job_id}”.")

    def __iter__(self) -> Iterator[Entry]:
        """Newest first; folders that are no jobs are passed over."""
        return self.since(0.0)

    def since(self, moment: float) -> Iterator[Entry]:
        """Those begun at Unix time `moment` or later, newest first."""
        oldest = time.strftime(STAMP, time.gmtime(moment))
        if self.folder.is_dir():
            for folder in sorted(self.folder.iterdir(), reverse=True):
                if folder.name < oldest:
                    break
                entry = self._read(folder)
                if entry is not None:
                    yield entry

    @staticmethod
    def _read(folder: Path) -> Entry | None:
        try:
            record = json.loads((folder / "job.json").read_text("utf-8"))
            entry = Entry(folder, record)
            summary(entry)  # reads all that a record must have
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            return None
        return entry


class Scratch:
    """A private folder for pixels on their way, named after the process that owns it."""

    def __init__(self, parent: Path) -> None:
        private_folder(parent)
        _sweep(parent)
        self.path = parent / f"{os.getpid()}-{secrets.token_hex(4)}"
        self.path.mkdir(mode=0o700)

    def file(self, name: object, size: int | None = None) -> Path:
        """A file that was put here. Raises BadInput where it is missing or has another size in bytes."""
        path = self.path / str(name)
        if path.parent != self.path or not path.is_file():
            raise BadInput(f"There is no file “{name}” with pixels.")
        if size is not None and path.stat().st_size != size:
            raise BadInput(f"“{name}” holds {path.stat().st_size} bytes, not {size}.")
        return path

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _not_kept(folder: Path, error: OSError) -> BadInput:
    return BadInput(f"The job cannot be kept in {folder} ({error.strerror or error}), so it was not sent.")


def _sweep(parent: Path) -> None:
    """Removes what processes that are gone have left."""
    for folder in parent.iterdir():
        owner = folder.name.partition("-")[0]
        if owner.isdigit() and not _alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _take(source: bytes | Path, target: Path) -> None:
    if isinstance(source, Path):
        source.replace(target)
    else:
        target.write_bytes(source)


def _share(source: Path, target: Path) -> None:
    """The same file under a second name, or a copy where the disk cannot do that."""
    if not source.exists():
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _alive(pid: int) -> bool:
    if pid <= 0:
        return False
    if os.name == "nt":
        return _alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _alive_on_windows(pid: int) -> bool:
    """There, os.kill(pid, 0) would end the process."""
    import ctypes  # noqa: PLC0415

    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - not there elsewhere
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return False
    code = ctypes.c_ulong()
    kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return code.value == 259  # STILL_ACTIVE


def summary(entry: Entry) -> Mapping[str, Any]:
    """One job for a list: what it was, how it stands, what is known about money."""
    record = entry.record
    plan, options = record["plan"], record["job"]["options"]
    crop = plan["crop"]
    facts, error = record.get("facts") or {}, record.get("error") or {}
    return {
        "id": entry.id,
        "created": record["created"],
        "action": record["job"]["action"],
        "status": "interrupted" if entry.interrupted else entry.status.value,
        "charge": record["charge"],
        "provider": plan["provider"],
        "model": plan["model"],
        "prompt": options["prompt"],
        "size": str(Extent(crop["width"], crop["height"])),
        "price": plan["price"],
        "request_id": facts.get("request_id") or error.get("request_id", ""),
        "error": error.get("kind", ""),
    }
