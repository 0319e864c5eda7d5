"""One scene for every GIMP, and what its results are: kept as pictures, made by GIMP 3.0.4 in 8 bit.

The tests of each GIMP compare their results with these pictures, so what is the same as them is the same in
all. VENICE_TEST_WRITE_SAME=1 writes them anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pictures import check_equal, photo
from PIL import Image

Array = npt.NDArray[np.uint8]

FOLDER = Path(__file__).parent / "same"
CANVAS, AT, SIZE = (360, 280), (-20, 15), (320, 240)
ELLIPSE, FEATHER = (60, 60, 150, 120), 16.0
PROMPT = "make it pink"
# name -> base type, precision, with AdobeRGB's primaries
MODES: dict[str, tuple[str, str, bool]] = {
    "8 bit": ("rgb", "U8_NON_LINEAR", False),
    "16 bit linear": ("rgb", "U16_LINEAR", False),
    "16 bit AdobeRGB": ("rgb", "U16_NON_LINEAR", True),
    "float": ("rgb", "FLOAT_LINEAR", False),
    "grayscale": ("gray", "U8_NON_LINEAR", False),
}
PRECISIONS_OF_2_10 = {"U8_NON_LINEAR": 150, "U16_LINEAR": 200, "U16_NON_LINEAR": 250, "FLOAT_LINEAR": 600}


def source() -> Array:
    return photo("coffee", *SIZE)


def check_same(name: str, pixels: Array, mask: Array | None = None) -> None:
    """A result layer, as 8-bit sRGB RGBA, and its layer mask are the kept ones within 1 of 255.

    What lies under alpha 0 may be anything.
    """
    pixels = np.where(pixels[..., 3:] > 0, pixels, 0).astype(np.uint8)
    for kind, found in (("pixels", pixels), ("mask", mask)):
        if found is None:
            continue
        path = FOLDER / f"{name.replace(' ', '-')}-{kind}.png"
        if os.environ.get("VENICE_TEST_WRITE_SAME"):
            FOLDER.mkdir(exist_ok=True)
            Image.fromarray(found).save(path, optimize=True)
        with Image.open(path) as kept:
            check_equal(found, np.asarray(kept), f"{name}, {kind}", tolerance=1)
