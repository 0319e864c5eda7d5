"""Several results: requests side by side, each with its own fate, none faster than the service allows."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from contract_ways import (
    BUSY_MACHINE,
    CUTOUT,
    EDIT,
    MULTI,
    PROMPTLY,
    NoWaiting,
    Pixels,
    RunThread,
    Shell,
    noise,
    paths,
)
from PIL import Image
from support import hold_answers, posts, wait_for

from venice_core.errors import Cancelled, Charge
from venice_core.progress import Stage
from venice_core.sandbox import Sandbox
from venice_core.sandbox.rate_limits import Traffic


@pytest.mark.covers("Of several variations")
def test_each_variation_is_a_request_of_its_own_and_they_run_side_by_side(
    shell: Shell, sandbox: Sandbox, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_answers(monkeypatch, 4, threading.Barrier(4).wait)
    code, said = shell.json("edit", photo, "-p", "x", "--variations", 4, "-o", tmp_path / "out.png")
    assert code == 0
    assert paths(sandbox) == [EDIT] * 4
    first, *others = posts(sandbox)
    for other in others:
        assert other.fields == first.fields
        assert other.files[0].data == first.files[0].data
    (result,) = said["results"]
    files = [tmp_path / f"out-{number}.png" for number in (1, 2, 3, 4)]
    assert [Path(each["output"]) for each in result["variations"]] == files
    assert all(file.is_file() for file in files)
    assert sorted(result["jobs"]) == sorted(job.id for job in shell.jobs)
    assert {job.record["status"] for job in shell.jobs} == {"placed"}
    assert result["price"] == {"usd": 0.16, "diem": 0.16}
    assert result["failed"] == []


@pytest.mark.covers("Of several variations")
def test_each_variation_keeps_to_the_mask(
    shell: Shell, sandbox: Sandbox, photo: Path, mask: Path, tmp_path: Path
) -> None:
    sandbox.switch(drift=True)
    given = ("--mask", mask, "--variations", 2, "-o", tmp_path / "out.png")
    assert shell("edit", photo, "-p", "x", *given) == 0
    assert paths(sandbox) == [MULTI] * 2
    outside = np.asarray(Image.open(mask)) == 0
    before = np.asarray(Image.open(photo))
    for number in (1, 2):
        after = np.asarray(Image.open(tmp_path / f"out-{number}.png"))
        assert np.array_equal(after[outside], before[outside])


@pytest.mark.covers("Of several variations")
def test_one_that_fails_does_not_cost_the_others(
    shell: Shell, sandbox: Sandbox, photo: Path, tmp_path: Path
) -> None:
    sandbox.switch(status=500, times=1)
    code, said = shell.json("edit", photo, "-p", "x", "--variations", 3, "-o", tmp_path / "out.png")
    assert (code, said["exit"]) == (0, 0)
    (result,) = said["results"]
    assert len(list(tmp_path.glob("out-*.png"))) == len(result["variations"]) == 2
    (failed,) = result["failed"]
    assert (failed["kind"], failed["charge"], failed["status"]) == ("server-failure", "possible", 500)
    (told,) = (warning for warning in result["warnings"] if warning.startswith("Variation "))
    assert len(result["jobs"]) == 3
    assert failed["job"] in result["jobs"]
    assert failed["job"] in told, "it may have been charged"
    assert "failed" in told
    assert "may have been charged" in told
    assert told in shell.err
    assert sorted(job.record["status"] for job in shell.jobs) == ["failed", "placed", "placed"]
    assert paths(sandbox) == [EDIT] * 3, "none is bought a second time"


@pytest.mark.covers("Of several variations")
def test_where_all_fail_it_is_an_error(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    sandbox.switch(policy=True)
    code, said = shell.json("edit", photo, "-p", "x", "--variations", 2)
    assert code == 3
    assert said["results"][0]["error"]["kind"] == "policy"
    assert [job.record["charge"] for job in shell.jobs] == ["unknown"] * 2


@pytest.mark.covers("Of several variations")
def test_of_several_errors_the_one_that_may_have_cost_money_is_told(
    shell: Shell, sandbox: Sandbox, photo: Path
) -> None:
    sandbox.switch(status=400)
    sandbox.switch(status=504, times=1)
    code, said = shell.json("edit", photo, "-p", "x", "--variations", 3)
    assert code == 5
    assert said["results"][0]["error"]["charge"] == "possible"
    assert sorted(job.record["charge"] for job in shell.jobs) == ["none", "none", "possible"]


# Within what the service allows


@pytest.mark.covers("Money: Requests beyond")
@pytest.mark.parametrize(("at_once", "variations", "stall"), [(1, 4, 0.4), (2, 4, 0.4), (1, 3, 1.2)])
def test_more_at_once_than_the_service_allows_wait_for_their_turn(
    shell: Shell,
    sandbox: Sandbox,
    photo: Path,
    tmp_path: Path,
    at_once: int,
    variations: int,
    stall: float,
) -> None:
    """Turned away, they are told to wait 1 s; then the first may still be under way."""
    sandbox.switch(at_once=at_once, stall=stall)
    out = tmp_path / "out.png"
    assert shell("edit", photo, "-p", "x", "--variations", variations, "-o", out) == 0
    statuses = [seen.status for seen in posts(sandbox)]
    assert statuses.count(200) == variations
    assert set(statuses) == {200, 429}
    assert len(list(tmp_path.glob("out-*.png"))) == variations


@pytest.mark.covers("Response headers: x-ratelimit-remaining-requests")
@pytest.mark.parametrize("reset", ["ms", "s", "duration"])
def test_a_rate_limit_is_waited_for_as_the_answers_headers_say(
    home: Path, sandbox: Sandbox, chelsea: Pixels, reset: str
) -> None:
    cancel = NoWaiting()
    sandbox._traffic = Traffic(cancel.now)
    sandbox.switch(rate=2, reset_format=reset)
    attempt = RunThread(home, sandbox.url, chelsea, cancel, variations=4).start().finish()
    assert attempt.result is not None
    assert len(attempt.result.results) == 4
    assert cancel.waits
    assert all(0 < wait <= 61 for wait in cancel.waits)
    assert sum(cancel.waits) >= 50
    assert [seen.status for seen in posts(sandbox)].count(200) == 4


@pytest.mark.covers("Response headers: x-ratelimit-remaining-requests")
def test_what_an_answer_says_of_the_rate_holds_back_the_next_job_before_it_is_sent(
    home: Path, sandbox: Sandbox, chelsea: Pixels
) -> None:
    cancel = NoWaiting()
    sandbox._traffic = Traffic(cancel.now)
    sandbox.switch(rate=1)
    first = RunThread(home, sandbox.url, chelsea, cancel).start().finish()
    second = RunThread(home, sandbox.url, chelsea, cancel)
    second._runner = first._runner
    assert second.start().finish().result is not None
    assert [seen.status for seen in posts(sandbox)] == [200, 200], "it was not even tried too early"
    assert 50 <= sum(cancel.waits) <= 61


# Cancel


@pytest.mark.covers("Other outcomes: cancelled")
def test_a_cancel_ends_all_that_are_under_way_and_each_may_have_been_charged(
    home: Path, sandbox: Sandbox, chelsea: Pixels
) -> None:
    sandbox.switch(stall=60)
    attempt = RunThread(home, sandbox.url, chelsea, variations=3).start()
    wait_for(lambda: [seen.complete for seen in posts(sandbox)] == [True] * 3)
    wait_for(lambda: Stage.WAITING in attempt.stages)
    begin = time.monotonic()
    attempt.cancel.set()
    attempt.finish(PROMPTLY + BUSY_MACHINE)
    assert time.monotonic() - begin < PROMPTLY + BUSY_MACHINE
    assert isinstance(attempt.error, Cancelled)
    assert attempt.error.charge is Charge.POSSIBLE
    assert attempt.outcomes == [("cancelled", "possible")] * 3


@pytest.mark.covers("Of several variations")
def test_letting_go_waits_for_all_that_are_paid_for(home: Path, sandbox: Sandbox, chelsea: Pixels) -> None:
    sandbox.switch(stall=0.8)
    attempt = RunThread(home, sandbox.url, chelsea, variations=3).start()
    wait_for(lambda: [seen.complete for seen in posts(sandbox)] == [True] * 3)
    wait_for(lambda: all(entry.status.value == "sent" for entry in attempt.journal))
    attempt.cancel.let_go()
    attempt.finish()
    assert attempt.result is not None
    assert len(attempt.result.results) == 3
    assert attempt.outcomes == [("done", "none")] * 3


@pytest.mark.covers("Of several variations", "Every documented case: a stall")
def test_letting_go_drops_what_is_still_being_sent_and_keeps_the_rest(home: Path, sandbox: Sandbox) -> None:
    sandbox.switch(stall=1)
    sandbox.switch(stall=2.5, stall_at="body", times=1)
    attempt = RunThread(home, sandbox.url, noise(), variations=2).start()
    wait_for(lambda: sorted(seen.complete for seen in posts(sandbox)) == [False, True])
    wait_for(lambda: sorted(e.status.value for e in attempt.journal) == ["sending", "sent"])
    attempt.cancel.let_go()
    attempt.finish()
    assert attempt.result is not None
    failure = attempt.result.failures[0].error
    assert isinstance(failure, Cancelled)
    assert attempt.outcomes == [("cancelled", "none"), ("done", "none")]
    assert not all(seen.complete for seen in posts(sandbox))


@pytest.mark.covers("Input images")
def test_a_cutout_and_an_upscaling_know_no_variations(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    for command in ("cutout", "upscale"):
        with pytest.raises(SystemExit):
            shell(command, photo, "--variations", 2)
    assert shell("cutout", photo) == 0
    assert paths(sandbox) == [CUTOUT]
