"""A run against an OpenAI-compatible service: linked pictures, several at once, masks, and no key at all."""

from __future__ import annotations

import base64
import io
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from runs import run_job
from unit_transport import FakeTransport, answer

from venice_core.cancellation import Cancel
from venice_core.errors import (
    Busy,
    Cancelled,
    Charge,
    DownloadFailed,
    LostConnection,
    MissingKey,
    NoFunds,
    UnusableAnswer,
    VeniceError,
)
from venice_core.execution.context import RunContext
from venice_core.execution.inputs import JobInputs
from venice_core.execution.results import RunResult
from venice_core.execution.runner import Runner
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.imaging import codecs
from venice_core.job import Action, Job, Options
from venice_core.network import download
from venice_core.network.messages import Request, Response
from venice_core.network.transport import Transport
from venice_core.progress import OnProgress, Progress, Stage
from venice_core.providers.openai.profile import ServiceProfiles
from venice_core.providers.openai.provider import OpenAI
from venice_core.records.entry import ANSWER, PICTURE, SOURCE, Entry
from venice_core.records.journal import Journal
from venice_core.records.spending import spent
from venice_core.secret import Secret

KEY = "sk-0123456789abcdef"
WHOLE = Bounds(0, 0, 1024, 1024)
RED, BLUE = (
    codecs.encode_png(np.full((1024, 1024, 3), color, np.uint8)) for color in ([200, 0, 0], [0, 0, 200])
)
PICTURE_SENT = np.random.default_rng(5).integers(0, 256, (1024, 1024, 4), np.uint8)
USAGE = {
    "input_tokens_details": {"text_tokens": 100, "image_tokens": 1000},
    "output_tokens": 4000,
}


def linked(*urls: str, **more: Any) -> Response:
    return answer(200, json.dumps({"data": [{"url": url} for url in urls], **more}).encode())


def inline(*files: bytes, **more: Any) -> Response:
    data = [{"b64_json": base64.b64encode(file).decode()} for file in files]
    return answer(200, json.dumps({"data": data, **more}).encode())


def runner(folder: Path, transport: Transport, name: str = "openai", key: str = KEY, url: str = "") -> Runner:
    profile = ServiceProfiles().get(name)
    assert profile is not None
    provider = OpenAI(Secret(key), url or profile.base_url, profile)
    return Runner(RunContext(provider, provider.key, transport, Journal(folder)))


def run(
    folder: Path, transport: FakeTransport, variations: int = 1, *, cancel: Cancel | None = None, **more: Any
) -> RunResult:
    watch = more.pop("watch", lambda _: None)
    job = Job(Action.EDIT, WHOLE, WHOLE.extent, None, Options(prompt="a hat", variations=variations))
    pixels = JobInputs(PICTURE_SENT.tobytes())
    return run_job(runner(folder, transport, **more), job, pixels, watch, cancel or Cancel())


def only(folder: Path) -> Entry:
    (entry,) = Journal(folder)
    return entry


def end(folder: Path) -> tuple[str, str]:
    return only(folder).status.value, only(folder).record["charge"]


def color(made: RunResult, number: int = 0) -> tuple[int, ...]:
    return tuple(made.results[number].placed.pixels[500, 500, :3])


class FileHost(Transport):
    """Where the links lead: a step for each address. `seen`: what was asked."""

    steps: dict[str, Any]
    seen: list[Request]
    look: Callable[[], None]

    def exchange(self, request: Request, on_progress: OnProgress, cancel: Cancel) -> Response:
        type(self).seen.append(request)
        type(self).look()
        cancel.check()
        step = self.steps[request.url]
        if isinstance(step, VeniceError):
            raise step
        on_progress(Progress(Stage.DOWNLOADING, 1, 1))
        return step if isinstance(step, Response) else answer(200, step)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Callable[..., type[FileHost]]:
    """Serves files at addresses whose names lead to the open internet."""
    public = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: public)

    def serve(steps: dict[str, Any], look: Callable[[], None] = lambda: None) -> type[FileHost]:
        serving = type("Serving", (FileHost,), {"steps": steps, "seen": [], "look": staticmethod(look)})
        monkeypatch.setattr(download, "Transport", serving)
        return serving

    return serve


A, B = "https://files.example/a.png", "https://files.example/b.png"


# Links


def test_a_linked_picture_is_placed_and_fetched_without_the_key(tmp_path: Path, host: Any) -> None:
    serving = host({A: RED})
    made = run(tmp_path, FakeTransport(linked(A)))
    assert color(made) == (200, 0, 0)
    assert end(tmp_path) == ("done", "charged")
    assert [(request.url, bool(request.key)) for request in serving.seen] == [(A, False)]


def test_the_answer_is_on_the_disk_before_the_link_is_followed_and_the_picture_before_it_is_used(
    tmp_path: Path, host: Any
) -> None:
    response = linked(A)
    seen: list[tuple[str, bool, bool]] = []

    def look(moment: str) -> None:
        folder = only(tmp_path).folder
        kept = folder / PICTURE.format(1)
        answered = folder / ANSWER
        seen.append(
            (
                moment,
                answered.exists() and answered.read_bytes() == response.body,
                kept.exists() and kept.read_bytes() == RED,
            )
        )

    def watch(progress: Progress) -> None:
        if progress.stage is Stage.FITTING:
            look("fitting")

    host({A: RED}, lambda: look("fetching"))
    run(tmp_path, FakeTransport(response), watch=watch)
    assert seen == [("fetching", True, False), ("fitting", True, True)]


def test_what_the_record_says_while_a_picture_is_fetched_is_that_it_was_charged(
    tmp_path: Path, host: Any
) -> None:
    seen: list[tuple[str, str]] = []
    host({A: RED}, lambda: seen.append(end(tmp_path)))
    run(tmp_path, FakeTransport(linked(A)))
    assert seen == [("answered", "charged")]


def test_of_several_linked_pictures_each_is_kept_and_placed(tmp_path: Path, host: Any) -> None:
    host({A: RED, B: BLUE})
    made = run(tmp_path, FakeTransport(linked(A, B)), 2)
    assert [color(made, number) for number in (0, 1)] == [(200, 0, 0), (0, 0, 200)]
    assert [(only(tmp_path).folder / PICTURE.format(n)).read_bytes() for n in (1, 2)] == [RED, BLUE]
    assert not made.warnings


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (answer(404, b""), "the link has expired or does not lead to an image"),
        (answer(403, b"<Error>"), "the link has expired or does not lead to an image"),
        (answer(500, b""), "the image server failed"),
        (LostConnection("reset"), "reset"),
        (
            answer(302, b"", location="https://10.0.0.1/"),
            "the link leads into a private network (10.0.0.1), so it was not followed",
        ),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_one_that_cannot_be_fetched_does_not_cost_the_other(
    tmp_path: Path, host: Any, monkeypatch: pytest.MonkeyPatch, lost: Any, said: str, first: bool
) -> None:
    monkeypatch.setattr(Cancel, "wait", lambda *_: None)
    host({A: lost, B: BLUE} if first else {A: BLUE, B: lost})
    made = run(tmp_path, FakeTransport(linked(A, B)), 2)
    assert len(made.results) == 1
    assert color(made) == (0, 0, 200)
    assert [result.number for result in made.results] == [2 if first else 1], "as the answer counts them"
    kept = only(tmp_path).folder
    assert (kept / PICTURE.format(made.results[0].number)).read_bytes() == BLUE
    assert "Only 1 of the 2 requested images can be used." in made.warnings
    assert any(each.startswith(f"An image could not be downloaded: {said}. Job ") for each in made.warnings)
    assert end(tmp_path) == ("done", "charged")
    assert only(tmp_path).record["warnings"] == list(made.warnings)


def test_where_none_can_be_fetched_that_is_said_and_the_links_are_kept(tmp_path: Path, host: Any) -> None:
    host({A: answer(404, b""), B: answer(410, b"")})
    response = linked(A, B, usage=USAGE)
    with pytest.raises(DownloadFailed, match="the link has expired") as caught:
        run(tmp_path, FakeTransport(response), 2)
    assert caught.value.charge is Charge.CHARGED
    entry = only(tmp_path)
    expired = "the link has expired or does not lead to an image"
    assert (caught.value.detail, caught.value.status) == (f"{expired}; job {entry.id}", 404)
    assert entry.record["error"]["detail"] == caught.value.detail
    assert end(tmp_path) == ("failed", "charged")
    assert entry.record["error"]["kind"] == "unfetched"
    assert json.loads((entry.folder / ANSWER).read_bytes())["data"] == [{"url": A}, {"url": B}]
    assert spent(Journal(tmp_path)).requests == 1


SANDBOXES = [
    ("http://127.0.0.1:9/openai/v1", Charge.NONE),
    ("https://service.example/v1", Charge.CHARGED),  # whatever it says of itself
]


@pytest.mark.parametrize(("url", "charge"), SANDBOXES)
def test_only_from_a_sandbox_here_a_picture_that_is_lost_cost_nothing(
    tmp_path: Path, host: Any, url: str, charge: Charge
) -> None:
    host({A: answer(404, b"")})
    response = answer(200, linked(A).body, x_venice_sandbox="true")
    with pytest.raises(DownloadFailed) as caught:
        run(tmp_path, FakeTransport(response), url=url)
    assert caught.value.charge is charge
    assert end(tmp_path) == ("failed", charge.value)
    assert (only(tmp_path).folder / SOURCE).exists() is (charge is Charge.CHARGED)


@pytest.mark.parametrize(("url", "charge"), SANDBOXES)
def test_stopping_for_good_while_a_picture_is_fetched_carries_what_the_answer_cost(
    tmp_path: Path, host: Any, url: str, charge: Charge
) -> None:
    cancel = Cancel()
    host({A: RED}, cancel.set)
    with pytest.raises(Cancelled) as caught:
        run(
            tmp_path,
            FakeTransport(answer(200, linked(A).body, x_venice_sandbox="true")),
            url=url,
            cancel=cancel,
        )
    assert caught.value.charge is charge
    assert end(tmp_path) == ("cancelled", charge.value)
    assert (only(tmp_path).folder / ANSWER).exists()


@pytest.mark.parametrize(("url", "charge"), SANDBOXES)
def test_a_success_costs_nothing_only_where_the_sandbox_is_here(
    tmp_path: Path, url: str, charge: Charge
) -> None:
    made = run(tmp_path, FakeTransport(answer(200, inline(RED).body, x_venice_sandbox="true")), url=url)
    assert made.results[0].charge is charge
    assert made.results[0].facts.sandbox is ("sandbox" in made.results[0].name) is (charge is Charge.NONE)
    assert end(tmp_path) == ("done", charge.value)


def test_a_link_into_a_private_network_is_not_followed(tmp_path: Path, host: Any) -> None:
    serving = host({})
    with pytest.raises(DownloadFailed, match="private network"):
        run(tmp_path, FakeTransport(linked("https://192.168.0.1/a.png")))
    assert serving.seen == []


@pytest.mark.parametrize(
    ("url", "fetched"), [("http://127.0.0.1:8080/v1", True), ("https://service.example/v1", False)]
)
def test_pictures_of_this_machine_are_fetched_for_a_service_of_this_machine_only(
    tmp_path: Path, host: Any, url: str, fetched: bool
) -> None:
    link = "http://127.0.0.1:8080/files/a.png"
    host({link: RED})
    transport = FakeTransport(linked(link))
    if fetched:
        assert run(tmp_path, transport, name="self-hosted", url=url).results
    else:
        with pytest.raises(DownloadFailed, match="not encrypted"):
            run(tmp_path, transport, name="self-hosted", url=url)


def test_a_relative_link_leads_to_the_service_itself(tmp_path: Path, host: Any) -> None:
    serving = host({"http://127.0.0.1:8080/files/a.png": RED})
    run(tmp_path, FakeTransport(linked("/files/a.png")), name="self-hosted")
    assert [request.url for request in serving.seen] == ["http://127.0.0.1:8080/files/a.png"]


def test_letting_go_while_a_picture_is_fetched_does_not_lose_it(tmp_path: Path, host: Any) -> None:
    cancel = Cancel()
    host({A: RED}, cancel.let_go)
    made = run(tmp_path, FakeTransport(linked(A)), cancel=cancel)
    assert color(made) == (200, 0, 0)
    assert end(tmp_path) == ("done", "charged")


def test_stopping_for_good_then_does_not_deny_the_charge(tmp_path: Path, host: Any) -> None:
    cancel = Cancel()
    host({A: RED}, cancel.set)
    with pytest.raises(Cancelled) as caught:
        run(tmp_path, FakeTransport(linked(A)), cancel=cancel)
    assert caught.value.charge is Charge.CHARGED
    assert end(tmp_path) == ("cancelled", "charged")
    assert spent(Journal(tmp_path)).usd == 0.27


def test_what_is_fetched_and_is_no_picture_is_kept_and_said(tmp_path: Path, host: Any) -> None:
    host({A: b"<html>Sign in</html>"})
    with pytest.raises(UnusableAnswer):
        run(tmp_path, FakeTransport(linked(A)))
    assert (only(tmp_path).folder / PICTURE.format(1)).read_bytes() == b"<html>Sign in</html>"
    assert end(tmp_path)[0] == "failed"


# Several in one answer


def test_one_request_brings_several_layers_that_share_its_price(tmp_path: Path) -> None:
    transport = FakeTransport(inline(RED, BLUE))
    made = run(tmp_path, transport, 2)
    assert [color(made, number) for number in (0, 1)] == [(200, 0, 0), (0, 0, 200)]
    assert [result.number for result in made.results] == [1, 2]
    assert all(result.price is not None and result.price.usd == 0.27 for result in made.results)
    assert len(transport.requests) == 1
    assert ("n", "2") in transport.requests[0].fields
    assert spent(Journal(tmp_path)).usd == 0.54


@pytest.mark.parametrize("wanted", [1, 2, 3])
def test_of_more_pictures_than_were_asked_for_the_rest_stays_in_the_answer(
    tmp_path: Path, host: Any, wanted: int
) -> None:
    response = linked(A, B, A, B, A)
    serving = host({A: RED, B: BLUE})
    made = run(tmp_path, FakeTransport(response), wanted)
    colors = [(200, 0, 0), (0, 0, 200)]
    assert [color(made, number) for number in range(wanted)] == [colors[n % 2] for n in range(wanted)]
    assert [result.number for result in made.results] == list(range(1, wanted + 1))
    assert len(made.results) == len(serving.seen) == wanted
    kept = only(tmp_path).folder
    assert sorted(path.name for path in kept.glob("picture-*.bin")) == [
        PICTURE.format(number) for number in range(1, wanted + 1)
    ]
    assert (kept / ANSWER).read_bytes() == response.body
    assert not any("requested images can be used" in warning for warning in made.warnings)


def test_a_service_of_one_at_a_time_is_asked_once_for_each(tmp_path: Path) -> None:
    transport = FakeTransport(inline(RED), inline(BLUE))
    made = run(tmp_path, transport, 2, name="self-hosted")
    assert len(made.results) == len(transport.requests) == len(made.entries) == 2


# Money


def test_what_was_counted_is_what_was_spent(tmp_path: Path) -> None:
    made = run(tmp_path, FakeTransport(inline(RED, usage=USAGE)))
    assert made.results[0].facts.cost_usd == 0.1285
    assert only(tmp_path).record["facts"]["usage"] == USAGE
    assert spent(Journal(tmp_path)).usd == 0.1285, "not the estimate of 0.27"


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "insufficient_quota", "message": "You exceeded your quota"}},
        {"error": {"type": "insufficient_quota", "code": None}},
        {"error": "insufficient_quota"},
        {"error": {"message": "No."}, "code": "insufficient_quota"},
        {"type": "insufficient_quota", "message": "No."},
    ],
    ids=json.dumps,
)
def test_being_out_of_money_is_not_asked_again(tmp_path: Path, body: Any) -> None:
    transport = FakeTransport(answer(429, json.dumps(body).encode(), retry_after="0"), inline(RED))
    with pytest.raises(NoFunds):
        run(tmp_path, transport)
    assert len(transport.requests) == 1
    assert end(tmp_path) == ("failed", "none")


@pytest.mark.parametrize("headers", [{"retry_after": "0"}, {"retry_after_ms": "10"}])
def test_a_rate_limit_is_asked_once_more(tmp_path: Path, headers: dict[str, str]) -> None:
    body = json.dumps({"error": {"code": "rate_limit_exceeded"}}).encode()
    transport = FakeTransport(answer(429, body, **headers), inline(RED))
    assert run(tmp_path, transport).results
    assert len(transport.requests) == 2
    with pytest.raises(Busy):
        run(tmp_path / "again", FakeTransport(*[answer(429, body, **headers)] * 2))


# Without a key


def test_a_service_that_needs_no_key_runs_without_one(tmp_path: Path) -> None:
    transport = FakeTransport(inline(RED))
    assert run(tmp_path, transport, name="self-hosted", key="").results
    assert not transport.requests[0].key


@pytest.mark.parametrize("name", ["openai", "grok-relay", "gpt-image-relay"])
def test_any_other_does_not_and_names_the_variable_that_could_hold_it(tmp_path: Path, name: str) -> None:
    transport = FakeTransport(inline(RED))
    with pytest.raises(MissingKey) as caught:
        run(tmp_path, transport, name=name, key="", url="https://service.example/v1")
    assert caught.value.variable == f"{name.upper().replace('-', '_')}_API_KEY"
    assert not transport.requests
    assert not list(Journal(tmp_path))


def test_a_key_is_not_written_anywhere(tmp_path: Path) -> None:
    body = json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}})
    with pytest.raises(VeniceError):
        run(tmp_path, FakeTransport(answer(401, body.encode(), x_request_id=KEY)))
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


# Masks


def sent_with_mask(
    folder: Path, layer: Extent, coverage: np.ndarray[Any, Any], name: str = "openai"
) -> tuple[Any, Any]:
    """The picture and the mask that are sent with the whole layer as context, as arrays."""
    bounds = Bounds.of(layer)
    job = Job(Action.EDIT, bounds, layer, bounds, Options(prompt="a hat", context=16384))
    transport = FakeTransport(inline(RED))
    pixels = JobInputs(np.full((layer.height, layer.width, 4), 255, np.uint8).tobytes(), coverage.tobytes())
    run_job(runner(folder, transport, name), job, pixels, lambda _: None, Cancel())
    files = {file.name: file.data for file in transport.requests[0].files}
    picture, mask = (Image.open(io.BytesIO(files[name])) for name in ("image", "mask"))
    assert (picture.format, mask.format, mask.mode, picture.size) == ("PNG", "PNG", "RGBA", mask.size)
    return np.asarray(picture), np.asarray(mask)


def test_a_mask_is_transparent_exactly_where_anything_is_selected(tmp_path: Path) -> None:
    coverage = np.zeros((1024, 1024), np.uint8)
    coverage[100:300, 200:500] = 255
    coverage[300:310, 200:500] = np.arange(10, dtype=np.uint8)[:, None]  # 0 to 9 of 255
    coverage[700, 700] = 1
    _, mask = sent_with_mask(tmp_path, Extent(1024, 1024), coverage)
    assert mask.shape == (1024, 1024, 4)
    assert np.array_equal(mask[..., 3] == 0, coverage > 0)
    assert set(np.unique(mask[..., 3])) == {0, 255}


@pytest.mark.parametrize("name", ["openai", "self-hosted"])
def test_its_color_says_the_same_white_is_to_change(tmp_path: Path, name: str) -> None:
    coverage = np.zeros((1024, 1024), np.uint8)
    coverage[:400, :] = 128
    _, mask = sent_with_mask(tmp_path, Extent(1024, 1024), coverage, name)
    assert (mask[..., :3] == 255 - mask[..., 3:]).all()


def test_a_mask_that_is_scaled_down_still_has_every_pixel_that_is_selected(tmp_path: Path) -> None:
    coverage = np.zeros((3000, 3000), np.uint8)
    places = np.random.default_rng(7).integers(0, 3000, (40, 2))
    coverage[places[:, 0], places[:, 1]] = 1
    picture, mask = sent_with_mask(tmp_path, Extent(3000, 3000), coverage)
    assert picture.shape == (1920, 1920, 3)
    factor = 1920 / 3000
    for row, column in places:
        assert mask[int((row + 0.5) * factor), int((column + 0.5) * factor), 3] == 0
    assert (mask[..., 3] == 0).sum() <= 40 * 9, "and not much more"


def test_padding_is_selected_as_the_edge_beside_it_is(tmp_path: Path) -> None:
    coverage = np.zeros((1000, 1000), np.uint8)
    coverage[:, :10] = 255
    _, mask = sent_with_mask(tmp_path, Extent(1000, 1000), coverage)
    assert mask.shape == (1008, 1008, 4)
    assert (mask[:, :14, 3] == 0).all()
    assert (mask[:, 14:, 3] == 255).all()
