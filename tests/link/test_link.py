"""The real link against the real worker, and both against what can die or misbehave around them."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import venice_errors
import venice_link
import venice_process
from runs import planned
from support import find_python_2, posts, wait_for

from venice_core.records.entry import ANSWER, RESULT, SOURCE, Entry
from venice_core.records.journal import Journal
from venice_core.sandbox import Sandbox
from venice_core.version import VERSION

REPO = Path(__file__).resolve().parents[2]
MODULE = REPO / "plug-ins" / "shared" / "venice_link.py"
START = (
    f"import sys; sys.path.insert(0, {str(REPO)!r}); from venice_core.cli.main import main; main(['worker'])"
)
COMMAND = [sys.executable, "-c", START]
KEY = "vk-0123456789-secret"
PROMPTLY = 1.0  # s, from a cancel to its end
BUSY_MACHINE = 1.5  # s more, for what a test needs itself

Pixels = npt.NDArray[np.uint8]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="ends processes by POSIX signals")


LinkError, WorkerGone, Detached = venice_errors.LinkError, venice_errors.WorkerGone, venice_errors.Detached


@pytest.fixture
def environ(sandbox: Sandbox, home: Path) -> dict[str, str]:
    return {**os.environ, "VENICE_BASE_URL": sandbox.url, "VENICE_API_KEY": KEY}


@pytest.fixture
def link(environ: dict[str, str]) -> Iterator[Any]:
    with venice_link.Link(COMMAND, environ) as running:
        yield running


@pytest.fixture
def disk(home: Path) -> Disk:
    return Disk(home / "venice")


class Disk:
    """What the worker leaves under VENICE_HOME."""

    def __init__(self, home: Path) -> None:
        self.home = home

    @property
    def job(self) -> Entry:
        (only,) = Journal(self.home / "jobs")
        return only

    @property
    def status(self) -> tuple[str, str]:
        return self.job.record["status"], self.job.record["charge"]

    @property
    def scratch(self) -> list[Path]:
        return list((self.home / "scratch").iterdir())


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            return not Path("/proc/self").exists()
        return False
    return state != "Z"


def job(
    width: int, height: int, window: tuple[int, int, int, int] | None = None, **options: Any
) -> dict[str, Any]:
    names = ("x", "y", "width", "height")
    return {
        "action": "edit",
        "layer": dict(zip(names, (0, 0, width, height), strict=True)),
        "canvas": {"width": width, "height": height},
        "window": dict(zip(names, window, strict=True)) if window else None,
        "options": {"prompt": "a hat", **options},
    }


def rgba(pixels: Pixels) -> bytes:
    return np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]).tobytes()


def prepare(link: Any, pixels: Pixels) -> dict[str, Any]:
    """The parameters of a run on the whole picture, its pixels put in place."""
    return {
        "job": job(pixels.shape[1], pixels.shape[0]),
        "source": link.write("source.rgba", rgba(pixels)),
        "coverage": None,
    }


def heavy() -> Pixels:
    """Does not fit into the sockets' buffers."""
    return np.random.default_rng(5).integers(0, 256, (2000, 2000, 3), np.uint8)


class Watch:
    """Waits for a call's end, noting the stages; does something once at one of them."""

    def __init__(self, link: Any, call_id: int) -> None:
        self.link = link
        self.call_id = call_id
        self.messages: list[dict[str, Any]] = []

    @property
    def stages(self) -> list[str]:
        found = [message["stage"] for message in self.messages if message.get("event") == "progress"]
        return [stage for stage, before in zip(found, ["", *found], strict=False) if stage != before]

    def until(self, stage: str) -> None:
        while stage not in self.stages:
            message = self.link.receive(20)
            assert message is not None, f"{stage} was not reached"
            over, _ = self.link.answer(message, self.call_id)
            assert not over, f"over before {stage}"
            self.messages.append(message)

    def end(self) -> Any:
        while True:
            message = self.link.receive(30)
            assert message is not None, "no end"
            over, value = self.link.answer(message, self.call_id)
            if over:
                return value
            self.messages.append(message)


def start(link: Any, pixels: Pixels) -> Watch:
    return Watch(link, link.send("run", planned(link, prepare(link, pixels))))


def start_uploading(link: Any, sandbox: Sandbox, seconds: float = 60) -> Watch:
    """A run whose upload the server does not read."""
    sandbox.switch(stall=seconds, stall_at="body")
    watch = start(link, heavy())
    watch.until("uploading")
    wait_for(lambda: posts(sandbox))
    time.sleep(0.3)
    return watch


def start_waiting(link: Any, sandbox: Sandbox, pixels: Pixels, seconds: float = 1.5) -> Watch:
    """A run whose upload is complete and whose answer takes a while."""
    sandbox.switch(stall=seconds)
    watch = start(link, pixels)
    watch.until("waiting")
    wait_for(lambda: posts(sandbox) and posts(sandbox)[0].complete)
    return watch


# Good days


def test_the_greeting_says_the_version_and_a_private_folder(environ: dict[str, str], disk: Disk) -> None:
    with venice_link.Link(COMMAND, environ) as link:
        assert link.version == VERSION
        folder, pid = Path(link.folder), link.pid
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.is_relative_to(disk.home)
        assert is_alive(pid)
    assert not is_alive(pid)
    assert disk.scratch == []


def test_a_plan_sends_nothing(link: Any, sandbox: Sandbox) -> None:
    coverage = link.write("coverage.gray", bytes([255]) * 100 * 80)
    plan = link.call("plan", {"job": job(600, 400, (200, 100, 100, 80)), "coverage": coverage})
    assert (plan["endpoint"], plan["images"], plan["key"]) == ("/image/multi-edit", 2, True)
    assert plan["support"] == {"x": 200, "y": 100, "width": 100, "height": 80}
    assert plan["price"]["usd"] == 0.04
    assert posts(sandbox) == []


def test_a_run_tells_its_stages_in_order_and_leaves_its_result_in_files(
    link: Any, sandbox: Sandbox, disk: Disk, chelsea: Pixels
) -> None:
    watch = start(link, chelsea)
    (value,) = watch.end()["results"]
    assert watch.stages == ["preparing", "uploading", "waiting", "downloading", "fitting"]
    assert all(message["id"] == watch.call_id for message in watch.messages)
    uploads = [message["done"] for message in watch.messages if message["stage"] == "uploading"]
    assert uploads == sorted(uploads)
    assert [seen.path for seen in posts(sandbox)] == ["/api/v1/image/edit"]
    pixels = np.frombuffer(Path(value["pixels"]).read_bytes(), np.uint8).reshape(300, 451, 4)
    assert (pixels[..., 3] == 255).all()
    assert np.abs(pixels[..., :3].astype(int) - chelsea).mean() > 20
    assert value["mask"] is None
    assert value["crop"] == {"x": 0, "y": 0, "width": 451, "height": 300}
    assert value["recipe"]["prompt"] == "a hat"
    assert KEY not in json.dumps(value)
    assert disk.status == ("done", "none")
    assert link.call("placed", {"job": value["job"]}) is None
    assert disk.job.record["status"] == "placed"
    assert not Path(value["pixels"]).exists()
    assert not (disk.job.folder / SOURCE).exists()


def test_a_selection_comes_back_as_the_layer_mask(link: Any, disk: Disk, coffee: Pixels) -> None:
    window = (100, 50, 200, 150)
    coverage = np.zeros((150, 200), np.uint8)
    coverage[30:120, 40:160] = 255
    given = job(600, 400, window, feather=0)
    name = link.write("coverage.gray", coverage.tobytes())
    crop = link.call("plan", {"job": given, "coverage": name})["crop"]
    part = coffee[crop["y"] : crop["y"] + crop["height"], crop["x"] : crop["x"] + crop["width"]]
    source = link.write("source.rgba", rgba(part))
    (value,) = link.call("run", planned(link, {"job": given, "source": source, "coverage": name}))["results"]
    mask = np.frombuffer(Path(value["mask"]).read_bytes(), np.uint8).reshape(crop["height"], crop["width"])
    whole = np.zeros((400, 600), np.uint8)
    whole[50:200, 100:300] = coverage
    assert value["crop"] == crop
    assert np.array_equal(mask, whole[crop["y"] :, crop["x"] :][: crop["height"], : crop["width"]])


@pytest.mark.parametrize("defringe", [True, False])
def test_a_cutouts_rim_comes_back_in_a_file_until_it_is_placed(
    link: Any, disk: Disk, chelsea: Pixels, defringe: bool
) -> None:
    given = prepare(link, chelsea)
    given["job"] |= {"action": "cutout", "options": {"defringe": defringe}}
    (value,) = link.call("run", planned(link, given))["results"]
    if not defringe:
        assert value["rim"] is None
        return
    rim, mask = (np.frombuffer(Path(value[name]).read_bytes(), np.uint8) for name in ("rim", "mask"))
    assert set(np.unique(rim)) == {0, 255}
    assert ((mask[rim > 0] > 0) & (mask[rim > 0] < 255)).all()
    pixels = np.frombuffer(Path(value["pixels"]).read_bytes(), np.uint8).reshape(-1, 4)
    changed = (pixels[:, :3] != chelsea.reshape(-1, 3)).any(axis=1)
    assert np.array_equal(changed, rim > 0)
    link.call("placed", {"job": value["job"]})
    assert {path.name for path in disk.job.folder.iterdir()} == {"job.json", ANSWER}


def test_runs_follow_each_other_at_once(link: Any, sandbox: Sandbox, chelsea: Pixels) -> None:
    for _ in range(8):
        link.call("run", planned(link, prepare(link, chelsea)))
    assert len(posts(sandbox)) == 8


def test_status_names_providers_and_models(link: Any) -> None:
    status = link.call("status")
    assert (status["provider"], status["key"], status["key_source"]) == ("venice", True, "environment")
    listed = {model["id"]: model for model in status["models"]}
    assert listed[status["default_model"]]["privacy"] == "private"
    assert listed["flux-2-max-edit"]["privacy"] == "anonymized"
    assert KEY not in json.dumps(status)


def test_a_key_is_kept_for_the_next_worker_and_shown_to_nobody(environ: dict[str, str], disk: Disk) -> None:
    del environ["VENICE_API_KEY"]
    with venice_link.Link(COMMAND, environ) as link:
        assert link.call("status")["key"] is False
        answer = link.call("configure", {"provider": "venice", "key": KEY})
        assert answer == {"provider": "venice", "kept": "file"}
        kept = {"provider": "openai", "key": KEY + "-2", "use": False}
        assert link.call("configure", kept) == {"provider": "openai", "kept": "file"}
    with venice_link.Link(COMMAND, environ) as link:
        status = link.call("status")
        assert (status["key"], status["key_source"]) == (True, "file")
        assert status["provider"] == "venice", "a key alone changes nothing else"
    holding = [p.name for p in disk.home.rglob("*") if p.is_file() and KEY.encode() in p.read_bytes()]
    assert holding == ["keys.json"]


def test_a_trial_of_the_sandbox_is_for_windows_and_ends_with_a_key(environ: dict[str, str]) -> None:
    del environ["VENICE_API_KEY"]
    job_of = functools.partial(job, 300, 200)
    with venice_link.Link(COMMAND, environ) as link:
        assert link.call("plan", {"job": job_of(), "trial": True})["provider"] == "venice", "not begun"
        link.call("configure", {"trial": True})
        status = link.call("status", {"trial": True})
        assert (status["provider"], status["default_provider"], status["trial"]) == (
            "sandbox",
            "sandbox",
            True,
        )
        assert link.call("status")["default_provider"] == "venice", "where nobody sees who is asked"
        plan = link.call("plan", {"job": job_of(), "trial": True})
        assert (plan["provider"], plan["total"]["usd"], plan["key"]) == ("sandbox", 0.0, True)
        chosen = link.call("plan", {"job": job_of(provider="venice"), "trial": True})
        assert (chosen["provider"], chosen["key"]) == ("venice", False)
        assert link.call("plan", {"job": job_of()})["provider"] == "venice"
        link.call("configure", {"provider": "openai", "key": KEY, "use": False})
    with venice_link.Link(COMMAND, environ) as link:
        link.call("configure", {"provider": "venice", "key": KEY, "use": False})
        assert link.call("plan", {"job": job_of(), "trial": True})["provider"] == "venice"
        link.call("configure", {"provider": "venice", "key": "", "use": False})
        assert link.call("status", {"trial": True})["provider"] == "venice", "it does not come back"


def test_a_key_that_another_worker_stores_is_found(environ: dict[str, str]) -> None:
    del environ["VENICE_API_KEY"]
    with venice_link.Link(COMMAND, environ) as link, venice_link.Link(COMMAND, environ) as other:
        assert link.call("status")["key"] is False
        other.call("configure", {"provider": "venice", "key": KEY})
        assert link.call("status")["key"] is True


# Errors


@pytest.mark.parametrize(
    ("status", "kind", "charge", "words"),
    [
        (401, "bad-key", "none", "API key"),
        (402, "no-funds", "none", "balance"),
        (422, "policy", "unknown", "content policy"),
        (500, "server-failure", "possible", "You may have been charged."),
        (524, "server-failure", "possible", "HTTP 524"),
    ],
)
def test_an_error_is_a_sentence_and_the_worker_goes_on(
    link: Any, sandbox: Sandbox, disk: Disk, chelsea: Pixels, status: int, kind: str, charge: str, words: str
) -> None:
    sandbox.switch(status=status)
    with pytest.raises(LinkError, match=words) as caught:
        start(link, chelsea).end()
    assert (caught.value.kind, caught.value.charge) == (kind, charge)
    assert not isinstance(caught.value, WorkerGone)
    assert KEY not in str(caught.value)
    assert disk.status == ("failed", charge)
    sandbox.reset()
    assert link.call("run", planned(link, prepare(link, chelsea)))["results"]


def test_bad_input_is_said_and_nothing_is_sent(link: Any, sandbox: Sandbox, chelsea: Pixels) -> None:
    params = prepare(link, chelsea)
    for change, words in [
        ({"job": job(451, 300, prompt="")}, "prompt is empty"),
        ({"job": job(451, 299)}, "do not match the crop"),
        ({"job": {"action": "dance"}}, "not a job"),
        ({"job": job(451, 300, wings=2)}, "“wings” is not an option"),
        ({"source": "../pixels"}, "pixels|No such file"),
        ({"source": "missing"}, "missing"),
    ]:
        link.write("source.rgba", rgba(chelsea))
        with pytest.raises(LinkError, match=words) as caught:
            link.call("run", planned(link, {**params, **change}))
        assert caught.value.charge == "none"
    assert posts(sandbox) == []


def test_a_missing_key_is_said(environ: dict[str, str], sandbox: Sandbox, chelsea: Pixels) -> None:
    del environ["VENICE_API_KEY"]
    with venice_link.Link(COMMAND, environ, {"set-key": "Here is where."}) as link:
        with pytest.raises(LinkError, match=r"^No API key is set for venice.*\. Here is where\.$") as caught:
            start(link, chelsea).end()
        assert caught.value.kind == "missing-key"
        with_reference = {**job(451, 300), "references": [{"width": 9, "height": 9}]}
        plan = planned(link, {"job": with_reference, "source": link.write("none", b"")})
        with pytest.raises(LinkError, match="No API key is set for venice"):
            link.call("run", plan)
    assert posts(sandbox) == []


@pytest.mark.parametrize("then", ["sent", "replaced", "refused"])
def test_a_plan_is_sent_once_and_only_if_it_is_the_last(
    link: Any, sandbox: Sandbox, chelsea: Pixels, then: str
) -> None:
    params = prepare(link, chelsea)
    first = link.call("plan", {"job": params["job"], "to_send": True})["id"]
    files = {"plan": first, "source": params["source"]}
    if then == "sent":
        link.call("run", files)
    elif then == "replaced":
        link.call("plan", {"job": params["job"], "to_send": True})
    else:
        with pytest.raises(LinkError):
            link.call("plan", {"job": dict(params["job"], options={"prompt": ""}), "to_send": True})
    count = len(posts(sandbox))
    with pytest.raises(LinkError, match="This plan is no longer valid"):
        link.call("run", files)
    assert len(posts(sandbox)) == count


def test_an_unknown_method_is_said(link: Any) -> None:
    with pytest.raises(LinkError, match="There is no method “dance”"):
        link.call("dance")
    assert link.call("status")


def test_a_second_run_beside_the_first_is_refused(link: Any, sandbox: Sandbox, chelsea: Pixels) -> None:
    watch = start_waiting(link, sandbox, chelsea)
    with pytest.raises(LinkError, match="already running"):
        Watch(link, link.send("run", planned(link, prepare(link, chelsea)))).end()
    assert watch.end()["results"]
    assert len(posts(sandbox)) == 1


# Cancel


def test_a_cancel_before_the_upload_is_complete_buys_nothing(
    link: Any, sandbox: Sandbox, disk: Disk, chelsea: Pixels
) -> None:
    watch = start_uploading(link, sandbox)
    begin = time.monotonic()
    link.cancel()
    with pytest.raises(LinkError) as caught:
        watch.end()
    assert time.monotonic() - begin < PROMPTLY + BUSY_MACHINE
    assert not isinstance(caught.value, Detached)
    assert (caught.value.kind, caught.value.charge) == ("cancelled", "none")
    assert disk.status == ("cancelled", "none")
    assert not posts(sandbox)[0].complete
    sandbox.reset()
    done = link.call("run", planned(link, prepare(link, chelsea)))
    assert done["results"], "the worker is of no use any more"


def test_a_cancel_after_the_upload_lets_go_at_once_and_the_answer_comes(
    link: Any, sandbox: Sandbox, disk: Disk, chelsea: Pixels
) -> None:
    watch = start_waiting(link, sandbox, chelsea)
    pid, begin = link.pid, time.monotonic()
    link.cancel()
    with pytest.raises(Detached, match="kept in ") as caught:
        watch.end()
    link.close()
    assert time.monotonic() - begin < PROMPTLY
    assert caught.value.charge == "possible"
    assert is_alive(pid)
    wait_for(lambda: not is_alive(pid))
    assert disk.status == ("done", "none")
    assert (disk.job.folder / ANSWER).stat().st_size > 10_000
    assert (disk.job.folder / RESULT.format(1)).exists()
    assert disk.scratch == []


def test_stopping_for_good_ends_the_waiting(link: Any, sandbox: Sandbox, disk: Disk, chelsea: Pixels) -> None:
    watch = start_waiting(link, sandbox, chelsea, seconds=60)
    begin = time.monotonic()
    link.cancel(stop=True)
    with pytest.raises(LinkError) as caught:
        watch.end()
    assert time.monotonic() - begin < PROMPTLY + BUSY_MACHINE
    assert (caught.value.kind, caught.value.charge) == ("cancelled", "possible")
    assert disk.status == ("cancelled", "possible")


def test_a_worker_that_was_let_go_of_can_be_stopped_for_good(
    link: Any, sandbox: Sandbox, disk: Disk, chelsea: Pixels
) -> None:
    watch = start_waiting(link, sandbox, chelsea, seconds=60)
    pid = link.pid
    link.cancel()
    with pytest.raises(Detached):
        watch.end()
    link.stop()
    wait_for(lambda: not is_alive(pid), 5)
    assert disk.status == ("cancelled", "possible")
    assert disk.scratch == []


def test_stopping_while_the_answer_is_fitted_does_not_deny_the_charge(
    environ: dict[str, str], sandbox: Sandbox, disk: Disk, chelsea: Pixels
) -> None:
    slow = "import time, venice_core.fitting.edit as fit; place = fit.place\n"
    slow += "fit.place = lambda *a: (time.sleep(2), place(*a))[1]\n"
    with venice_link.Link(worker_with(slow), environ) as link:
        watch = start(link, chelsea)
        watch.until("fitting")
        link.cancel(stop=True)
        with pytest.raises(LinkError) as caught:
            watch.end()
    assert caught.value.kind == "cancelled"
    assert caught.value.charge == "none", "the sandbox charges nothing, and the record says so"
    with venice_link.Link(worker_with(slow + CHARGING), environ) as link:
        watch = start(link, chelsea)
        watch.until("fitting")
        link.cancel(stop=True)
        with pytest.raises(LinkError) as caught:
            watch.end()
    assert caught.value.charge == "charged"


CHARGING = "import venice_core.execution.request_run as run; run.is_of_sandbox = lambda *_: False\n"


def test_a_cancel_unless_it_is_sent_stops_an_upload_and_nothing_else(
    link: Any, sandbox: Sandbox, disk: Disk, chelsea: Pixels
) -> None:
    watch = start_waiting(link, sandbox, chelsea)
    asked = Watch(link, link.cancel(unless_sent=True))
    assert asked.end() == "sent"
    assert watch.end()["results"]
    assert disk.status == ("done", "none")
    sandbox.reset()
    watch = start_uploading(link, sandbox)
    link.cancel(unless_sent=True)
    with pytest.raises(LinkError) as caught:
        watch.end()
    assert (caught.value.kind, caught.value.charge) == ("cancelled", "none")


def test_a_cancel_with_nothing_under_way_does_nothing(link: Any, sandbox: Sandbox, chelsea: Pixels) -> None:
    for how in ({}, {"stop": True}, {"unless_sent": True}):
        assert link.call("cancel", how) is None
    assert link.call("run", planned(link, prepare(link, chelsea)))["results"]


# The front end goes


def test_when_the_front_end_goes_before_a_run_the_worker_ends(environ: dict[str, str], disk: Disk) -> None:
    link = venice_link.Link(COMMAND, environ)
    link.start()
    process = link._process
    process.stdin.close()
    assert process.wait(PROMPTLY + BUSY_MACHINE) == 0
    assert disk.scratch == []


def test_when_the_front_end_goes_before_the_upload_is_complete_the_worker_ends(
    link: Any, sandbox: Sandbox, disk: Disk
) -> None:
    start_uploading(link, sandbox)
    process = link._process
    process.stdin.close()
    process.wait(PROMPTLY + BUSY_MACHINE)
    assert disk.status == ("cancelled", "none")
    assert disk.scratch == []


def test_when_the_front_end_goes_while_a_repeat_is_waited_for_the_worker_ends(
    link: Any, sandbox: Sandbox, disk: Disk, chelsea: Pixels
) -> None:
    sandbox.switch(status=429, retry_after="50")
    watch = start(link, chelsea)
    watch.until("retrying")
    process = link._process
    process.stdin.close()
    process.wait(PROMPTLY + BUSY_MACHINE)
    assert disk.status == ("cancelled", "none")
    assert len(posts(sandbox)) == 1


def test_when_the_front_end_goes_after_the_upload_the_answer_is_kept(
    link: Any, sandbox: Sandbox, disk: Disk, chelsea: Pixels
) -> None:
    start_waiting(link, sandbox, chelsea)
    process = link._process
    process.stdin.close()
    time.sleep(0.5)
    assert process.poll() is None
    assert process.wait(20) == 0
    assert disk.status == ("done", "none")
    assert (disk.job.folder / RESULT.format(1)).exists()
    assert disk.scratch == []


FRONT_END = f"""
import json, os, sys, time
sys.path.insert(0, {str(MODULE.parent)!r})
import venice_link
job, source, stage = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
link = venice_link.Link({COMMAND!r})
link.start()
print(link.pid, flush=True)
with open(source, "rb") as file:
    name = link.write("source.rgba", file.read())
plan = link.call("plan", {{"job": job, "to_send": True}})
link.send("run", {{"plan": plan["id"], "source": name}})
while True:
    message = link.receive(1)
    if message and message.get("stage") == stage:
        print(stage, flush=True)
        break
time.sleep(600)
"""


def front_end(
    environ: dict[str, str], folder: Path, pixels: Pixels, stage: str
) -> tuple[subprocess.Popen[str], int]:
    """A front end of its own process group that has reached that stage, and its worker's pid."""
    source = folder / "pixels"
    source.write_bytes(rgba(pixels))
    command = [
        sys.executable,
        "-c",
        FRONT_END,
        json.dumps(job(pixels.shape[1], pixels.shape[0])),
        str(source),
        stage,
    ]
    process = subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True, cwd=folder
    )
    assert process.stdout is not None
    worker = int(process.stdout.readline())
    assert process.stdout.readline().strip() == stage
    return process, worker


def kill_alone(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def kill_with_its_group(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("kill", [kill_alone, kill_with_its_group])
def test_a_front_end_killed_after_the_upload_loses_no_answer(
    environ: dict[str, str], sandbox: Sandbox, disk: Disk, tmp_path: Path, chelsea: Pixels, kill: Any
) -> None:
    sandbox.switch(stall=1.5)
    process, worker = front_end(environ, tmp_path, chelsea, "waiting")
    kill(process)
    assert is_alive(worker)
    wait_for(lambda: not is_alive(worker))
    assert disk.status == ("done", "none")
    assert (disk.job.folder / ANSWER).exists()
    assert disk.scratch == []
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize("kill", [kill_alone, kill_with_its_group])
def test_a_front_end_killed_before_the_upload_is_complete_buys_nothing(
    environ: dict[str, str], sandbox: Sandbox, disk: Disk, tmp_path: Path, kill: Any
) -> None:
    sandbox.switch(stall=60, stall_at="body")
    process, worker = front_end(environ, tmp_path, heavy(), "uploading")
    wait_for(lambda: posts(sandbox))
    time.sleep(0.3)
    begin = time.monotonic()
    kill(process)
    wait_for(lambda: not is_alive(worker))
    assert time.monotonic() - begin < PROMPTLY + BUSY_MACHINE
    assert disk.status == ("cancelled", "none")
    assert not posts(sandbox)[0].complete
    assert disk.scratch == []


# The worker goes


def test_a_worker_killed_during_a_request_may_have_cost_something(
    link: Any, sandbox: Sandbox, disk: Disk, chelsea: Pixels
) -> None:
    watch = start_waiting(link, sandbox, chelsea, seconds=60)
    wait_for(lambda: disk.status == ("sent", "possible"))
    os.kill(link.pid, signal.SIGKILL)
    with pytest.raises(WorkerGone, match="may have been charged") as caught:
        watch.end()
    assert caught.value.charge == "possible"
    assert disk.scratch == []
    assert disk.status == ("sent", "possible")
    link._process.wait()  # until then its number is taken
    assert disk.job.interrupted
    with pytest.raises(WorkerGone):
        link.receive(0)


def test_a_cancel_that_meets_a_dead_worker_does_not_say_that_nothing_was_sent(
    link: Any, sandbox: Sandbox, chelsea: Pixels
) -> None:
    sandbox.switch(stall=60)
    start(link, chelsea)  # and none of its messages is read
    wait_for(lambda: posts(sandbox) and posts(sandbox)[0].complete)
    process = link._process
    process.kill()
    process.wait()
    with pytest.raises(WorkerGone) as caught:
        for _ in range(20):
            link.cancel()
    assert caught.value.charge == "possible"


def test_a_worker_killed_before_or_after_a_run_cost_nothing(
    environ: dict[str, str], disk: Disk, chelsea: Pixels
) -> None:
    for runs, said in ((0, "Nothing was sent"), (1, "^The worker ended unexpectedly.$")):
        with venice_link.Link(COMMAND, environ) as link:
            for _ in range(runs):
                link.call("run", planned(link, prepare(link, chelsea)))
            os.kill(link.pid, signal.SIGKILL)
            with pytest.raises(WorkerGone, match=said) as caught:
                link.call("status")
            assert caught.value.charge == "none"
        assert disk.scratch == []


def test_a_link_can_start_its_worker_anew(link: Any, chelsea: Pixels) -> None:
    first = link.pid
    os.kill(first, signal.SIGKILL)
    with pytest.raises(WorkerGone):
        link.call("status")
    link.ensure()
    second = link.pid
    assert second != first
    assert link.call("run", planned(link, prepare(link, chelsea)))["results"]
    link.ensure()
    assert link.pid == second


def test_after_letting_go_a_new_worker_serves_and_the_old_one_finishes(
    link: Any, sandbox: Sandbox, disk: Disk, chelsea: Pixels
) -> None:
    watch = start_waiting(link, sandbox, chelsea)
    first, folder = link.pid, Path(link.folder)
    link.cancel()
    with pytest.raises(Detached):
        watch.end()
    link.ensure()
    assert link.pid != first
    assert is_alive(first)
    assert folder.is_dir()
    sandbox.switch(stall=None)
    assert link.call("run", planned(link, prepare(link, chelsea)))["results"]
    wait_for(lambda: not is_alive(first))
    assert [entry.record["status"] for entry in Journal(disk.home / "jobs")] == ["done", "done"]
    assert not folder.exists()


def test_a_terminated_worker_leaves_no_pixels(link: Any, sandbox: Sandbox, disk: Disk) -> None:
    start_uploading(link, sandbox)
    process = link._process
    link.stop()
    process.wait(PROMPTLY + BUSY_MACHINE)
    assert disk.status == ("cancelled", "none")
    assert disk.scratch == []


# Noise on the line


def worker_with(prelude: str) -> list[str]:
    """The real worker after some other code in the same process."""
    return [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(REPO)!r})\n{prelude}\n{START}"]


def test_a_stray_print_in_the_worker_corrupts_no_message(
    environ: dict[str, str], sandbox: Sandbox, chelsea: Pixels
) -> None:
    prelude = """
    import os, sys
    import venice_core.execution.inputs as run
    plan = run.make_plan
    def noisy(*arguments):
        forged = '{"id": 1, "event": "result", "value": "forged"}'
        print(forged, flush=True)
        sys.__stdout__.write("half a line")
        sys.__stdout__.flush()
        os.write(1, forged.encode() + b"\\n")
        os.system("echo '" + forged + "'")
        return plan(*arguments)
    run.make_plan = noisy
    """
    with venice_link.Link(worker_with(textwrap.dedent(prelude)), environ) as link:
        watch = start(link, chelsea)
        assert watch.end()["results"]
        assert watch.stages == ["preparing", "uploading", "waiting", "downloading", "fitting"]


@pytest.mark.parametrize(
    "line",
    [
        *(
            b"not json",
            b"[]",
            b"null",
            b"7",
            b"{}",
            b'{"id": "x", "method": 1}',
            b'{"id": 1}',
            b"\xff\xfe",
            b" ",
        ),
        b'{"id": 5, "method": "plan", "params": []}',
        b'{"id": 5, "method": "plan"}',
        b'{"id": 5, "method": "run"}',
    ],
)
def test_a_bad_line_is_answered_with_an_error_at_most(link: Any, line: bytes) -> None:
    link._process.stdin.write(line + b"\n")
    link._process.stdin.flush()
    assert link.call("status")["provider"] == "venice"


def fake_worker(tmp_path: Path, code: str) -> list[str]:
    path = tmp_path / "worker.py"
    path.write_text("import json, sys, time\n" + textwrap.dedent(code))
    return [sys.executable, str(path)]


def test_lines_that_are_no_messages_are_passed_over(tmp_path: Path) -> None:
    command = fake_worker(
        tmp_path,
        r"""
        out = sys.stdout.buffer
        for line in (b"null", b"42", b'"word"', b"[]", b"\xff\xfe", b"", b"{", b"true"):
            out.write(line + b"\n")
        out.write(json.dumps(dict(id=0, event="hello", protocol=2, version="9", folder="")).encode() + b"\n")
        out.flush()
        for line in sys.stdin:
            out.write(b"null\n")
            out.write(json.dumps(dict(id=json.loads(line)["id"], event="result", value=5)).encode() + b"\n")
            out.flush()
        """,
    )
    with venice_link.Link(command, dict(os.environ)) as link:
        assert link.version == "9"
        assert link.call("anything") == 5


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "print(json.dumps(dict(id=0, event='hello', protocol=99)), flush=True); sys.stdin.read()",
            "versions do not match",
        ),
        (
            "print(json.dumps(dict(id=0, event='result')), flush=True); sys.stdin.read()",
            "did not start in time",
        ),
        ("sys.stdin.read()", "did not start in time"),
        ("sys.exit('ModuleNotFoundError: no numpy')", "no numpy.*Nothing was sent"),
        ("pass", "ended unexpectedly"),
    ],
)
def test_a_worker_that_does_not_start_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, words: str
) -> None:
    monkeypatch.setattr(venice_link, "START_SECONDS", 1.0 if "in time" in words else 20.0)
    link = venice_link.Link(fake_worker(tmp_path, code), dict(os.environ))
    with pytest.raises(LinkError, match=words), link:
        pass
    assert link.pid is None


def test_a_worker_that_is_not_there_is_said(tmp_path: Path) -> None:
    link = venice_link.Link([str(tmp_path / "none")], dict(os.environ))
    with pytest.raises(LinkError, match="could not be started"), link:
        pass


def test_a_home_that_cannot_be_used_is_said(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environ["VENICE_HOME"] = str(tmp_path / "file")
    with pytest.raises(LinkError, match="file"), venice_link.Link(COMMAND, environ):
        pass


# The environment and the manifest


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (name, False)
        for name in ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH")
    ]
    + [(name, False) for name in ("GI_TYPELIB_PATH", "GTK_PATH", "GDK_PIXBUF_MODULE_FILE", "GIO_MODULE_DIR")]
    + [
        (name, True)
        for name in ("HOME", "PATH", "LANG", "XDG_DATA_HOME", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY")
    ]
    + [(name, True) for name in ("SYSTEMROOT", "APPDATA", "TEMP", "HTTPS_PROXY", "no_proxy", "VENICE_HOME")]
    + [(name, True) for name in ("VENICE_API_KEY", "OPENAI_API_KEY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")],
)
def test_the_workers_environment_is_cleaned_of_the_hosts(name: str, kept: bool) -> None:
    assert venice_process.clean_environment({name: "/x"}) == ({name: "/x"} if kept else {})


def test_what_lies_in_the_bundle_is_left_out() -> None:
    environ = {
        "PATH": os.pathsep.join(["/opt/gimp/bin", "/usr/bin", "/opt/gimp-other/bin", "/opt/gimp"]),
        "SSL_CERT_FILE": "/opt/gimp/etc/ca.pem",
        "CURL_CA_BUNDLE": "/etc/ssl/ca.pem",
        "HOME": "/opt/gimp",
    }
    kept = {"PATH": os.pathsep.join(["/usr/bin", "/opt/gimp-other/bin"]), "CURL_CA_BUNDLE": "/etc/ssl/ca.pem"}
    kept["HOME"] = "/opt/gimp"
    assert venice_process.clean_environment(environ, "/opt/gimp/") == kept
    in_app_image = {**environ, "APPDIR": "/opt/gimp"}
    assert venice_process.clean_environment(in_app_image) == {**kept, "APPDIR": "/opt/gimp"}
    assert venice_process.clean_environment(environ) == environ


def test_the_host_python_does_not_break_the_worker(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the host has a json of its own')")
    environ |= {"PYTHONPATH": str(tmp_path), "PYTHONHOME": str(tmp_path), "LD_PRELOAD": ""}
    with venice_link.Link(COMMAND, environ) as link:
        assert link.call("status")


def test_the_manifest_says_how_to_start_the_worker(tmp_path: Path) -> None:
    (tmp_path / "worker.json").write_text(json.dumps({"command": COMMAND, "more": 1}))
    assert venice_process.read_manifest(str(tmp_path)) == COMMAND


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "{", "[]", "{}", '"command"', '{"command": null}', '{"command": []}'),
        *('{"command": "python"}', '{"command": [1]}', '{"command": ["a", null]}'),
    ],
)
def test_without_a_whole_manifest_people_are_told_to_install_again(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "worker.json").write_text(text)
    with pytest.raises(LinkError, match=r"worker\.json.*python3 install\.py"):
        venice_process.read_manifest(str(tmp_path))


def test_a_manifest_whose_python_is_gone_is_said(tmp_path: Path) -> None:
    (tmp_path / "worker.json").write_text(json.dumps({"command": [str(tmp_path / "gone"), "-c", ""]}))
    with pytest.raises(LinkError, match=r"gone\) no longer exists: run “python3 install\.py” again"):
        venice_process.read_manifest(str(tmp_path))


# Python 2.7, as in GIMP 2.10

PYTHON_2 = f"""# -*- coding: utf-8 -*-
from __future__ import print_function
import base64, io, json, sys
sys.dont_write_bytecode = True
sys.path.insert(0, {str(MODULE.parent)!r})
import venice_errors, venice_link, venice_process
job, source, manifest = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
said = {{"python": sys.version_info[0], "stages": []}}
with venice_link.Link(venice_process.read_manifest(manifest)) as link:
    said["version"] = link.version
    said["endpoint"] = link.call("plan", {{"job": job}})["endpoint"]
    with io.open(source, "rb") as file:
        name = link.write("source.rgba", file.read())

    def watch(message):
        if message and message["stage"] not in said["stages"]:
            said["stages"].append(message["stage"])

    plan = link.call("plan", {{"job": job, "to_send": True}})
    value = link.call("run", {{"plan": plan["id"], "source": name}}, watch)["results"][0]
    with io.open(value["pixels"], "rb") as file:
        said["bytes"] = len(file.read())
    link.call("placed", {{"job": value["job"]}})
    for method in ("status", "dance"):
        try:
            link.call(method)
        except venice_errors.LinkError as error:
            said["error"] = str(error).decode("utf-8")
try:
    venice_process.read_manifest("/none")
except venice_errors.LinkError as error:
    said["manifest"] = str(error).decode("utf-8")
print(json.dumps(said))
"""


def test_the_same_module_runs_on_python_2(
    environ: dict[str, str], sandbox: Sandbox, disk: Disk, tmp_path: Path, chelsea: Pixels
) -> None:
    interpreter = find_python_2()
    if interpreter is None:
        pytest.skip("there is no Python 2.7 here")
    (tmp_path / "worker.json").write_text(json.dumps({"command": COMMAND}))
    (tmp_path / "pixels").write_bytes(rgba(chelsea))
    script = tmp_path / "front_end.py"
    script.write_text(PYTHON_2)
    command = [interpreter, str(script), json.dumps(job(451, 300)), str(tmp_path / "pixels"), str(tmp_path)]
    run = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout)
    assert said["python"] == 2
    assert said["version"] == VERSION
    assert said["endpoint"] == "/image/edit"
    assert said["stages"][0] == "preparing"
    assert said["bytes"] == 451 * 300 * 4
    assert said["error"] == "There is no method “dance”."
    assert "run “python3 install.py” again" in said["manifest"]
    assert disk.job.record["status"] == "placed"
    assert disk.scratch == []
