"""The colors of a returned picture brought back to the source's, measured on what should not have changed.

Each channel has a curve of its own with three numbers, y = gain · x^gamma + offset, on sRGB values of 0–1:
what cameras, codecs and models do to a whole picture is mostly of this form. It is fitted by iteratively
reweighted least squares (Holland and Welsch, 1977), so that what did change plays no part.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from venice_core.imaging.arrays import Doubles, Flags, Floats
from venice_core.imaging.holdout import checkerboard_split, dilate_excluded, normalized_blur

BLUR = 1.5
"""In px: what is compared is colors, not detail or noise."""
LEAST_SAMPLES = 200
SAMPLES = 6000
"""More do not make the curves better."""
CLIPPED = 2.5 / 255
"""What lies so near to black or white may have been cut off."""
PRIOR = np.array([0.15, 0.15, 0.05])
"""How far gain, gamma and offset stray without evidence (standard deviations)."""
CLUSTER = 50.0
"""Neighbouring samples say nearly the same: so many of them count as one."""
TUKEY = 4.0
LEAST_NOISE = 1.0 / 255
STEPS = 20
MOST = 0.13
"""How much a curve may change a value: more was not an accident, or is no longer the same picture."""
ALIKE = 6.0 / 255
ENOUGH_ALIKE = 0.25
"""The share of the samples that must agree in all channels within `ALIKE` afterwards."""
CLEARLY = 0.8
"""Of the samples that agree within twice `ALIKE`, how many must agree within it: what is the same comes back,
what was replaced is far off, but curves through an edit such as to black and white lie near many samples."""
LEAST = 0.4 / 255
"""A mean difference that nobody sees: half a level is rounding."""
LEAST_GAIN = 0.15
"""By what share the difference of what was held back must fall."""
RIM = 10
"""In px: how wide the rim of what is usable is; there the difference may not rise."""
FAR = 24.0 / 255
"""Differences beyond it say no more than that something changed."""


@dataclass(frozen=True, eq=False)
class Curves:
    """`numbers`: of shape (3 channels, 3): gain, gamma and offset."""

    numbers: Doubles

    def __call__(self, colors: Floats) -> Floats:
        """Colors of shape (..., 3), 0–255; the result is within that, too."""
        scaled = np.clip(colors, 0.0, 255.0) * np.float32(1 / 255)
        result = np.empty_like(scaled)
        for channel, (gain, gamma, offset) in enumerate(self.numbers.astype(np.float32)):
            result[..., channel] = gain * cv2.pow(scaled[..., channel], float(gamma)) + offset
        return np.clip(result * np.float32(255.0), 0.0, 255.0)

    @property
    def most(self) -> float:
        """By how many levels of 255 it changes the value that it changes most."""
        x = np.linspace(0.0, 1.0, 33)
        gain, gamma, offset = self.numbers.T[..., None]
        return float(np.abs(np.clip(gain * x**gamma + offset, 0.0, 1.0) - x).max() * 255)


def match(returned: Floats, source: Floats, reference_mask: Flags) -> Curves | None:
    """The curves that bring `returned` to `source`, or None where nothing sure is gained.

    Small copies, RGB, 0–255, of shape (height, width, 3); `reference_mask` says where both should be alike.
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
    near = dilate_excluded(reference_mask, RIM)[rows, columns]
    if after.mean() >= (1.0 - LEAST_GAIN) * before.mean() or after[near].sum() > before[near].sum():
        return None
    curves = Curves(_fitted(x, y))
    left = np.abs(_apply(curves.numbers, x) - y).max(axis=1)
    alike, nearly = (left <= ALIKE).mean(), (left <= 2 * ALIKE).mean()
    surely = curves.most <= MOST * 255 and alike >= max(ENOUGH_ALIKE, CLEARLY * nearly)
    return curves if surely else None


def _difference(x: Doubles, y: Doubles) -> Doubles:
    return np.asarray(np.minimum(np.abs(x - y), FAR).mean(axis=1))


def _apply(numbers: Doubles, x: Doubles) -> Doubles:
    gain, gamma, offset = numbers.T
    return np.asarray(np.clip(gain * np.maximum(x, 1e-6) ** gamma + offset, 0.0, 1.0))


def _fitted(x: Doubles, y: Doubles) -> Doubles:
    return np.stack([_curve(x[:, channel], y[:, channel]) for channel in range(3)])


def _curve(x: Doubles, y: Doubles) -> Doubles:
    """Gain, gamma and offset from x to y, both of shape (n,), 0–1."""
    whole = (np.minimum(x, y) > CLIPPED) & (np.maximum(x, y) < 1.0 - CLIPPED)
    x, y = x[whole], y[whole]
    neutral = np.array([1.0, 1.0, 0.0])
    numbers = neutral.copy()
    if x.size < LEAST_SAMPLES / 4:
        return numbers
    logarithm = np.log(x)
    for _ in range(STEPS):
        gain, gamma, offset = numbers
        power = np.exp(gamma * logarithm)
        left = y - (gain * power + offset)
        noise = max(LEAST_NOISE, 1.4826 * float(np.median(np.abs(left))))
        share = np.clip(left / (TUKEY * noise), -1.0, 1.0)
        weight = (1.0 - share * share) ** 2 / (noise * noise * CLUSTER)
        slope = np.stack([power, gain * power * logarithm, np.ones_like(x)], axis=1)
        moment = (slope * weight[:, None]).T @ slope + np.diag(1.0 / PRIOR**2)
        pull = slope.T @ (weight * left) - (numbers - neutral) / PRIOR**2
        step = np.linalg.solve(moment, pull)
        numbers = numbers + step
        numbers[1] = np.clip(numbers[1], 0.3, 3.0)
        if np.abs(step).max() < 1e-5:
            break
    return numbers
