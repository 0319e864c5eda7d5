"""Where a returned picture shows what was sent, measured on what should not have changed.

A picture of another shape may have been stretched, cut at two sides or given bars; the features of both
pictures tell. How it moved beside that is measured by registration, and believed only where the movement is
several times as large as the measurement is unsure, and where parts of the picture that it was not measured
on agree better.
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
"""Larger pictures are registered at this size: there are more than enough pixels."""
SMALL_SIDE = 256
"""The longer side of the copies in which the search begins: a movement of 1 % is 2 px there."""
SMALL_SMOOTH = 2.0
FINE_SMOOTH = 1.2
"""In px, both: what is finer is noise, or was lost when the answer was compressed."""
ROUGHLY = 0.05
"""In px of the small copies: what is found there is only a start."""
ENOUGH_ALIKE = 0.5
"""The share of blocks that agree in the small copies with which the search by features is not needed."""

MOST_ZOOM = 1.12
MOST_DEGREES = 4.0
MOST_SHIFT = 0.1
"""A share of the longer side. What is beyond these is another picture, not one that moved."""

LEAST_MOVEMENT = 0.03
"""In px: nobody sees less, and every resampling costs some sharpness."""
SURE = 2.5
"""A movement must be so many standard deviations large."""
SURE_OF_SHEAR = 8.0
"""So many standard deviations for more than a shift, a zoom and a rotation, which models hardly ever do."""
VAGUE = 0.1
"""In px: what is less sure than that, somewhere in the picture, is not known."""
MOSTLY = 0.5
"""Where fewer of the blocks are alike, a movement must help clearly."""

ALIKE = 0.6
"""The correlation of a block that is the same in both."""
MIN_ALIKE = 4
NO_LESS = 0.3
"""Below this correlation a block shows something else, whatever the figure."""
EXACT = 0.001
"""A disagreement that is none."""
SURE_OF_GAIN = 3.0
"""The mean gain of the blocks held back must be so many standard errors above 0."""
AS_GOOD = 0.1
"""Guesses whose logarithms of disagreement differ by less are equally good."""
LEAST_GAIN = 0.05
CLEAR_GAIN = 1.2
"""By how much they must disagree less, as a natural logarithm: by a twentieth, and to less than a third."""


class Alignment(str, Enum):
    """What is known of a movement."""

    OFF = "off"
    MOVED = "moved"
    IN_PLACE = "in place"
    NO_DETAIL = "no detail"
    CHANGED = "changed"


@dataclass(frozen=True)
class AlignmentResult:
    """Where the answer shows what was sent: `motion`, within what was sent, and then `base`.

    `shape`: "stretched", "cropped" or "letterboxed" for a `base` between different shapes, else "".
    """

    base: Affine
    motion: Affine
    alignment: Alignment
    shape: str = ""

    def part_of(self, sent: Extent, answer: Extent) -> Bounds:
        """The part of the answer, in whole px, that shows what was sent: all of it but bars."""
        whole = Bounds.of(answer)
        if self.shape != "letterboxed":
            return whole
        (left, top), (right, bottom) = self.base([[0, 0], [sent.width, sent.height]]).tolist()
        found = Bounds.whole_within(left, top, right, bottom)
        return (found.intersection(whole) if found else None) or whole

    @property
    def without_motion(self) -> AlignmentResult:
        """The same shape without the movement, which something else speaks against."""
        return replace(self, motion=Affine(), alignment=Alignment.CHANGED)

    @property
    def to_answer(self) -> Affine:
        """From coordinates of what was sent to those of the answer."""
        return self.motion.then(self.base)


def of_one_shape(sent: Extent, answer: Extent) -> AlignmentResult | None:
    """What there is to find without looking, if no movement is asked for; None for two shapes."""
    bases = _bases(sent, answer)
    return AlignmentResult(bases[""], Affine(), Alignment.OFF) if len(bases) == 1 else None


def find(sent: Bytes, answer: Bytes, reference_mask: Flags, *, move: bool = True) -> AlignmentResult:
    """Compare two RGB pictures where `reference_mask`, of the shape of `sent`, expects no difference.

    Without `move` only the answer's shape is asked for: see `of_one_shape`.
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
    """How a picture of one size may have become one of another; one way where the shapes are equal."""
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
    """What was sent and what was returned, gray, each of its own size; `reference_mask` is of the first's."""

    before: Bytes
    after: Bytes
    reference_mask: Flags

    @property
    def extent(self) -> Extent:
        return Extent.of_shape(self.before.shape)

    def registration(self, base: Affine, extent: Extent, smooth: float) -> Registration | None:
        """Both at the size `extent`; None where the answer has no pixel of it."""
        to_answer = Affine.between(extent, self.extent).then(base)
        valid = _valid(to_answer, Extent.of_shape(self.after.shape), extent)
        if valid is None:
            return None
        before = resize(self.before, extent).astype(np.float32)
        reference_mask = resize(self.reference_mask.astype(np.uint8), extent) > 0
        return Registration(before, warp(self.after, to_answer, extent), reference_mask, valid, smooth)


def _start(pair: _Pair, bases: dict[str, Affine]) -> tuple[str, Affine]:
    """The shape that is most likely, and the movement to a px or so; no movement where nothing tells."""
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
    """A shape and a movement beside it; `disagreement`: a logarithm; `alike`: the share that agrees."""

    shape: str
    motion: Affine
    disagreement: float = 0.0
    alike: float = 0.0


def _seen_small(pair: _Pair, shape: str, base: Affine) -> _Guess | None:
    """As small copies show it; None where they show no detail."""
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
    """As features show it: of the shapes about which enough of them agree."""
    ours, theirs = Features.of(pair.before, pair.reference_mask), Features.of(pair.after)
    guesses = []
    for shape, base in bases.items():
        found = motion(ours, theirs.with_transform(base.inverse), pair.extent)
        if found is not None and _plausible(found[0], pair.extent):
            guesses.append(_Guess(shape, found[0], -math.log(found[1])))
    return guesses


def _moved(pair: _Pair, base: Affine, start: Affine) -> tuple[Affine, Alignment]:
    """What is sure of the movement near `start`; no movement where that is nothing."""
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
    """What is sure of a movement about which blocks agree, `mostly` or some."""
    moved, free = _model(registration, similar)
    corners = _corners(registration.extent)
    far = np.hypot(*(moved(corners) - corners).T)
    deviation = registration.uncertainty(registration.spread(moved, free), corners)
    if deviation.max() > VAGUE:
        return Affine(), Alignment.NO_DETAIL if mostly else Alignment.CHANGED
    worst = far.argmax()
    if far[worst] < max(LEAST_MOVEMENT, SURE * deviation[worst]):
        return Affine(), Alignment.IN_PLACE
    if not _helps(registration, moved, free, LEAST_GAIN if mostly else CLEAR_GAIN):
        return Affine(), Alignment.IN_PLACE if mostly else Alignment.CHANGED
    return moved, Alignment.MOVED


def _model(registration: Registration, similar: Affine) -> tuple[Affine, Doubles]:
    """The movement with as many free numbers as the evidence bears, and these."""
    corners = _corners(registration.extent)
    sheared = registration.refine(similar, AFFINE)
    spread = registration.spread(sheared, AFFINE)
    xx, xy, _, yx, yy, _ = registration.numbers(sheared)
    shear = np.array([[1, 0, 0, 0, -1, 0], [0, 1, 0, 1, 0, 0]], np.float64)
    deviations = np.sqrt(np.maximum(np.diag(shear @ spread @ shear.T), 1e-12))
    sure = bool((np.abs([xx - yy, xy + yx]) / deviations).max() > SURE_OF_SHEAR)
    sure = sure and bool(registration.uncertainty(spread, corners).max() < VAGUE)
    return (sheared, AFFINE) if sure and _plausible(sheared, registration.extent) else (similar, SIMILARITY)


def _helps(registration: Registration, moved: Affine, free: Doubles, least: float) -> bool:
    """Whether blocks disagree less, by `least` on the mean, after the movement as the other blocks have it.

    How much less is the logarithm of a ratio, so that no block outweighs the others.
    """
    still = registration.agreement(Affine())
    gains = []
    for half, held_back in registration.halves(moved, free):
        after = registration.agreement(half)
        asked = held_back & registration.textured & (np.maximum(still, after) > NO_LESS)
        gains.append(np.log((1.0 - still[asked] + EXACT) / (1.0 - after[asked] + EXACT)))
    gain = np.concatenate(gains)
    error = gain.std() / math.sqrt(max(1, gain.size))
    return bool(gain.size >= MIN_ALIKE and gain.mean() > max(least, SURE_OF_GAIN * error))


def _between(one: Extent, other: Extent, motion: Affine) -> Affine:
    """The same movement in a copy of another size."""
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
    """The part of a picture of size `extent`, in whole px, of which the answer has pixels."""
    (left, top), (right, bottom) = to_answer.inverse([[0, 0], [answer.width, answer.height]]).tolist()
    found = Bounds.whole_within(left, top, right, bottom)
    return found.intersection(Bounds.of(extent)) if found else None


def _corners(extent: Extent) -> Doubles:
    return np.array([[x, y] for x in (0, extent.width) for y in (0, extent.height)], np.float64)


def _gray(picture: Bytes) -> Bytes:
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture[..., :3]), cv2.COLOR_RGB2GRAY), np.uint8)
