"""What the sandbox remembers of a request, without its key."""

from __future__ import annotations

import base64
import contextlib
import io
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from venice_core.sandbox.forms import UploadedFile

_SECRET_HEADERS = ("authorization", "proxy-authorization", "cookie", "x-api-key")


@dataclass(frozen=True)
class SeenFile:
    """A picture in a request."""

    name: str
    filename: str
    content_type: str
    data: bytes = field(repr=False)
    format: str | None = None
    """As in Pillow, like `mode`; None if the picture cannot be read."""
    width: int | None = None
    height: int | None = None
    mode: str | None = None

    @classmethod
    def of(cls, upload: UploadedFile) -> SeenFile:
        facts: tuple[Any, ...] = ()
        with contextlib.suppress(Exception), Image.open(io.BytesIO(upload.data)) as picture:
            facts = picture.format, picture.width, picture.height, picture.mode
        return cls(upload.name, upload.filename, upload.content_type, upload.data, *facts)


@dataclass
class SeenRequest:
    """A request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    fields: dict[str, Any] = field(default_factory=dict)
    files: list[SeenFile] = field(default_factory=list)
    bytes_received: int = 0
    complete: bool = False
    """Whether the whole upload was read."""
    status: int | None = None
    """None until it is answered, or if it is dropped."""

    def to_json(self) -> dict[str, Any]:
        """Return the request as a JSON object, with the bytes of each file as base64 in `data`."""
        files = [{**vars(file), "data": base64.b64encode(file.data).decode("ascii")} for file in self.files]
        return {**vars(self), "files": files}


def masked(name: str, value: str) -> str:
    """Return a header's value for the log: of a key only the first three letters, of a short key none."""
    if name.lower() not in _SECRET_HEADERS:
        return value
    scheme, _, key = value.rpartition(" ")
    return f"{scheme} {key[:3] if len(key) > 6 else ''}***".lstrip()
