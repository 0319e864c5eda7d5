"""Find out where a returned picture shows what was sent, measured where nothing should have changed.

A picture with a different aspect ratio may have been stretched, cropped at two sides or letterboxed; features
in both pictures tell which. Any remaining motion is measured by registration. It is accepted only if it is
several times larger than its uncertainty and if parts of the picture that were not used for the measurement
agree better with it than without it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

import cv2
import numpy as np

from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.imaging.arrays import Bytes, Doubles, Flags
from venice_core.imaging.feature_matching import Features, motion
from venice_core.imaging.registration import AFFINE, SIMILARITY, Registration
from venice_core.imaging.resampling import resize, warp

MOST_PIXELS = 3_000_000
"""Larger pictures are scaled down to this many pixels before registration, which is accurate enough."""
SMALL_SIDE = 256
"""Longer side, in px, of the copies in which the search begins. A motion of 1 % is about 2 px there."""
SMALL_SMOOTH = 2.0
FINE_SMOOTH = 1.2
"""Sigma, in px, of the blur before the coarse and the fine registration. Finer detail is noise or was lost to
compression."""
ROUGHLY = 0.05
"""Accuracy, in px of the small copies, of the coarse search, which only supplies a starting point."""
ENOUGH_ALIKE = 0.5
"""The feature search is skipped if at least this share of the blocks agrees in the small copies."""

MOST_ZOOM = 1.12
MOST_DEGREES = 4.0
MOST_SHIFT = 0.1
"""As a share of the longer side. Beyond these three limits it is a different picture, not a moved one."""

LEAST_MOVEMENT = 0.03
"""In px. A smaller motion is invisible, and every resampling costs some sharpness."""
SURE = 2.5
"""A motion must be at least this many standard deviations large."""
SURE_OF_SHEAR = 8.0
"""The same for anything beyond shift, zoom and rotation, which models hardly ever add."""
VAGUE = 0.1
"""In px. A motion with a larger standard deviation anywhere in the picture counts as unknown."""
MOSTLY = 0.5
"""If a smaller share of the blocks is alike, a motion must improve the agreement by `CLEAR_GAIN`."""

ALIKE = 0.6
"""Correlation above which a block counts as the same in both pictures."""
MIN_ALIKE = 4
NO_LESS = 0.3
"""Below this correlation a block shows something else; its exact value means nothing."""
EXACT = 0.001
"""Disagreement treated as perfect agreement; it keeps logarithms finite."""
SURE_OF_GAIN = 3.0
"""The mean gain of the held-out blocks must be this many standard errors above 0."""
AS_GOOD = 0.1
"""Guesses whose log disagreements differ by less than this are equally good."""
LEAST_GAIN = 0.05
CLEAR_GAIN = 1.2
"""Required drop in disagreement, as a natural logarithm: by 5 % at least, to under a third if most blocks
changed."""


class Alignment(str, Enum):
    """What is known about the motion of a returned picture."""

    OFF = "off"
    """Not measured."""
    MOVED = "moved"
    """It moved, and the motion is known."""
    IN_PLACE = "in place"
    """It did not move noticeably."""
    NO_DETAIL = "no detail"
    """There was too little detail to tell."""
    CHANGED = "changed"
    """Too much changed to tell."""


@dataclass(frozen=True)
class AlignmentResult:
    """Where the answer shows what was sent: first `motion`, then `base`."""

    base: Affine
    """Maps coordinates of the sent picture to those of the answer, without motion."""
    motion: Affine
    """The measured motion within the sent picture; the identity if none is certain."""
    alignment: Alignment
    shape: str = ""
    """How the shape changed: "stretched", "cropped" or "letterboxed"; "" if the aspect ratios agree."""

    def part_of(self, sent: Extent, answer: Extent) -> Bounds:
        """Return the part of the answer, in whole px, that shows what was sent: everything except bars."""
        whole = Bounds.of(answer)
        if self.shape != "letterboxed":
            return whole
        (left, top), (right, bottom) = self.base([[0, 0], [sent.width, sent.height]]).tolist()
        found = Bounds.whole_within(left, top, right, bottom)
        return (found.intersection(whole) if found else None) or whole

    @property
    def without_motion(self) -> AlignmentResult:
        """The same shape without the motion, for when other evidence contradicts it."""
        return replace(self, motion=Affine(), alignment=Alignment.CHANGED)

    @property
    def to_answer(self) -> Affine:
        """The map from coordinates of the sent picture to those of the answer."""
        return self.motion.then(self.base)


def of_one_shape(sent: Extent, answer: Extent) -> AlignmentResult | None:
    """Return the alignment without measuring motion, or None if the aspect ratios differ.

    Parameters
    ----------
    sent, answer : Extent
        The sizes of the two pictures.

    Returns
    -------
    AlignmentResult or None
        A plain scaling with `Alignment.OFF`. None means that the pictures have to be compared with `find`.
    """
    bases = _bases(sent, answer)
    return AlignmentResult(bases[""], Affine(), Alignment.OFF) if len(bases) == 1 else None


def find(sent: Bytes, answer: Bytes, reference_mask: Flags, *, move: bool = True) -> AlignmentResult:
    """Measure where `answer` shows what was sent.

    Parameters
    ----------
    sent : Bytes, shape (height, width, 3)
        The RGB picture that was sent.
    answer : Bytes, shape (any height, any width, 3)
        The RGB picture that was returned.
    reference_mask : Flags, shape (height, width)
        Where `sent` and `answer` should be alike.
    move : bool, optional
        If False, determine only how the shape changed; `alignment` is then `Alignment.OFF`.

    Returns
    -------
    AlignmentResult
        Its motion has a standard deviation of at most 0.1 px in `sent`, or is the identity. If the aspect
        ratios differ and nothing can be measured, the shape is "stretched".

    Notes
    -----
    cv2.findTransformECC gives no uncertainty, without which a motion cannot be distinguished from noise, so
    `venice_core.imaging.registration` measures the motion instead.
    """
    bases = _bases(Extent.of_shape(sent.shape), Extent.of_shape(answer.shape))
    if sent.shape == answer.shape and np.array_equal(sent[reference_mask], answer[reference_mask]):
        return AlignmentResult(
            bases[""], Affine(), Alignment.IN_PLACE if reference_mask.any() else Alignment.NO_DETAIL
        )
    pair = _Pair(_gray(sent), _gray(answer), reference_mask)
    shape, start = _start(pair, bases)
    moved, alignment = _moved(pair, bases[shape], start)
    if len(bases) > 1 and alignment not in (Alignment.MOVED, Alignment.IN_PLACE):
        shape, moved = "stretched", Affine()
    return AlignmentResult(
        bases[shape], moved if move else Affine(), alignment if move else Alignment.OFF, shape
    )


def _bases(sent: Extent, answer: Extent) -> dict[str, Affine]:
    """Return the ways in which a picture of one size can become one of the other, by shape.

    If the aspect ratios agree there is only one, named "".
    """
    across, down = answer.width / sent.width, answer.height / sent.height
    # as equal as whole pixels allow
    if abs(across / down - 1.0) <= 0.5 / min(sent.shorter, answer.shorter):
        return {"": Affine.between(sent, answer)}

    def evenly(factor: float) -> Affine:
        left, top = (answer.width - sent.width * factor) / 2, (answer.height - sent.height * factor) / 2
        return Affine.scaling(factor, factor).then(Affine.shift(left, top))

    return {
        "stretched": Affine.between(sent, answer),
        "cropped": evenly(max(across, down)),
        "letterboxed": evenly(min(across, down)),
    }


@dataclass(frozen=True, eq=False)
class _Pair:
    """The sent and the returned picture in gray, each at its own size."""

    before: Bytes
    after: Bytes
    reference_mask: Flags
    """Of the size of `before`."""

    @property
    def extent(self) -> Extent:
        return Extent.of_shape(self.before.shape)

    def registration(self, base: Affine, extent: Extent, smooth: float) -> Registration | None:
        """Return a registration of both at size `extent`, or None if the answer covers none of it."""
        to_answer = Affine.between(extent, self.extent).then(base)
        valid = _valid(to_answer, Extent.of_shape(self.after.shape), extent)
        if valid is None:
            return None
        before = resize(self.before, extent).astype(np.float32)
        reference_mask = resize(self.reference_mask.astype(np.uint8), extent) > 0
        return Registration(before, warp(self.after, to_answer, extent), reference_mask, valid, smooth)


def _start(pair: _Pair, bases: dict[str, Affine]) -> tuple[str, Affine]:
    """Return the most likely shape and its motion to about a pixel, or the identity without evidence."""
    seen = [_seen_small(pair, shape, base) for shape, base in bases.items()]
    guesses = [guess for guess in seen if guess is not None]
    if not guesses:
        return next(iter(bases)), Affine()
    if max(guess.alike for guess in guesses) < ENOUGH_ALIKE:
        guesses = _from_features(pair, bases) or guesses
    least = min(guess.disagreement for guess in guesses)
    # of those that are as good, the one that moves least
    good = [guess for guess in guesses if guess.disagreement <= least + AS_GOOD]
    best = min(good, key=lambda guess: guess.motion.farthest(pair.extent))
    return best.shape, best.motion


class _Guess(NamedTuple):
    """A shape and the motion on top of it."""

    shape: str
    motion: Affine
    disagreement: float = 0.0
    """A natural logarithm."""
    alike: float = 0.0
    """The share of blocks that agree."""


def _seen_small(pair: _Pair, shape: str, base: Affine) -> _Guess | None:
    """Return a guess from small copies, or None if they show no detail."""
    extent = pair.extent.scaled(min(1.0, SMALL_SIDE / pair.extent.longer))
    registration = pair.registration(base, extent, SMALL_SMOOTH)
    if registration is None or not registration.textured.any():
        return None
    moved = registration.refine(Affine(), SIMILARITY, ROUGHLY)
    if not _plausible(moved, extent):
        return _Guess(shape, Affine())
    agreement = registration.agreement(moved)[registration.textured]
    disagreement = np.log(1.0 - np.maximum(agreement, NO_LESS) + EXACT).mean()
    alike = (agreement > ALIKE).mean()
    return _Guess(shape, _between(extent, pair.extent, moved), float(disagreement), float(alike))


def _from_features(pair: _Pair, bases: dict[str, Affine]) -> list[_Guess]:
    """Return a guess for each shape on which enough features agree."""
    ours, theirs = Features.of(pair.before, pair.reference_mask), Features.of(pair.after)
    guesses = []
    for shape, base in bases.items():
        found = motion(ours, theirs.with_transform(base.inverse), pair.extent)
        if found is not None and _plausible(found[0], pair.extent):
            guesses.append(_Guess(shape, found[0], -math.log(found[1])))
    return guesses


def _moved(pair: _Pair, base: Affine, start: Affine) -> tuple[Affine, Alignment]:
    """Return the motion near `start` as far as it is certain, else the identity."""
    extent = pair.extent.scaled(min(1.0, math.sqrt(MOST_PIXELS / pair.extent.pixels)))
    registration = pair.registration(base, extent, FINE_SMOOTH)
    if registration is None or registration.textured.sum() < MIN_ALIKE:
        return Affine(), Alignment.NO_DETAIL
    similar = registration.refine(_between(pair.extent, extent, start), SIMILARITY)
    alike = registration.agreement(similar)[registration.textured] > ALIKE
    if alike.sum() < MIN_ALIKE or not _plausible(similar, extent):
        return Affine(), Alignment.CHANGED
    moved, alignment = _judged(registration, similar, bool(alike.mean() >= MOSTLY))
    return _between(extent, pair.extent, moved), alignment


def _judged(registration: Registration, similar: Affine, mostly: bool) -> tuple[Affine, Alignment]:
    """Judge a motion on which most of the blocks (`mostly`) or only some agree."""
    moved, motion_model = _model(registration, similar)
    corners = _corners(registration.extent)
    far = np.hypot(*(moved(corners) - corners).T)
    deviation = registration.uncertainty(registration.covariance(moved, motion_model), corners)
    if deviation.max() > VAGUE:
        return Affine(), Alignment.NO_DETAIL if mostly else Alignment.CHANGED
    worst = far.argmax()
    if far[worst] < max(LEAST_MOVEMENT, SURE * deviation[worst]):
        return Affine(), Alignment.IN_PLACE
    if not _helps(registration, moved, motion_model, LEAST_GAIN if mostly else CLEAR_GAIN):
        return Affine(), Alignment.IN_PLACE if mostly else Alignment.CHANGED
    return moved, Alignment.MOVED


def _model(registration: Registration, similar: Affine) -> tuple[Affine, Doubles]:
    """Return the motion with the richest motion model that the evidence supports, and that model."""
    corners = _corners(registration.extent)
    sheared = registration.refine(similar, AFFINE)
    covariance = registration.covariance(sheared, AFFINE)
    xx, xy, _, yx, yy, _ = registration.parameters(sheared)
    shear = np.array([[1, 0, 0, 0, -1, 0], [0, 1, 0, 1, 0, 0]], np.float64)
    deviations = np.sqrt(np.maximum(np.diag(shear @ covariance @ shear.T), 1e-12))
    sure = bool((np.abs([xx - yy, xy + yx]) / deviations).max() > SURE_OF_SHEAR)
    sure = sure and bool(registration.uncertainty(covariance, corners).max() < VAGUE)
    return (sheared, AFFINE) if sure and _plausible(sheared, registration.extent) else (similar, SIMILARITY)


def _helps(registration: Registration, moved: Affine, motion_model: Doubles, least: float) -> bool:
    """Return whether held-out blocks disagree less, by `least` on average, after the motion.

    The gain is the logarithm of a ratio, so that no single block outweighs the others.
    """
    still = registration.agreement(Affine())
    gains = []
    for half, held_back in registration.cross_fit(moved, motion_model):
        after = registration.agreement(half)
        asked = held_back & registration.textured & (np.maximum(still, after) > NO_LESS)
        gains.append(np.log((1.0 - still[asked] + EXACT) / (1.0 - after[asked] + EXACT)))
    gain = np.concatenate(gains)
    error = gain.std() / math.sqrt(max(1, gain.size))
    return bool(gain.size >= MIN_ALIKE and gain.mean() > max(least, SURE_OF_GAIN * error))


def _between(one: Extent, other: Extent, motion: Affine) -> Affine:
    """Convert a motion to a copy of another size."""
    scale = Affine.between(one, other)
    return scale.inverse.then(motion).then(scale)


def _plausible(moved: Affine, extent: Extent) -> bool:
    zoom = moved.factor
    degrees = math.degrees(math.atan2(moved.yx - moved.xy, moved.xx + moved.yy))
    middle = np.array([extent.width / 2, extent.height / 2])
    shift = float(np.abs(moved(middle) - middle).max())
    return (
        1 / MOST_ZOOM <= zoom <= MOST_ZOOM
        and abs(degrees) <= MOST_DEGREES
        and shift <= MOST_SHIFT * extent.longer
        and moved.determinant > 0
    )


def _valid(to_answer: Affine, answer: Extent, extent: Extent) -> Bounds | None:
    """Return the part, in whole px, of a picture of size `extent` that the answer covers."""
    (left, top), (right, bottom) = to_answer.inverse([[0, 0], [answer.width, answer.height]]).tolist()
    found = Bounds.whole_within(left, top, right, bottom)
    return found.intersection(Bounds.of(extent)) if found else None


def _corners(extent: Extent) -> Doubles:
    return np.array([[x, y] for x in (0, extent.width) for y in (0, extent.height)], np.float64)


def _gray(picture: Bytes) -> Bytes:
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture[..., :3]), cv2.COLOR_RGB2GRAY), np.uint8)
