"""Which pictures of an answer are left where its service says that it has blocked some."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from venice_core.fitting.blocked import is_blank, shown


def picture(color: tuple[int, ...] | None, file_format: str = "PNG") -> bytes:
    """Of one color, or of many."""
    image = Image.linear_gradient("L").convert("RGB")
    if color is not None:
        image = Image.new("RGBA" if len(color) == 4 else "RGB", (256, 256), color)
    out = io.BytesIO()
    image.save(out, file_format, **({"lossless": True} if file_format == "WEBP" else {}))
    return out.getvalue()


BLACK, SOMETHING = picture((0, 0, 0)), picture(None)


@pytest.mark.parametrize(
    ("data", "blank"),
    [
        *((picture((0, 0, 0), file_format), True) for file_format in ("PNG", "JPEG", "WEBP")),
        (picture((90, 90, 90)), True),
        (picture((0, 0, 0, 0)), True),
        (SOMETHING, False),
        (b"no picture", False),
        (BLACK[:60], False),
    ],
)
def test_a_picture_of_one_color_shows_nothing(data: bytes, blank: bool) -> None:
    assert is_blank(data) is blank


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({1: SOMETHING, 2: BLACK, 3: SOMETHING}, [1, 3]),
        ({1: BLACK, 2: BLACK}, []),
        ({1: BLACK}, []),
        # a placeholder may show anything: where nothing is blank, nothing is sure
        ({1: SOMETHING}, []),
        ({1: SOMETHING, 2: SOMETHING}, []),
        ({}, []),
    ],
)
def test_what_shows_something_beside_what_does_not_was_allowed(
    files: dict[int, bytes], left: list[int]
) -> None:
    assert list(shown(files)) == left
