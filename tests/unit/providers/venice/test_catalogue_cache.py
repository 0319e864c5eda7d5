"""The list of models: kept on disk, shown at once, refreshed behind."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import wait_for

from venice_core.cancellation import Cancel
from venice_core.errors import (
    BadKey,
    Busy,
    Cancelled,
    Charge,
    InvalidRequest,
    KeyNotReceived,
    LookupFailed,
    LostConnection,
    NoConnection,
    NotFound,
    ServerFailure,
    VeniceError,
)
from venice_core.network.messages import Request, Response
from venice_core.network.refusal_reader import RefusalReader
from venice_core.planning.capabilities import Catalogue
from venice_core.providers.venice import catalogue_cache as module
from venice_core.providers.venice.catalogue_cache import FRESH_SECONDS, Catalogues
from venice_core.providers.venice.model_entries import packaged_catalogue
from venice_core.sandbox import Sandbox
from venice_core.secret import Secret

URL = "https://service.example/api/v1"
NOW = 1_790_000_000.0
PACKAGED = packaged_catalogue()


def entry(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "model_spec": {"pricing": {"inpaint": {"usd": 0.5}}}, **more}


class Service:
    """Stands in for `look_up`. `answers`: by kind ("inpaint", …, "styles") a body or an error."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "inpaint": {"data": [entry("new-edit", type="inpaint")]},
            "image": {"data": [entry("new-image", type="image")]},
            "upscale": {"data": [entry("new-upscaler", type="upscale")]},
            "styles": {"data": ["Anime"]},
        }
        self.requests: list[Request] = []
        self.open = threading.Event()
        self.open.set()

    def look_up(self, request: Request, reader: RefusalReader, cancel: Cancel) -> Response:
        self.requests.append(request)
        assert self.open.wait(20)
        cancel.check()
        kind = request.url.partition("type=")[2] or "styles"
        body = self.answers[kind]
        if isinstance(body, Exception):
            raise body
        return Response(200, {}, body if isinstance(body, bytes) else json.dumps(body).encode())

    def all_answer(self, body: Any) -> None:
        self.answers = dict.fromkeys(self.answers, body)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    stand_in = Service()
    monkeypatch.setattr(module, "look_up", stand_in.look_up)
    yield stand_in
    stand_in.open.set()


def ids(catalogue: Catalogue, kind: str = "inpaint") -> list[str]:
    return [model.id for model in catalogue.of_type(kind)]


def at(folder: Path, now: float = NOW, url: str = URL) -> Catalogues:
    return Catalogues(url, folder, lambda: now)


# From the service to the disk


def test_the_service_is_asked_for_every_type_and_the_styles_without_a_key(
    tmp_path: Path, service: Service
) -> None:
    catalogue = at(tmp_path).refresh()
    assert [request.url.removeprefix(URL) for request in service.requests] == [
        "/models?type=inpaint",
        "/models?type=image",
        "/models?type=upscale",
        "/image/styles",
    ]
    assert not any(request.key for request in service.requests)
    assert [ids(catalogue, kind) for kind in ("inpaint", "image", "upscale")] == [
        ["new-edit"],
        ["new-image"],
        ["new-upscaler"],
    ]
    assert (catalogue.styles, catalogue.date) == (("Anime",), NOW)
    price = catalogue.get("new-edit").price()
    assert price is not None
    assert price.usd == 0.5


def test_it_is_kept_on_disk_for_the_next_time_and_for_its_address_only(
    tmp_path: Path, service: Service
) -> None:
    told = at(tmp_path).refresh()
    service.all_answer(NoConnection("gone"))
    assert at(tmp_path).current == told
    assert at(tmp_path, url="https://other.example").current == PACKAGED
    (file,) = tmp_path.iterdir()
    assert json.loads(file.read_bytes())["url"] == URL


def test_without_a_network_and_a_kept_list_the_packaged_one_serves(tmp_path: Path, service: Service) -> None:
    service.all_answer(NoConnection("no network"))
    catalogues = at(tmp_path)
    assert catalogues.current == PACKAGED
    with pytest.raises(NoConnection):
        catalogues.refresh()
    assert catalogues.current == PACKAGED
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "error", [NoConnection("x"), LostConnection("x"), ServerFailure("x"), Busy("x"), Cancelled()]
)
@pytest.mark.parametrize("kind", ["inpaint", "image", "upscale"])
def test_a_service_that_fails_leaves_the_old_list(
    tmp_path: Path, service: Service, kind: str, error: VeniceError
) -> None:
    catalogues = at(tmp_path)
    told = catalogues.refresh()
    before = [path.read_bytes() for path in tmp_path.iterdir()]
    service.answers[kind] = error
    with pytest.raises(type(error)):
        catalogues.refresh()
    assert catalogues.current == told
    assert [path.read_bytes() for path in tmp_path.iterdir()] == before


@pytest.mark.parametrize(
    "odd",
    [
        InvalidRequest("no such type"),
        NotFound("no such page"),
        LookupFailed("x"),
        b"<html>",
        b"",
        {"data": []},
        {"data": None},
        [],
        {"data": [None, 7, "x", {}, {"id": 7}]},
        {"data": [{"id": "gpt", "type": "text"}]},  # of another type than was asked for
    ],
)
@pytest.mark.parametrize("kind", ["inpaint", "image", "upscale"])
def test_of_a_type_that_the_service_does_not_list_the_packaged_models_serve(
    tmp_path: Path, service: Service, kind: str, odd: Any
) -> None:
    service.answers[kind] = odd
    for catalogue in (at(tmp_path).refresh(), at(tmp_path).current):
        for other in {"inpaint", "image", "upscale"} - {kind}:
            assert len(ids(catalogue, other)) == 1
        assert ids(catalogue, kind) == ids(PACKAGED, kind)
        assert catalogue.date == NOW


def test_a_service_that_lists_everything_whatever_the_type_is_read_all_the_same(
    tmp_path: Path, service: Service
) -> None:
    everything = {
        "data": [
            entry("e", type="inpaint"),
            entry("i", type="image"),
            entry("u", type="upscale"),
            entry("t", type="text"),
        ]
    }
    for kind in ("inpaint", "image", "upscale"):
        service.answers[kind] = everything
    catalogue = at(tmp_path).refresh()
    assert sorted(catalogue.models) == ["e", "i", "u"]


def test_an_entry_that_does_not_say_its_type_has_the_one_asked_for(tmp_path: Path, service: Service) -> None:
    service.answers["image"] = {"data": [entry("silent"), entry("null", type=None)]}
    assert ids(at(tmp_path).refresh(), "image") == ["silent", "null"]


def test_broken_entries_do_not_hide_the_others(tmp_path: Path, service: Service) -> None:
    service.answers["inpaint"] = {
        "data": [None, 7, {"id": ""}, entry("good"), {"model_spec": {}}, [entry("x")]]
    }
    assert ids(at(tmp_path).refresh()) == ["good"]


@pytest.mark.parametrize("answer", [{"data": []}, b"<html>", InvalidRequest("x"), {"error": "no"}])
def test_a_service_without_a_single_model_is_no_service(
    tmp_path: Path, service: Service, answer: Any
) -> None:
    service.all_answer(answer)
    catalogues = at(tmp_path)
    with pytest.raises(LookupFailed) as caught:
        catalogues.refresh()
    assert caught.value.charge is Charge.NONE
    assert catalogues.current == PACKAGED
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("answer", [NotFound("x"), b"<html>", {"data": None}, LostConnection("x")])
def test_without_styles_the_earlier_ones_stay(tmp_path: Path, service: Service, answer: Any) -> None:
    catalogues = at(tmp_path)
    catalogues.refresh()
    service.answers["styles"] = answer
    assert catalogues.refresh().styles == ("Anime",)
    assert at(tmp_path).current.styles == ("Anime",)


def test_a_full_disk_costs_the_file_and_nothing_else(
    tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_atomically", full)
    catalogues = at(tmp_path)
    assert ids(catalogues.refresh()) == ["new-edit"]
    assert ids(catalogues.current) == ["new-edit"]


# The file


def kept_file(folder: Path, service: Service) -> Path:
    at(folder).refresh()
    (file,) = folder.iterdir()
    return file


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"7",
        b'{"date": 1}',
        b'{"entries": [], "styles": []}',
        b'{"entries": null, "styles": [], "date": 1}',
        b'{"entries": [], "styles": 7, "date": 1}',
        b'{"entries": [], "styles": [], "date": "soon"}',
        b'{"entries": [], "styles": [], "date": null}',
        b'{"entries": [], "styles": [], "date": 1' + b"0" * 400 + b"}",
        b"[" * 100_000,
    ],
    ids=lambda data: repr(data[:45]),
)
def test_a_file_that_cannot_be_read_is_as_none(tmp_path: Path, service: Service, data: bytes) -> None:
    file = kept_file(tmp_path, service)
    file.write_bytes(data)
    catalogues = at(tmp_path)
    assert catalogues.current == PACKAGED
    assert ids(catalogues.refresh()) == ["new-edit"]
    assert ids(at(tmp_path).current) == ["new-edit"], "it was not replaced"


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "type", "model_spec", "pricing"]), inner)
    ),
    max_leaves=10,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("entries", "styles", "date"), any_json)) | any_json)
def test_whatever_the_file_holds_there_is_a_catalogue_with_every_type(
    tmp_path_factory: pytest.TempPathFactory, kept: Any
) -> None:
    folder = tmp_path_factory.mktemp("kept")
    catalogues = at(folder)
    catalogues._path.write_text(json.dumps(kept))
    assert all(catalogues.current.of_type(kind) for kind in ("inpaint", "image", "upscale"))
    assert catalogues.is_fresh in (True, False)


# When it is asked


@pytest.mark.parametrize(
    ("age", "fresh"), [(0, True), (599, True), (600, False), (10**6, False), (-5, False), (-(10**6), False)]
)
def test_a_list_is_fresh_for_ten_minutes_and_not_when_it_is_of_tomorrow(
    tmp_path: Path, service: Service, age: float, fresh: bool
) -> None:
    assert FRESH_SECONDS == 600
    at(tmp_path).refresh()
    later = at(tmp_path, NOW + age)
    assert later.is_fresh == fresh
    service.requests.clear()
    later.refresh_behind()
    if fresh:
        assert not service.requests
    else:
        wait_for(lambda: len(service.requests) == 4)


def test_the_packaged_list_is_never_fresh(tmp_path: Path) -> None:
    assert not at(tmp_path).is_fresh


def test_what_is_known_is_shown_at_once_while_the_service_is_asked_behind(
    tmp_path: Path, service: Service
) -> None:
    at(tmp_path).refresh()
    service.answers["inpaint"] = {"data": [entry("newest")]}
    service.open.clear()
    later, news = at(tmp_path, NOW + 1000), threading.Event()
    begin = time.monotonic()
    later.refresh_behind(news.set)
    assert ids(later.current) == ["new-edit"]
    assert ids(later.known()) == ["new-edit"], "a list that was told once is not waited for"
    assert time.monotonic() - begin < 2
    assert not news.is_set()
    service.open.set()
    assert news.wait(10)
    assert ids(later.current) == ["newest"]


def test_it_is_asked_once_in_a_while_however_often_it_is_wanted(tmp_path: Path, service: Service) -> None:
    now = [NOW]
    catalogues = Catalogues(URL, tmp_path, lambda: now[0])
    service.all_answer(NoConnection("no network"))
    news: list[int] = []

    def want() -> int:
        service.requests.clear()
        for _ in range(5):
            catalogues.refresh_behind(lambda: news.append(1))
        if catalogues._refreshing is not None:
            catalogues._refreshing.join(10)
        return len(service.requests)

    assert want() == 1
    assert want() == 0
    now[0] += 599
    assert want() == 0
    now[0] += 1
    assert want() == 1
    now[0] -= 10_000  # the clock was set back
    assert want() == 1
    assert not news, "there was no news"


def test_what_goes_wrong_behind_is_not_told_and_ends_nothing(tmp_path: Path, service: Service) -> None:
    service.all_answer(ZeroDivisionError("by accident"))
    catalogues = at(tmp_path)
    news: list[int] = []
    catalogues.refresh_behind(lambda: news.append(1))
    assert catalogues.known() == PACKAGED
    assert not news


def test_the_very_first_list_is_waited_for(tmp_path: Path, service: Service) -> None:
    service.open.clear()
    threading.Timer(0.2, service.open.set).start()
    assert ids(at(tmp_path).known()) == ["new-edit"]


def test_the_very_first_list_is_not_waited_for_long(
    tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.FIRST_SECONDS == 5
    monkeypatch.setattr(module, "FIRST_SECONDS", 0.1)
    service.open.clear()
    begin = time.monotonic()
    catalogues = at(tmp_path)
    assert catalogues.known() == PACKAGED
    assert time.monotonic() - begin < 3
    service.open.set()
    assert ids(wait_for(lambda: catalogues.current if catalogues.current.date else None)) == ["new-edit"]


def test_no_network_is_found_out_once_and_not_waited_for_again(tmp_path: Path, service: Service) -> None:
    service.all_answer(NoConnection("no network"))
    catalogues = at(tmp_path)
    assert catalogues.known() == PACKAGED
    asked = len(service.requests)
    begin = time.monotonic()
    assert catalogues.known() == PACKAGED
    assert time.monotonic() - begin < 2
    assert len(service.requests) == asked


# Over a real connection


def test_the_list_of_a_running_service_is_read_and_no_key_goes_along(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    catalogue = Catalogues(sandbox.url, tmp_path).refresh()
    for kind in ("inpaint", "image", "upscale"):
        assert ids(catalogue, kind) == ids(PACKAGED, kind)
    assert "Anime" in catalogue.styles
    assert {seen.method for seen in sandbox.requests} == {"GET"}
    assert not any("authorization" in name.lower() for seen in sandbox.requests for name in seen.headers)


class Asking:
    """Stands in for `look_up`: a service that tells its models only to who shows a key."""

    def __init__(self, error: VeniceError) -> None:
        self.keys: list[str] = []
        self._error = error

    def __call__(self, request: Request, reader: RefusalReader, cancel: Cancel) -> Response:
        if "styles" in request.url:
            return Response(200, {}, b"[]")
        self.keys.append(request.key.reveal())
        if not request.key:
            raise self._error
        return Response(200, {}, json.dumps({"data": [entry("for-keys")]}).encode())


@pytest.mark.parametrize("error", [BadKey("no", status=401), KeyNotReceived("pay", status=402)])
def test_the_key_is_shown_for_the_list_only_where_the_service_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: VeniceError
) -> None:
    asking = Asking(error)
    monkeypatch.setattr(module, "look_up", asking)
    catalogues = Catalogues(URL, tmp_path)
    with pytest.raises(LookupFailed):
        catalogues.refresh()
    assert asking.keys == [""] * 3
    catalogues.key = Secret("vk-secret")
    assert "for-keys" in catalogues.refresh().models
    assert asking.keys[3:] == ["", "vk-secret"] * 3


def test_a_cancelled_asking_ends(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.switch(stall=30, path="/models")
    catalogues = Catalogues(sandbox.url, tmp_path)
    catalogues.refresh_behind()
    wait_for(lambda: sandbox.requests)
    catalogues.cancel.set()
    assert catalogues._refreshing is not None
    catalogues._refreshing.join(5)
    assert not catalogues._refreshing.is_alive()
    assert catalogues.current == PACKAGED
