"""One case of the benchmark: a picture, a selection and a model, on the path that a real run takes."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np

from simulated import measures
from simulated.models import MODELS, Edit, ReturnedImage, content
from simulated.pictures import PHOTOGRAPHS, picture
from simulated.selections import SELECTIONS
from venice_core.execution.inputs import Prepared
from venice_core.fitting import edit as fit
from venice_core.fitting import outgoing
from venice_core.fitting import placed as placed_module
from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.imaging import compositing
from venice_core.imaging.arrays import Coverage, Pixels
from venice_core.job import Action, Job, Options
from venice_core.planning.plan import Plan
from venice_core.planning.planner import make_plan
from venice_core.planning.selection import Selection
from venice_core.providers.venice.model_entries import packaged_catalogue
from venice_core.providers.venice.provider import Venice
from venice_core.secret import Secret

FADE = 2.0
"""In px: over how much the replaced content is blended in, inside the selection."""
OFF = Options(align=False, match_colors=False, blend_seam=False)
ON = Options()
SAME = 1e-6
"""In px: two maps that differ by less are the same."""


@dataclass(frozen=True)
class Case:
    """Named `picture/selection/model`; `seed` is that of its chances."""

    picture: str
    selection: str
    model: str
    base_seed: int = 0

    @property
    def name(self) -> str:
        return f"{self.picture}/{self.selection}/{self.model}"

    @property
    def seed(self) -> int:
        return zlib.crc32(f"{self.name}/{self.base_seed}".encode())


@dataclass(frozen=True)
class Side:
    """What came out before or after.

    `residual` in px of what was sent, `ring` and `ring_raw` in ΔE2000 with and without smoothing, `step` in
    8-bit levels, `changed`: how many pixels did where the mask is 0.
    """

    residual: float
    ring: float
    ring_raw: float
    step: float
    changed: int


@dataclass(frozen=True)
class Outcome:
    """`before` is without alignment, colors and seam, `after` with them.

    `moved`: the map that was used is not the plain stretch.
    """

    case: Case
    before: Side
    after: Side
    moved: bool
    matched: bool
    blended: bool


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture with a selection, planned as a run plans it, and what a perfect model makes of it.

    `source` is the crop, RGBA; `edit` and what it holds are of the size that is sent.
    """

    picture: str
    selection: str
    plan: Plan
    source: Pixels
    coverage: Coverage
    mask: Coverage
    edit: Edit

    @classmethod
    def of(cls, name: str, selection: str, fade: float = FADE) -> Scene:
        whole, chosen = picture(name), SELECTIONS[selection]
        extent = Extent(whole.shape[1], whole.shape[0])
        layer = Bounds.of(extent)
        options = Options(prompt="replace it", context=chosen.context, aspect_ratio=chosen.aspect_ratio)
        job = Job(Action.EDIT, layer, extent, layer, options)
        prepared = _prepared(job, chosen.coverage(extent), chosen.most)
        plan, coverage, mask = prepared.plan, prepared.coverage, prepared.mask
        assert coverage is not None and mask is not None  # something is selected
        cropped = whole[plan.crop.slices]
        source = np.dstack([cropped, np.full(cropped.shape[:2], 255, np.uint8)])
        rng = np.random.default_rng(zlib.crc32(f"{name}/{selection}".encode()))
        others = [picture(each) for each in PHOTOGRAPHS if each != name]
        edit = _edited(outgoing.to_send(source, plan), coverage, plan, others, fade, rng)
        return cls(name, selection, plan, source, coverage, mask, edit)

    @property
    def to_sent(self) -> Affine:
        """From px of the crop."""
        return self.plan.crop_to_sent

    @property
    def megapixels(self) -> float:
        return self.plan.crop.extent.pixels / 1e6

    @cached_property
    def ideal(self) -> Pixels:
        """The composite with a perfect model's answer."""
        return self.composite(self.place(self.edit.picture, OFF).pixels)

    def stretched(self, answer: Pixels) -> Affine:
        """From px of the crop to the answer, by its size alone."""
        return self.to_sent.then(Affine.between(self.plan.size, _extent(answer)))

    def place(self, answer: Pixels, options: Options) -> placed_module.Placed:
        return fit.place(answer, self.source, self.plan, self.coverage, self.mask, options)

    def composite(self, layer: Pixels) -> Pixels:
        return compositing.composite(self.source, layer, self.mask)

    def answer(self, case: Case) -> ReturnedImage:
        return MODELS[case.model].answer(self.edit, np.random.default_rng(case.seed))

    def outcome(self, case: Case) -> Outcome:
        answer = self.answer(case)
        edited, answered = self._edited(answer), self._answered(answer)
        sides, maps = [], []
        for options in (OFF, ON):
            placed = self.place(answer.picture, options)
            used = placed.to_answer
            composite = self.composite(placed.pixels)
            smooth, raw = measures.ring_differences(placed.pixels, self.source, edited)
            side = Side(
                measures.residual(used, answer.to_answer, self.to_sent, self.plan.crop.extent),
                smooth,
                raw,
                measures.seam_step(composite, self.ideal, self.mask, answered),
                int((composite != self.source)[self.mask == 0].any(axis=-1).sum()),
            )
            sides.append(side)
            maps.append(used)
        fitting = placed.fitting
        off = measures.residual(maps[1], self.stretched(answer.picture), Affine(), self.plan.crop.extent)
        return Outcome(
            case,
            sides[0],
            sides[1],
            moved=off > SAME,
            matched=bool(fitting and fitting.matched),
            blended=bool(fitting and fitting.blended),
        )

    def _edited(self, answer: ReturnedImage) -> measures.Mask:
        """Where the content is not the source's, at the crop's size."""
        replaced = self._from_sent((~answer.kept).astype(np.uint8))
        return (replaced > 0) | (self.coverage > 0)

    def _answered(self, answer: ReturnedImage) -> measures.Mask:
        """Where the answer has pixels, with some room to its edge, at the crop's size."""
        used = self.to_sent.then(answer.to_answer)
        height, width = self.coverage.shape
        points = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)
        x, y = np.moveaxis(used(points), -1, 0)
        size, room = _extent(answer.picture), 2.0
        return (x > room) & (x < size.width - room) & (y > room) & (y < size.height - room)

    def _from_sent(self, flags: np.ndarray) -> np.ndarray:
        matrix = self.to_sent.matrix[:2].copy()
        matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5  # OpenCV: pixel centres are whole
        extent = self.plan.crop.extent
        flag = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(flags, matrix, (extent.width, extent.height), flags=flag)


def _prepared(job: Job, coverage: Coverage, most: int | None) -> Prepared:
    """As for Venice, which may take no more than `most` px."""
    venice = Venice(Secret("unused"), catalogue=packaged_catalogue())
    if most is None:
        return Prepared.of(job, coverage, venice)
    can = replace(venice.capabilities, limits=replace(venice.capabilities.limits, max_pixels=most))
    selection = Selection.of(job, coverage)
    return Prepared(job, make_plan(job, selection, can), selection)


class Task(NamedTuple):
    """All models on one picture with one selection."""

    picture: str
    selection: str
    models: tuple[str, ...]
    base_seed: int


def outcomes(task: Task) -> list[Outcome]:
    scene = Scene.of(task.picture, task.selection)
    return [scene.outcome(Case(task.picture, task.selection, model, task.base_seed)) for model in task.models]


def seconds(scene: Scene, case: Case) -> tuple[float, float]:
    """What `fit.place` takes, and what it takes without alignment, colors and seam; each in a second run."""
    answer = scene.answer(case).picture
    times = []
    for options in (ON, OFF):
        for _ in range(2):
            start = time.perf_counter()
            scene.place(answer, options)
            last = time.perf_counter() - start
        times.append(last)
    return times[0], times[1]


def _edited(
    sent: Pixels, coverage: Coverage, plan: Plan, others: list[Pixels], fade: float, rng: np.random.Generator
) -> Edit:
    """The picture sent with other content where the selection's support is, blended in over `fade` px."""
    depth = cv2.distanceTransform((coverage > 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    inside = np.rint(255 * np.clip(depth / fade, 0.0, 1.0)).astype(np.uint8)
    share = outgoing.mask_to_send(inside, plan)
    rows, columns = np.flatnonzero(share.any(axis=1)), np.flatnonzero(share.any(axis=0))
    box = Bounds.from_edges(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    new = content(others[int(rng.integers(len(others)))], box.extent, rng)
    weight = share[box.slices].astype(np.float32)[..., None] / 255.0
    made = sent.copy()
    made[box.slices] = np.rint(sent[box.slices] * (1.0 - weight) + new * weight).astype(np.uint8)
    return Edit(made, share == 0, tuple(others))


def _extent(pixels: Pixels) -> Extent:
    return Extent(pixels.shape[1], pixels.shape[0])
