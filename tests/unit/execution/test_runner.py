"""Several requests of one run: what each leaves behind, what fails, and what a day may cost."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import run_job
from unit_transport import PNG, FakeTransport, answer

from venice_core.cancellation import Cancel
from venice_core.errors import (
    BadInput,
    Busy,
    Cancelled,
    Charge,
    LostConnection,
    MissingKey,
    NoConnection,
    ServerFailure,
    SpendingLimitExceeded,
    UnusableAnswer,
    VeniceError,
)
from venice_core.execution.context import RunContext
from venice_core.execution.inputs import JobInputs, Prepared
from venice_core.execution.results import RunResult
from venice_core.execution.runner import Runner
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.job import Action, Job, Options
from venice_core.network.messages import Request, Response
from venice_core.network.rate_limiter import RateLimiter
from venice_core.network.transport import Transport
from venice_core.progress import OnProgress, Progress, Stage
from venice_core.providers.venice.model_entries import packaged_catalogue
from venice_core.providers.venice.provider import Venice
from venice_core.records.entry import ANSWER, COVERAGE, SOURCE, Entry
from venice_core.records.journal import Journal
from venice_core.records.spending import spent
from venice_core.secret import Secret

WHOLE = Bounds(0, 0, 256, 256)
PICTURE = np.random.default_rng(5).integers(0, 256, (256, 256, 4), np.uint8)
COVER = np.full((256, 256), 255, np.uint8)
REFUSED, FAILED = answer(400, b'{"error":"no"}'), answer(500, b'{"error":"boom"}')
POLICY = answer(422, b'{"error":"policy"}')
BUSY = answer(429, b'{"error":"later"}', retry_after="0")


def job(variations: int = 1, action: Action = Action.EDIT, **options: Any) -> Job:
    window = WHOLE if action is Action.EDIT else None
    wish = Options(**{"prompt": "a hat", "variations": variations, **options})
    return Job(action, WHOLE, WHOLE.extent, window, wish)


def runner(folder: Path, transport: Transport, **more: Any) -> Runner:
    key = Secret(more.pop("key", "vk-0123456789abcdef"))
    name = more.pop("provider", "venice")
    provider = Venice(key, "http://127.0.0.1:9/api/v1", name, packaged_catalogue())
    return Runner(RunContext(provider, key, transport, Journal(folder), **more))


def run(
    folder: Path, steps: Sequence[Response | VeniceError] | Transport, wish: Job | None = None, **more: Any
) -> RunResult:
    """Runs `wish` (by default as many variations as there are steps) with the picture all selected."""
    transport = steps if isinstance(steps, Transport) else FakeTransport(*steps)
    if wish is None:
        assert isinstance(transport, FakeTransport)
        wish = job(more.pop("variations", 0) or len(transport.steps))
    watch = more.pop("watch", lambda _: None)
    cancel = more.pop("cancel", None) or Cancel()
    on_entry = more.pop("on_entry", lambda _: None)
    pixels = JobInputs(PICTURE.tobytes(), COVER.tobytes() if wish.window else None)
    if wish.action is Action.GENERATE:
        pixels = JobInputs()
    return run_job(runner(folder, transport, **more), wish, pixels, watch, cancel, on_entry)


def kept(folder: Path) -> list[Entry]:
    return list(Journal(folder))


def ends(folder: Path) -> list[tuple[str, str]]:
    return sorted((entry.status.value, entry.record["charge"]) for entry in kept(folder))


# Several at once


def test_each_variation_is_a_job_of_its_own_with_its_own_answer(tmp_path: Path) -> None:
    told: list[Entry] = []
    made = run(tmp_path, [answer()] * 3, on_entry=told.append)
    assert len(made.results) == 3
    assert not made.failures
    assert len({result.entry.id for result in made.results}) == 3
    assert {entry.id for entry in kept(tmp_path)} == {entry.id for entry in told}
    assert [entry.id for entry in made.entries] == [entry.id for entry in told], (
        "in the order they were begun"
    )
    for entry in kept(tmp_path):
        assert [status for status, _ in entry.record["history"]] == [
            *("planned", "sending", "sent", "answered", "done")
        ]
        assert (entry.folder / ANSWER).read_bytes() == PNG
        assert (entry.folder / SOURCE).read_bytes() == PICTURE.tobytes()
        assert (entry.folder / COVERAGE).read_bytes() == COVER.tobytes()


def test_the_pixels_they_share_are_on_the_disk_once(tmp_path: Path) -> None:
    run(tmp_path, [answer()] * 3)
    for name in (SOURCE, COVERAGE):
        files = {(entry.folder / name).stat().st_ino for entry in kept(tmp_path)}
        assert len(files) == 1
    first, *others = kept(tmp_path)
    first.placed()
    assert not (first.folder / SOURCE).exists()
    assert all((entry.folder / SOURCE).read_bytes() == PICTURE.tobytes() for entry in others)


def test_where_the_disk_knows_no_second_names_they_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_: Any) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", cannot)
    run(tmp_path, [answer()] * 2)
    assert all((entry.folder / SOURCE).read_bytes() == PICTURE.tobytes() for entry in kept(tmp_path))


def test_a_journal_that_fails_half_way_leaves_nothing_and_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, calls = Journal._begin, []

    def full(self: Journal, *arguments: Any) -> Entry:
        calls.append(1)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        return begin(self, *arguments)

    monkeypatch.setattr(Journal, "_begin", full)
    transport = FakeTransport(*[answer()] * 4)
    with pytest.raises(BadInput, match="No space left on device"):
        run(tmp_path, transport, variations=4)
    assert not transport.requests
    assert not list(tmp_path.iterdir())


def test_all_of_them_send_the_same_request(tmp_path: Path) -> None:
    transport = FakeTransport(*[answer()] * 3)
    run(tmp_path, transport)
    assert len(transport.requests) == 3
    assert len({id(request) for request in transport.requests}) == 1


@pytest.mark.parametrize(
    ("failure", "left"),
    [
        (REFUSED, ("failed", "none")),
        (FAILED, ("failed", "possible")),
        (POLICY, ("failed", "unknown")),
        (LostConnection("reset"), ("failed", "possible")),
        (answer(200, b"no picture"), ("failed", "possible")),
        (Cancelled(charge=Charge.POSSIBLE), ("cancelled", "possible")),
    ],
)
def test_one_that_fails_does_not_cost_the_others_their_results(
    tmp_path: Path, failure: Response | VeniceError, left: tuple[str, str]
) -> None:
    made = run(tmp_path, [answer(), failure, answer()])
    assert len(made.results) == 2
    (failure,) = made.failures
    error = failure.error
    assert error.charge.value == left[1]
    assert ends(tmp_path) == sorted([("done", "charged"), ("done", "charged"), left])
    assert [words.startswith("Variation ") for words in made.warnings].count(True) == 1
    assert all(result.placed.pixels.shape == (256, 256, 4) for result in made.results)


def test_one_that_fails_as_nobody_thought_of_does_not_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Odd(FakeTransport):
        def exchange(self, request: Request, on_progress: OnProgress, cancel: Cancel) -> Response:
            if len(self.steps) == 2:
                self.steps.pop()
                on_progress(Progress(Stage.WAITING))
                raise ZeroDivisionError("by accident")
            return super().exchange(request, on_progress, cancel)

    made = run(tmp_path, Odd(answer(), answer()), job(2))
    (failure,) = made.failures
    error = failure.error
    assert len(made.results) == 1
    assert error.detail == "ZeroDivisionError: by accident"
    assert error.charge is Charge.POSSIBLE


class Breaking(FakeTransport):
    """Fails as nobody thought of, before anything has left or once all has."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__()
        self.sent = sent

    def exchange(self, request: Request, on_progress: OnProgress, cancel: Cancel) -> Response:
        if self.sent:
            on_progress(Progress(Stage.WAITING))
        raise ZeroDivisionError("by accident")


def end_of(folder: Path) -> tuple[str, str, dict[str, Any]]:
    (entry,) = kept(folder)
    error = {name: entry.record["error"][name] for name in ("kind", "detail")}
    return entry.status.value, entry.record["charge"], error


ACCIDENT = {"kind": "error", "detail": "ZeroDivisionError: by accident"}


@pytest.mark.parametrize("sent", [True, False])
def test_what_nobody_thought_of_while_sending_is_on_the_record(tmp_path: Path, sent: bool) -> None:
    with pytest.raises(VeniceError) as caught:
        run(tmp_path, Breaking(sent=sent), job(1))
    assert (caught.value.detail, caught.value.charge) == (ACCIDENT["detail"], Charge.POSSIBLE)
    assert end_of(tmp_path) == ("failed", "possible", ACCIDENT)


def test_what_nobody_thought_of_before_sending_cost_nothing(tmp_path: Path) -> None:
    class Broken(RateLimiter):
        def slot(self, *_: Any) -> Any:
            raise ZeroDivisionError("by accident")

    with pytest.raises(VeniceError) as caught:
        run(tmp_path, [answer()], rate_limiter=Broken())
    assert caught.value.charge is Charge.NONE
    assert end_of(tmp_path) == ("failed", "none", ACCIDENT)


def test_what_nobody_thought_of_in_a_refusal_is_on_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("by accident")

    monkeypatch.setattr(Venice, "failure", broken)
    with pytest.raises(VeniceError):
        run(tmp_path, [FAILED])
    assert end_of(tmp_path) == ("failed", "possible", ACCIDENT)


@pytest.mark.parametrize(
    ("told", "rewritten"),
    [
        ("a%20boat", "a boat"),
        ("a%0D%0Aboat%1B%5B31m%09x", "a boat [31m x"),
        ("x" * 2000, "x" * 2000),
        ("x" * 2001, "x" * 1999 + "…"),
        ("", ""),
    ],
)
def test_a_rewritten_prompt_is_one_printable_line_of_2000_characters(
    tmp_path: Path, told: str, rewritten: str
) -> None:
    made = run(tmp_path, [answer(x_venice_enhanced_prompt=told)])
    assert made.results[0].facts.enhanced_prompt == rewritten
    said = [warning for warning in made.warnings if "rewrote" in warning]
    assert said == ([f"The service rewrote the prompt: “{rewritten}”"] if rewritten else [])


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (base64.b64encode(PNG).decode().rstrip("="), True),
        (base64.urlsafe_b64encode(PNG).decode(), True),
        (base64.urlsafe_b64encode(PNG).decode().rstrip("="), True),
        ("data:image/png;base64," + base64.b64encode(PNG).decode(), True),
        ("no base64!", False),
    ],
    ids=lambda value: str(value)[:30],
)
def test_base64_is_read_in_either_alphabet_padded_or_not(tmp_path: Path, text: str, whole: bool) -> None:
    body = json.dumps({"images": [text]}).encode()
    if whole:
        run(tmp_path, [answer(200, body)])
    else:
        with pytest.raises(UnusableAnswer):
            run(tmp_path, [answer(200, body)])
    assert ends(tmp_path) == [("done", "charged") if whole else ("failed", "possible")]


@pytest.mark.parametrize("asked", [1, 2, 3])
def test_of_more_pictures_than_were_asked_for_the_rest_stays_in_the_answer(
    tmp_path: Path, asked: int
) -> None:
    body = json.dumps({"images": [base64.b64encode(PNG).decode()] * 4}).encode()
    made = run(tmp_path, [answer(200, body)], job(asked, Action.GENERATE, model="z-image-turbo"))
    assert [result.number for result in made.results] == list(range(1, asked + 1))
    (entry,) = kept(tmp_path)
    assert (entry.folder / ANSWER).read_bytes() == body


@pytest.mark.parametrize(
    ("steps", "charge", "cls"),
    [
        ([REFUSED, FAILED, POLICY], Charge.POSSIBLE, ServerFailure),
        ([REFUSED, POLICY], Charge.UNKNOWN, VeniceError),
        ([REFUSED, REFUSED], Charge.NONE, VeniceError),
        ([POLICY, LostConnection("reset")], Charge.POSSIBLE, LostConnection),
        ([answer(200, b"words"), REFUSED], Charge.POSSIBLE, UnusableAnswer),
        ([LostConnection("x", charge=Charge.CHARGED), FAILED, REFUSED], Charge.CHARGED, LostConnection),
    ],
)
def test_where_all_fail_the_one_that_may_have_cost_most_is_told(
    tmp_path: Path, steps: list[Any], charge: Charge, cls: type[VeniceError]
) -> None:
    for order in (steps, steps[::-1]):
        with pytest.raises(VeniceError) as caught:
            run(tmp_path, order)
        assert caught.value.charge is charge
        assert isinstance(caught.value, cls)


def test_the_progress_of_all_is_told_as_one(tmp_path: Path) -> None:
    told: list[Progress] = []
    run(tmp_path, [answer()] * 4, watch=told.append)
    order = list(Stage)
    assert told[0].stage is Stage.PREPARING
    assert told[-1].stage is Stage.FITTING
    assert all(progress.total in (0, 4) for progress in told if progress.stage is Stage.WAITING)
    assert {progress.stage for progress in told} <= set(order)


def test_they_are_under_way_at_the_same_time(tmp_path: Path) -> None:
    together = threading.Barrier(4, timeout=20)

    def meet(moment: str) -> None:
        if moment == "waiting":
            together.wait()

    made = run(tmp_path, FakeTransport(*[answer()] * 4, look=meet), job(4))
    assert len(made.results) == 4


def test_a_generation_of_several_is_one_request_and_one_job(tmp_path: Path) -> None:
    body = json.dumps({"images": [base64.b64encode(PNG).decode()] * 3}).encode()
    transport = FakeTransport(answer(200, body))
    made = run(tmp_path, transport, job(3, Action.GENERATE, model="z-image-turbo"))
    assert len(transport.requests) == len(kept(tmp_path)) == 1
    assert [result.number for result in made.results] == [1, 2, 3]
    assert len(made.entries) == 1
    assert spent(Journal(tmp_path)).usd == 0.03


def test_of_several_pictures_the_broken_ones_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    files = [PNG[:200], PNG]
    body = json.dumps({"images": [base64.b64encode(data).decode() for data in files]}).encode()
    made = run(tmp_path, [answer(200, body)], job(3, Action.GENERATE, model="z-image-turbo"))
    assert [result.number for result in made.results] == [2]
    assert "Only 1 of the 3 requested images can be used." in made.warnings


# "Not now"


@pytest.mark.parametrize("busy", [BUSY, answer(503, b'{"error":"capacity"}', retry_after="0")])
def test_a_busy_one_is_turned_away_and_repeated_once(tmp_path: Path, busy: Response) -> None:
    seen: list[tuple[str, str, str]] = []

    def look(moment: str) -> None:
        record = json.loads(next(tmp_path.glob("*/job.json")).read_text())
        seen.append((moment, record["status"], record["charge"]))

    def watch(progress: Progress) -> None:
        if progress.stage is Stage.RETRYING:
            look("turned away")

    transport = FakeTransport(busy, answer(), look=look)
    run(tmp_path, transport, job(1), watch=watch)
    assert len(transport.requests) == 2
    assert seen == [
        ("connecting", "sending", "possible"),
        ("waiting", "sent", "possible"),
        ("turned away", "planned", "none"),
        ("connecting", "sending", "possible"),
        ("waiting", "sent", "possible"),
    ]
    assert ends(tmp_path) == [("done", "charged")]


def test_twice_busy_is_never_accepted_and_costs_nothing(tmp_path: Path) -> None:
    transport = FakeTransport(BUSY, BUSY, answer())
    with pytest.raises(Busy):
        run(tmp_path, transport, job(1))
    assert len(transport.requests) == 2
    assert ends(tmp_path) == [("failed", "none")]


@pytest.mark.parametrize(
    "step",
    [
        FAILED,
        answer(502, b"<html>"),
        answer(503, b"<html>"),
        answer(504, b""),
        answer(307, b""),
        answer(200, b""),
        POLICY,
        REFUSED,
        LostConnection("reset"),
        answer(429, b"{}", retry_after="3600"),
        answer(429, b"{}", x_ratelimit_reset_requests="3600"),
    ],
)
def test_nothing_else_is_sent_twice(tmp_path: Path, step: Response | VeniceError) -> None:
    transport = FakeTransport(step, answer())
    with pytest.raises(VeniceError):
        run(tmp_path, transport, job(1))
    assert len(transport.requests) == 1


def test_of_several_each_has_its_own_repeat(tmp_path: Path) -> None:
    transport = FakeTransport(BUSY, NoConnection("refused"), BUSY, answer(), answer(), answer())
    made = run(tmp_path, transport, job(3))
    assert len(made.results) + len(made.failures) == 3
    repeats = [[status for status, _ in entry.record["history"]].count("sending") for entry in kept(tmp_path)]
    assert max(repeats) == 2
    assert len(transport.requests) == sum(repeats) == 6 - len(transport.steps)


def test_a_cancel_while_waiting_for_the_repeat_costs_nothing(tmp_path: Path) -> None:
    cancel = Cancel()

    def watch(progress: Progress) -> None:
        if progress.stage is Stage.RETRYING:
            cancel.let_go()

    transport = FakeTransport(answer(429, b"{}", retry_after="50"), answer())
    begin = time.monotonic()
    with pytest.raises(Cancelled) as caught:
        run(tmp_path, transport, job(1), watch=watch, cancel=cancel)
    assert time.monotonic() - begin < 10
    assert caught.value.charge is Charge.NONE
    assert ends(tmp_path) == [("cancelled", "none")]
    assert len(transport.requests) == 1


def test_the_pace_that_an_answer_sets_holds_for_the_next_run(tmp_path: Path) -> None:
    pace = RateLimiter()
    limits = {"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "3600"}
    run(tmp_path, [answer(**limits)], rate_limiter=pace)
    transport = FakeTransport(answer())
    with pytest.raises(Busy, match="rate limit resets in"):
        run(tmp_path, transport, rate_limiter=pace)
    assert not transport.requests
    assert ends(tmp_path) == [("done", "charged"), ("failed", "none")]


# What a day may cost; one edit costs 0.04


@pytest.mark.parametrize(
    ("limit", "variations", "fits"),
    [
        (None, 4, True),
        (0.16, 4, True),
        (0.159, 4, False),
        (0.04, 1, True),
        (0.0399, 1, False),
        (0.0, 1, False),
    ],
)
def test_a_run_beyond_the_days_limit_sends_nothing_and_leaves_no_charge(
    tmp_path: Path, limit: float | None, variations: int, fits: bool
) -> None:
    transport = FakeTransport(*[answer()] * variations)
    if fits:
        assert len(run(tmp_path, transport, job(variations), daily_limit=limit).results) == variations
        return
    with pytest.raises(SpendingLimitExceeded):
        run(tmp_path, transport, job(variations), daily_limit=limit)
    assert not transport.requests
    assert ends(tmp_path) == [("failed", "none")] * variations
    assert all(entry.record["error"]["kind"] == "over-limit" for entry in kept(tmp_path))
    assert not list(tmp_path.glob(f"*/{SOURCE}"))
    assert spent(Journal(tmp_path)).usd == 0, "what was refused counts for nothing"


def test_the_days_runs_add_up_to_the_limit(tmp_path: Path) -> None:
    for step in (answer(), FAILED, REFUSED, answer()):  # the second may have been charged, the third was not
        try:
            run(tmp_path, [step], daily_limit=0.12)
        except VeniceError as error:
            assert not isinstance(error, SpendingLimitExceeded)
    with pytest.raises(SpendingLimitExceeded, match=r"\$0\.12 is already spent"):
        run(tmp_path, [answer()], daily_limit=0.12)


def test_the_next_day_there_is_room_again(tmp_path: Path) -> None:
    run(tmp_path, [answer()], daily_limit=0.04)
    tomorrow = time.time() + 86_400 * 1.2
    over = runner(tmp_path, FakeTransport(), daily_limit=0.04).context.budget()
    free = runner(tmp_path, FakeTransport(), daily_limit=0.04, clock=lambda: tomorrow).context.budget()
    assert over is not None
    assert free is not None
    assert (over.spent, free.spent) == (0.04, 0.0)


def test_a_price_that_is_not_known_is_refused_only_where_there_is_a_limit(tmp_path: Path) -> None:
    wish = job(1, model="brand-new-model")
    with pytest.raises(SpendingLimitExceeded, match="unknown"):
        run(tmp_path, [answer()], wish, daily_limit=100.0)
    assert len(run(tmp_path, [answer()], wish).results) == 1


def test_the_sandbox_has_no_limit(tmp_path: Path) -> None:
    made = run(tmp_path, [answer(x_venice_sandbox="true")], provider="sandbox", daily_limit=0.0)
    assert len(made.results) == 1
    assert ends(tmp_path) == [("done", "none")]


@pytest.mark.parametrize(("limit", "most"), [(0.04, 1), (0.08, 2), (0.12, 3), (0.03, 0)])
def test_runs_at_once_cannot_together_slip_under_the_limit(tmp_path: Path, limit: float, most: int) -> None:
    start = threading.Barrier(4)
    sent: list[Request] = []
    lock = threading.Lock()

    class Counted(FakeTransport):
        def exchange(self, request: Request, on_progress: OnProgress, cancel: Cancel) -> Response:
            with lock:
                sent.append(request)
            return super().exchange(request, on_progress, cancel)

    def attempt() -> None:
        start.wait()
        with contextlib.suppress(SpendingLimitExceeded):
            run(tmp_path, Counted(answer()), job(1), daily_limit=limit)

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent) <= most
    assert spent(Journal(tmp_path)).usd == pytest.approx(0.04 * len(sent))


def test_what_another_process_has_reserved_counts(tmp_path: Path) -> None:
    """The other one is this very process: it lives, and has begun a job that it has not sent."""
    other = runner(tmp_path, FakeTransport())
    other.context.journal.begin(job(), Prepared.of(job(), COVER, other.context.provider).plan)
    with pytest.raises(SpendingLimitExceeded, match=r"\$0\.04 is already spent"):
        run(tmp_path, [answer()], daily_limit=0.079)
    assert len(run(tmp_path, [answer()], daily_limit=0.08).results) == 1


# Before anything is sent


@pytest.mark.parametrize(
    ("wish", "material", "words"),
    [
        (job(), JobInputs(PICTURE.tobytes()[:-4], COVER.tobytes()), "do not match the crop"),
        (job(), JobInputs(PICTURE.tobytes(), COVER.tobytes()[1:]), "does not match its bounds in size"),
        (job(), JobInputs(PICTURE.tobytes(), COVER.tobytes(), (b"1234",)), "do not match the job"),
        (job(), JobInputs(PICTURE.tobytes(), bytes(256 * 256)), "does not cover any pixel of this layer"),
        (job(prompt=" "), JobInputs(PICTURE.tobytes(), COVER.tobytes()), "prompt is empty"),
    ],
)
def test_bad_input_is_found_before_a_job_is_begun(
    tmp_path: Path, wish: Job, material: JobInputs, words: str
) -> None:
    transport = FakeTransport(answer())
    with pytest.raises(BadInput, match=words):
        run_job(runner(tmp_path, transport), wish, material, lambda _: None, Cancel())
    assert not transport.requests
    assert not kept(tmp_path)


def test_a_reference_of_the_wrong_size_is_found_too(tmp_path: Path) -> None:
    wish = Job(Action.EDIT, WHOLE, WHOLE.extent, None, Options(prompt="x"), (Extent(10, 10),))
    for reference, fine in ((bytes(400), True), (bytes(396), False)):
        transport = FakeTransport(answer())
        material = JobInputs(PICTURE.tobytes(), None, (reference,))
        try:
            run_job(runner(tmp_path, transport), wish, material, lambda _: None, Cancel())
        except BadInput:
            assert not fine
        assert len(transport.requests) == fine
        if fine:
            assert [file.name for file in transport.requests[0].files] == ["images", "images"]


def test_without_a_key_nothing_is_begun(tmp_path: Path) -> None:
    with pytest.raises(MissingKey) as caught:
        run(tmp_path, [answer()], key="")
    assert caught.value.variable == "VENICE_API_KEY"
    assert not kept(tmp_path)


def test_a_run_that_is_cancelled_before_it_begins_leaves_nothing(tmp_path: Path) -> None:
    cancel = Cancel()
    cancel.let_go()
    with pytest.raises(Cancelled):
        run(tmp_path, [answer()], cancel=cancel)
    assert not kept(tmp_path)


# What a server says beside the picture must not cost it


@pytest.mark.parametrize(
    "headers",
    [
        {"x_ratelimit_remaining_requests": "9" * 5000, "x_ratelimit_reset_requests": "9" * 5000},
        {"x_venice_balance_usd": "nan", "x_venice_balance_diem": "inf"},
        {"x_venice_enhanced_prompt": "%ff%FE%"},
        {"x_venice_model_id": "\udcff"},
    ],
)
def test_an_odd_header_does_not_cost_a_picture(tmp_path: Path, headers: dict[str, str]) -> None:
    made = run(tmp_path, [answer(**headers)])
    assert made.results[0].facts.balance_usd is None
    assert ends(tmp_path) == [("done", "charged")]


@pytest.mark.parametrize(
    "body", [b'{"error":"half \\ud800 a pair"}', b'{"error":{"message":"\\udfff"}}', b"[" * 9999]
)
def test_an_error_that_is_no_text_is_kept_all_the_same(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(VeniceError) as caught:
        run(tmp_path, [answer(400, body)])
    assert caught.value.kind == "invalid-request"
    assert ends(tmp_path) == [("failed", "none")]
