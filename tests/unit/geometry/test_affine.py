"""Maps of the plane, and the plan's map to what is sent: composing them loses nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Bounds, Extent, Padding
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.plan import Plan

EXACT = 1e-6
"""In px."""

sides = st.integers(1, 30_000)
extents = st.builds(Extent, sides, sides)
offsets = st.integers(-30_000, 30_000)
plans = st.builds(
    lambda bounds, padding, size: Plan(Endpoint.EDIT, "venice", "m", "p", bounds, padding, size),
    st.builds(Bounds, offsets, offsets, sides, sides),
    st.builds(Padding, *[st.integers(0, 5000)] * 4),
    extents,
)
points = st.lists(st.tuples(*[st.floats(-30_000, 60_000)] * 2), min_size=1, max_size=20).map(np.array)
shares = st.lists(st.tuples(*[st.floats(0, 1)] * 2), min_size=1, max_size=20).map(np.array)
"""Points inside a picture, as shares of its sides."""


def near_identity(zoom: float, degrees: float, x: float, y: float) -> Affine:
    cos, sin = zoom * math.cos(math.radians(degrees)), zoom * math.sin(math.radians(degrees))
    return Affine(cos, -sin, x, sin, cos, y)


movements = st.builds(
    near_identity, st.floats(0.8, 1.25), st.floats(-180, 180), *[st.floats(-5000, 5000)] * 2
)


def inside(bounds: Bounds, share: np.ndarray) -> np.ndarray:
    return np.array([bounds.x, bounds.y]) + share * (bounds.width, bounds.height)


@given(movements, movements, points)
def test_a_composed_map_does_what_both_do_one_after_the_other(
    one: Affine, other: Affine, at: np.ndarray
) -> None:
    assert np.abs(one.then(other)(at) - other(one(at))).max() < EXACT


@given(movements, movements, movements, points)
def test_in_which_order_maps_are_composed_makes_no_difference(
    a: Affine, b: Affine, c: Affine, at: np.ndarray
) -> None:
    assert np.abs(a.then(b).then(c)(at) - a.then(b.then(c))(at)).max() < EXACT


@given(movements, points)
def test_the_inverse_undoes_a_map(movement: Affine, at: np.ndarray) -> None:
    assert np.abs(movement.inverse(movement(at)) - at).max() < EXACT
    assert np.abs(movement(movement.inverse(at)) - at).max() < EXACT


@given(movements, movements)
def test_lengths_grow_by_the_product_of_the_factors(one: Affine, other: Affine) -> None:
    assert one.then(other).factor == pytest.approx(one.factor * other.factor)
    assert one.inverse.factor == pytest.approx(1 / one.factor)


def test_a_point_moves_as_the_equations_say() -> None:
    assert Affine(2, 3, 5, 7, 11, 13)([1.0, 10.0]).tolist() == [2 + 30 + 5, 7 + 110 + 13]
    assert Affine.shift(2, -3).then(Affine.scaling(10, 100))([0.0, 0.0]).tolist() == [20, -300]


def test_points_keep_their_shape() -> None:
    assert Affine.shift(1, 2)(np.zeros((4, 5, 2))).shape == (4, 5, 2)


def test_a_map_that_flattens_the_plane_has_no_inverse() -> None:
    with pytest.raises(ZeroDivisionError):
        _ = Affine.scaling(0, 1).inverse


def test_farthest_is_the_corner_that_moves_most() -> None:
    assert Affine.shift(3, 4).farthest(Extent(100, 50)) == pytest.approx(5)
    assert Affine.scaling(1.01, 1.0).farthest(Extent(200, 50)) == pytest.approx(2)
    assert Affine().farthest(Extent(7, 9)) == 0
    turned = near_identity(1, 180, 0, 0)
    assert turned.farthest(Extent(30, 40)) == pytest.approx(100), "the corner opposite the origin"


def test_a_map_survives_as_a_matrix() -> None:
    given_map = Affine(1.5, 0.25, -3, -0.5, 0.75, 9)
    assert Affine.from_matrix(given_map.matrix) == given_map
    assert Affine.from_matrix(given_map.matrix[:2]) == given_map


# What is sent


@given(plans, shares)
def test_there_and_back_is_exact_for_any_crop_padding_and_size(plan: Plan, share: np.ndarray) -> None:
    at = inside(plan.crop, share)
    assert np.abs(plan.to_sent.inverse(plan.to_sent(at)) - at).max() < EXACT
    sent = share * (plan.size.width, plan.size.height)
    assert np.abs(plan.to_sent(plan.to_sent.inverse(sent)) - sent).max() < EXACT


@given(plans)
def test_the_crops_corners_lie_at_the_inner_corners_of_the_padding(plan: Plan) -> None:
    across, down = plan.size.width / plan.padded.width, plan.size.height / plan.padded.height
    left, top = plan.padding.left * across, plan.padding.top * down
    right = plan.size.width - plan.padding.right * across
    bottom = plan.size.height - plan.padding.bottom * down
    crop = plan.crop
    corners = plan.to_sent([[crop.x, crop.y], [crop.right, crop.bottom]])
    assert np.abs(corners - [[left, top], [right, bottom]]).max() < EXACT


@given(plans, extents, movements, shares)
def test_the_whole_way_to_the_answer_is_that_of_its_steps(
    plan: Plan, answer: Extent, movement: Affine, share: np.ndarray
) -> None:
    at = share * (plan.crop.width, plan.crop.height)
    stretch = Affine.between(plan.size, answer)
    whole = Affine.shift(plan.crop.x, plan.crop.y).then(plan.to_sent).then(movement).then(stretch)
    padded = at + np.array([plan.padding.left, plan.padding.top])
    sent = padded / (plan.padded.width, plan.padded.height) * (plan.size.width, plan.size.height)
    returned = movement(sent) / (plan.size.width, plan.size.height) * (answer.width, answer.height)
    # an answer may be 30,000 times as large as what was sent: a millionth of a px, or of the larger of both
    scale = max(1.0, answer.width / plan.size.width, answer.height / plan.size.height)
    assert np.abs(whole(at) - returned).max() < EXACT * scale


@given(plans)
def test_unscaled_and_unpadded_the_map_is_a_shift_by_whole_pixels(plan: Plan) -> None:
    own = Plan(Endpoint.EDIT, "venice", "m", "p", plan.crop, Padding(), plan.crop.extent)
    assert own.to_sent == Affine.shift(-plan.crop.x, -plan.crop.y)
