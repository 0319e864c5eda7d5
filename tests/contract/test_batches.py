"""Several pictures in one command: what is known before the first is sent, and what one failure means."""

from __future__ import annotations

import os
import socket
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract_ways import EDIT, Pixels, Scripted, Shell, noise, paths, reply
from PIL import Image
from support import posts

from venice_core.cli import picture_files
from venice_core.geometry.rectangles import Bounds
from venice_core.job import Action, Job, Options
from venice_core.planning.planner import make_plan
from venice_core.providers.venice.model_entries import packaged_catalogue
from venice_core.providers.venice.provider import Venice
from venice_core.records.entry import ANSWER
from venice_core.records.journal import Journal
from venice_core.sandbox import Sandbox
from venice_core.secret import Secret
from venice_core.storage import atomic_files

PROMPT = ("-p", "a hat")


@pytest.fixture
def abc(tmp_path: Path, chelsea: Pixels) -> list[Path]:
    """Three pictures."""
    found = [tmp_path / f"{name}.png" for name in "abc"]
    for path in found:
        Image.fromarray(chelsea[:256, :256]).save(path)
    return found


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder."""
    folder = tmp_path / "results"
    folder.mkdir()
    return folder


def fates(said: Any) -> list[str]:
    return [result["status"] for result in said["results"]]


def made(folder: Path) -> list[str]:
    """All that is there, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


# Done


def test_several_pictures_are_done_in_turn(
    shell: Shell, sandbox: Sandbox, abc: list[Path], out: Path
) -> None:
    assert shell("edit", *abc, *PROMPT, "-o", out) == 0
    assert made(out) == ["a-edited.png", "b-edited.png", "c-edited.png"]
    assert paths(sandbox) == [EDIT] * 3
    assert shell.out.split() == [str(out / name) for name in made(out)]
    assert shell.err == "3 done; nothing spent.\n"


def test_of_one_picture_there_is_no_summary(shell: Shell, sandbox: Sandbox, abc: list[Path]) -> None:
    assert shell("edit", abc[0], *PROMPT) == 0
    assert shell.err == ""


@pytest.mark.parametrize("command", [("cutout",), ("upscale",), ("edit", *PROMPT, "--variations", 2)])
def test_every_command_for_pictures_takes_several(
    shell: Shell, sandbox: Sandbox, abc: list[Path], out: Path, command: tuple[object, ...]
) -> None:
    sandbox.switch(status=500, times=2)
    action, *more = command
    code, said = shell.json(action, *abc, *more, "-o", out)
    last = ["failed", "done", "done"] if "--variations" in more else ["failed", "failed", "done"]
    assert (code, fates(said)) == (5, last)


def test_json_tells_of_each_picture_in_its_order_and_of_all(
    shell: Shell, sandbox: Sandbox, abc: list[Path], out: Path, photo: Path
) -> None:
    answers = iter([reply("200 OK", photo.read_bytes()), reply("504 Late", b"")])
    with Scripted(lambda _: next(answers, reply("401 No", b"{}"))) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        code, said = shell.json("edit", *abc, photo, *PROMPT, "-o", out)
    assert code == said["exit"] == 5
    done, failed, refused, never = said["results"]
    assert [result["input"] for result in said["results"]] == [str(path) for path in [*abc, photo]]
    assert fates(said) == ["done", "failed", "failed", "never-tried"]
    assert done["output"] == str(out / "a-edited.png")
    assert failed["error"]["kind"] == "server-failure"
    assert failed["jobs"] == [failed["job"]]
    assert failed["job"] in failed["error"]["message"]
    assert refused["error"]["kind"] == never["error"]["kind"] == "bad-key"
    assert "job" not in never
    assert never["error"]["charge"] == "none"
    assert all(result["plan"]["endpoint"] == "/image/edit" for result in said["results"])
    assert said["summary"] == {
        "planned": 0,
        "done": 1,
        "failed": 2,
        "cancelled": 0,
        "never_tried": 1,
        "price": {"usd": 0.16, "diem": 0.16},
        "spent": {"usd": 0.08, "diem": 0.08, "certain": 0.04, "requests": 2, "unpriced": 0},
    }
    assert shell.err.splitlines()[-1] == (
        "1 done, 2 failed (1 may have been charged), 1 never tried; about $0.04 spent, at most $0.08."
    )


# Checked before the first is sent


def test_bad_pictures_are_told_before_anything_is_sent_and_the_rest_is_done(
    shell: Shell, sandbox: Sandbox, abc: list[Path], out: Path, tmp_path: Path
) -> None:
    abc[1].write_bytes(b"no picture")
    code, said = shell.json("edit", *abc, tmp_path / "none.png", *PROMPT, "-o", out)
    assert (code, fates(said)) == (2, ["done", "failed", "done", "failed"])
    assert [said["results"][n]["error"]["kind"] for n in (1, 3)] == ["broken-file", "bad-input"]
    assert made(out) == ["a-edited.png", "c-edited.png"]
    assert shell.err.splitlines()[-1] == "2 done, 2 failed; nothing spent."
    sandbox.reset()
    sandbox.switch(status=401)
    code, said = shell.json("edit", *abc, *PROMPT, "-o", out)
    assert (code, fates(said)) == (3, ["failed", "failed", "never-tried"])
    assert shell.err.index("b.png: ") < shell.err.index("a.png: "), "b was known before a was sent"


def test_where_all_are_bad_nothing_is_sent(
    shell: Shell, sandbox: Sandbox, abc: list[Path], tmp_path: Path
) -> None:
    Image.new("L", (255, 256), 255).save(tmp_path / "mask.png")
    code, said = shell.json("edit", *abc, *PROMPT, "--mask", tmp_path / "mask.png")
    assert (code, fates(said)) == (2, ["failed"] * 3)
    assert shell.err.count("must have the same size as the image") == 3
    assert posts(sandbox) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-p", " "), "prompt is empty"),
        (("-p", "x" * 40_000), "40000 characters"),
        ((*PROMPT, "--model", "gpt-image-2-edit", "--quality", "best"), "no quality “best”"),
        ((*PROMPT, "--aspect-ratio", "7:5"), "no aspect ratio"),
        ((*PROMPT, "--provider", "nobody"), "no provider “nobody”"),
        ((*PROMPT, "--mask", "none.png"), "none.png cannot be read"),
        ((*PROMPT, "--reference", "none.png"), "none.png cannot be read"),
        ((*PROMPT, "-o", "none"), "must be an existing folder"),
        ((*PROMPT, "-o", "a.png"), "must be an existing folder"),
    ],
)
def test_what_is_wrong_with_all_of_them_is_said_once_and_nothing_is_sent(
    shell: Shell,
    sandbox: Sandbox,
    abc: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    words: str,
) -> None:
    monkeypatch.chdir(abc[0].parent)
    abc[0].write_bytes(b"no picture")
    for dry in ((), ("--dry-run",)):
        code, said = shell.json("edit", *abc, *arguments, *dry)
        assert (code, fates(said)) == (2, ["never-tried"] * 3)
        assert shell.err.count(words) == 1
        assert {result["error"]["charge"] for result in said["results"]} == {"none"}
    assert posts(sandbox) == []
    assert shell.jobs == []


def test_without_a_key_none_is_sent(shell: Shell, sandbox: Sandbox, abc: list[Path]) -> None:
    del shell.env["VENICE_API_KEY"]
    code, said = shell.json("edit", *abc, *PROMPT)
    assert (code, fates(said)) == (2, ["never-tried"] * 3)
    assert shell.err.count("No API key") == 1
    assert shell("edit", *abc, *PROMPT, "--dry-run") == 0
    assert shell.err.count("No API key") == 1


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_found_before_any_is_sent(
    shell: Shell, sandbox: Sandbox, abc: list[Path], out: Path
) -> None:
    out.chmod(0o500)
    assert shell("edit", *abc, *PROMPT, "-o", out) == 2
    assert shell.err.count("cannot be written") == 1
    assert posts(sandbox) == []


# The sum


def test_what_does_not_fit_into_the_days_limit_together_is_not_begun(
    shell: Shell, sandbox: Sandbox, abc: list[Path], out: Path
) -> None:
    assert shell("account", "--daily-limit", 0.12) == 0
    sandbox.switch(status=504, times=1)
    assert shell("edit", abc[0], *PROMPT) == 5
    sandbox.reset()
    for dry in ((), ("--dry-run",)):
        code, said = shell.json("edit", *abc, *PROMPT, "-o", out, *dry)
        assert (code, fates(said)) == (2, ["never-tried"] * 3)
        assert {result["error"]["kind"] for result in said["results"]} == {"over-limit"}
        told = "$0.12 in total. Of today's $0.12 limit, $0.04 is spent and $0.08 remains: enough for the"
        assert shell.err.count(f"{told} first 2 of them.") == 1
    assert posts(sandbox) == []
    assert made(out) == []
    abc[0].write_bytes(b"no picture")
    code, said = shell.json("edit", *abc, *PROMPT, "-o", out)
    assert fates(said) == ["failed", "done", "done"], "what is not sent costs nothing"


def test_variations_count_as_so_many(shell: Shell, sandbox: Sandbox, abc: list[Path]) -> None:
    assert shell("account", "--daily-limit", 0.3) == 0
    assert shell("edit", *abc, *PROMPT, "--variations", 3) == 2
    assert "$0.36 in total" in shell.err
    assert posts(sandbox) == []


def test_who_spends_meanwhile_ends_the_rest_at_the_limit(
    shell: Shell, sandbox: Sandbox, abc: list[Path], out: Path, photo: Path
) -> None:
    whole = Bounds(0, 0, 64, 64)
    job = Job(Action.EDIT, whole, whole.extent, None, Options(prompt="x"))
    plan = make_plan(job, None, Venice(Secret(""), catalogue=packaged_catalogue()).capabilities)

    def answer(_: bytes) -> bytes:
        for _ in range(2):
            Journal(shell.home / "jobs").begin(job, plan)
        return reply("200 OK", photo.read_bytes())

    assert shell("account", "--daily-limit", 0.12) == 0
    with Scripted(answer) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        code, said = shell.json("edit", *abc, *PROMPT, "-o", out)
        assert len(server.heads) == 1
    assert (code, fates(said)) == (2, ["done", "failed", "never-tried"])
    assert said["results"][1]["error"]["kind"] == "over-limit"


def test_a_dry_run_shows_each_plan_and_the_sum_and_refuses_as_a_run_would(
    shell: Shell, sandbox: Sandbox, abc: list[Path], out: Path, tmp_path: Path
) -> None:
    assert shell("edit", *abc, *PROMPT, "-o", out, "--dry-run") == 0
    assert [line.partition(": ")[0] for line in shell.out.splitlines()[:3]] == [str(path) for path in abc]
    assert shell.out.splitlines()[3] == "3 of 3 images can be sent, $0.12 in total."
    abc[1].write_bytes(b"no picture")
    code, said = shell.json("edit", *abc, *PROMPT, "-o", out, "--dry-run")
    assert (code, fates(said)) == (2, ["planned", "failed", "planned"])
    assert said["summary"]["price"] == {"usd": 0.08, "diem": 0.08}
    for bad in (tmp_path / "none" / "x.png", tmp_path / "x.xyz", abc[0]):
        assert shell("edit", abc[0], *PROMPT, "-o", bad, "--dry-run") == 2
    assert posts(sandbox) == []
    assert made(out) == []
    assert shell.jobs == []


# One fails


GOES_ON = [
    ({"status": 400}, 1, "invalid-request", 3),
    ({"status": 413}, 1, "too-large", 3),
    ({"policy": True}, 1, "policy", 3),
    ({"status": 500}, 1, "server-failure", 5),
    ({"status": 524}, 1, "server-failure", 5),
    ({"drop": "after_body"}, 1, "lost-connection", 5),
    ({"garbage": "text"}, 1, "unusable-answer", 5),
    ({"status": 429, "retry_after": "0"}, 2, "busy", 4),
    ({"status": 503, "retry_after": "0"}, 2, "busy", 4),
]


@pytest.mark.parametrize(("switches", "times", "kind", "code"), GOES_ON)
def test_what_happens_to_one_picture_does_not_end_the_rest(
    shell: Shell,
    sandbox: Sandbox,
    abc: list[Path],
    out: Path,
    switches: dict[str, Any],
    times: int,
    kind: str,
    code: int,
) -> None:
    sandbox.switch(**switches, times=times)
    exit_code, said = shell.json("edit", *abc, *PROMPT, "-o", out)
    assert (exit_code, fates(said)) == (code, ["failed", "done", "done"])
    assert said["results"][0]["error"]["kind"] == kind
    assert made(out) == ["b-edited.png", "c-edited.png"]


ENDS = [
    (lambda _: reply("401 No", b"{}"), "bad-key"),
    (lambda _: reply("402 No", b"{}"), "no-funds"),
    (lambda _: reply("403 No", b"{}"), "forbidden"),
    (lambda _: reply("404 No", b'{"error":"Specified model not found"}'), "unknown-model"),
    (lambda _: reply("404 No", b"<html>nothing here</html>"), "not-found"),
    (lambda _: reply("410 No", b"{}"), "unknown-model"),
]


@pytest.mark.parametrize(("answer", "kind"), ENDS)
def test_what_would_happen_to_all_of_them_ends_the_rest(
    shell: Shell, abc: list[Path], out: Path, answer: Callable[[bytes], bytes], kind: str
) -> None:
    with Scripted(answer) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        code, said = shell.json("edit", *abc, *PROMPT, "-o", out)
        assert len(server.heads) == 1
    assert (code, fates(said)) == (3, ["failed", "never-tried", "never-tried"])
    assert said["results"][0]["error"]["kind"] == kind
    assert "The remaining images were not sent: they would fail for the same reason." in shell.err
    assert shell.err.splitlines()[-1] == "0 done, 1 failed, 2 never tried; nothing spent."
    assert made(out) == []


def test_no_connection_ends_the_rest(shell: Shell, abc: list[Path], out: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    shell.env["VENICE_BASE_URL"] = f"http://127.0.0.1:{port}/api/v1"
    code, said = shell.json("edit", *abc, *PROMPT, "-o", out)
    assert (code, fates(said)) == (4, ["failed", "never-tried", "never-tried"])


def test_after_the_last_one_nobody_is_told_of_others(shell: Shell, sandbox: Sandbox, abc: list[Path]) -> None:
    sandbox.switch(status=401)
    assert shell("edit", abc[0], *PROMPT) == 3
    assert "remaining images" not in shell.err


@pytest.mark.parametrize(
    ("switches", "code", "count"),
    [({"status": 500}, 5, 3), ({"status": 503, "retry_after": "0"}, 4, 6), ({"status": 400}, 3, 5)],
)
def test_a_service_that_fails_three_times_in_a_row_is_not_paid_for_the_rest(
    shell: Shell,
    sandbox: Sandbox,
    abc: list[Path],
    out: Path,
    switches: dict[str, Any],
    code: int,
    count: int,
) -> None:
    """What is refused is about the picture, and costs nothing."""
    sandbox.switch(**switches)
    assert shell("edit", *abc, *abc[:2], *PROMPT, "-o", out) == code
    assert len(posts(sandbox)) == count
    assert ("3 in a row failed" in shell.err) == (code != 3)


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ((200, 200, 200), 2),
        ((503, 200, 200), 4),
        ((400, 503, 200), 3),
        ((400, 500, 503), 5),
        ((422, 200, 500), 5),
    ],
)
def test_the_exit_code_is_that_of_what_matters_most_for_money(
    shell: Shell, abc: list[Path], out: Path, statuses: tuple[int, ...], code: int
) -> None:
    bodies = {200: abc[0].read_bytes(), 503: b'{"error":"busy"}'}
    headers = ("Retry-After: 0", "Content-Type: application/json")
    asked = [status for status in statuses for _ in range(2 if status == 503 else 1)]
    answers = iter([reply(f"{status} So", bodies.get(status, b"{}"), *headers) for status in asked])
    bad = out.parent / "bad.png"
    bad.write_bytes(b"no picture")
    with Scripted(lambda _: next(answers)) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        assert shell("edit", *abc, bad, *PROMPT, "-o", out) == code
        assert len(server.heads) == len(asked)


# Names


def test_pictures_of_one_name_from_two_folders_do_not_replace_each_other(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, abc: list[Path], out: Path
) -> None:
    for folder in "xy":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(abc[0].read_bytes())
    both = [tmp_path / folder / "a.png" for folder in "xy"]
    code, said = shell.json("edit", *both, *PROMPT, "-o", out)
    assert code == 0
    assert [Path(result["output"]).name for result in said["results"]] == ["a-edited.png", "a-edited-2.png"]
    assert made(out) == ["a-edited-2.png", "a-edited.png"]


def test_a_result_does_not_replace_what_it_is_made_from(
    shell: Shell, sandbox: Sandbox, abc: list[Path], photo: Path, mask: Path
) -> None:
    before = {path: path.read_bytes() for path in (photo, mask, abc[0])}
    for target in before:
        given = ("edit", photo, *PROMPT, "--mask", mask, "--reference", abc[0], "-o", target)
        assert shell(*given) == 2, target
        assert f"would replace the input {target}" in shell.err
    assert {path: path.read_bytes() for path in before} == before
    assert posts(sandbox) == []


@pytest.mark.parametrize("switches", [{"status": 500}, {"garbage": "text"}, {"status": 401}])
def test_where_nothing_came_of_it_nothing_is_left_behind(
    shell: Shell, sandbox: Sandbox, abc: list[Path], out: Path, switches: dict[str, Any]
) -> None:
    sandbox.switch(**switches)
    shell("edit", *abc, *PROMPT, "-o", out)
    assert made(out) == []


# A disk that fails, and what nobody thought of


def full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_disk_that_takes_no_result_ends_the_rest_and_the_job_is_named(
    shell: Shell, sandbox: Sandbox, abc: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("venice_core.cli.picture_files.write_atomically", full)
    code, said = shell.json("edit", *abc, *PROMPT, "-o", out)
    assert (code, fates(said)) == (5, ["failed", "never-tried", "never-tried"])
    assert len(posts(sandbox)) == 1
    assert "No space left on device" in shell.err
    assert f"Job {shell.job.id}: the service's response is in {shell.job.folder}." in shell.err
    assert (shell.job.folder / ANSWER).is_file()
    assert shell.job.record["status"] == "done"
    assert made(out) == []


def test_of_several_variations_those_that_could_be_written_are_told(
    shell: Shell, sandbox: Sandbox, abc: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = picture_files.write

    def odd(path: Path, *more: Any) -> None:
        if path.name.endswith("-2.png"):
            raise ValueError("encoder error <object at 0x7f>")
        write(path, *more)

    monkeypatch.setattr("venice_core.cli.picture_files.write", odd)
    code, result = shell.result("edit", abc[0], *PROMPT, "--variations", 3, "-o", out)
    assert (code, result["status"], result["error"]["kind"]) == (5, "failed", "unplaced")
    assert [Path(each["output"]).name for each in result["variations"]] == [
        "a-edited-1.png",
        "a-edited-3.png",
    ]
    assert "0x7f" not in shell.err
    assert sorted(job.record["status"] for job in shell.jobs) == ["done", "placed", "placed"]


def test_what_the_journal_cannot_note_after_the_answer_decides_nothing(
    shell: Shell, sandbox: Sandbox, abc: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = atomic_files.write_atomically

    def failing(path: Path, *more: Any, **options: Any) -> None:
        if path.name == ANSWER or (path.parent / "full").exists():
            (path.parent / "full").touch()
            full()
        real(path, *more, **options)

    monkeypatch.setattr("venice_core.records.entry.write_atomically", failing)
    assert shell("edit", *abc, *PROMPT, "-o", out) == 0
    assert len(made(out)) == 3
    assert "Traceback" not in shell.err
    assert "could not be saved to disk" in shell.err
    assert "Traceback" in (shell.home / "logs" / "command-line.log").read_text()


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ZeroDivisionError("by accident"), 5, "command-line.log"),
        (
            PermissionError(13, "Permission denied", "/somewhere"),
            2,
            "/somewhere cannot be used: Permission denied.",
        ),
        (RecursionError("<object at 0x7f>"), 5, "command-line.log"),
    ],
)
@pytest.mark.parametrize("command", ["jobs", "edit"])
def test_what_nobody_thought_of_is_a_sentence_and_no_traceback(
    shell: Shell,
    abc: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: int,
    words: str,
    command: str,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("venice_core.cli.listings.show", fail)
    monkeypatch.setattr("venice_core.cli.pictures.run", fail)
    given = (command, abc[0], *PROMPT) if command == "edit" else (command,)
    exit_code, said = shell.json(*given)
    assert (exit_code, said["exit"]) == (code, code)
    assert words in shell.err
    assert "Traceback" not in shell.err
    assert "0x7f" not in shell.err


# Files that change, pictures that are large


def test_files_that_vanish_meanwhile_do_not_end_the_rest(
    shell: Shell, tmp_path: Path, chelsea: Pixels, out: Path
) -> None:
    names = [tmp_path / f"{name}.png" for name in "abcde"]
    for name in names:
        Image.fromarray(chelsea).save(name)

    def answer(_: bytes) -> bytes:
        for name in names[1:4]:
            name.unlink(missing_ok=True)
        return reply("200 OK", names[0].read_bytes())

    with Scripted(answer) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        code, said = shell.json("edit", *names, *PROMPT, "-o", out)
    assert (code, fates(said)) == (2, ["done", "failed", "failed", "failed", "done"])


def test_what_shows_nothing_is_found_before_any_is_sent(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, abc: list[Path]
) -> None:
    empty = tmp_path / "empty.png"
    Image.new("RGBA", (64, 64)).save(empty)
    code, said = shell.json("edit", empty, abc[0], *PROMPT, "--dry-run")
    assert (code, fates(said)) == (2, ["failed", "planned"])
    assert "Nothing is visible" in shell.err


def test_a_file_that_changed_meanwhile_is_checked_again(
    shell: Shell, abc: list[Path], out: Path, photo: Path
) -> None:
    def answer(_: bytes) -> bytes:
        abc[1].write_bytes(b"no picture any more")
        photo.replace(abc[2]) if photo.exists() else None
        return reply("200 OK", picture)

    picture = photo.read_bytes()
    with Scripted(answer) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        code, said = shell.json("edit", *abc, *PROMPT, "-o", out)
        assert len(server.heads) == 2
    assert (code, fates(said)) == (2, ["done", "failed", "done"])
    with Image.open(out / "c-edited.png") as result:
        assert result.size == (451, 300), "as it is now"


def test_a_single_picture_is_read_once_so_that_it_may_come_from_a_pipe(
    shell: Shell, sandbox: Sandbox, photo: Path, tmp_path: Path
) -> None:
    if not Path("/dev/fd").exists():
        pytest.skip("there are no pipes with names here")
    reading, writing = os.pipe()

    def feed() -> None:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(photo.read_bytes())

    feeder = threading.Thread(target=feed)
    feeder.start()
    assert shell("edit", f"/dev/fd/{reading}", *PROMPT, "-o", tmp_path / "out.png") == 0
    feeder.join()
    os.close(reading)


@pytest.mark.parametrize(("status", "masked"), [(200, False), (400, False), (400, True)])
def test_many_pictures_take_no_more_memory_than_a_few(
    shell: Shell, tmp_path: Path, out: Path, status: int, masked: bool
) -> None:
    names = [tmp_path / f"{number}.png" for number in range(7)]
    for name in names:
        Image.fromarray(noise()[:900, :900]).save(name)
    body = names[0].read_bytes() if status == 200 else b"{}"
    mask = Image.new("L", (900, 900), 255)
    mask.paste(0, (0, 0, 900, 9))
    mask.save(tmp_path / "mask.png")
    more = ["--no-align", "--no-match-colors", *(["--mask", tmp_path / "mask.png"] if masked else [])]

    def peak(count: int) -> int:
        tracemalloc.start()
        shell("edit", *names[:count], *PROMPT, *more, "-o", out)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    with Scripted(lambda _: reply(f"{status} So", body)) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        peak(1)
        few, many = peak(3), peak(7)
    assert many < few + 900 * 900 * 3, "one more picture"
