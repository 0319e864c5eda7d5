"""Every job on disk before it is sent, every answer before it is used."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import run_job
from unit_transport import PNG, FakeTransport, answer

from venice_core.cancellation import Cancel
from venice_core.errors import (
    BadInput,
    Cancelled,
    Charge,
    DownloadFailed,
    LostConnection,
    NoConnection,
    PlacementFailed,
    PolicyRefusal,
    UnusableAnswer,
    VeniceError,
)
from venice_core.execution.context import RunContext
from venice_core.execution.inputs import JobInputs
from venice_core.execution.results import Result
from venice_core.execution.runner import Runner
from venice_core.fitting import edit
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.imaging import codecs
from venice_core.job import Action, Job, Options
from venice_core.network.messages import Response
from venice_core.network.transport import Transport
from venice_core.planning.plan import Plan
from venice_core.planning.planner import make_plan
from venice_core.progress import Stage
from venice_core.providers.venice.model_entries import packaged_catalogue
from venice_core.providers.venice.provider import Venice
from venice_core.records.entry import ANSWER, COVERAGE, SOURCE, Entry, Status, summary
from venice_core.records.entry import PICTURE as FETCHED
from venice_core.records.journal import Journal
from venice_core.records.scratch import Scratch
from venice_core.secret import Secret

KEY = "vk-0123456789abcdef"
PICTURE = np.random.default_rng(3).integers(0, 256, (256, 256, 4), np.uint8)
PICTURE[..., 3] = 255
WHOLE = Bounds(0, 0, 256, 256)
JOB = Job(Action.EDIT, WHOLE, WHOLE.extent, None, Options(prompt="a hat"))


def run(folder: Path, transport: Transport, job: Job = JOB, **more: Any) -> Result:
    secret = Secret(KEY)
    provider = Venice(secret, "http://127.0.0.1:9/api/v1", catalogue=packaged_catalogue())
    runner = Runner(RunContext(provider, secret, transport, Journal(folder)))
    made = run_job(runner, job, JobInputs(PICTURE.tobytes()), more.get("watch", lambda _: None), Cancel())
    (result,) = made.results
    return result


def plan() -> Plan:
    return make_plan(JOB, None, Venice(Secret(""), catalogue=packaged_catalogue()).capabilities)


def begin(folder: Path, **more: Any) -> Entry:
    return Journal(folder).begin(
        JOB, plan(), source=more.get("source", b"pixels"), coverage=more.get("coverage")
    )


def only(folder: Path) -> Entry:
    (entry,) = Journal(folder)
    return entry


def statuses(entry: Entry) -> list[str]:
    return [status for status, _ in entry.record["history"]]


# Order


def test_the_record_is_on_disk_and_pessimistic_before_anything_leaves(tmp_path: Path) -> None:
    seen: list[tuple[str, str, str]] = []

    def look(moment: str) -> None:
        record = json.loads(next(tmp_path.glob("*/job.json")).read_text())
        seen.append((moment, record["status"], record["charge"]))

    run(tmp_path, FakeTransport(answer(), look=look))
    assert seen == [("connecting", "sending", "possible"), ("waiting", "sent", "possible")]


def test_the_answer_is_on_disk_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decode = codecs.decode
    looked: list[bytes] = []

    def look(data: bytes, **options: Any) -> codecs.Picture:
        looked.append(next(tmp_path.glob(f"*/{ANSWER}")).read_bytes())
        assert only(tmp_path).status is Status.ANSWERED
        return decode(data, **options)

    monkeypatch.setattr(codecs, "decode", look)
    run(tmp_path, FakeTransport(answer()))
    assert looked == [PNG]


def test_a_good_run_goes_through_every_status_in_order(tmp_path: Path) -> None:
    result = run(tmp_path, FakeTransport(answer()))
    assert statuses(only(tmp_path)) == ["planned", "sending", "sent", "answered", "done"]
    result.entry.placed()
    entry = only(tmp_path)
    assert statuses(entry)[-1] == "placed"
    assert (entry.folder / ANSWER).read_bytes() == PNG
    assert {path.name for path in entry.folder.iterdir()} == {"job.json", ANSWER}
    times = [at for _, at in entry.record["history"]]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("headers", "charge"), [({}, Charge.CHARGED), ({"x_venice_sandbox": "true"}, Charge.NONE)]
)
def test_a_success_is_charged_unless_the_sandbox_gave_it(
    tmp_path: Path, headers: dict[str, str], charge: Charge
) -> None:
    run(tmp_path, FakeTransport(answer(**headers)))
    assert only(tmp_path).record["charge"] == charge.value


@pytest.mark.parametrize(
    ("steps", "status", "charge", "kind"),
    [
        ([NoConnection("refused")] * 2, "failed", "none", "no-connection"),
        ([LostConnection("reset")], "failed", "possible", "lost-connection"),
        ([Cancelled()], "cancelled", "none", "cancelled"),
        ([Cancelled(charge=Charge.POSSIBLE)], "cancelled", "possible", "cancelled"),
        ([answer(400, b'{"error":"no"}')], "failed", "none", "invalid-request"),
        ([answer(422, b'{"error":"no"}')], "failed", "unknown", "policy"),
        ([answer(500, b'{"error":"no"}')], "failed", "possible", "server-failure"),
        ([answer(200, b"words")], "failed", "possible", "unusable-answer"),
        ([answer(200, PNG[:300])], "failed", "possible", "unusable-answer"),
    ],
)
def test_how_it_ended_and_what_is_known_about_money_is_kept(
    tmp_path: Path, steps: list[Any], status: str, charge: str, kind: str
) -> None:
    with pytest.raises(VeniceError) as caught:
        run(tmp_path, FakeTransport(*steps))
    record = only(tmp_path).record
    assert (record["status"], record["charge"], record["error"]["kind"]) == (status, charge, kind)
    assert caught.value.kind == kind
    assert not (only(tmp_path).folder / SOURCE).exists()


@pytest.mark.parametrize("charge", list(Charge))
@pytest.mark.parametrize("error", [PlacementFailed, DownloadFailed, LostConnection, Cancelled])
def test_what_a_picture_was_made_from_is_kept_exactly_where_it_is_paid_for(
    tmp_path: Path, error: type[VeniceError], charge: Charge
) -> None:
    entry = begin(tmp_path, source=b"source", coverage=b"coverage")
    entry.sending()
    entry.answered(answer(), Charge.CHARGED)
    entry.fetched(1, b"picture")
    entry.failed(error("gone", charge=charge))
    kept = {path.name for path in entry.folder.iterdir()}
    assert kept - {SOURCE, COVERAGE} == {"job.json", ANSWER, FETCHED.format(1)}
    assert kept & {SOURCE, COVERAGE} == ({SOURCE, COVERAGE} if charge is Charge.CHARGED else set())
    assert only(tmp_path).record["charge"] == charge.value


def test_an_unusable_answer_is_kept_as_it_came(tmp_path: Path) -> None:
    with pytest.raises(UnusableAnswer):
        run(tmp_path, FakeTransport(answer(200, PNG[:300], x_a="b")))
    entry = only(tmp_path)
    assert (entry.folder / ANSWER).read_bytes() == PNG[:300]
    assert entry.record["answer"] == {"status": 200, "headers": {"x-a": "b"}, "bytes": 300}


def test_a_crash_while_fitting_leaves_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(edit, "place", crash)
    with pytest.raises(PlacementFailed, match="ZeroDivisionError"):
        run(tmp_path, FakeTransport(answer()))
    entry = only(tmp_path)
    assert (entry.status, entry.record["charge"]) == (Status.ANSWERED, "charged")
    assert (entry.folder / ANSWER).read_bytes() == PNG
    assert (entry.folder / SOURCE).read_bytes() == PICTURE.tobytes()


@pytest.mark.parametrize("mark", ["sent", "answered", "done"])
def test_a_full_disk_does_not_cost_a_paid_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Entry, mark, full)
    result = run(tmp_path, FakeTransport(answer()))
    assert result.placed.pixels.shape[:2] == PICTURE.shape[:2]
    assert any("No space left" in warning for warning in result.warnings) == (mark == "answered")


def test_what_cannot_be_written_down_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("venice_core.records.entry.write_atomically", full)
    transport = FakeTransport(answer())
    with pytest.raises(BadInput, match="No space left on device"):
        run(tmp_path, transport)
    assert len(transport.steps) == 1, "nobody asked for the answer"


def test_a_record_that_lacks_something_does_not_hide_the_others(tmp_path: Path) -> None:
    run(tmp_path, FakeTransport(answer()))
    folder = tmp_path / "19990101-000000000-broken"
    folder.mkdir()
    (folder / "job.json").write_text('{"status": "done", "job": {}}')
    assert len(list(Journal(tmp_path))) == 1


def test_cookies_are_not_kept(tmp_path: Path) -> None:
    run(tmp_path, FakeTransport(answer(set_cookie="session=1", cf_ray="r")))
    assert only(tmp_path).record["answer"]["headers"] == {"cf-ray": "r"}


@pytest.mark.parametrize(
    "response",
    [
        answer(401, f'{{"error":"bad key {KEY}"}}'.encode()),
        answer(500, b"<html><title>" + KEY.encode() + b"</title></html>"),
        answer(200, f'{{"error":"you said {KEY}"}}'.encode()),
        answer(200, f'{{"request_id":"{KEY}"}}'.encode(), cf_ray=KEY),
        answer(200, PNG, x_echo=f"Bearer {KEY}", x_venice_enhanced_prompt=KEY),
    ],
)
def test_the_key_is_in_no_file_and_no_error_even_when_the_server_repeats_it(
    tmp_path: Path, response: Response
) -> None:
    try:
        result = run(tmp_path, FakeTransport(response))
        assert KEY not in repr((result.facts, result.recipe, result.warnings, result.name))
    except VeniceError as error:
        assert KEY not in repr((str(error), error.detail, error.request_id))
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("key", ["vk-01\n234", "vk-01234…", "vk 01\r\nX-Evil: 1", "vk\x00"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(tmp_path: Path, key: str) -> None:
    secret = Secret(key)
    provider = Venice(secret, "http://127.0.0.1:9/api/v1", catalogue=packaged_catalogue())
    runner = Runner(RunContext(provider, secret, Transport(), Journal(tmp_path)))
    with pytest.raises(BadInput, match="API key") as caught:
        run_job(runner, JOB, JobInputs(PICTURE.tobytes()), lambda _: None, Cancel())
    assert key not in caught.value.detail
    assert "vk" not in caught.value.detail


def test_a_journal_that_cannot_be_written_sends_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("")
    transport = FakeTransport(answer())
    with pytest.raises(BadInput, match="a file"):
        run(blocked / "jobs", transport)
    assert not transport.requests


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_answer_is_followed_by_one_repeat_which_the_record_shows(tmp_path: Path, status: int) -> None:
    busy = answer(status, b'{"error":"later"}', retry_after="0")
    transport = FakeTransport(busy, answer())
    stages: list[Stage] = []
    run(tmp_path, transport, watch=lambda progress: stages.append(progress.stage))
    assert len(transport.requests) == 2
    assert statuses(only(tmp_path)) == [
        *("planned", "sending", "sent"),
        *("planned", "sending", "sent", "answered", "done"),
    ]
    assert Stage.RETRYING in stages


# What is on disk


def test_a_job_folder_is_the_owners_alone(tmp_path: Path) -> None:
    entry = begin(tmp_path / "jobs", coverage=b"gray")
    assert (entry.folder / SOURCE).read_bytes() == b"pixels"
    assert (entry.folder / COVERAGE).read_bytes() == b"gray"
    if os.name == "posix":
        assert stat.S_IMODE(entry.folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "jobs").stat().st_mode) == 0o700
        assert stat.S_IMODE((entry.folder / "job.json").stat().st_mode) == 0o600


def test_files_handed_over_are_moved_not_copied(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.write_bytes(b"abc")
    entry = begin(tmp_path / "jobs", source=source)
    assert not source.exists()
    assert (entry.folder / SOURCE).read_bytes() == b"abc"


def test_the_record_is_never_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = begin(tmp_path)
    before = (entry.folder / "job.json").read_bytes()

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        entry.sending()
    assert (entry.folder / "job.json").read_bytes() == before
    assert not list(entry.folder.glob(".job*"))


def test_jobs_are_listed_newest_first_and_what_is_no_job_is_passed_over(tmp_path: Path) -> None:
    folders = [begin(tmp_path).folder for _ in range(3)]
    for number, folder in enumerate(folders):
        folder.rename(tmp_path / f"2026010{number}-000000-aa")
    (tmp_path / "20270101-000000-broken").mkdir()
    (tmp_path / "20270101-000000-broken" / "job.json").write_text("{")
    (tmp_path / "20270102-000000-odd").mkdir()
    (tmp_path / "20270102-000000-odd" / "job.json").write_text('{"status": "flying"}')
    (tmp_path / "notes.txt").write_text("")
    assert [entry.id[:8] for entry in Journal(tmp_path)] == ["20260102", "20260101", "20260100"]
    assert list(Journal(tmp_path / "none")) == []


@pytest.mark.parametrize("name", ["", ".", "..", "../jobs", "none", "/etc", "a/b"])
def test_a_job_that_is_not_there_is_said(tmp_path: Path, name: str) -> None:
    begin(tmp_path / "jobs")
    with pytest.raises(BadInput, match="no job"):
        Journal(tmp_path / "jobs").get(name)


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("advance", "status", "charge"),
    [
        (lambda entry: None, "interrupted", "none"),
        (lambda entry: entry.sending(), "interrupted", "possible"),
        (lambda entry: (entry.sending(), entry.sent()), "interrupted", "possible"),
        (lambda entry: (entry.sending(), entry.answered(answer(), Charge.CHARGED)), "answered", "charged"),
        (lambda entry: entry.failed(PolicyRefusal("no")), "failed", "unknown"),
    ],
)
def test_a_job_whose_process_is_gone_was_interrupted_if_nobody_said_how_it_ended(
    tmp_path: Path, advance: Callable[[Entry], Any], status: str, charge: str
) -> None:
    entry = begin(tmp_path)
    advance(entry)
    alive: Mapping[str, Any] = summary(only(tmp_path))
    assert alive["status"] == (entry.status.value)
    entry.record["pid"] = ended_process()
    entry._mark(entry.status)
    listed = summary(only(tmp_path))
    assert (listed["status"], listed["charge"]) == (status, charge)
    assert listed["prompt"] == "a hat"
    assert listed["size"] == str(Extent(256, 256))


# What is on disk may be anything


def rewritten(entry: Entry, **changes: Any) -> None:
    record = {**json.loads((entry.folder / "job.json").read_text()), **changes}
    (entry.folder / "job.json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    "changes",
    [
        {"facts": "text"},
        {"facts": [1]},
        {"error": 7},
        {"plan": None},
        {"plan": []},
        {"plan": {"crop": {"width": 0, "height": 5}}},
        {"job": {"options": [], "action": "edit"}},
        {"job": "edit"},
        {"status": None},
        {"status": "sent", "pid": None},
        {"status": "sent", "pid": "many"},
        {"status": "sent", "pid": 10**30},
    ],
)
def test_a_record_of_any_brokenness_is_passed_over(tmp_path: Path, changes: dict[str, Any]) -> None:
    good, broken = begin(tmp_path), begin(tmp_path)
    rewritten(broken, **changes)
    assert [entry.id for entry in Journal(tmp_path)] == [good.id]
    with pytest.raises(BadInput, match="no job"):
        Journal(tmp_path).get(broken.id)


def test_a_record_nested_without_end_is_passed_over(tmp_path: Path) -> None:
    good, broken = begin(tmp_path), begin(tmp_path)
    (broken.folder / "job.json").write_text("[" * 100_000)
    assert [entry.id for entry in Journal(tmp_path)] == [good.id]


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PLACES = ("status", "pid", "charge", "created", "plan", "job", "facts", "error", "history", "record")


@given(st.dictionaries(st.sampled_from(PLACES), any_json, min_size=1, max_size=3))
def test_whatever_a_record_holds_the_jobs_can_be_listed(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("jobs")
    good, odd = begin(folder), begin(folder)
    rewritten(odd, **changes)
    listed = [summary(entry)["id"] for entry in Journal(folder)]
    assert good.id in listed


def test_half_a_character_in_a_servers_words_does_not_keep_a_record_from_being_written(
    tmp_path: Path,
) -> None:
    entry = begin(tmp_path)
    entry.failed(PolicyRefusal("half \ud800", request_id="\udfff"))
    assert only(tmp_path).record["error"]["detail"] == "half ?"


def test_jobs_since_a_moment_are_those_begun_then_or_later(tmp_path: Path) -> None:
    moment = 1_790_000_000  # 2026-09-21 14:13:20 UTC
    for name in (
        "20260921-141319999-a",
        "20260921-141320000-b",
        "20260921-141320-old",
        "20260922-000000000-c",
    ):
        begin(tmp_path).folder.rename(tmp_path / name)
    found = [entry.id.rpartition("-")[2] for entry in Journal(tmp_path).since(moment)]
    assert sorted(found) == ["b", "c", "old"]
    assert list(Journal(tmp_path).since(moment + 10**6)) == []
    assert len(list(Journal(tmp_path).since(0))) == 4


def test_jobs_begun_together_share_their_pixels_until_they_are_done(tmp_path: Path) -> None:
    job = replace(JOB, options=replace(JOB.options, variations=3))
    several = replace(plan(), requests=3)
    source = tmp_path / "in"
    source.write_bytes(b"pixels")
    entries = Journal(tmp_path / "jobs").begin_all(job, several, source=source, coverage=None)
    assert len(entries) == 3
    assert not source.exists()
    assert len({(entry.folder / SOURCE).stat().st_ino for entry in entries}) == 1
    assert not any((entry.folder / COVERAGE).exists() for entry in entries)
    entries[0].failed(LostConnection("x"))
    assert [(entry.folder / SOURCE).exists() for entry in entries] == [False, True, True]
    assert [entry.record["charge"] for entry in entries] == ["possible", "none", "none"]


def test_a_job_that_was_never_sent_can_be_taken_away(tmp_path: Path) -> None:
    begin(tmp_path).discard()
    assert list(tmp_path.iterdir()) == []


# The private folder for pixels on their way


def test_scratch_is_private_and_removed(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "scratch")
    (scratch.path / "in").write_bytes(b"1234")
    assert scratch.file("in", 4).read_bytes() == b"1234"
    if os.name == "posix":
        assert stat.S_IMODE(scratch.path.stat().st_mode) == 0o700
    scratch.remove()
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize(("name", "size"), [("in", 5), ("none", 4), ("../in", 4), ("", 4), ("/etc/hosts", 4)])
def test_only_files_of_the_right_size_in_the_folder_are_taken(tmp_path: Path, name: str, size: int) -> None:
    scratch = Scratch(tmp_path)
    (scratch.path / "in").write_bytes(b"1234")
    (tmp_path / "in").write_bytes(b"1234")
    with pytest.raises(BadInput):
        scratch.file(name, size)


def test_what_dead_processes_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    dead, alive, other = (tmp_path / name for name in (f"{ended_process()}-ab", f"{os.getpid()}-cd", "mine"))
    for folder in (dead, alive, other):
        folder.mkdir()
        (folder / "file").write_text("")
    Scratch(tmp_path)
    assert not dead.exists()
    assert alive.exists()
    assert other.exists()
