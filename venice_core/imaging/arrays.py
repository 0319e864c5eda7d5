"""Array types. Pictures have shape (height, width, channels), single channels (height, width)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
"""True or False for each pixel or block."""

Values = npt.NDArray[Any]
"""Samples of any type: uint8, uint16, or float32 with 1.0 as white."""

Pixels = npt.NDArray[np.uint8]
"""An 8-bit picture, RGB or RGBA; alpha is not premultiplied."""

Coverage = npt.NDArray[np.uint8]
"""How much of each pixel is selected or opaque, from 0 to 255; shape (height, width)."""
