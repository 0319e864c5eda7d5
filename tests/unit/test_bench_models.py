"""The fidelity benchmark's own truth: answers lie where their maps say, and the measures tell what is off."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))

from simulated import measures
from simulated.cases import Case, Scene
from simulated.models import MODELS, Edit, Model, resampled
from simulated.pictures import PHOTOGRAPHS, TEXTURELESS, picture
from simulated.selections import SELECTIONS

from venice_core.fitting import outgoing
from venice_core.geometry.affine import Affine, Points
from venice_core.geometry.rectangles import Extent

SENT = Extent(330, 290)
WAVES = ((0.31, 0.05, 0.0), (-0.07, 0.27, 1.0), (0.19, 0.21, 2.0), (0.23, -0.17, 4.0))  # radians per px
GEOMETRIC = [name for name, model in MODELS.items() if not (model.color or model.jpeg or model.noise)]


def pattern(points: Points) -> tuple[np.ndarray, np.ndarray]:
    """Gray levels at continuous points (..., 2), and their derivatives in x and y."""
    phases = [points[..., 0] * x + points[..., 1] * y + start for x, y, start in WAVES]
    slopes = [30 * np.cos(phase)[..., None] * wave[:2] for phase, wave in zip(phases, WAVES, strict=True)]
    return 127.5 + sum(30 * np.sin(phase) for phase in phases), sum(slopes)


def centres(extent: Extent) -> Points:
    return np.stack(np.meshgrid(np.arange(extent.width) + 0.5, np.arange(extent.height) + 0.5), axis=-1)


def misplaced(seen: np.ndarray, to_answer: Affine) -> float:
    """By how many px of what was sent the pattern is off at the worst corner: a fit of an affine movement."""
    at = to_answer.inverse(centres(Extent(seen.shape[1], seen.shape[0])))
    inside = ((at > 8) & (at < (SENT.width - 8, SENT.height - 8))).all(axis=-1)
    levels, slopes = pattern(at[inside])
    place = np.column_stack([np.ones(len(slopes)), at[inside] / (SENT.width, SENT.height)])
    unknowns = (slopes[:, :, None] * place[:, None, :]).reshape(-1, 6)
    fitted = np.linalg.solve(unknowns.T @ unknowns, unknowns.T @ (seen[inside] - levels))
    corners = np.array([[1.0, x, y] for x in (0, 1) for y in (0, 1)])
    return float(np.hypot(*(fitted.reshape(2, 3) @ corners.T)).max())


@pytest.mark.parametrize(
    "model",
    [*(MODELS[name] for name in GEOMETRIC), replace(MODELS["all"], color=False, jpeg=False, noise=False)],
    ids=[*GEOMETRIC, "all"],
)
def test_an_answer_lies_where_its_map_says(model: Model) -> None:
    """Before it is rounded, since that alone takes back movements of hundredths of a px."""
    levels = np.rint(pattern(centres(SENT))[0]).astype(np.uint8)
    edit = Edit(np.dstack([levels] * 3), np.ones(levels.shape, bool), ())
    for seed in range(2):
        answer = model.answer(edit, np.random.default_rng(seed))
        seen = answer.picture[..., 1]
        exact = resampled(edit.picture, answer.to_answer, Extent(seen.shape[1], seen.shape[0]))[..., 1]
        assert misplaced(exact, answer.to_answer) < 0.002
        bars = (seen == 0) | (seen == 255)
        assert np.abs(seen - exact)[~bars].max() <= 0.5 + 1e-3


def test_a_map_that_is_off_would_be_seen() -> None:
    levels, _ = pattern(centres(SENT))
    assert misplaced(levels, Affine()) == pytest.approx(0.0, abs=1e-9)
    assert misplaced(levels, Affine.shift(0.03, 0.0)) == pytest.approx(0.03, rel=0.05)


@pytest.mark.parametrize("name", ["all", "repainted", "replaced"])
def test_the_same_case_gives_the_same_answer(name: str) -> None:
    scene, case = Scene.of("chelsea", "corner"), Case("chelsea", "corner", name)
    one, other = scene.answer(case), scene.answer(case)
    assert np.array_equal(one.picture, other.picture)
    assert one.to_answer == other.to_answer


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("name", ["chelsea", "sky"])
def test_an_edit_keeps_what_is_not_selected_and_replaces_what_is(name: str, selection: str) -> None:
    scene = Scene.of(name, selection)
    sent = outgoing.to_send(scene.source, scene.plan)
    differs = (sent != scene.edit.picture).any(axis=-1)
    assert not differs[scene.edit.kept].any()
    assert differs[~scene.edit.kept].mean() > 0.8


def test_most_of_the_picture_is_replaced_where_that_is_said() -> None:
    scene = Scene.of("coffee", "corner")
    kept = scene.answer(Case("coffee", "corner", "replaced")).kept
    assert 0.2 < kept.mean() <= 0.4


def test_every_picture_and_selection_can_be_planned_and_the_plans_differ() -> None:
    scenes = [Scene.of("hubble", selection) for selection in SELECTIONS]
    assert len({scene.plan.crop for scene in scenes}) >= 4
    assert any(scene.plan.padding for scene in scenes)
    assert any(scene.plan.size != scene.plan.padded for scene in scenes)
    assert {bool(scene.plan.feather) for scene in scenes} == {True, False}  # hard and soft edges


@pytest.mark.parametrize("name", [*PHOTOGRAPHS, *TEXTURELESS])
def test_every_picture_is_rgb(name: str) -> None:
    pixels = picture(name)
    assert pixels.dtype == np.uint8
    assert pixels.shape[2:] == (3,)
    assert 0.1e6 < pixels[..., 0].size < 2.0e6


def test_the_residual_is_that_of_the_worst_point_in_px_of_what_was_sent() -> None:
    crop, to_sent = Extent(400, 300), Affine.shift(0, 50).then(Affine.scaling(0.5, 0.5))
    true = Affine.shift(3.0, -4.0).then(Affine.scaling(2.0, 4.0))
    assert measures.residual(to_sent.then(true), true, to_sent, crop) == pytest.approx(0.0, abs=1e-9)
    stretched = to_sent.then(Affine.scaling(2.0, 4.0))
    assert measures.residual(stretched, true, to_sent, crop) == pytest.approx(5.0)
    zoomed = to_sent.then(Affine.scaling(2.02, 4.0))
    assert measures.residual(zoomed, Affine.scaling(2.0, 4.0), to_sent, crop) == pytest.approx(2.0)


def test_a_brighter_inside_is_a_step_of_as_much_and_a_brighter_ring_a_difference_in_color() -> None:
    scene = Scene.of("coffee", "border")
    everything = np.ones(scene.mask.shape, bool)
    brighter = scene.ideal.copy()
    brighter[scene.mask > 0, :3] = np.minimum(brighter[scene.mask > 0, :3].astype(int) + 7, 255)
    assert measures.seam_step(brighter, scene.ideal, scene.mask, everything) == pytest.approx(7.0, abs=0.5)
    assert measures.seam_step(scene.ideal, scene.ideal, scene.mask, everything) == 0.0
    edited = scene.coverage > 0
    layer = np.where(edited[..., None], np.uint8(0), scene.source)
    assert measures.ring_differences(layer, scene.source, edited) == (pytest.approx(0.0, abs=0.02), 0.0)
    tinted = layer.copy()
    tinted[..., 0] = np.minimum(tinted[..., 0].astype(int) + 12, 255)
    smooth, raw = measures.ring_differences(tinted, scene.source, edited)
    assert smooth > 1.0
    assert raw > 1.0
