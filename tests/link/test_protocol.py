"""What travels between the real worker and a front end is what `protocol` says, key by key."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

import numpy as np
import numpy.typing as npt
import pytest

from venice_core.sandbox import Sandbox
from venice_core.worker import protocol

METHODS: dict[str, tuple[Any, Any]] = {
    "plan": (protocol.PlanParams, protocol.PlanValue),
    "run": (protocol.RunParams, protocol.RunValue),
    "placed": (protocol.PlacedParams, None),
    "status": (protocol.StatusParams, protocol.StatusValue),
    "account": (protocol.AccountParams, protocol.AccountValue),
    "cancel": (protocol.CancelParams, None),
    "configure": (protocol.ConfigureParams, protocol.ConfigureValue),
    "profile": (protocol.ProfileParams, None),
    "forget": (protocol.ForgetParams, None),
    "decode": (protocol.DecodeParams, None),
    "encode": (protocol.EncodeParams, str),
}
OPEN = (protocol.PlanValue,)
"""Types that say only what a front end reads: the plan has more."""


def faults(value: Any, kind: Any, where: str = "") -> Iterator[str]:
    """Where a value of JSON is not of a type."""
    origin = get_origin(kind)
    if kind is Any:
        return
    if origin in (Union, types.UnionType):
        found = [list(faults(value, each, where)) for each in get_args(kind)]
        if all(found):
            yield from min(found, key=len)
    elif origin is Literal:
        if value not in get_args(kind):
            yield f"{where}: {value!r} is not one of {get_args(kind)}"
    elif is_typeddict(kind):
        hints = get_type_hints(kind)
        if not isinstance(value, dict):
            yield f"{where}: {value!r} is not an object"
            return
        yield from (f"{where}: {key} is missing" for key in kind.__required_keys__ - value.keys())
        if kind not in OPEN:
            yield from (f"{where}: {key} is not in the type" for key in value.keys() - hints)
        for key in hints.keys() & value.keys():
            yield from faults(value[key], hints[key], f"{where}.{key}")
    elif origin is list:
        for number, each in enumerate(value if isinstance(value, list) else [value]):
            yield from faults(each, get_args(kind)[0], f"{where}[{number}]")
    elif not isinstance(value, origin or ((int, float) if kind is float else kind or type(None))):
        yield f"{where}: {value!r} is not {kind}"


class Worker:
    """A worker whose calls and events are held against their types."""

    def __init__(self, environ: dict[str, str]) -> None:
        command = [sys.executable, "-m", "venice_core", "worker"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, env=environ, cwd=Path(__file__).parents[2], **pipes)  # type: ignore[call-overload]
        self.seen: set[str] = set()
        hello = self._read()
        self.folder = Path(hello["folder"])

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        assert self._process.wait(20) == 0

    def _read(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert list(faults(message, protocol.Event)) == []
        self.seen.add(message["event"])
        return message

    def __call__(self, method: str, **params: Any) -> Any:
        """The method's value, or its error."""
        wanted, value = METHODS[method]
        assert list(faults(params, wanted, method)) == []
        self._process.stdin.write(json.dumps({"id": 7, "method": method, "params": params}).encode() + b"\n")
        self._process.stdin.flush()
        while (message := self._read())["event"] not in ("result", "error"):
            pass
        if message["event"] == "result" and value is not None:
            assert list(faults(message["value"], value, method)) == []
        return message.get("value", message.get("error"))


@pytest.fixture
def worker(sandbox: Sandbox, home: Path) -> Iterator[Worker]:
    environ = {**os.environ, "VENICE_BASE_URL": sandbox.url, "VENICE_API_KEY": "vk-0123456789-secret"}
    with Worker(environ) as running:
        yield running


def test_every_method_and_event_is_as_its_type_says(worker: Worker, chelsea: npt.NDArray[np.uint8]) -> None:
    height, width = chelsea.shape[:2]
    pixels = np.dstack([chelsea, np.full((height, width), 255, np.uint8)])
    (worker.folder / "source").write_bytes(pixels.tobytes())
    job = {
        "action": "edit",
        "layer": {"x": 0, "y": 0, "width": width, "height": height},
        "canvas": {"width": width, "height": height},
        "window": None,
        "options": {"prompt": "a hat"},
    }
    assert worker("run", plan=1)["kind"] == "bad-input"
    plan = worker("plan", job=job, to_send=True)
    made = worker("run", plan=plan["id"], source="source")
    (result,) = made["results"]
    shape = {"width": result["crop"]["width"], "height": result["crop"]["height"], "kind": "rgba"}
    picture = worker("encode", **shape, pixels=result["pixels"], to="picture.png")
    assert worker("decode", **shape, picture=Path(picture).name, to="raw") is None
    assert (worker.folder / "raw").stat().st_size == shape["width"] * shape["height"] * 4
    assert worker("placed", job=result["job"]) is None
    for action in ("edit", "cutout", "generate", "upscale"):
        assert worker("status", provider="", action=action)["models"]
    assert worker("account", provider="")["permitted"]
    assert worker("cancel", stop=True) is None
    assert worker("configure", provider="venice", daily_limit=None, trial=False)["kept"] == ""
    assert worker("profile", provider="mine", entries={"base_url": "http://127.0.0.1:9/v1"}) is None
    assert worker("status", provider="mine")["profile"]["changed"]
    assert worker("forget", provider="mine") is None
    assert worker.seen >= {"hello", "result", "error", "progress"}


def test_the_worker_takes_these_methods_and_no_other() -> None:
    from venice_core.worker.methods import Methods

    methods = Methods(None, None, None, lambda: None)  # type: ignore[arg-type]
    assert {*methods.by_name, "run", "cancel"} == set(METHODS)
