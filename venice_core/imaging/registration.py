"""Measure how a picture moved relative to another, to better than 0.1 px, and how certain that is.

A robust, inverse compositional Gauss-Newton search [1]_ on pictures reduced to their local structure:
brightness, contrast and color have no influence, and a smooth gradient is not evidence. Blocks that look
different in both pictures are ignored. The uncertainty follows from how much the blocks disagree, as a
cluster-robust covariance [2]_.

cv2.findTransformECC is not used because it gives no uncertainty.

References
----------
.. [1] S. Baker and I. Matthews, "Lucas-Kanade 20 Years On: A Unifying Framework", IJCV 56(3), 2004.
.. [2] K.-Y. Liang and S. L. Zeger, "Longitudinal Data Analysis Using Generalized Linear Models",
   Biometrika 73(1), 1986.
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
"""The most pixels that are compared: those with the steepest slopes carry the most information."""
LOCAL = 7.0
"""Width of the local neighborhood, as a multiple of the smoothing; both are sigmas of Gaussians."""
FAINT = 0.01
"""Gradient of the structure, per px, below which a pixel carries no information."""
LEAST_CONTRAST = 0.6
"""In levels of 255. Less local contrast is noise, or the steps of a gradient in 8 bits."""
TEXTURED = 20
"""How many compared pixels a block needs to be judged."""
FLOOR = 8.0
"""In levels of 255. Contrast below this is treated as noise."""
ALIKE = 0.3, 0.7
"""Correlation at which a block begins to count, and at which it counts fully."""
TUKEY = 3.0
"""Pixels that differ by more standard deviations than this do not count (Tukey's biweight)."""
LEAST_NOISE = 0.02
SETTLED = 0.002
"""In px. The search ends with a step that moves no corner by more than this."""
MOST_STEPS = 15

SIMILARITY = np.array(
    [[0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 1, 0], [0, -1, 0, 1, 0, 0]], np.float64
).T
AFFINE = np.eye(6)
"""Motion models. Their columns span what may vary of the parameters xx, xy, x0, yx, yy, y0 of an affine map,
counted from the center of the picture."""


def structure(gray: Floats, smooth: float) -> tuple[Floats, Floats]:
    """Normalize a picture by its local mean and contrast.

    Parameters
    ----------
    gray : Floats, shape (height, width)
        A gray picture, 0 to 255.
    smooth : float
        Sigma, in px, of the Gaussian applied first. The local neighborhood is `LOCAL` times as wide.

    Returns
    -------
    structure : Floats, shape (height, width)
        The normalized picture, from about -2 to 2.
    contrast : Floats, shape (height, width)
        The local contrast, in levels of 255.
    """
    soft = np.asarray(cv2.GaussianBlur(gray, (0, 0), smooth), np.float32)
    detail = np.asarray(soft - cv2.GaussianBlur(soft, (0, 0), LOCAL * smooth), np.float32)
    contrast = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), LOCAL * smooth))
    return np.asarray(detail / (contrast + FLOOR), np.float32), np.asarray(contrast, np.float32)


class Registration:
    """Two gray pictures to register.

    Parameters
    ----------
    before, after : Floats, shape (height, width)
        The pictures, 0 to 255.
    reference_mask : Flags, shape (height, width)
        Where they should look alike.
    valid : Bounds
        Where `after` has pixels.
    smooth : float, optional
        Sigma, in px, of the blur applied to both; see `structure`.
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
        """The number of blocks in which anything is compared."""
        return len(self._parity)

    @cached_property
    def textured(self) -> Flags:
        """For each block, whether it has enough compared pixels to be judged."""
        return np.bincount(self._block, minlength=self.blocks) >= TEXTURED

    def refine(self, start: Affine, motion_model: Doubles, settled: float = SETTLED) -> Affine:
        """Find the motion that fits best, starting from a nearby one.

        Parameters
        ----------
        start : Affine
            The starting point, in px of the pictures, from `before` to `after`.
        motion_model : Doubles, shape (6, n)
            What may vary: `SIMILARITY` or `AFFINE`.
        settled : float, optional
            Accuracy, in px, at which the search ends. It ends after `MOST_STEPS` steps in any case.

        Returns
        -------
        Affine
            The motion; `start` itself if there is nothing to compare.
        """
        motion = start
        for _ in range(MOST_STEPS if self.blocks else 0):
            weight, difference, _ = self._compare(motion)
            step = self._step(_solved(*self._normal(weight, difference), motion_model))
            motion = step.inverse.then(motion)
            if step.farthest(self.extent) < settled:
                break
        return motion

    def agreement(self, motion: Affine) -> Doubles:
        """Return the normalized cross-correlation of each block, from -1 to 1, after a motion."""
        return self._alike(*self._seen(motion))

    def cross_fit(self, motion: Affine, motion_model: Doubles) -> list[tuple[Affine, Flags]]:
        """Fit the motion on each half of the blocks alone.

        The halves alternate like the colors of a checkerboard.

        Parameters
        ----------
        motion : Affine
            The motion found on all blocks, from which each half takes one more step.
        motion_model : Doubles, shape (6, n)
            What may vary.

        Returns
        -------
        list of (Affine, Flags)
            For each half its motion and a flag for each block that was held out.
        """
        found = []
        weight, difference, _ = self._compare(motion)
        for half in (0, 1):
            own = (self._parity == half)[self._block]
            step = self._step(_solved(*self._normal(weight * own, difference), motion_model))
            found.append((step.inverse.then(motion), self._parity != half))
        return found

    def covariance(self, motion: Affine, motion_model: Doubles) -> Doubles:
        """Return the covariance of the six parameters of a motion.

        Parameters
        ----------
        motion : Affine
            The motion, as found by `refine`.
        motion_model : Doubles, shape (6, n)
            What was allowed to vary.

        Returns
        -------
        Doubles, shape (6, 6)
            The covariance, 0 for what was not allowed to vary. See `parameters` for the units.

        Notes
        -----
        Noise has slopes, too, which would pass for evidence along a straight edge; but they differ from
        picture to picture. So the slopes of one picture serve as instrumental variables for those of the
        other [1]_.

        References
        ----------
        .. [1] O. Reiersøl, "Confluence Analysis by Means of Instrumental Sets of Variables", 1945.
        """
        weight, difference, _ = self._compare(motion)
        across, down = (_sample(each, motion(self._points)) for each in _slopes(self._after))
        other = _by_number(across, down, *self._middle(self._points).T)
        moment = ((self._slope * weight[:, None]).T @ other).astype(np.float64)
        pulls = self._slope * (weight * difference)[:, None]
        count = self.blocks
        pull = np.stack([np.bincount(self._block, each, count) for each in pulls.T], axis=-1) @ motion_model
        counted = int((np.bincount(self._block, weight, count) > 1.0).sum())
        inverse = np.linalg.pinv(motion_model.T @ moment @ motion_model)
        few = counted / max(1, counted - motion_model.shape[1])
        return np.asarray(motion_model @ (inverse @ (pull.T @ pull) @ inverse.T * few) @ motion_model.T)

    def uncertainty(self, covariance: Doubles, points: Points) -> Doubles:
        """Return the standard deviation, in px, of where `points` moved to.

        Parameters
        ----------
        covariance : Doubles, shape (6, 6)
            As returned by `covariance`.
        points : Points, shape (n, 2)
            Coordinates in px of the picture.

        Returns
        -------
        Doubles, shape (n,)
        """
        x, y = self._middle(points).T
        zero, one = np.zeros_like(x), np.ones_like(x)
        across = np.stack([x, y, one, zero, zero, zero], axis=-1)
        down = np.stack([zero, zero, zero, x, y, one], axis=-1)
        variance = sum(np.einsum("ni,ij,nj->n", each, covariance, each) for each in (across, down))
        return np.sqrt(np.maximum(variance, 0.0))

    def parameters(self, motion: Affine) -> Doubles:
        """Return the six parameters of a motion, 0 for none: shape (6,), in px at half the longer side."""
        centered = self._middle.inverse.then(motion).then(self._middle).matrix[:2].ravel()
        parameters = centered - np.array([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
        return parameters * np.array([self._half, self._half, self._half] * 2)

    def _seen(self, motion: Affine) -> tuple[Floats, Flags]:
        """Return `after` at the place to which each pixel moved, and whether it has a pixel there."""
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
        """Return the weight of each pixel (0 to 1), its difference, and the agreement of each block."""
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
        """Return the matrix and the right side of the normal equations."""
        weighted = self._slope * weight[:, None]
        return (weighted.T @ self._slope).astype(np.float64), (weighted.T @ difference).astype(np.float64)

    def _step(self, parameters: Doubles) -> Affine:
        """Return the map, in px of the picture, for six parameters in px at half the longer side."""
        a, b, x, c, d, y = (parameters / self._half).tolist()
        return self._middle.then(Affine(1 + a, b, x, c, 1 + d, y)).then(self._middle.inverse)


def _solved(moment: Doubles, pull: Doubles, motion_model: Doubles) -> Doubles:
    """Return the six parameters; 0 for those without evidence."""
    return np.asarray(
        motion_model
        @ np.linalg.lstsq(motion_model.T @ moment @ motion_model, motion_model.T @ pull, rcond=1e-9)[0]
    )


def _steepest(strength: Floats, reference_mask: Flags) -> npt.NDArray[np.intp]:
    """Return the indices of the most informative pixels, at most `SAMPLES`, spread evenly."""
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
    """Return the slopes per px, to the right and downward."""
    across = cv2.Scharr(picture, cv2.CV_32F, 1, 0, scale=1 / 32)
    down = cv2.Scharr(picture, cv2.CV_32F, 0, 1, scale=1 / 32)
    return np.asarray(across, np.float32), np.asarray(down, np.float32)


def _by_number(dx: Floats, dy: Floats, x: Doubles, y: Doubles) -> Floats:
    """Return how much each parameter changes pixels at x, y that have those slopes; shape (n, 6)."""
    return np.stack([dx * x, dx * y, dx, dy * x, dy * y, dy], axis=-1).astype(np.float32)


def _sample(picture: Floats, places: Points) -> Floats:
    """Return bilinear values of `picture` at places in px; shape (n,)."""
    x, y = (places.astype(np.float32) - np.float32(0.5)).T
    width = 4096  # OpenCV takes no more than 32767 in a row
    fill = -len(x) % width
    maps = [np.pad(each, (0, fill)).reshape(-1, width) for each in (x, y)]
    seen = cv2.remap(picture, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, np.float32).ravel()[: len(x)]
