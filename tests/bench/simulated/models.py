"""Simulated models: each takes the picture that is sent and returns one that is moved and changed as known.

The selected area is replaced first, then everything is moved, tinted, and degraded. Moving is one resampling
with cubic B-splines (Unser, Splines: a perfect fit for signal and image processing, 1999) in double
precision, since OpenCV's cubic and Lanczos kernels misplace by some hundredths of a px.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Extent
from venice_core.imaging.arrays import Pixels

Floats = npt.NDArray[np.float32]
Random = np.random.Generator

MAX_SHIFT = 12.0
MAX_ZOOM = 0.03
MAX_ROTATION = 0.5
MAX_GAIN = 0.06
MAX_GAMMA = 0.1
STEPS = (16, 32, 64, 112)
FIXED = 1024
QUALITY = 85
NOISE = 3.0
REPLACED = 0.6
MARGIN = 16
"""In px: how far beyond the edge a spline's prefilter still matters, and more."""


@dataclass(frozen=True, eq=False)
class ReturnedImage:
    """What a model returns, and the truth about it.

    `to_answer`: from px of what was sent to px of `picture`. `kept` (bool, as large as what was sent): where
    the content is still that of the source.
    """

    picture: Pixels
    to_answer: Affine
    kept: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Edit:
    """What a perfect model makes: what was sent with the selected part replaced.

    `picture`: uint8 RGB; `kept`: where nothing of it was replaced; `others`: further photographs, to take
    content from.
    """

    picture: Pixels
    kept: npt.NDArray[np.bool_]
    others: tuple[Pixels, ...]


@dataclass(frozen=True)
class Model:
    """What is done to an edit; amounts are drawn anew for each case, uniformly up to the constants above.

    `steps`: the answer's sides become the nearest multiples of one of these; `fixed`: always FIXED²; `shape`
    says how the picture is brought to the new size: "stretched", "cropped" (evenly; with `steps` to the next
    smaller multiples, not scaled) or "letterboxed". `repainted`: everything is in another style; `replaced`:
    much of the picture is other content. Those two are hostile: only half of them is moved and changed.
    """

    shift: bool = False
    zoom: bool = False
    rotation: bool = False
    color: bool = False
    steps: tuple[int, ...] = ()
    fixed: bool = False
    shape: str = "stretched"
    jpeg: bool = False
    noise: bool = False
    repainted: bool = False
    replaced: bool = False

    @property
    def hostile(self) -> bool:
        return self.repainted or self.replaced

    def answer(self, edit: Edit, rng: Random) -> ReturnedImage:
        picture, kept = edit.picture, edit.kept
        if self.replaced:
            picture, kept = _replace_much(edit, rng)
        if self.repainted:
            picture = _repaint(picture, rng)
        if self.hostile and rng.random() < 0.5:
            return ReturnedImage(picture, Affine(), kept)
        sent = Extent(picture.shape[1], picture.shape[0])
        shaping, size = self._shaping(sent, rng)
        to_answer = self._movement(sent, rng).then(shaping)
        colors = resampled(picture, to_answer, size)
        if self.color:
            gain = rng.uniform(1 - MAX_GAIN, 1 + MAX_GAIN, 3).astype(np.float32)
            gamma = rng.uniform(1 - MAX_GAMMA, 1 + MAX_GAMMA, 3).astype(np.float32)
            colors = 255.0 * gain * (np.clip(colors, 0, 255) / 255.0) ** gamma
        if self.noise:
            colors = colors + rng.normal(0.0, NOISE, colors.shape).astype(np.float32)
        if self.shape == "letterboxed":
            colors = np.where(_covered(shaping, sent, size)[..., None], colors, rng.choice([0.0, 255.0]))
        result = np.clip(np.rint(colors), 0, 255).astype(np.uint8)
        return ReturnedImage(_through_jpeg(result) if self.jpeg else result, to_answer, kept)

    def _movement(self, sent: Extent, rng: Random) -> Affine:
        """Within the picture sent, around its middle."""
        x, y = rng.uniform(-MAX_SHIFT, MAX_SHIFT, 2) if self.shift else (0.0, 0.0)
        zoom = 1.0 + (rng.uniform(-MAX_ZOOM, MAX_ZOOM) if self.zoom else 0.0)
        angle = np.deg2rad(rng.uniform(-MAX_ROTATION, MAX_ROTATION)) if self.rotation else 0.0
        cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
        middle = sent.width / 2, sent.height / 2
        turn = Affine(cos, -sin, 0.0, sin, cos, 0.0)
        return (
            Affine.shift(-middle[0], -middle[1]).then(turn).then(Affine.shift(middle[0] + x, middle[1] + y))
        )

    def _shaping(self, sent: Extent, rng: Random) -> tuple[Affine, Extent]:
        """What brings the picture to the answer's size, and that size."""
        size, factor = sent, 1.0
        if self.fixed:
            size = Extent(FIXED, FIXED)
            across, down = FIXED / sent.width, FIXED / sent.height
            factor = max(across, down) if self.shape == "cropped" else min(across, down)
        elif self.steps:
            step = int(rng.choice(self.steps))
            rounding = np.floor if self.shape == "cropped" else np.rint
            size = Extent(*(step * max(1, int(rounding(side / step))) for side in (sent.width, sent.height)))
        if self.shape == "stretched":
            return Affine.between(sent, size), size
        left, top = (size.width - factor * sent.width) / 2, (size.height - factor * sent.height) / 2
        return Affine.scaling(factor, factor).then(Affine.shift(left, top)), size


_ALL = {"shift": True, "zoom": True, "rotation": True, "color": True, "jpeg": True, "noise": True}
MODELS = {
    "identity": Model(),
    "shift": Model(shift=True),
    "zoom": Model(zoom=True),
    "rotation": Model(rotation=True),
    "color": Model(color=True),
    "size-16": Model(steps=(16,)),
    "size-32": Model(steps=(32,)),
    "size-64": Model(steps=(64,)),
    "size-112": Model(steps=(112,)),
    "size-1024": Model(fixed=True),
    "size-1024-cropped": Model(fixed=True, shape="cropped"),
    "size-1024-letterboxed": Model(fixed=True, shape="letterboxed"),
    "size-64-cropped": Model(steps=(64,), shape="cropped"),
    "jpeg": Model(jpeg=True),
    "noise": Model(noise=True),
    "all": Model(**_ALL, steps=STEPS),
    "repainted": Model(**_ALL, steps=STEPS, repainted=True),
    "replaced": Model(**_ALL, steps=STEPS, replaced=True),
}


def resampled(picture: Pixels, to_answer: Affine, size: Extent) -> Floats:
    """`picture` moved by that map onto a picture of `size`; beyond its edges they are repeated.

    Where the map shrinks, a Gaussian is applied first, against aliasing.
    """
    if to_answer == Affine() and size == Extent(picture.shape[1], picture.shape[0]):
        return picture.astype(np.float32)
    back = to_answer.inverse
    # from rows and columns of the answer to those of the padded picture; pixel centres are whole there
    matrix = np.array([[back.yy, back.yx], [back.xy, back.xx]])
    middle = back((0.5, 0.5))
    offset = middle[1] - 0.5 + MARGIN, middle[0] - 0.5 + MARGIN
    across, down = np.hypot(to_answer.xx, to_answer.yx), np.hypot(to_answer.xy, to_answer.yy)
    sigmas = [0.5 * np.sqrt(max(0.0, scale**-2 - 1.0)) for scale in (down, across)]
    padded = np.pad(picture, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), "edge").astype(np.float32)
    channels = []
    for channel in np.moveaxis(padded, 2, 0):
        smooth = ndimage.gaussian_filter(channel, sigmas, mode="nearest") if any(sigmas) else channel
        weights = ndimage.spline_filter(smooth, 3, np.float32, mode="mirror")
        moved = ndimage.affine_transform(
            weights, matrix, offset, (size.height, size.width), np.float32, 3, "nearest", prefilter=False
        )
        channels.append(moved)
    return np.stack(channels, axis=2)


def _covered(shaping: Affine, sent: Extent, size: Extent) -> npt.NDArray[np.bool_]:
    """Where a picture of `size` shows what was sent, which `shaping` brings there without turning it."""
    left, top = shaping((0.0, 0.0))
    right, bottom = shaping((sent.width, sent.height))
    x, y = np.arange(size.width) + 0.5, np.arange(size.height) + 0.5
    return ((y > top) & (y < bottom))[:, None] & ((x > left) & (x < right))[None, :]


def _through_jpeg(picture: Pixels) -> Pixels:
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def content(other: Pixels, extent: Extent, rng: Random) -> Pixels:
    """A part of another photograph, scaled to `extent`."""
    height, width = other.shape[:2]
    largest = min(width / extent.width, height / extent.height)
    factor = largest * rng.uniform(0.5, 1.0)
    across, down = max(1, int(extent.width * factor)), max(1, int(extent.height * factor))
    x, y = int(rng.integers(0, width - across + 1)), int(rng.integers(0, height - down + 1))
    part = np.ascontiguousarray(other[y : y + down, x : x + across])
    how = cv2.INTER_AREA if factor > 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, (extent.width, extent.height), interpolation=how), np.uint8)


def _replace_much(edit: Edit, rng: Random) -> tuple[Pixels, npt.NDArray[np.bool_]]:
    """Big blocks of other content, until REPLACED of the area is covered by them."""
    picture, kept = edit.picture.copy(), edit.kept.copy()
    height, width = picture.shape[:2]
    covered = np.zeros((height, width), bool)
    while covered.mean() < REPLACED:
        across, down = (max(1, int(side * rng.uniform(0.25, 0.5))) for side in (width, height))
        x, y = int(rng.integers(0, width - across + 1)), int(rng.integers(0, height - down + 1))
        block = np.s_[y : y + down, x : x + across]
        other = edit.others[int(rng.integers(len(edit.others)))]
        picture[block] = content(other, Extent(across, down), rng)
        covered[block] = True
    return picture, kept & ~covered


def _repaint(picture: Pixels, rng: Random) -> Pixels:
    """As a painting, as a colored pencil drawing, or as patches of other colors."""
    bgr = np.ascontiguousarray(picture[..., ::-1])
    style = int(rng.integers(3))
    if style == 0:
        painted = cv2.stylization(bgr, sigma_s=40, sigma_r=0.4)
    elif style == 1:
        _, painted = cv2.pencilSketch(bgr, sigma_s=40, sigma_r=0.1, shade_factor=0.04)
    else:
        patches = cv2.pyrMeanShiftFiltering(bgr, 12, 30)
        turned = cv2.cvtColor(patches, cv2.COLOR_BGR2HSV)
        turned[..., 0] = (turned[..., 0].astype(np.int32) + int(rng.integers(20, 160))) % 180
        painted = cv2.cvtColor(turned, cv2.COLOR_HSV2BGR)
    return np.ascontiguousarray(painted[..., ::-1])
