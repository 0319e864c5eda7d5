"""The kinds of arrays: pictures have the shape (height, width, channels), single channels (height, width)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

Values = npt.NDArray[Any]

Pixels = npt.NDArray[np.uint8]

Coverage = npt.NDArray[np.uint8]
