"""What a request in one of the dialects asks for, once it is known to be acceptable."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from venice_core.sandbox import picture_effects
from venice_core.sandbox.forms import Form, UploadedFile
from venice_core.sandbox.openai.dialects import EDITS, Dialect
from venice_core.sandbox.venice.errors import ApiError
from venice_core.sandbox.venice.inputs import UNREADABLE
from venice_core.sandbox.venice.schemas import Text

FORMATS = ("PNG", "WEBP", "JPEG")
LARGEST_MASK = 4_000_000  # bytes; a mask must be smaller
_LABELS = ("image/png", "image/webp", "image/jpeg")
_CODES = {  # of what a rule says, for texts and for numbers
    "too_big": ("string_above_max_length", "integer_above_max_value"),
    "too_small": ("string_below_min_length", "integer_below_min_value"),
    "invalid_enum_value": ("invalid_value", "invalid_value"),
}


@dataclass(frozen=True)
class Order:
    """What a request asks for."""

    fields: Mapping[str, Any]
    pictures: Sequence[Image.Image] = ()
    """Empty if one is to be drawn."""
    mask: Image.Image | None = None
    """The alpha of a mask."""

    @property
    def count(self) -> int:
        return int(self.fields.get("n", 1))

    @property
    def prompt(self) -> str:
        return str(self.fields["prompt"])


@dataclass(frozen=True)
class Fault:
    """Something wrong with a request, in OpenAI's terms."""

    field: str
    code: str
    message: str
    value: Any = None


def take(dialect: Dialect, path: str, form: Form) -> Order:
    """Return the order in a request to EDITS or GENERATIONS. Raises ApiError if the dialect refuses it."""
    if form.multipart != (path == EDITS):
        expected = "multipart/form-data" if path == EDITS else "application/json"
        raise _refusal(dialect, [Fault("", "invalid_content_type", f"Expected {expected}")])
    fields = {name: value for name, value in form.fields.items() if value is not None}
    model = _model(dialect, fields)
    faults = [*_field_faults(dialect, path, model, fields)]
    fields = {name: value for name, value in fields.items() if dialect.rule(name, model, path)}
    if path == EDITS:
        faults += _file_faults(dialect, form.uploads)
    elif not dialect.lenient:
        faults += [_unknown(upload.name) for upload in form.uploads]
    if not faults and dialect.tells:
        faults += _clashes(fields)
    if faults:
        raise _refusal(dialect, faults)
    sources = [_opened(dialect, upload) for upload in form.uploads if upload.name in dialect.files]
    masks = [upload for upload in form.uploads if upload.name == "mask"] if dialect.mask else []
    alpha = _alpha(dialect, masks[0], sources[0]) if masks and sources else None
    return Order(fields, sources, alpha)


def _model(dialect: Dialect, fields: Mapping[str, Any]) -> str:
    """Return the model whose rules apply. Raises ApiError 404 if it does not exist."""
    default = next(iter(dialect.models))
    model = fields.get("model", default)
    if model in dialect.models:
        return str(model)
    if isinstance(model, str) and model and not dialect.lenient:
        message = f"The model '{model}' does not exist or you do not have access to it."
        raise ApiError(404, message, param="model", code="model_not_found")
    return default


def _field_faults(dialect: Dialect, path: str, model: str, fields: dict[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong with the fields; convert numbers sent as text, as in multipart."""
    for name, value in list(fields.items()):
        rule = dialect.rule(name, model, path)
        if rule is None:
            if name in dialect.files or (name == "mask" and dialect.mask):
                yield Fault(name, "invalid_type", f"Invalid type for '{name}': expected a file.", value)
            elif not dialect.lenient:
                yield _unknown(name)
            continue
        if path == EDITS and isinstance(value, list):
            yield _duplicate(name)
            continue
        if path == EDITS:
            fields[name] = rule.read(value)
        if issue := rule.issue(fields[name]):
            code, message = issue
            number = not isinstance(rule, Text)
            code = _CODES[code][number] if code in _CODES else code
            yield Fault(name, code, f"Invalid '{name}': {message}.", value)
    for name in dialect.required:
        if name not in fields:
            yield _missing(name)


def _file_faults(dialect: Dialect, uploads: Sequence[UploadedFile]) -> Iterator[Fault]:
    limits = {**dialect.files, "mask": 1} if dialect.mask else dialect.files
    sent = {upload.name: 0 for upload in uploads}
    for upload in uploads:
        sent[upload.name] += 1
    for name, count in sent.items():
        most = limits.get(name, 0)
        if not most and not dialect.lenient:
            yield _unknown(name)
        elif most == 1 and count > 1:
            yield _duplicate(name)
        elif most and count > most:
            yield Fault(name, "array_above_max_length", f"Invalid '{name}': at most {most} files are taken.")
    named = [name for name in dialect.files if name in sent]
    if not named:
        yield _missing(next(iter(dialect.files)))
    elif len(named) > 1:
        yield _duplicate(named[0])
    for upload in uploads:
        if dialect.labeled and upload.name in limits and upload.content_type not in _LABELS:
            yield Fault(
                upload.name,
                "unsupported_file_mimetype",
                f"Invalid file '{upload.name}': unsupported mimetype ('{upload.content_type}'). "
                f"Supported file formats are {', '.join(_LABELS)}.",
            )


def _clashes(fields: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield settings that contradict each other."""
    file_format = fields.get("output_format", "png")
    if fields.get("background") == "transparent" and file_format == "jpeg":
        yield Fault("background", "invalid_value", "Transparent background is not supported for JPEG output.")
    if fields.get("output_compression", 100) < 100 and file_format == "png":
        yield Fault("output_compression", "invalid_value", "PNG output takes no compression below 100.")


def _opened(dialect: Dialect, upload: UploadedFile) -> Image.Image:
    if len(upload.data) >= dialect.largest:
        megabytes = dialect.largest // 1_000_000
        message = f"Invalid file '{upload.name}': it must be smaller than {megabytes} MB."
        raise ApiError(413, message, param=upload.name, code="file_too_large")
    try:
        picture = Image.open(io.BytesIO(upload.data), formats=FORMATS)
        picture.load()
    except UNREADABLE as error:
        message = f"Invalid file '{upload.name}': it is damaged, or not PNG, WebP or JPEG."
        raise _refusal(dialect, [Fault(upload.name, "invalid_image_file", message)]) from error
    return picture_effects.plain(picture)


def _alpha(dialect: Dialect, upload: UploadedFile, first: Image.Image) -> Image.Image:
    """Return the alpha of a mask that matches the first picture."""
    mask = _opened(dialect, upload)
    if not upload.data.startswith(b"\x89PNG"):
        wrong = "it must be a PNG"
    elif len(upload.data) >= LARGEST_MASK:
        wrong = "it must be smaller than 4 MB"
    elif "A" not in mask.getbands():
        wrong = "it has no alpha channel"
    elif mask.size != first.size:
        wrong = f"its size is {mask.width}x{mask.height}, the image's {first.width}x{first.height}"
    else:
        return mask.getchannel("A")
    fault = Fault("mask", "invalid_mask_image_format", f"Invalid mask image: {wrong}.")
    raise _refusal(dialect, [fault])


def _unknown(name: str) -> Fault:
    return Fault(name, "unknown_parameter", f"Unknown parameter: '{name}'.")


def _missing(name: str) -> Fault:
    return Fault(name, "missing_required_parameter", f"Missing required parameter: '{name}'.")


def _duplicate(name: str) -> Fault:
    message = (
        f"Duplicate parameter: '{name}'. You provided multiple values for this parameter, whereas only one "
        "is allowed. If you are trying to provide a list of values, use the array syntax instead e.g. "
        f"'{name}[]=<value>'."
    )
    return Fault(name, "duplicate_parameter", message)


def _refusal(dialect: Dialect, faults: Sequence[Fault]) -> ApiError:
    first = faults[0]
    issues = [
        {
            "code": fault.code,
            "path": [fault.field] if fault.field else [],
            "message": fault.message,
            "input": fault.value,
        }
        for fault in faults
    ]
    return ApiError(dialect.invalid, first.message, param=first.field or None, code=first.code, issues=issues)
