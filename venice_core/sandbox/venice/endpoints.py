"""The endpoints by path: check key and schema, make the result, and respond."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from werkzeug import Request, Response

from venice_core.sandbox.delivery import DrawnResult, deliver, listed, venice_headers
from venice_core.sandbox.error_responses import refuse, refuse_on_demand, refuse_traffic
from venice_core.sandbox.forms import Form
from venice_core.sandbox.rate_limits import Allowance
from venice_core.sandbox.switches import Switches
from venice_core.sandbox.venice import edits, generate
from venice_core.sandbox.venice.account import authorize
from venice_core.sandbox.venice.catalogue import Catalogue
from venice_core.sandbox.venice.errors import ApiError, payment_required, too_large, wrong_content_type
from venice_core.sandbox.venice.listings import GETS
from venice_core.sandbox.venice.schemas import check

BASE = "/api/v1"
POSTS: Mapping[str, Callable[[Form, Switches, Catalogue], DrawnResult]] = {
    "/image/edit": edits.edit,
    "/image/multi-edit": edits.multi_edit,
    "/image/background-remove": edits.remove_background,
    "/image/upscale": edits.upscale,
    "/image/generate": generate.generate,
    "/images/generations": generate.generations,
}
JSON_ONLY = ("/image/generate", "/images/generations")


def answer(
    request: Request,
    form: Form | ApiError | None,
    switches: Switches,
    catalogue: Catalogue,
    allowance: Allowance,
) -> Response:
    """Return the response to a request whose body, if any, was read into `form`."""
    path = request.path.removeprefix(BASE)
    try:
        if not request.path.startswith(BASE + "/") or path not in (
            POSTS if request.method == "POST" else GETS
        ):
            raise ApiError(404, f"Not found: {request.method} {request.path}")
        refusal = refuse_traffic(allowance, switches) or refuse_on_demand(switches, allowance, request.url)
        if refusal is not None:
            return refusal
        if request.method != "POST":
            return _get(path, request, switches, catalogue)
        authorize(request.headers.get("Authorization", ""), payment_required(request.url))
        if path in JSON_ONLY and request.mimetype == "multipart/form-data":
            raise wrong_content_type()
        if form is None or isinstance(form, ApiError):
            raise _unread(form, path, request)
        check(path, form)
        result = POSTS[path](form, switches, catalogue)
        return deliver(result, switches, venice_headers(switches, catalogue, allowance))
    except ApiError as error:
        return refuse(error, switches)


def _unread(error: ApiError | None, path: str, request: Request) -> ApiError:
    """Return the error for a body that is not a form."""
    if error is None or error.status == 415:
        empty = path == "/image/multi-edit" and not request.content_length
        return ApiError(415) if empty else wrong_content_type()
    return too_large(str(error)) if error.status == 413 else error


def _get(path: str, request: Request, switches: Switches, catalogue: Catalogue) -> Response:
    body, content_type = listed(GETS[path](request, switches, catalogue), switches)
    return Response(body, 200, content_type=content_type)
