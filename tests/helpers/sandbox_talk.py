"""What tests of a sandbox send to it by themselves, and what they read from its answers."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import requests
from PIL import Image
from support import wait_for

from venice_core.sandbox import Sandbox

KEY = {"Authorization": "Bearer test-key-0123456789"}
TIMEOUT = 60
EDIT, MULTI, CUTOUT = "/image/edit", "/image/multi-edit", "/image/background-remove"
UPSCALE, GENERATE, GENERATIONS = "/image/upscale", "/image/generate", "/images/generations"
FORMS = (EDIT, MULTI, CUTOUT, UPSCALE)  # those that take a picture as a file, too
GONE = object()
"""In place of a value: the field is not sent."""

Sent = Image.Image | bytes


def photo(width: int = 320, height: int = 256) -> Image.Image:
    """A soft color scene with a red ball in its middle."""
    y, x = np.mgrid[:height, :width].astype(float)
    scene = np.stack([60 + 60 * y / height, 110 + 80 * x / width, 150 + 50 * np.sin(x / 40)], axis=-1)
    ball = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(width, height) / 4) ** 2
    scene[ball] = (210, 40, 30)
    return Image.fromarray(scene.astype(np.uint8))


def encoded(picture: Sent, file_format: str = "PNG") -> bytes:
    if isinstance(picture, bytes):
        return picture
    out = io.BytesIO()
    picture.save(out, file_format)
    return out.getvalue()


def b64(picture: Sent) -> str:
    return base64.b64encode(encoded(picture)).decode()


IMAGE = b64(photo())
GOOD: dict[str, dict[str, Any]] = {
    EDIT: {"image": IMAGE, "prompt": "pink"},
    MULTI: {"images": [IMAGE], "prompt": "pink"},
    CUTOUT: {"image": IMAGE},
    UPSCALE: {"image": IMAGE},
    GENERATE: {"model": "z-image-turbo", "prompt": "a boat"},
    GENERATIONS: {"prompt": "a boat"},
}


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def pictures(response: requests.Response) -> list[Image.Image]:
    """All that an answer holds, however they are given: as bytes, base64, data URIs or links."""
    assert response.status_code == 200, response.text
    if not response.headers["Content-Type"].endswith("json") and not response.content.startswith(b"{"):
        return [opened(response.content)]
    body, found = response.json(), []
    for entry in body["images"] if "images" in body else body["data"]:
        text = entry if isinstance(entry, str) else entry.get("b64_json") or entry["url"]
        if text.startswith("http"):
            link = requests.get(text, timeout=TIMEOUT)
            link.raise_for_status()
            found.append(link.content)
        else:
            found.append(base64.b64decode(text.rpartition(",")[2], validate=True))
    return [opened(data) for data in found]


def picture(response: requests.Response) -> Image.Image:
    """The only one."""
    (only,) = pictures(response)
    return only


def pixels(response: requests.Response) -> npt.NDArray[np.int_]:
    """Of the only one; signed, so that they can be subtracted."""
    return np.asarray(picture(response), int)


def ask(sandbox: Sandbox, path: str, **change: Any) -> requests.Response:
    """A good request in JSON, but for these changes."""
    body = {name: value for name, value in {**GOOD[path], **change}.items() if value is not GONE}
    return requests.post(sandbox.url + path, json=body, headers=KEY, timeout=TIMEOUT)


def form(url: str, files: Iterable[tuple[str, Sent]], headers: dict[str, str], **fields: str) -> Any:
    """Always multipart, without files too."""
    parts: list[tuple[str, Any]] = [(name, (None, value)) for name, value in fields.items()]
    parts += [(name, ("p.png", encoded(sent), "image/png")) for name, sent in files]
    return requests.post(url, files=parts, headers=headers, timeout=TIMEOUT)


def send(sandbox: Sandbox, path: str, *files: Sent, name: str = "", **fields: Any) -> requests.Response:
    """A good request with pictures as files, where the endpoint takes those."""
    if path not in FORMS:
        return ask(sandbox, path, **fields)
    name = name or ("images" if path == MULTI else "image")
    fields = fields if path in (CUTOUT, UPSCALE) else {"prompt": "pink", **fields}
    return form(sandbox.url + path, [(name, sent) for sent in files or (photo(),)], KEY, **fields)


def edit(sandbox: Sandbox, *files: Sent, **fields: str) -> requests.Response:
    return send(sandbox, EDIT, *files, **fields)


def get(sandbox: Sandbox, path: str, key: str = "", **options: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return requests.get(sandbox.url + path, headers=headers, timeout=TIMEOUT, **options)


def edit_in_background(sandbox: Sandbox) -> tuple[threading.Thread, list[Exception]]:
    """A request that has arrived, and the list its connection error will be in."""
    failures: list[Exception] = []

    def work() -> None:
        try:
            edit(sandbox)
        except requests.ConnectionError as error:
            failures.append(error)

    client = threading.Thread(target=work)
    client.start()
    wait_for(lambda: sandbox.requests)
    return client, failures


def entry(name: str, model_type: str = "", **spec: Any) -> dict[str, Any]:
    return {"id": name, "model_spec": spec, **({"type": model_type} if model_type else {})}


def serving(*entries: dict[str, Any], **more: str) -> Sandbox:
    return Sandbox(catalogue={"object": "list", "data": list(entries), **more})
