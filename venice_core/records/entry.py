"""A job on disk: what was sent, what came back, and what is known about its charge."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from venice_core.errors import Cancelled, Charge, UnusableFile, VeniceError
from venice_core.geometry.rectangles import Extent
from venice_core.network.messages import Response
from venice_core.records.processes import is_alive
from venice_core.storage.atomic_files import write_atomically

ANSWER = "answer.bin"
SOURCE = "source.rgba"
PICTURE = "picture-{}.bin"
COVERAGE = "coverage.gray"
RESULT = "result-{}.rgba"
MASK = "mask-{}.gray"
RIM = "rim-{}.gray"
_WORKING_FILES = (SOURCE, COVERAGE, *(name.format("*") for name in (RESULT, MASK, RIM)))
_FORMER_FILES = ("coverage.grey", "mask-*.grey", "rim-*.grey")
"""The names of some of them in version 0.1.0."""


class Status(str, Enum):
    """How far a job has come."""

    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    ANSWERED = "answered"
    DONE = "done"
    PLACED = "placed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Entry:
    """A job on disk."""

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
        """A sentence with its id and the place of its answer; "" if it cost nothing and has no answer."""
        if (self.folder / ANSWER).exists():
            return f"Job {self.id}: the service's response is in {self.folder}."
        return f"Job {self.id}." if self.record["charge"] != Charge.NONE.value else ""

    @property
    def interrupted(self) -> bool:
        """Whether the process that worked on it is gone without recording how it ended."""
        busy = self.status in (Status.PLANNED, Status.SENDING, Status.SENT)
        return busy and not is_alive(int(self.record.get("pid", 0)))

    def sending(self) -> None:
        """Record that a charge is possible from now on and that the job must never be sent again.

        Raises UnusableFile if that cannot be written; the job must not be sent then.
        """
        try:
            self._mark(Status.SENDING, charge=Charge.POSSIBLE.value)
        except OSError as error:
            raise not_kept(self.folder, error) from error

    def sent(self) -> None:
        self._mark(Status.SENT)

    def turned_away(self) -> None:
        """Record that the provider was busy: the job counts as not sent and may be sent once more."""
        self._mark(Status.PLANNED, charge=Charge.NONE.value)

    def answered(self, response: Response, charge: Charge) -> None:
        """Store the bytes of the answer, then record it."""
        write_atomically(self.folder / ANSWER, response.body)
        headers = {name: value for name, value in response.headers.items() if name != "set-cookie"}
        self._mark(
            Status.ANSWERED,
            charge=charge.value,
            answer={"status": response.status, "headers": headers, "bytes": len(response.body)},
        )

    def fetched(self, number: int, data: bytes) -> None:
        """Store a picture to which the answer links; `number` counts from 1."""
        write_atomically(self.folder / PICTURE.format(number), data)

    def done(self, **facts: Any) -> None:
        self._mark(Status.DONE, **facts)

    def placed(self) -> None:
        """Record that the result is in place, and remove the source pixels, which are no longer needed."""
        self._mark(Status.PLACED)
        self._drop_pixels()

    def failed(self, error: VeniceError, **facts: Any) -> None:
        """Record how it failed; keep the answer, if any, and the source pixels if it was charged."""
        status = Status.CANCELLED if isinstance(error, Cancelled) else Status.FAILED
        self._mark(status, charge=error.charge.value, error=error.facts, **facts)
        if error.charge is not Charge.CHARGED:
            self._drop_pixels()

    def discard(self) -> None:
        """Remove a job that was never sent."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _drop_pixels(self) -> None:
        for name in (*_WORKING_FILES, *_FORMER_FILES):
            for path in self.folder.glob(name):
                path.unlink(missing_ok=True)

    def _mark(self, status: Status, **changes: Any) -> None:
        self.record.update(changes, status=status.value)
        self.record["history"].append([status.value, round(time.time(), 3)])
        data = json.dumps(self.record, indent=1, ensure_ascii=False)
        # half of a surrogate pair, as JSON from a server may hold it, is no text: it becomes “?”
        write_atomically(self.folder / "job.json", data.encode(errors="replace"))


def not_kept(folder: Path, error: OSError) -> UnusableFile:
    return UnusableFile(
        f"The job could not be saved in {folder} ({error.strerror or error}), so it was not sent."
    )


def summary(entry: Entry) -> Mapping[str, Any]:
    """Return a job for a list: what it was, its status, and what is known about its charge."""
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
