"""How a picture moved against another, below a tenth of a pixel, and how sure that is.

A robust Gauss-Newton search, inverse compositional (Baker and Matthews, Lucas-Kanade 20 Years On, 2004), on
pictures of which only the local structure is left: brightness, contrast and color play no part, and a
smooth gradient is no evidence of anything. Blocks of the picture that look different in both play no part
either. How sure it is follows from how much the blocks disagree (a covariance robust to clusters: Liang and
Zeger, Longitudinal Data Analysis Using Generalized Linear Models, 1986).
"""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from venice_core.geometry.affine import Affine, Points
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.imaging.arrays import Doubles, Flags, Floats
from venice_core.imaging.holdout import dilate_excluded

BLOCK = 32
"""Side of a block, in px."""
SAMPLES = 50_000
"""How many pixels are compared at most: those where the picture is steepest say most."""
LOCAL = 7.0
"""How many times as wide as the smoothing what counts as local is: deviations of two Gaussians."""
FAINT = 0.01
"""The gradient of structure, per px, below which a pixel says nothing."""
LEAST_CONTRAST = 0.6
"""In levels of 255: where the local contrast is less, it is noise, or the steps of a gradient in 8 bit."""
TEXTURED = 20
"""Compared pixels that make a block worth asking."""
FLOOR = 8.0
"""In levels of 255: contrast below it is taken for noise."""
ALIKE = 0.3, 0.7
"""The correlation at which a block begins to count, and that at which it counts in full."""
TUKEY = 3.0
"""Pixels that differ by more than so many standard deviations do not count (Tukey's biweight)."""
LEAST_NOISE = 0.02
SETTLED = 0.002
"""In px: a step that moves no corner by more is the last."""
MOST_STEPS = 15

# Of the six numbers of an affine map (xx xy x0 yx yy y0), counted from the picture's middle: what may vary.
SIMILARITY = np.array(
    [[0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 1, 0], [0, -1, 0, 1, 0, 0]], np.float64
).T
AFFINE = np.eye(6)


def structure(gray: Floats, smooth: float) -> tuple[Floats, Floats]:
    """What is left of a picture without its local mean and contrast, about -2 to 2; and that contrast.

    `smooth`: the standard deviation, in px, of the Gaussian before; what is local is 7 times as wide.
    """
    soft = np.asarray(cv2.GaussianBlur(gray, (0, 0), smooth), np.float32)
    detail = np.asarray(soft - cv2.GaussianBlur(soft, (0, 0), LOCAL * smooth), np.float32)
    contrast = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), LOCAL * smooth))
    return np.asarray(detail / (contrast + FLOOR), np.float32), np.asarray(contrast, np.float32)


class Registration:
    """Two pictures to compare: `before`, and `after` where its pixels are within `valid`.

    Gray, float32, 0–255, of one size; `reference_mask` says where they ought to look alike.
    """

    def __init__(
        self, before: Floats, after: Floats, reference_mask: Flags, valid: Bounds, smooth: float = 1.2
    ) -> None:
        height, width = before.shape
        self.extent = Extent(width, height)
        self._valid = valid
        self._after, _ = structure(after, smooth)
        template, contrast = structure(before, smooth)
        across, down = _slopes(template)
        seen = np.zeros_like(reference_mask)
        seen[valid.slices] = reference_mask[valid.slices]
        apart = ~dilate_excluded(seen, round(LOCAL * smooth))
        picked = _steepest(across * across + down * down, apart & (contrast > LEAST_CONTRAST))
        rows, columns = np.divmod(picked, width)
        self._points: Points = np.stack([columns + 0.5, rows + 0.5], axis=-1)
        self._template = template.ravel()[picked]
        self._half = self.extent.longer / 2
        self._middle = Affine.shift(-width / 2, -height / 2).then(
            Affine.scaling(1 / self._half, 1 / self._half)
        )
        x, y = self._middle(self._points).T
        self._slope = _by_number(across.ravel()[picked], down.ravel()[picked], x, y)
        in_a_row = width // BLOCK + 1
        number = rows // BLOCK * in_a_row + columns // BLOCK
        numbers, self._block = np.unique(number, return_inverse=True)
        self._parity = (numbers // in_a_row + numbers % in_a_row) % 2

    @property
    def blocks(self) -> int:
        """How many there are in which anything is compared."""
        return len(self._parity)

    @cached_property
    def textured(self) -> Flags:
        """Of each block, whether enough of it is compared to ask it."""
        return np.bincount(self._block, minlength=self.blocks) >= TEXTURED

    def refine(self, start: Affine, free: Doubles, settled: float = SETTLED) -> Affine:
        """The movement near `start`, of which only what is `free` is sought, to about `settled` px."""
        motion = start
        for _ in range(MOST_STEPS if self.blocks else 0):
            weight, difference, _ = self._compare(motion)
            step = self._step(_solved(*self._normal(weight, difference), free))
            motion = step.inverse.then(motion)
            if step.farthest(self.extent) < settled:
                break
        return motion

    def agreement(self, motion: Affine) -> Doubles:
        """Of each block, how alike it is in both: normalised cross-correlation, -1 to 1."""
        return self._alike(*self._seen(motion))

    def halves(self, motion: Affine, free: Doubles) -> list[tuple[Affine, Flags]]:
        """The movement as each half of the blocks alone has it, and which blocks are the other half.

        The halves lie like the colors of a chessboard.
        """
        found = []
        weight, difference, _ = self._compare(motion)
        for half in (0, 1):
            own = (self._parity == half)[self._block]
            step = self._step(_solved(*self._normal(weight * own, difference), free))
            found.append((step.inverse.then(motion), self._parity != half))
        return found

    def spread(self, motion: Affine, free: Doubles) -> Doubles:
        """The covariance of the six numbers, of which only what is `free` was sought.

        Noise slopes, too, but in each picture differently: along a straight edge it would be evidence. So the
        slopes of one picture stand for those of the other, as instrumental variables (Reiersøl, 1945).
        """
        weight, difference, _ = self._compare(motion)
        across, down = (_sample(each, motion(self._points)) for each in _slopes(self._after))
        other = _by_number(across, down, *self._middle(self._points).T)
        moment = ((self._slope * weight[:, None]).T @ other).astype(np.float64)
        pulls = self._slope * (weight * difference)[:, None]
        count = self.blocks
        pull = np.stack([np.bincount(self._block, each, count) for each in pulls.T], axis=-1) @ free
        counted = int((np.bincount(self._block, weight, count) > 1.0).sum())
        inverse = np.linalg.pinv(free.T @ moment @ free)
        few = counted / max(1, counted - free.shape[1])
        return np.asarray(free @ (inverse @ (pull.T @ pull) @ inverse.T * few) @ free.T)

    def uncertainty(self, spread: Doubles, points: Points) -> Doubles:
        """The standard deviation, in px, of where `points` of the picture moved to."""
        x, y = self._middle(points).T
        zero, one = np.zeros_like(x), np.ones_like(x)
        across = np.stack([x, y, one, zero, zero, zero], axis=-1)
        down = np.stack([zero, zero, zero, x, y, one], axis=-1)
        variance = sum(np.einsum("ni,ij,nj->n", each, spread, each) for each in (across, down))
        return np.sqrt(np.maximum(variance, 0.0))

    def numbers(self, motion: Affine) -> Doubles:
        """The six numbers of a movement, without those of no movement: shape (6,)."""
        centred = self._middle.inverse.then(motion).then(self._middle).matrix[:2].ravel()
        numbers = centred - np.array([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
        return numbers * np.array([self._half, self._half, self._half] * 2)

    def _seen(self, motion: Affine) -> tuple[Floats, Flags]:
        """`after` where each pixel moved to, and whether it has a pixel there."""
        places = motion(self._points)
        inside = (
            (places[:, 0] >= self._valid.x + 0.5)
            & (places[:, 1] >= self._valid.y + 0.5)
            & (places[:, 0] <= self._valid.right - 0.5)
            & (places[:, 1] <= self._valid.bottom - 0.5)
        )
        return _sample(self._after, places), inside

    def _alike(self, seen: Floats, inside: Flags) -> Doubles:
        ours = self._template * inside
        count = self.blocks
        own = np.bincount(self._block, ours * ours, count)
        other = np.bincount(self._block, seen * seen * inside, count)
        both = np.bincount(self._block, ours * seen, count)
        return np.asarray(both / np.sqrt(np.maximum(own * other, 1e-9)))

    def _compare(self, motion: Affine) -> tuple[Floats, Floats, Doubles]:
        """(weight of each pixel, 0–1; how it differs; agreement of each block)."""
        seen, inside = self._seen(motion)
        alike = self._alike(seen, inside)
        low, high = ALIKE
        trust = np.clip((alike - low) / (high - low), 0.0, 1.0)[self._block] * inside
        difference = seen - self._template
        trusted = np.abs(difference[trust > 0.5])
        # a few thousand tell the median as well
        few = trusted[:: max(1, trusted.size // 5000)]
        noise = max(LEAST_NOISE, 1.4826 * float(np.median(few))) if few.size else 1.0
        share = np.clip(difference / (TUKEY * noise), -1.0, 1.0)
        weight = np.asarray(trust * (1.0 - share * share) ** 2, np.float32)
        return weight, difference, alike

    def _normal(self, weight: Floats, difference: Floats) -> tuple[Doubles, Doubles]:
        """The normal equations' matrix and right side."""
        weighted = self._slope * weight[:, None]
        return (weighted.T @ self._slope).astype(np.float64), (weighted.T @ difference).astype(np.float64)

    def _step(self, numbers: Doubles) -> Affine:
        """Six numbers in px, at the end of the longer half side, as a map of the picture's px."""
        a, b, x, c, d, y = (numbers / self._half).tolist()
        return self._middle.then(Affine(1 + a, b, x, c, 1 + d, y)).then(self._middle.inverse)


def _solved(moment: Doubles, pull: Doubles, free: Doubles) -> Doubles:
    """Six numbers; 0 where there is nothing to go by."""
    return np.asarray(free @ np.linalg.lstsq(free.T @ moment @ free, free.T @ pull, rcond=1e-9)[0])


def _steepest(strength: Floats, reference_mask: Flags) -> npt.NDArray[np.intp]:
    """Indices of the pixels that say most, evenly over the picture, at most `SAMPLES`."""
    inner = np.zeros_like(reference_mask)
    inner[2:-2, 2:-2] = reference_mask[2:-2, 2:-2]
    picked = np.flatnonzero(inner & (strength > FAINT * FAINT))
    if picked.size > SAMPLES:
        half = max(SAMPLES, picked.size // 2)
        steep = strength.ravel()[picked]
        picked = np.sort(picked[np.argpartition(-steep, half - 1)[:half]])
        picked = picked[:: -(-half // SAMPLES)]
    return picked


def _slopes(picture: Floats) -> tuple[Floats, Floats]:
    """Per px, to the right and downwards."""
    across = cv2.Scharr(picture, cv2.CV_32F, 1, 0, scale=1 / 32)
    down = cv2.Scharr(picture, cv2.CV_32F, 0, 1, scale=1 / 32)
    return np.asarray(across, np.float32), np.asarray(down, np.float32)


def _by_number(dx: Floats, dy: Floats, x: Doubles, y: Doubles) -> Floats:
    """How much each of the six numbers changes pixels at x, y with those slopes; shape (n, 6)."""
    return np.stack([dx * x, dx * y, dx, dy * x, dy * y, dy], axis=-1).astype(np.float32)


def _sample(picture: Floats, places: Points) -> Floats:
    """Bilinear values of `picture` at places in px; shape (n,)."""
    x, y = (places.astype(np.float32) - np.float32(0.5)).T
    width = 4096  # OpenCV takes no more than 32767 in a row
    fill = -len(x) % width
    maps = [np.pad(each, (0, fill)).reshape(-1, width) for each in (x, y)]
    seen = cv2.remap(picture, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, np.float32).ravel()[: len(x)]
