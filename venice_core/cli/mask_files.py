"""Masks from files: interpret them, remove noise, and question what does not look like a mask.

White means change. A mask with intentional grays is used exactly as it is, and so is any with `as_is`. What
is cleaned or stretched is what nobody paints: a black that is 1, the noise of a JPEG, labels of 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from venice_core.errors import BadInput
from venice_core.imaging import color_profiles
from venice_core.imaging.arrays import Coverage, Flags
from venice_core.imaging.codecs import Picture
from venice_core.imaging.compositing import multiply

NEAR = 32
"""In levels of 255: this close to black or white, a value may be noise or mean black or white."""
SOFT_NEAR = 12
"""The same for a mask with grays in which noise is visible."""
FAINT = 8
SPECK = 4.0
"""In px: a faint spot is noise if no circle of this radius fits into it."""
DARK = 128
"""A mask that has nothing brighter is too dark to be intended."""
CLEAR = 100
"""Two levels this far apart are distinguished in spite of noise."""
RIM = 2
"""In px: the extent of a hard edge, antialiasing included."""
BEYOND = 4.0
"""In px: farther from an edge, resampling leaves no traces, and what is visible is noise."""
_AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
OPTION = "--mask-as-is"


@dataclass(frozen=True, eq=False)
class Mask:
    """A mask as interpreted."""

    coverage: Coverage
    notes: tuple[str, ...] = ()
    """What was done to it, in sentences."""


def of(picture: Picture, *, as_is: bool = False) -> Mask:
    """Interpret a mask file. Raises BadInput if it does not look like a mask, and says how to proceed."""
    levels = levels_of(picture)
    if as_is:
        return Mask(levels)
    there = np.flatnonzero(np.bincount(levels.ravel(), minlength=256)).tolist()
    if there[-1] <= FAINT and (picture.lossy or len(there) == 1):
        raise BadInput("The mask is black everywhere, so nothing would change. White marks what changes.")
    if len(there) == 1 and there[0] < 255 - NEAR:
        raise _questioned(f"it is a uniform gray ({there[0]} of 255)")
    if there[0] >= 255 - NEAR:
        mask = Mask(np.full_like(levels, 255))
    elif there == [0, 255]:
        mask = Mask(levels)
    elif (two := _Two.of(levels)) is not None:
        mask = two.mask(lossy=picture.lossy)
    else:
        if _colored_share(picture) > 0.02:
            raise _questioned("it contains color")
        mask = _soft(levels, lossy=picture.lossy)
    white = float((mask.coverage >= DARK).mean())
    if white <= 0.5:
        return mask
    note = f"The mask is white over {100 * white:.0f}% of the image; all of that will change."
    return Mask(mask.coverage, (*mask.notes, note))


def levels_of(picture: Picture) -> Coverage:
    """Return 255 for opaque white; colors count by their mean, which preserves gray values."""
    values = color_profiles.eight_bits(picture.values)
    if picture.is_gray:
        levels = values[..., 0]
    else:
        levels = np.rint(values[..., :3].sum(axis=2, dtype=np.uint16) / np.float32(3)).astype(np.uint8)
    return multiply(levels, values[..., -1]) if picture.has_alpha else np.ascontiguousarray(levels)


def _questioned(why: str) -> BadInput:
    return BadInput(
        f"This does not look like a mask: {why}. White marks what changes; black stays as it is. Use "
        f"a different mask, or add {OPTION} to use this one unmodified."
    )


def _colored_share(picture: Picture) -> float:
    if picture.is_gray:
        return 0.0
    red, green, blue = cv2.split(picture.pixels[..., :3])
    spread = cv2.max(cv2.max(red, green), blue) - cv2.min(cv2.min(red, green), blue)
    return float((spread > NEAR).mean())


# Masks of two levels


@dataclass(frozen=True, eq=False)
class _Two:
    """A mask of two levels, `low` and `high`, with others only along the edges."""

    levels: Coverage
    yes: Flags
    low: int
    high: int

    @classmethod
    def of(cls, levels: Coverage) -> _Two | None:
        """Return None for a mask with more levels, or with wide edges."""
        threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)
        yes = levels > threshold
        low, high = _median(levels[~yes]), _median(levels[yes])
        apart = np.where(yes, _apart(levels, high), _apart(levels, low))
        flat = float((apart <= int(0.05 * (high - low))).mean())
        edges = _edges(yes, RIM)
        wide = int(((apart > int(0.15 * (high - low))) & ~edges).sum())
        clear = high - low >= CLEAR or flat >= 0.8
        return cls(levels, yes, low, high) if clear and wide <= 0.03 * int(edges.sum()) else None

    def mask(self, *, lossy: bool) -> Mask:
        white, notes = self._white, list[str]()
        if self.low > NEAR or white < 255 - NEAR:
            notes.append(
                f"The mask has only two levels, {self.low} and {white}; {white} is treated as white."
            )
        coverage = _stretched(self.levels, self.low, white)
        if lossy or _is_noisy(coverage, self.yes, rising=0.08):
            coverage = _cleaned(coverage, self._clean(coverage), notes)
        return Mask(coverage, tuple(notes))

    @property
    def _white(self) -> int:
        """The upper level if it is nearly white, or if it is dark and nothing is brighter; else white."""
        top, near = self.levels[self.yes], max(1, int(0.05 * (self.high - self.low)))
        flat = float((_apart(top, self.high) <= near).mean()) >= 0.5
        highest = float((top > self.high + near).mean()) < 0.1 and float((top == 255).mean()) < 0.01
        meant = self.high >= 255 - NEAR or self.low > NEAR or self.levels.max() <= DARK + NEAR
        return self.high if flat and highest and meant else 255

    def _clean(self, coverage: Coverage) -> Coverage:
        """Keep grays only along the edges, and none that are nearly black or white."""
        sure = np.where(self.yes, np.uint8(255), np.uint8(0))
        return np.where(_edges(self.yes, RIM), _snapped(coverage, NEAR), sure)


# Masks with grays


def _soft(levels: Coverage, *, lossy: bool) -> Mask:
    black, white = _spike(levels), 255 - _spike(255 - levels)
    stretched = _stretched(levels, black, white)
    if stretched.max() <= DARK:
        raise _questioned(f"its brightest value is {levels.max()} of 255, so the result would barely show")
    noisy = lossy or _is_noisy(stretched, stretched >= DARK, rising=0.5, spread=0.2)
    quiet = _snapped(stretched, SOFT_NEAR) if noisy else stretched
    notes = list[str]()
    coverage = _cleaned(stretched, _without_specks(quiet), notes)
    _question(coverage)
    return Mask(coverage, tuple(notes))


def _spike(levels: Coverage) -> int:
    """Return the level that means black: 0, or one close to it if hardly anything is darker or similar."""
    counts = np.bincount(levels.ravel(), minlength=256)[: NEAR + 1]
    most = int(counts.argmax())
    alone = counts[most] >= 0.6 * counts.sum() and counts[:most].sum() <= 0.1 * counts[most]
    return most if alone and counts[most] >= 0.02 * levels.size else 0


def _without_specks(levels: Coverage) -> Coverage:
    """Remove isolated faint spots, and likewise faint holes in white."""
    for _ in range(2):
        levels = 255 - levels
        if not ((levels > 0) & (levels <= FAINT)).any():
            continue
        count, labels = cv2.connectedComponents((levels > 0).astype(np.uint8), connectivity=8)
        speck = np.ones(count, np.bool_)
        speck[labels[levels > FAINT]] = False
        alone = speck[labels] & (levels > 0)
        room = cv2.distanceTransform(alone.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        speck[labels[room >= SPECK]] = False
        levels = np.where(speck[labels], np.uint8(0), levels)
    return levels


def _question(levels: Coverage) -> None:
    """Raise BadInput if nothing is black, or if it is a picture rather than a mask."""
    darkest = int(levels.min())
    if darkest > NEAR and float((levels <= darkest + FAINT).mean()) >= 0.1:
        raise _questioned(
            f"it has no black (its darkest value is {darkest} of 255), so everything would change"
        )
    extreme = (levels == 0) | (levels == 255)
    inside = cv2.dilate(extreme.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    rough = np.abs(levels.astype(np.int16) - cv2.medianBlur(levels, 3)) >= 2
    textured = float((inside & rough).mean())
    plain = float((extreme | (levels <= 4) | (levels >= 251)).mean())
    if textured > (0.008 if plain < 0.2 else 0.05) and plain < 0.5:
        raise _questioned("it has grays and detail throughout, like a photograph")


def _is_noisy(levels: Coverage, yes: Flags, *, rising: float, spread: float = 0.0) -> bool:
    """Return whether levels rise again away from the edges of `yes`, which no brush or blur causes.

    `rising` and `spread` are the shares at which this is noise: of what is nearly black or white there, and
    of all that is as dark or bright.
    """
    found = faint = plain = 0
    for side, values in ((~yes, levels), (yes, 255 - levels)):
        distance = cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        away = (values <= 2 * NEAR) & (distance > BEYOND)
        rows, columns = np.nonzero(away & (values > 0))
        nearest, there = np.full(rows.shape, np.inf), np.zeros(rows.shape, np.uint8)
        for down, across in _AROUND:
            beside = (
                np.clip(rows + down, 0, levels.shape[0] - 1),
                np.clip(columns + across, 0, levels.shape[1] - 1),
            )
            nearer, same = distance[beside] < nearest, distance[beside] == nearest
            there = np.where(nearer, values[beside], np.where(same, np.maximum(there, values[beside]), there))
            nearest = np.minimum(nearest, distance[beside])
        found += int((there < values[rows, columns]).sum())
        faint += rows.size
        plain += int(away.sum())
    return faint >= spread * plain and found >= max(10, rising * faint, 0.003 * int(_edges(yes, 1).sum()))


def _cleaned(before: Coverage, after: Coverage, notes: list[str]) -> Coverage:
    if not np.array_equal(before, after):
        notes.append("Noise near black and white was removed from the mask.")
    return after


def _snapped(levels: Coverage, near: int) -> Coverage:
    """Replace levels close to black or white by these."""
    lifted = np.where(levels >= 255 - near, np.uint8(255), levels)
    return np.where(levels <= near, np.uint8(0), lifted)


def _apart(levels: Coverage, level: int) -> npt.NDArray[np.int16]:
    return np.abs(levels.astype(np.int16) - np.int16(level))


def _median(levels: Coverage) -> int:
    counts = np.bincount(levels, minlength=256).cumsum()
    return int(np.searchsorted(counts, (counts[-1] + 1) // 2))


def _stretched(levels: Coverage, black: int, white: int) -> Coverage:
    """Map `black` and darker levels to 0, `white` and brighter ones to 255."""
    if (black, white) == (0, 255):
        return levels
    scaled = (levels.astype(np.float64) - black) * (255 / (white - black))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def _edges(yes: Flags, radius: int) -> Flags:
    """Return the pixels within `radius` of where yes turns to no."""
    size = 2 * radius + 1
    changes = cv2.morphologyEx(yes.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((size, size), np.uint8))
    return np.asarray(changes > 0)
