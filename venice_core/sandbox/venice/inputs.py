"""The pictures of a request, wherever they come from, within the service's limits.

Sizes are in decimal megabytes, as in the documentation, so that a client that respects them respects either
reading. Pictures are used as stored: EXIF orientation is not applied.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import requests
from PIL import Image

from venice_core.sandbox import picture_effects
from venice_core.sandbox.forms import Form, UploadedFile, decode, is_url
from venice_core.sandbox.venice.catalogue import Model
from venice_core.sandbox.venice.errors import ApiError, invalid, too_large

MIN_PIXELS, MAX_PIXELS, MIN_SIDE = 65_536, 33_177_600, 64
MAX_FILE = 25_000_000  # bytes; a file must be smaller
MAX_FILES = 10  # of a form
MAX_REFERENCE = 8_000_000  # bytes; a style reference must be smaller
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # what Pillow raises


def single(form: Form, *, sized: bool = True) -> Image.Image:
    """Return the one picture of edit and background-remove; `sized` checks its size."""
    url, image = form.fields.get("image_url"), form.fields.get("image")
    count = len(form.uploads) + sum(value is not None for value in (url, image))
    if count == 0:
        raise invalid("image", "Required: an image", "invalid_type")
    if count > 1:
        raise invalid("image", "Exactly one image is taken", "too_big")
    if form.uploads:
        upload = form.uploads[0]
    elif url is not None and not is_url(url):
        raise invalid("image_url", "Invalid url", "invalid_string")
    else:
        name = "image" if url is None else "image_url"
        upload = _resolve(name, url if url is not None else image, form)
    return _open_all([upload], sized=sized)[0]


def several(form: Form, model: Model) -> list[Image.Image]:
    """Return the pictures of multi-edit, base first."""
    uploads = form.uploads
    if "images" in form.fields:
        images = form.fields["images"]
        if not isinstance(images, list):
            raise invalid("images", "Expected array", "invalid_type")
        uploads = uploads + [_resolve("images", image, form) for image in images]
    if not uploads:
        raise invalid("images", "Required: at least 1 image", "too_small")
    if form.multipart and len(uploads) > MAX_FILES:
        raise invalid("images", f"At most {MAX_FILES} files are taken", "too_big")
    if len(uploads) > model.most_images:
        raise invalid("images", f"{model.id} takes at most {model.most_images} image(s)", "too_big")
    return _open_all(uploads)


def raw(form: Form) -> Image.Image:
    """Return the one picture of upscale: a file, or plain base64 without a prefix."""
    uploads = [upload for upload in form.uploads if upload.name == "image"]
    if "image" in form.fields or any(upload.data_uri for upload in uploads):
        raise invalid("image", "Expected a file upload or plain base64", "invalid_string")
    return single(Form({}, uploads, form.multipart))


def check_references(form: Form, model: Model) -> None:
    """Refuse style references that are too many for the model, too large, or not pictures."""
    references: Sequence[dict[str, Any]] = form.fields.get("style_references", ())
    most = model.limits.get("maxStyleReferences", 0)
    if len(references) > most:
        raise invalid("style_references", f"{model.id} takes at most {most} style reference(s)", "too_big")
    for reference in references:
        upload = _resolve("style_references", reference["image"], form)
        if len(upload.data) >= MAX_REFERENCE:
            raise too_large("Style reference file size must be less than 8MB")
        try:
            with Image.open(io.BytesIO(upload.data), formats=FORMATS) as picture:
                picture.load()
        except UNREADABLE as error:
            raise _damaged(upload) from error


def _resolve(name: str, value: Any, form: Form) -> UploadedFile:
    if form.multipart and name != "image_url":
        raise invalid(name, "Expected a file upload", "invalid_type")
    if not isinstance(value, str):
        raise invalid(name, "Expected string", "invalid_type")
    return _fetch(name, value) if is_url(value) else decode(name, value)


def _fetch(name: str, url: str) -> UploadedFile:
    """Download a picture from this machine; the sandbox never connects to others."""
    if urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise invalid(name, "The sandbox fetches pictures from loopback addresses only")
    try:
        with requests.Session() as session:
            session.trust_env = False
            reply = session.get(url, timeout=10, allow_redirects=False, stream=True)
            data = reply.raw.read(MAX_FILE + 1, decode_content=True)
    except requests.RequestException as error:
        raise invalid(name, "The URL cannot be fetched") from error
    if reply.status_code != 200:
        raise invalid(name, f"The URL answered {reply.status_code}")
    return UploadedFile(name, "", reply.headers.get("Content-Type", ""), data)


def _open_all(uploads: list[UploadedFile], *, sized: bool = True) -> list[Image.Image]:
    for upload in uploads:
        if len(upload.data) >= MAX_FILE:
            raise too_large("File exceeds the maximum allowed size of 25 MB.")
    return [_open(upload, sized=sized) for upload in uploads]


def _open(upload: UploadedFile, *, sized: bool) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(upload.data), formats=FORMATS)
        width, height = picture.size
        within = MIN_PIXELS <= width * height <= MAX_PIXELS and min(width, height) >= MIN_SIDE
        if sized and not within:
            raise invalid(
                upload.name,
                f"Image dimensions are {width}x{height}: must be {MIN_PIXELS} to {MAX_PIXELS} pixels, "
                f"at least {MIN_SIDE} on each side",
            )
        picture.load()
    except UNREADABLE as error:
        raise _damaged(upload) from error
    return picture_effects.plain(picture)


def _damaged(upload: UploadedFile) -> ApiError:
    return invalid(upload.name, "The image is damaged, or not JPEG, PNG, WebP or AVIF")
