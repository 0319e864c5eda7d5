"""Match the colors of a returned picture to the source, measured where nothing should have changed.

Each channel has its own curve, y = gain · x^gamma + offset on sRGB values from 0 to 1, which describes most
of what cameras, codecs and models do to a whole picture. It is fitted by iteratively reweighted least squares
[1]_, so that changed areas have no influence.

References
----------
.. [1] P. W. Holland and R. E. Welsch, "Robust Regression Using Iteratively Reweighted Least-Squares",
   Communications in Statistics 6(9), 1977.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from venice_core.imaging.arrays import Doubles, Flags, Floats
from venice_core.imaging.holdout import checkerboard_split, dilate_excluded, normalized_blur

BLUR = 1.5
"""Sigma, in px: colors are compared, not detail or noise."""
LEAST_SAMPLES = 200
SAMPLES = 6000
"""The most pixels that are compared; more do not improve the curves."""
CLIPPED = 2.5 / 255
"""Values this close to black or white may have been clipped."""
PRIOR = np.array([0.15, 0.15, 0.05])
"""Standard deviations of gain, gamma and offset from 1, 1 and 0, before any evidence."""
CLUSTER = 50.0
"""Neighboring samples tell nearly the same: this many count as one."""
TUKEY = 4.0
LEAST_NOISE = 1.0 / 255
STEPS = 20
MOST = 0.13
"""The largest change of any value; more is not an accident, or is a different picture."""
ALIKE = 6.0 / 255
ENOUGH_ALIKE = 0.25
"""The share of samples that must agree in all channels within `ALIKE` afterwards."""
CLEARLY = 0.8
"""Of the samples that agree within twice `ALIKE`, the share that must agree within `ALIKE`. Unchanged areas
match closely and replaced ones are far off, but curves through an edit (such as to black and white) pass
near many samples."""
LEAST = 0.4 / 255
"""A mean difference that nobody sees: half a level is rounding."""
LEAST_GAIN = 0.15
"""The share by which the difference of the held-out samples must fall."""
EDGE_WIDTH = 10
"""In px: width of the border of the usable area, in which the difference must not rise."""
FAR = 24.0 / 255
"""Larger differences only tell that something changed."""


@dataclass(frozen=True, eq=False)
class Curves:
    """One tone curve for each channel."""

    parameters: Doubles
    """Gain, gamma and offset of each channel; shape (3, 3)."""

    def __call__(self, colors: Floats) -> Floats:
        """Apply the curves to colors of shape (..., 3), 0 to 255; the result is clipped to that range."""
        scaled = np.clip(colors, 0.0, 255.0) * np.float32(1 / 255)
        result = np.empty_like(scaled)
        for channel, (gain, gamma, offset) in enumerate(self.parameters.astype(np.float32)):
            result[..., channel] = gain * cv2.pow(scaled[..., channel], float(gamma)) + offset
        return np.clip(result * np.float32(255.0), 0.0, 255.0)

    @property
    def most(self) -> float:
        """The largest change of any value, in levels of 255."""
        x = np.linspace(0.0, 1.0, 33)
        gain, gamma, offset = self.parameters.T[..., None]
        return float(np.abs(np.clip(gain * x**gamma + offset, 0.0, 1.0) - x).max() * 255)


def match(returned: Floats, source: Floats, reference_mask: Flags) -> Curves | None:
    """Fit the curves that match the colors of one picture to another.

    Parameters
    ----------
    returned, source : Floats, shape (height, width, 3)
        Small copies of both pictures, RGB, 0 to 255.
    reference_mask : Flags, shape (height, width)
        Where they should be alike.

    Returns
    -------
    Curves or None
        The curves that bring `returned` to `source`. None if the colors agree already, if there are too few
        samples, or if held-out samples do not confirm a gain.

    Notes
    -----
    skimage.exposure.match_histograms is no substitute: it would also match what was meant to change.
    """
    rows, columns = np.nonzero(reference_mask)
    if rows.size < LEAST_SAMPLES:
        return None
    every = max(1, rows.size // SAMPLES)
    rows, columns = rows[::every], columns[::every]
    x, y = (
        (normalized_blur(picture, reference_mask, BLUR)[rows, columns] / 255.0).astype(np.float64)
        for picture in (returned, source)
    )
    odd = checkerboard_split(reference_mask.shape)[rows, columns]
    before = _difference(x, y)
    if before.mean() < LEAST:
        return None
    after = np.empty_like(before)
    for half in (odd, ~odd):
        after[~half] = _difference(_apply(_fitted(x[half], y[half]), x[~half]), y[~half])
    near = dilate_excluded(reference_mask, EDGE_WIDTH)[rows, columns]
    if after.mean() >= (1.0 - LEAST_GAIN) * before.mean() or after[near].sum() > before[near].sum():
        return None
    curves = Curves(_fitted(x, y))
    left = np.abs(_apply(curves.parameters, x) - y).max(axis=1)
    alike, nearly = (left <= ALIKE).mean(), (left <= 2 * ALIKE).mean()
    surely = curves.most <= MOST * 255 and alike >= max(ENOUGH_ALIKE, CLEARLY * nearly)
    return curves if surely else None


def _difference(x: Doubles, y: Doubles) -> Doubles:
    return np.asarray(np.minimum(np.abs(x - y), FAR).mean(axis=1))


def _apply(parameters: Doubles, x: Doubles) -> Doubles:
    gain, gamma, offset = parameters.T
    return np.asarray(np.clip(gain * np.maximum(x, 1e-6) ** gamma + offset, 0.0, 1.0))


def _fitted(x: Doubles, y: Doubles) -> Doubles:
    return np.stack([_curve(x[:, channel], y[:, channel]) for channel in range(3)])


def _curve(x: Doubles, y: Doubles) -> Doubles:
    """Fit gain, gamma and offset from x to y, both of shape (n,), 0 to 1."""
    whole = (np.minimum(x, y) > CLIPPED) & (np.maximum(x, y) < 1.0 - CLIPPED)
    x, y = x[whole], y[whole]
    neutral = np.array([1.0, 1.0, 0.0])
    parameters = neutral.copy()
    if x.size < LEAST_SAMPLES / 4:
        return parameters
    logarithm = np.log(x)
    for _ in range(STEPS):
        gain, gamma, offset = parameters
        power = np.exp(gamma * logarithm)
        left = y - (gain * power + offset)
        noise = max(LEAST_NOISE, 1.4826 * float(np.median(np.abs(left))))
        share = np.clip(left / (TUKEY * noise), -1.0, 1.0)
        weight = (1.0 - share * share) ** 2 / (noise * noise * CLUSTER)
        slope = np.stack([power, gain * power * logarithm, np.ones_like(x)], axis=1)
        moment = (slope * weight[:, None]).T @ slope + np.diag(1.0 / PRIOR**2)
        pull = slope.T @ (weight * left) - (parameters - neutral) / PRIOR**2
        step = np.linalg.solve(moment, pull)
        parameters = parameters + step
        parameters[1] = np.clip(parameters[1], 0.3, 3.0)
        if np.abs(step).max() < 1e-5:
            break
    return parameters
