"""Pictures for a host that can only save and load them: the worker turns them into raw pixels and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import venice_errors
from PIL import Image
from test_link import environ, link  # noqa: F401 - fixtures

SHAPE = {"width": 5, "height": 4}


def test_a_picture_in_the_private_folder_becomes_raw_pixels_and_a_picture_again(link: Any) -> None:  # noqa: F811
    pixels = np.random.default_rng(1).integers(0, 256, (4, 5, 4), np.uint8)
    Image.fromarray(pixels).save(link.path_of("shown.png"))
    assert link.call("decode", {**SHAPE, "kind": "rgba", "picture": "shown.png", "to": "source"}) is None
    assert Path(link.path_of("source")).read_bytes() == pixels.tobytes()
    told = {**SHAPE, "kind": "rgba", "pixels": link.path_of("source"), "to": "again.png"}
    path = link.call("encode", told)
    assert path == link.path_of("again.png")
    with Image.open(path) as picture:
        assert np.array_equal(np.asarray(picture), pixels)


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": "../source"},
        {"to": "a/b"},
        {"to": ".."},
        {"to": None},
        {"picture": "../shown.png"},
        {"picture": "none.png"},
        {"kind": "cmyk"},
        {"width": 0},
        {"height": "many"},
        {"width": None},
    ],
)
def test_what_cannot_be_decoded_is_said_and_the_worker_goes_on(link: Any, wrong: dict[str, Any]) -> None:  # noqa: F811
    Image.new("RGBA", (5, 4)).save(link.path_of("shown.png"))
    told = {**SHAPE, "kind": "rgba", "picture": "shown.png", "to": "source", **wrong}
    with pytest.raises(venice_errors.LinkError) as raised:
        link.call("decode", told)
    assert raised.value.kind == "bad-input"
    assert link.call("status")["provider"] == "venice"
