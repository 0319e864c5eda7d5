"""A result in place, and what is said of how it was placed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from venice_core.fitting.answer import ColorCorrection, ReturnedImage
from venice_core.fitting.outgoing import pad
from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Extent
from venice_core.imaging import alignment
from venice_core.imaging.alignment import AlignmentResult
from venice_core.imaging.arrays import Coverage, Flags, Pixels
from venice_core.imaging.resampling import resize
from venice_core.job import Fitting, Options
from venice_core.planning.plan import Plan

AS_USUAL = Options()
MARGIN = 3
"""In px of the crop: so near to the selection a model may change something without doing wrong."""
NOTICEABLE = 4.0
"""In levels of 255."""
CANNOT_TELL = "The surroundings changed as well, so alignment could not be verified."
MATCHED = (
    "The colors of the whole image were matched back to the source's. To keep the new colors, turn off "
    "“Match colors”."
)
SHAPE_TOLERANCE = 0.01
"""By how much (as a share) the answer's ratio may differ from what was sent and still count as equal."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A result in place: RGBA of the crop's size, and its layer mask (None: no selection).

    `to_answer`: from px of the crop to those of the answer, as it was resampled. `rim`: where a cut-out's
    colors are not the source's own (None: nowhere).
    """

    pixels: Pixels
    mask: Coverage | None
    warnings: tuple[str, ...] = ()
    fitting: Fitting | None = None
    to_answer: Affine | None = None
    rim: Coverage | None = None


def describe_fitting(
    found: AlignmentResult, to_answer: Affine, plan: Plan, tones: ColorCorrection
) -> Fitting:
    """What is said of how an answer was placed; `to_answer`: from px of the crop."""
    middle = np.array([plan.size.width / 2, plan.size.height / 2])
    x, y = (found.motion(middle) - middle).tolist()
    return Fitting(
        scale=1.0 / to_answer.factor,
        shape=found.shape,
        alignment=found.alignment.value,
        moved=found.motion.farthest(plan.size),
        shift=(x, y),
        zoom=found.motion.factor,
        rotation=math.degrees(math.atan2(found.motion.yx, found.motion.xx)),
        matched=tones.curves is not None,
        blended=tones.field is not None,
    )


def find_answer(
    answer: ReturnedImage, flat: Pixels, unchanged: Flags, plan: Plan, *, move: bool
) -> AlignmentResult:
    """Where the answer shows what was sent, by what should be `unchanged` of the crop."""
    reference_mask = pad(np.where(unchanged, np.uint8(255), np.uint8(0)), plan, cv2.BORDER_CONSTANT)
    sent = resize(pad(flat, plan), plan.size)
    return alignment.find(sent, answer.colors, resize(reference_mask, plan.size) == 255, move=move)


def should_be_unchanged(source: Pixels, coverage: Coverage | None) -> Flags:
    """Where the answer should be what was sent: well visible, and not near what is selected."""
    visible = source[..., 3] >= 128
    if coverage is None:
        return visible
    near = cv2.dilate((coverage > 0).astype(np.uint8), np.ones((2 * MARGIN + 1,) * 2, np.uint8))
    return np.asarray(visible & (near == 0))


def shape_warnings(shape: str, answer: Extent, plan: Plan, missing: str) -> tuple[str, ...]:
    """`missing`: what became of the parts that an answer cut at two sides has not."""
    if not shape or abs(answer.ratio / plan.size.ratio - 1.0) <= max(SHAPE_TOLERANCE, 1.0 / answer.shorter):
        return ()
    what = {
        "stretched": "it was stretched to fit",
        "cropped": f"two sides had been cropped, {missing}",
        "letterboxed": "its bars were removed",
    }[shape]
    return (
        f"The result has a different shape ({answer}) than the image that was sent ({plan.size}): {what}.",
    )
