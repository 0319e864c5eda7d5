"""Pictures from nothing: a gradient, three discs and the word SANDBOX, determined by the request's text."""

from __future__ import annotations

import hashlib

from PIL import Image, ImageDraw, ImageFont

from venice_core.sandbox.switches import Size

REFUSAL_SIZE = (320, 320)  # px; as PNG about 2 KB
_GREY = (72, 72, 76)  # sRGB


def draw(prompt: str, seed: int, number: int, size: Size) -> Image.Image:
    """Draw an RGB picture, identical for the same arguments only; `number` counts variants."""
    code = hashlib.sha256(f"{seed} {number} {prompt}".encode()).digest()
    corners = Image.frombytes("RGB", (2, 2), code[:12])
    picture = corners.resize(size, Image.Resampling.BILINEAR)
    canvas = ImageDraw.Draw(picture)
    width, height = size
    for disc in (code[12:18], code[18:24], code[24:30]):
        x, y = width * disc[0] // 255, height * disc[1] // 255
        radius = min(size) * (32 + disc[2] // 2) // 512
        canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(disc[3], disc[4], disc[5]))
    font = ImageFont.load_default(max(1, min(width // 8, height // 2)))
    middle = (width / 2, height / 2)
    canvas.text(middle, "SANDBOX", "white", font, anchor="mm", stroke_width=2, stroke_fill="black")
    return picture


def cut_out(picture: Image.Image) -> Image.Image:
    """Return an ellipse of the picture on a transparent background, as RGBA."""
    alpha = Image.new("L", picture.size)
    ImageDraw.Draw(alpha).ellipse((0, 0, picture.width - 1, picture.height - 1), fill=255)
    result = picture.copy()
    result.putalpha(alpha)
    return result


def blocked(picture: Image.Image) -> Image.Image:
    """Return what the service sends in JSON for a picture that its content policy forbids."""
    return Image.new("RGB", picture.size)


def placeholder() -> Image.Image:
    """Return what it sends for one as bare bytes: always a PNG."""
    return draw("blocked", 0, 0, REFUSAL_SIZE)


def refusal() -> Image.Image:
    """Return the plain picture with which some models respond instead of refusing."""
    return Image.new("RGB", REFUSAL_SIZE, _GREY)
