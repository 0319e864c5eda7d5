"""Commands that are interrupted, killed, or run twice at once, as processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from contract_ways import BUSY_MACHINE, PROMPTLY, REPO, Pixels, Scripted, Shell, noise, python, reply
from PIL import Image
from support import posts, wait_for

from venice_core.records.entry import ANSWER
from venice_core.sandbox import Sandbox

LONG = bool(os.environ.get("VENICE_TEST_LONG"))
Process = subprocess.Popen[str]
Begin = Callable[..., Process]


@pytest.fixture
def begin(shell: Shell, interruptible: dict[str, Any]) -> Iterator[Begin]:
    """Starts a command as a process, which does not outlive the test."""
    processes: list[Process] = []

    def start(*arguments: object) -> Process:
        processes.append(python(*arguments, shell=shell, **interruptible))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def heavy(tmp_path: Path) -> Path:
    """Noise, too large to fit into the sockets' buffers: 12 MB as PNG."""
    path = tmp_path / "noise.bmp"
    Image.fromarray(noise()).save(path)
    return path


@pytest.fixture
def three(tmp_path: Path, chelsea: Pixels) -> list[Path]:
    found = [tmp_path / f"{name}.png" for name in "abc"]
    for path in found:
        Image.fromarray(chelsea).save(path)
    return found


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    return folder


def made(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def whole(folder: Path) -> list[str]:
    """What is there, all of which are pictures."""
    for path in folder.iterdir():
        with Image.open(path) as picture:
            picture.load()
    return made(folder)


def uploaded(sandbox: Sandbox, count: int = 1) -> None:
    """Waits until so many requests are there wholly, and their commands know it."""
    wait_for(lambda: sum(seen.complete for seen in posts(sandbox)) >= count)
    time.sleep(0.3)


def ends(process: Process, seconds: float = PROMPTLY + BUSY_MACHINE) -> tuple[int, str]:
    """Its exit code and what it said to people; it has to end within that time."""
    begin = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - begin < seconds, err
    assert "Traceback" not in err
    return process.returncode, err


# Ctrl-C


@pytest.mark.covers("Other outcomes: cancelled")
def test_before_the_upload_is_complete_it_buys_nothing(
    shell: Shell, sandbox: Sandbox, heavy: Path, begin: Begin
) -> None:
    sandbox.switch(stall=60, stall_at="body")
    process = begin("edit", heavy, "-p", "x")
    wait_for(lambda: posts(sandbox))
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    code, err = ends(process)
    assert code == 130
    assert "Cancelled. Nothing was charged." in err
    assert (shell.job.record["status"], shell.job.record["charge"]) == ("cancelled", "none")
    assert not posts(sandbox)[0].complete
    assert made(heavy.parent) == ["noise.bmp"]


def test_after_the_upload_what_may_be_paid_is_waited_for(
    shell: Shell, sandbox: Sandbox, photo: Path, tmp_path: Path, begin: Begin
) -> None:
    sandbox.switch(stall=2)
    process = begin("edit", photo, "-p", "x", "-o", tmp_path / "out.png")
    uploaded(sandbox)
    process.send_signal(signal.SIGINT)
    code, err = ends(process, 20)
    assert code == 0, "all that was asked for is done"
    assert "already sent, and you may be charged" in err
    assert (tmp_path / "out.png").is_file()
    assert shell.job.record["status"] == "placed"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_one_stops_for_good_and_the_job_is_named(
    shell: Shell, sandbox: Sandbox, three: list[Path], out: Path, begin: Begin, number: int
) -> None:
    sandbox.switch(stall=60)
    process = begin("edit", *three, "-p", "x", "-o", out)
    uploaded(sandbox)
    process.send_signal(number)
    time.sleep(0.7)
    assert process.poll() is None
    process.send_signal(number)
    code, err = ends(process)
    assert code == 130
    assert "may have been charged" in err
    assert f"Job {shell.job.id}." in err
    assert err.splitlines()[-1].startswith("0 done, 1 cancelled (may have been charged), 2 never tried;")
    assert shell.job.record["charge"] == "possible"
    assert len(posts(sandbox)) == 1
    assert made(out) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_batch_ends_with_the_picture_under_way_which_is_written(
    sandbox: Sandbox, three: list[Path], out: Path, begin: Begin, number: int
) -> None:
    sandbox.switch(stall=1.5)
    process = begin("edit", *three, "-p", "x", "-o", out)
    uploaded(sandbox)
    process.send_signal(number)
    if number == signal.SIGHUP:  # from the terminal, and from the shell
        time.sleep(0.3)
        process.send_signal(number)
    code, err = ends(process, 20)
    assert code == 130
    assert err.splitlines()[-1] == "1 done, 2 never tried; nothing spent."
    assert whole(out) == ["a-edited.png"]
    assert len(posts(sandbox)) == 1


def test_a_batch_ends_with_the_picture_under_way_which_is_not_bought(
    sandbox: Sandbox, three: list[Path], heavy: Path, out: Path, begin: Begin
) -> None:
    sandbox.switch(stall=60, stall_at="body")
    process = begin("edit", heavy, *three, "-p", "x", "-o", out)
    wait_for(lambda: posts(sandbox))
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    code, err = ends(process)
    assert code == 130
    assert err.splitlines()[-1] == "0 done, 1 cancelled, 3 never tried; nothing spent."
    assert len(posts(sandbox)) == 1
    assert made(out) == []


def test_of_variations_those_that_may_be_paid_for_are_written(
    sandbox: Sandbox, three: list[Path], out: Path, begin: Begin
) -> None:
    sandbox.switch(status=429, retry_after="50")
    sandbox.switch(status=None, stall=2, times=1)
    process = begin("edit", *three, "-p", "x", "-o", out, "--variations", 3)
    wait_for(lambda: sum(seen.complete for seen in posts(sandbox)) == 3)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    code, err = ends(process, 20)
    assert code == 130, "not all of them could be made"
    assert len(whole(out)) == 1
    assert len(posts(sandbox)) == 3
    assert err.splitlines()[-1] == "1 done, 2 never tried; nothing spent."


def test_while_the_first_is_being_planned_nothing_is_sent(
    shell: Shell, sandbox: Sandbox, three: list[Path], out: Path, begin: Begin
) -> None:
    """Which waits for the list of models."""
    sandbox.switch(stall=60, path="/models")
    process = begin("edit", *three, "-p", "x", "-o", out)
    wait_for(lambda: sandbox.requests)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    code, err = ends(process)
    assert code == 130
    assert err == "Cancelled. Nothing was charged.\n0 done, 3 never tried; nothing spent.\n"
    assert posts(sandbox) == []
    assert shell.jobs == []
    assert made(out) == []


DELAYS = [0.02 * n for n in range(60)] if LONG else [0.0, 0.1, 0.2, 0.35, 0.6]
"""In s after an answer: the picture takes about half a second from there to its file."""


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """One that takes a while to be encoded."""
    path = tmp_path / "large.png"
    Image.fromarray(noise()[:1300, :1300]).save(path, compress_level=1)
    return path


def check_nothing_lost(
    shell: Shell, sandbox: Sandbox, folder: Path, code: int, err: str, *, count: int
) -> None:
    """Each answer is in a file, or its job is named and the answer in its folder; nothing is half done."""
    written = whole(folder)
    answered = [job for job in shell.jobs if (job.folder / ANSWER).exists()]
    assert sum(seen.status == 200 for seen in posts(sandbox)) >= len(answered)
    missing = [job for job in answered if job.record["status"] != "placed"]
    assert len(written) >= len(answered) - len(missing)
    for job in missing:
        assert f"Job {job.id}: the service's response is in {job.folder}." in err
    assert code == (0 if len(written) == count else 130), err
    for job in shell.jobs:
        assert job.record["status"] in ("placed", "done", "cancelled")


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("presses", [1, 2])
def test_at_any_moment_after_an_answer_it_loses_nothing(
    shell: Shell, sandbox: Sandbox, large: Path, out: Path, begin: Begin, delay: float, presses: int
) -> None:
    """While the answer is received, fitted, encoded and written, and the next picture is begun."""
    sandbox.switch(identity=True)
    process = begin("edit", *[large] * 3, "-p", "x", "-o", out, "--no-align", "--no-match-colors")
    wait_for(lambda: any(seen.status for seen in posts(sandbox)))
    time.sleep(delay)
    for _ in range(presses):
        process.send_signal(signal.SIGINT)
        time.sleep(0.15)
    code, err = ends(process, 20)
    check_nothing_lost(shell, sandbox, out, code, err, count=3)


@pytest.mark.parametrize("delay", DELAYS)
def test_at_any_moment_from_planning_on_it_loses_nothing(
    shell: Shell, sandbox: Sandbox, photo: Path, out: Path, begin: Begin, delay: float
) -> None:
    process = begin("edit", photo, photo, "-p", "x", "-o", out)
    wait_for(lambda: sandbox.requests)
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    code, err = ends(process, 20)
    check_nothing_lost(shell, sandbox, out, code, err, count=2)


def test_before_there_is_anything_to_end_it_shows_no_traceback() -> None:
    early = (
        "import runpy, sys; sys.modules['venice_core.cli.main'] = Early(); runpy.run_module('venice_core')"
    )
    stand_in = "class Early:\n def __getattr__(self, name): raise KeyboardInterrupt\n"
    run = subprocess.run(
        [sys.executable, "-c", f"{stand_in}{early}"], cwd=REPO, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (130, "")


# Two at once


@pytest.fixture
def held(shell: Shell, photo: Path) -> Iterator[tuple[Scripted, threading.Event]]:
    """A service that keeps its answers back until the event is set."""
    go_on = threading.Event()

    def answer(_: bytes) -> bytes:
        go_on.wait(60)
        return reply("200 OK", photo.read_bytes())

    with Scripted(answer) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        yield server, go_on
        go_on.set()


def test_two_commands_for_one_file_pay_once(
    held: tuple[Scripted, threading.Event], photo: Path, tmp_path: Path, begin: Begin
) -> None:
    server, go_on = held
    target = tmp_path / "out.png"
    both = [begin("edit", photo, "-p", "x", "-o", target) for _ in range(2)]
    second = wait_for(lambda: next((each for each in both if each.poll() is not None), None))
    code, err = ends(second)
    assert code == 2
    assert f"Another run is about to write {target}." in err
    go_on.set()
    assert ends(next(each for each in both if each is not second), 20)[0] == 0
    assert len(server.heads) == 1
    assert made(tmp_path) == ["cat.png", "out.png"]


def test_two_commands_without_a_name_write_two_files(
    held: tuple[Scripted, threading.Event], photo: Path, out: Path, begin: Begin
) -> None:
    server, go_on = held
    both = [begin("edit", photo, "-p", "x", "-o", out) for _ in range(2)]
    wait_for(lambda: len(server.heads) == 2)
    go_on.set()
    assert [ends(process, 20)[0] for process in both] == [0, 0]
    assert whole(out) == ["cat-edited-2.png", "cat-edited.png"]


# Killed


@pytest.mark.parametrize("named", [False, True])
def test_one_that_was_killed_is_in_nobodys_way(
    shell: Shell, sandbox: Sandbox, photo: Path, out: Path, begin: Begin, named: bool
) -> None:
    target = out / "cat-edited.png"
    sandbox.switch(stall=60, times=1)
    process = begin("edit", photo, "-p", "x", "-o", target if named else out)
    uploaded(sandbox)
    process.kill()
    process.wait()
    assert not target.exists(), "no stand-in of a result"
    assert shell("edit", photo, "-p", "x", "-o", target if named else out) == 0
    assert whole(out) == ["cat-edited.png"]


# A terminal that is gone


def test_who_closes_the_output_does_not_end_what_is_paid_for(
    shell: Shell, sandbox: Sandbox, three: list[Path], out: Path, begin: Begin
) -> None:
    process = begin("edit", *three, "-p", "x", "-o", out)
    for stream in (process.stdout, process.stderr):
        assert stream is not None
        stream.close()
    assert process.wait(30) == 0
    assert len(whole(out)) == 3
