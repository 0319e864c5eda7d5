"""The endpoints of the dialects: check key and rules, make the pictures, and respond."""

from __future__ import annotations

import base64
import time
import uuid
from typing import Any

from PIL import Image
from werkzeug import Request, Response

from venice_core.sandbox import picture_effects
from venice_core.sandbox.delivery import DrawnResult, deliver, listed
from venice_core.sandbox.drawings import cut_out, draw
from venice_core.sandbox.error_responses import refuse, refuse_on_demand, refuse_traffic
from venice_core.sandbox.forms import Form
from venice_core.sandbox.linked_pictures import Shelf
from venice_core.sandbox.openai.dialects import EDITS, GENERATIONS, MODELS, Dialect
from venice_core.sandbox.openai.orders import Order, take
from venice_core.sandbox.openai.usage import Work
from venice_core.sandbox.rate_limits import Allowance
from venice_core.sandbox.switches import Size, Switches
from venice_core.sandbox.venice.account import authorize
from venice_core.sandbox.venice.errors import ApiError

_HOSTS = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}  # two names for this one
_PATHS = {"GET": (MODELS,), "POST": (EDITS, GENERATIONS)}


def answer(
    dialect: Dialect,
    request: Request,
    form: Form | ApiError | None,
    switches: Switches,
    allowance: Allowance,
    shelf: Shelf,
) -> Response:
    """Return the response to a request whose body, if any, was read into `form`."""
    started = time.perf_counter()
    try:
        response = (
            refuse_traffic(allowance, switches, dialect.manner)
            or refuse_on_demand(switches, allowance, request.url, dialect.manner)
            or _answer(dialect, request, form, switches, shelf)
        )
    except ApiError as error:
        response = refuse(error, switches, dialect.manner)
    response.headers["x-request-id"] = f"req_{uuid.uuid4().hex}"
    if dialect.tells:
        response.headers["openai-processing-ms"] = str(int((time.perf_counter() - started) * 1000))
        if response.status_code == 200:
            response.headers.update(allowance.openai_headers())
    return response


def _answer(
    dialect: Dialect, request: Request, form: Form | ApiError | None, switches: Switches, shelf: Shelf
) -> Response:
    path = request.path.removeprefix(dialect.base)
    if path not in _PATHS.get(request.method, ()):
        raise ApiError(404, f"Invalid URL ({request.method} {request.path})", code=None)
    if dialect.key:
        authorize(request.headers.get("Authorization", ""), ApiError(401, "You didn't provide an API key"))
    if path == MODELS:
        return _models(dialect, switches)
    if form is None or isinstance(form, ApiError):
        raise form or ApiError(415)
    order = take(dialect, path, form)
    return deliver(_result(dialect, order, switches, request.host, shelf), switches, {})


def _models(dialect: Dialect, switches: Switches) -> Response:
    """Return the models as listed by OpenAI, with `created` in Unix time."""
    entry = {"object": "model", "created": 1_750_000_000, "owned_by": dialect.owner}
    ends = ({"shutdown_date": dialect.ends.get(name)} if dialect.ends else {} for name in dialect.models)
    models = [{"id": name, **entry, **end} for name, end in zip(dialect.models, ends, strict=True)]
    listing = {"object": "list", "data": models}
    body, content_type = listed(listing, switches)
    return Response(body, 200, content_type=switches.label or content_type)


def _result(dialect: Dialect, order: Order, switches: Switches, host: str, shelf: Shelf) -> DrawnResult:
    sources = [picture.size for picture in order.pictures]
    size = dialect.size(order.fields, sources[0] if sources else None)
    quality = order.fields.get("quality", "auto").replace("auto", "medium")
    settings: dict[str, Any] = {}
    if dialect.usage:
        settings["usage"] = dialect.usage(Work(order.prompt, sources, size, order.count, quality))
    file_format = order.fields.get("output_format", dialect.file_format)
    if dialect.tells:
        settings |= {
            "background": order.fields.get("background", "auto").replace("auto", "opaque"),
            "output_format": file_format,
            "quality": quality,
            "size": f"{size[0]}x{size[1]}",
        }

    def written(files: list[bytes], mime: str) -> dict[str, Any]:
        data = [_entry(dialect, order, switches, host, shelf, file, mime) for file in files]
        if switches.garbage == "empty_entry":
            data = [{}]
        return {"created": int(time.time()), "data": data, **settings}

    return DrawnResult(_made(order, size, switches), file_format, written=written)


def _made(order: Order, size: Size, switches: Switches) -> list[Image.Image]:
    """Return the pictures as RGB, or as RGBA if transparency is requested or `identity` keeps the input's."""
    if not order.pictures:
        made = [draw(order.prompt, 0, number, size) for number in range(order.count)]
        return [cut_out(picture) for picture in made] if _transparent(order) else made
    base = order.pictures[0]
    if base.size != size:
        base = base.resize(size, Image.Resampling.LANCZOS)
    if switches.identity:
        return [base] * order.count
    if order.mask is None:
        made = [picture_effects.edit(base, number) for number in range(order.count)]
    else:
        made = [picture_effects.edit_through(base, order.mask, number) for number in range(order.count)]
    if _transparent(order) and "A" in base.getbands():
        for picture in made:
            picture.putalpha(base.getchannel("A"))
    return made


def _transparent(order: Order) -> bool:
    return bool(order.fields.get("background") == "transparent")


def _entry(
    dialect: Dialect, order: Order, switches: Switches, host: str, shelf: Shelf, data: bytes, mime: str
) -> dict[str, str]:
    """Return one picture of the response: as base64, as a data URI, or by URL."""
    form = switches.answer or order.fields.get("response_format", dialect.answer)
    if form != "url":
        text = base64.b64encode(data).decode("ascii")
        return {"b64_json": f"data:{mime};base64,{text}" if form == "data_uri" else text}
    link = switches.link
    elsewhere = {"other_host": True, "same_host": False}.get(link or "", dialect.elsewhere)
    name, colon, port = host.partition(":")
    if elsewhere:
        name = _HOSTS.get(name, name)
    return {"url": f"http://{name}{colon}{port}{shelf.put(data, mime, link)}"}
