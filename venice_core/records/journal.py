"""The journal: every job is on disk before it is sent, every answer before it is used.

A job is a private folder with `job.json` (the record), `answer.bin` (the unchanged bytes of the answer),
`picture-1.bin` and so on (files to which the answer only links), and, until the result is in place, the
pixels from which it was made (`source.rgba`, `coverage.gray`, raw). The record never contains a key.

The record is pessimistic: from the moment the request may be sent until its outcome is known, it says that a
charge is possible. So it is true no matter what crashes.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from venice_core.errors import BadInput, Charge
from venice_core.job import Job
from venice_core.planning.plan import Plan
from venice_core.records.entry import COVERAGE, SOURCE, Entry, Status, not_kept, summary
from venice_core.storage.atomic_files import sync_folder
from venice_core.storage.folders import private_folder

STAMP = "%Y%m%d-%H%M%S"


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
        """Record a new job with its pixels: RGBA of the crop, coverage of the window. Files are moved.

        The job is on disk when this returns. Raises BadInput if it cannot be written.
        """
        try:
            return self._begin(job, plan, {SOURCE: source, COVERAGE: coverage})
        except OSError as error:
            raise not_kept(self.folder, error) from error

    def begin_all(
        self, job: Job, plan: Plan, *, source: bytes | Path | None, coverage: bytes | Path | None
    ) -> list[Entry]:
        """Do the same for each of the plan's requests."""
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
            raise not_kept(self.folder, error) from error
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
        """Return a job. Raises BadInput if it does not exist."""
        if job_id and Path(job_id).name == job_id:
            entry = self._read(self.folder / job_id)
            if entry is not None:
                return entry
        raise BadInput(f"There is no job “{job_id}”.")

    def __iter__(self) -> Iterator[Entry]:
        """Yield all jobs, newest first, ignoring other folders."""
        return self.since(0.0)

    def since(self, moment: float) -> Iterator[Entry]:
        """Yield the jobs begun at Unix time `moment` or later, newest first."""
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


def _take(source: bytes | Path, target: Path) -> None:
    if isinstance(source, Path):
        source.replace(target)
    else:
        target.write_bytes(source)


def _share(source: Path, target: Path) -> None:
    """Create a hard link, or a copy if the file system cannot do that."""
    if not source.exists():
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
