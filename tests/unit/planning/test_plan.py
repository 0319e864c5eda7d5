"""What is sent for a job: crop, shape, size, endpoint, prompt, price."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from venice_core.errors import BadInput
from venice_core.geometry.aspect_ratio import parse_ratio, with_ratio
from venice_core.geometry.rectangles import Bounds, Extent, Padding
from venice_core.job import Action, Job, Options, Output, SelectionUse
from venice_core.planning.capabilities import IMAGE, INPAINT, Capabilities, Catalogue, Limits, Model
from venice_core.planning.edit import MASK_SENTENCES
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.model_support import choices
from venice_core.planning.plan import Plan
from venice_core.planning.planner import make_plan
from venice_core.planning.selection import Selection
from venice_core.providers.openai.profile import ServiceProfiles
from venice_core.providers.openai.provider import OpenAI
from venice_core.providers.venice.model_entries import packaged_catalogue, read_model
from venice_core.providers.venice.provider import ASPECT_RATIOS, DEFAULT_MODEL, Venice
from venice_core.secret import Secret

CANVAS = Extent(3000, 2000)
LAYER = Bounds(-100, 50, 2400, 1800)


def selected(
    box: Bounds,
    layer: Bounds = LAYER,
    *,
    action: Action = Action.EDIT,
    canvas: Extent = CANVAS,
    **options: Any,
) -> tuple[Job, Selection]:
    """A job with a rectangle selected, in image coordinates."""
    job = Job(action, layer, canvas, box, Options(**{"prompt": "a blue door", **options}))
    return job, Selection.of(job, np.full((box.height, box.width), 255, np.uint8))


def unselected(layer: Bounds = LAYER, action: Action = Action.EDIT, **options: Any) -> tuple[Job, None]:
    return Job(action, layer, CANVAS, None, Options(**{"prompt": "a blue door", **options})), None


def venice(*models: Model, **more: Any) -> Capabilities:
    """Venice's limits, with these models; the first is the default."""
    catalogue = Catalogue({model.id: model for model in models}) if models else packaged_catalogue()
    default = models[0].id if models else DEFAULT_MODEL
    known = Venice(Secret("k"), catalogue=catalogue).capabilities
    return replace(known, default_model=default, **more)


BOX = Bounds(400, 300, 600, 200)


# Geometry

sides = st.integers(1, 4000)


@st.composite
def requests(draw: st.DrawFn) -> tuple[Job, Selection | None, Capabilities]:
    canvas = Extent(draw(sides), draw(sides))
    layer = Bounds(draw(st.integers(-2000, 3000)), draw(st.integers(-2000, 3000)), draw(sides), draw(sides))
    options = Options(
        prompt="x",
        context=draw(st.sampled_from([-1, -1, 0, 1, 40, 3000])),
        selection=draw(st.sampled_from(list(SelectionUse))),
    )
    limits = Limits(
        min_pixels=draw(st.sampled_from([1, 4096, 65_536])),
        max_pixels=draw(st.sampled_from([500_000, 2_000_000, 33_177_600])),
        min_side=draw(st.sampled_from([1, 16, 64])),
        max_images=3,
    )
    offered = draw(st.lists(st.sampled_from(("auto", *ASPECT_RATIOS)), max_size=4, unique=True))
    model = Model("m", aspect_ratios=tuple(offered))
    visible = layer.intersection(Bounds.of(canvas))
    job, selection = Job(Action.EDIT, layer, canvas, None, options), None
    if visible is not None and draw(st.booleans()):
        width, height = draw(st.integers(1, visible.width)), draw(st.integers(1, visible.height))
        x = visible.x + draw(st.integers(0, visible.width - width))
        y = visible.y + draw(st.integers(0, visible.height - height))
        box = Bounds(x, y, width, height)
        job = Job(Action.EDIT, layer, canvas, box, options)
        if job.selected:
            selection = Selection(box, np.empty((0, 0), np.uint8), box, hard=True)
    return job, selection, venice(model, limits=limits)


def planned(request: tuple[Job, Selection | None, Capabilities]) -> Plan:
    try:
        return make_plan(*request)
    except BadInput as error:
        assume("too long and narrow" not in error.detail)
        raise


@given(requests())
def test_the_crop_lies_in_the_layer_and_holds_what_is_selected(request_: Any) -> None:
    job, selection, _ = request_
    plan = planned(request_)
    assert job.layer.contains(plan.crop)
    if selection is not None:
        assert plan.crop.contains(selection.support)
    else:
        assert plan.crop == job.layer


@given(requests())
def test_what_is_sent_is_within_the_limits(request_: Any) -> None:
    limits = request_[2].limits
    plan = planned(request_)
    assert plan.size.pixels <= limits.max_pixels
    assert plan.size.pixels >= limits.min_pixels
    assert plan.size.shorter >= limits.min_side
    if plan.padded.pixels <= limits.max_pixels:
        assert plan.size == plan.padded


@given(requests())
def test_what_is_sent_has_an_accepted_shape_to_the_pixel(request_: Any) -> None:
    model = request_[2].catalogue.get("m")
    plan = planned(request_)
    accepted = [ratio for name in model.aspect_ratios if (ratio := parse_ratio(name)) is not None]
    if not accepted:
        assert plan.aspect_ratio == ""
        return
    ratio = parse_ratio(plan.aspect_ratio)
    assert ratio in accepted
    width, height = plan.padded.width, plan.padded.height
    assert min(abs(width - height * ratio), abs(height - width / ratio)) <= 1
    # scaling floors each side
    assert abs(plan.size.ratio / plan.padded.ratio - 1) <= 1 / plan.size.shorter


@given(requests())
def test_the_same_job_gives_the_same_plan(request_: Any) -> None:
    assert planned(request_) == planned(request_)


@given(requests())
def test_padding_is_for_what_the_layer_lacks_only(request_: Any) -> None:
    job, _, _ = request_
    plan = planned(request_)
    if plan.padding.left or plan.padding.right:
        assert plan.crop.width == job.layer.width
    if plan.padding.top or plan.padding.bottom:
        assert plan.crop.height == job.layer.height


@pytest.mark.parametrize(
    ("box", "margin"),
    [
        (Bounds(700, 700, 600, 200), 300),
        (Bounds(700, 700, 200, 601), 301),
        (Bounds(700, 700, 128, 128), 64),
        (Bounds(1000, 800, 130, 10), 65),
        (Bounds(1000, 800, 30, 20), 113),  # 64, and then as much as the service's minimum of 256 x 256 needs
    ],
)
def test_automatic_context_is_half_the_longer_side_and_at_least_64_px(box: Bounds, margin: int) -> None:
    plan = make_plan(*selected(box), venice())
    if margin == 113:
        assert (plan.crop.width, plan.crop.height) == (256, 256)
        assert (plan.crop.x, plan.crop.y) == (1000 - 113, 800 - 118)
    else:
        assert plan.crop.contains(box.pad(margin, within=LAYER))
        assert plan.crop.x == box.x - margin
        assert plan.crop.right == box.right + margin


def test_context_stops_at_the_layer() -> None:
    plan = make_plan(*selected(Bounds(0, 100, 2200, 1700)), venice())
    assert plan.crop == LAYER
    assert not plan.padding


@pytest.mark.parametrize("context", [0, 10, 250])
def test_context_is_as_asked_around_what_grows(context: int) -> None:
    job, selection = selected(BOX, context=context, grow=7)
    assert make_plan(job, selection, venice()).crop == BOX.pad(7 + context, within=LAYER)


def test_a_layer_below_the_minimum_is_padded_evenly_and_says_so() -> None:
    plan = make_plan(*unselected(Bounds(5, 6, 100, 41)), venice())
    assert plan.crop == Bounds(5, 6, 100, 41)
    assert plan.padding == Padding(78, 107, 78, 108)
    assert plan.size == plan.padded == Extent(256, 256)
    assert "padded to 256 × 256 px" in plan.warnings[0]


def test_a_crop_above_the_maximum_is_scaled_down_and_says_so() -> None:
    plan = make_plan(*unselected(Bounds(0, 0, 9000, 6000)), venice())
    assert plan.size.pixels <= 33_177_600 < (plan.size.width + 1) * (plan.size.height + 1)
    assert not plan.padding
    assert "9000 × 6000 px is sent at" in plan.warnings[0]


def test_a_shape_no_service_takes_is_refused_before_sending() -> None:
    with pytest.raises(BadInput, match="too long and narrow"):
        make_plan(*unselected(Bounds(0, 0, 10_000_000, 64)), venice())


def test_the_shape_is_reached_with_real_pixels_first() -> None:
    square_only = Model("m", aspect_ratios=("1:1",))
    plan = make_plan(*selected(BOX, context=0), venice(square_only))
    assert plan.crop.extent == Extent(600, 600)
    assert not plan.padding
    assert plan.crop.y + 300 == BOX.y + 100, "the selection is not in the middle"
    assert plan.aspect_ratio == "1:1"


def test_the_nearest_shape_is_taken() -> None:
    model = Model("m", aspect_ratios=("auto", "1:1", "16:9", "9:16", "3:2"))
    for layer, expected in [((1920, 1080), "16:9"), ((1000, 1010), "1:1"), ((900, 1700), "9:16")]:
        assert make_plan(*unselected(Bounds(0, 0, *layer)), venice(model)).aspect_ratio == expected


def test_a_model_that_keeps_the_inputs_shape_gets_it_as_it_is() -> None:
    model = Model("m", aspect_ratios=("1:1",), keeps_shape=True)
    plan = make_plan(*unselected(), venice(model))
    assert plan.size == LAYER.extent
    assert plan.aspect_ratio == ""
    assert make_plan(*selected(BOX), venice(model)).aspect_ratio == "1:1"  # multi-edit does not keep it


@given(sides, sides, st.sampled_from(ASPECT_RATIOS))
def test_an_extent_of_a_ratio_holds_the_first_and_is_no_larger_than_needed(
    width: int, height: int, name: str
) -> None:
    ratio = parse_ratio(name)
    assert ratio is not None
    inner, outer = Extent(width, height), with_ratio(Extent(width, height), ratio)
    assert outer.width >= width
    assert outer.height >= height
    assert outer.width == inner.width or outer.height == inner.height
    assert min(abs(outer.width - outer.height * ratio), abs(outer.height - outer.width / ratio)) <= 1


bounds = st.builds(Bounds, st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 80), st.integers(1, 80))


@given(bounds, st.builds(Extent, st.integers(1, 120), st.integers(1, 120)), bounds)
def test_widening_holds_the_rectangle_and_stays_inside(one: Bounds, wanted: Extent, within: Bounds) -> None:
    inner = one.intersection(within)
    assume(inner is not None)
    assert inner is not None
    wide = inner.widen(wanted, within)
    assert within.contains(wide)
    assert wide.contains(inner)
    assert wide.width == min(max(inner.width, wanted.width), within.width)
    assert wide.height == min(max(inner.height, wanted.height), within.height)


@given(bounds, bounds)
def test_the_intersection_is_what_both_hold(one: Bounds, other: Bounds) -> None:
    common = one.intersection(other)
    assert common == other.intersection(one)
    pixels = {(x, y) for x in range(one.x, one.right) for y in range(one.y, one.bottom)} & {
        (x, y) for x in range(other.x, other.right) for y in range(other.y, other.bottom)
    }
    assert (common.extent.pixels if common else 0) == len(pixels)


@pytest.mark.parametrize(
    ("text", "ratio"),
    [("16:9", 16 / 9), ("9:19.5", 9 / 19.5), ("1:1", 1.0), ("auto", None), ("", None), ("16x9", None)]
    + [(text, None) for text in ("1:0", "0:1", "-1:2", "nan:1", "inf:1", ":", "1:2:3")],
)
def test_ratios_are_read_from_text(text: str, ratio: float | None) -> None:
    assert parse_ratio(text) == ratio


# Endpoint

ONE = Model("one", "One Image", max_images=1)
PLAIN = Model("plain")
FINE = Model("fine", qualities=("low", "high"), resolutions=("1K", "2K"))


@pytest.mark.parametrize(
    ("selection", "model", "options", "endpoint", "images"),
    [
        (None, PLAIN, {}, Endpoint.EDIT, 1),
        ("guide", PLAIN, {}, Endpoint.MULTI_EDIT, 2),
        ("local", PLAIN, {}, Endpoint.EDIT, 1),
        ("ignore", PLAIN, {}, Endpoint.EDIT, 1),
        ("guide", ONE, {}, Endpoint.EDIT, 1),
        ("local", ONE, {}, Endpoint.EDIT, 1),
        (None, FINE, {"quality": "high"}, Endpoint.MULTI_EDIT, 1),
        ("local", FINE, {"quality": "high"}, Endpoint.MULTI_EDIT, 1),
        ("guide", FINE, {"quality": "high"}, Endpoint.MULTI_EDIT, 2),
        (None, FINE, {"resolution": "2K"}, Endpoint.EDIT, 1),
    ],
)
def test_the_endpoint_follows_the_selection_and_the_model(
    selection: str | None, model: Model, options: dict[str, Any], endpoint: Endpoint, images: int
) -> None:
    use = {} if selection is None else {"selection": SelectionUse(selection)}
    job = unselected(**options)[0] if selection is None else selected(BOX, **use, **options)[0]
    limits_result = job.selected
    given_selection = selected(BOX, **use, **options)[1] if limits_result else None
    plan = make_plan(job, given_selection, venice(model))
    assert (plan.endpoint, plan.images) == (endpoint, images)
    assert plan.guided == (images == 2)
    assert bool(plan.warnings) == (model is ONE and selection == "guide")
    if selection == "ignore":
        assert plan.crop == LAYER
        assert plan.support is None


def test_a_model_of_one_picture_sees_no_mask_and_says_so() -> None:
    plan = make_plan(*selected(BOX), venice(ONE))
    assert "One Image accepts only one image" in plan.warnings[0]
    assert plan.prompt == "a blue door"
    assert plan.crop != LAYER


def test_a_cutout_goes_to_its_own_endpoint_without_model_and_prompt() -> None:
    plan = make_plan(*unselected(action=Action.CUTOUT, prompt=""), venice())
    assert (plan.endpoint, plan.model, plan.prompt, plan.images) == (Endpoint.BACKGROUND_REMOVE, "", "", 1)
    limited = make_plan(*selected(BOX, action=Action.CUTOUT), venice())
    assert limited.crop == BOX.pad(300, within=LAYER)


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        (FINE, {"quality": "ultra"}, "no quality “ultra”: it offers low, high"),
        (FINE, {"resolution": "8K"}, "no resolution “8K”: it offers 1K, 2K"),
        (
            Model("m", aspect_ratios=("1:1",)),
            {"aspect_ratio": "16:9"},
            "no aspect ratio “16:9”: it offers 1:1",
        ),
        (PLAIN, {"aspect_ratio": "7:5"}, "no aspect ratio “7:5”: it offers 1:1, 3:2"),
        (PLAIN, {"aspect_ratio": "wide"}, "no aspect ratio “wide”: it offers 1:1, 3:2"),
    ],
)
def test_what_a_model_does_not_offer_is_refused_before_sending(
    model: Model, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        make_plan(*unselected(**options), venice(model))


def test_auto_as_aspect_ratio_is_sent_where_the_model_lists_it() -> None:
    lists_it, lacks_it = Model("m", aspect_ratios=("auto", "1:1")), Model("m", aspect_ratios=("1:1",))
    plan = make_plan(*unselected(aspect_ratio="auto"), venice(lists_it))
    assert (plan.aspect_ratio, plan.size) == ("auto", LAYER.extent)
    plan = make_plan(*unselected(aspect_ratio="auto"), venice(lacks_it))
    assert plan.aspect_ratio == "1:1", "left out where it is not offered: the nearest that is"
    plan = make_plan(*unselected(aspect_ratio="auto"), venice(Model("m")))
    assert plan.aspect_ratio == ""


# References


def with_references(count: int, *models: Model, box: Bounds | None = BOX, **options: Any) -> Plan:
    """The plan for an edit with so many references of 400 × 300 px, selected unless `box` is None."""
    job, selection = selected(box, **options) if box else unselected(**options)
    size_selectable = Job(
        job.action, job.layer, job.canvas, job.window, job.options, (Extent(400, 300),) * count
    )
    return make_plan(size_selectable, selection, venice(*models))


def most(images: int | None) -> Model:
    return Model("m", "Mine", max_images=images)


@pytest.mark.parametrize(
    ("model", "count", "guided", "images", "warned"),
    [
        (most(6), 0, True, 2, False),
        (most(6), 4, True, 6, False),
        (most(6), 5, False, 6, True),  # no room is left for the mask
        (most(None), 1, True, 3, False),  # the service's own limit is 3
        (most(None), 2, False, 3, True),
        (most(2), 1, False, 2, True),
    ],
)
def test_references_take_the_masks_room_where_there_is_none_left(
    model: Model, count: int, guided: bool, images: int, warned: bool
) -> None:
    plan = with_references(count, model)
    assert (plan.endpoint, plan.guided, plan.images) == (Endpoint.MULTI_EDIT, guided, images)
    assert ["sees the region without a mask" in words for words in plan.warnings] == [True] * warned
    assert ("mask" in plan.prompt) == guided


@pytest.mark.parametrize(
    ("model", "count", "words"),
    [
        (most(1), 1, "Mine accepts only one image, but this request has 2"),
        (most(3), 3, "Mine accepts at most 3 images"),
        (most(None), 3, "at most 3 images"),
        (Model("m", "Mine", max_images=6), 6, "at most 6 images"),
    ],
)
@pytest.mark.parametrize("box", [BOX, None])
def test_more_references_than_the_model_takes_are_refused(
    model: Model, count: int, words: str, box: Bounds | None
) -> None:
    with pytest.raises(BadInput, match=words):
        with_references(count, model, box=box)


def test_references_without_a_selection_go_to_multi_edit_and_cost_what_they_cost() -> None:
    plan = with_references(2, box=None, model="flux-2-max-edit")
    assert (plan.endpoint, plan.images, plan.guided) == (Endpoint.MULTI_EDIT, 3, False)
    assert plan.price is not None
    assert plan.price.usd == pytest.approx(0.12 + 2 * 0.0345)
    assert plan.references == (Extent(400, 300),) * 2


def test_references_are_sent_within_the_services_limits() -> None:
    job = Job(Action.EDIT, LAYER, CANVAS, None, Options(prompt="x"), (Extent(32, 16), Extent(12_000, 6000)))
    small, large = make_plan(job, None, venice()).references
    assert small == Extent(363, 182)
    assert large.pixels <= 33_177_600
    assert large.ratio == pytest.approx(2, abs=0.001)


def test_a_job_has_at_most_16_references_and_only_edits_and_generations_have_any() -> None:
    one = Extent(100, 100)
    with pytest.raises(BadInput, match="Too many reference images: 17"):
        Job(Action.EDIT, LAYER, CANVAS, references=(one,) * 17)
    Job(Action.EDIT, LAYER, CANVAS, references=(one,) * 16)
    for action in (Action.CUTOUT, Action.UPSCALE):
        with pytest.raises(BadInput, match="Only edits and generations"):
            Job(action, LAYER, CANVAS, references=(one,))


# Shapes that both the model and the request take


@pytest.mark.parametrize(
    ("offered", "wish", "sent"),
    [
        (("1:1", "16:9", "5:4"), "", "1:1"),
        (("1:1", "16:9", "5:4", "7:6"), "", "7:6"),  # whatever the service names elsewhere
        (("1:1", "16:9", "4:3"), "4:3", "4:3"),
        (("odd", "5:4"), "", "5:4"),
        ((), "3:2", "3:2"),
        ((), "4:3", "4:3"),
        ((), "auto", ""),
        ((), "", ""),
        (("auto",), "auto", "auto"),
        (("auto",), "", ""),
    ],
)
def test_a_shape_is_chosen_from_the_models_own_list(offered: tuple[str, ...], wish: str, sent: str) -> None:
    model = Model("m", aspect_ratios=offered)
    layer = Bounds(0, 0, 1100, 1000)
    assert make_plan(*unselected(layer, aspect_ratio=wish), venice(model)).aspect_ratio == sent


@pytest.mark.parametrize("wish", ["16:9", "4:3", "odd"])
def test_a_shape_that_is_not_in_the_models_list_is_refused(wish: str) -> None:
    model = Model("m", aspect_ratios=("1:1", "odd", "5:4", "1:2"))
    with pytest.raises(BadInput, match=f"no aspect ratio “{wish}”: it offers 1:1, 5:4, 1:2"):
        make_plan(*unselected(aspect_ratio=wish), venice(model))


def test_a_model_that_keeps_the_shape_takes_no_other_for_one_picture() -> None:
    model = Model("m", "Mine", aspect_ratios=("auto", "1:1"), keeps_shape=True, max_images=3)
    with pytest.raises(BadInput, match="Mine keeps the image's shape"):
        make_plan(*unselected(aspect_ratio="1:1"), venice(model))
    assert make_plan(*unselected(aspect_ratio="auto"), venice(model)).size == LAYER.extent
    assert with_references(1, model, aspect_ratio="1:1").aspect_ratio == "1:1"


# What a window offers is what a plan takes


def offering(name: str) -> Capabilities:
    """A built-in provider; Venice with a list as the service tells it."""
    if (profile := ServiceProfiles().get(name)) is not None:
        return OpenAI(Secret("k"), "https://x.example/v1", profile).capabilities
    listed = read_model(
        {
            "id": "able",
            "type": "inpaint",
            "model_spec": {
                "constraints": {
                    "aspectRatios": ["auto", "1:1", "4:3", "21:9", "odd", "9:19.5"],
                    "resolutions": ["1K", "1.5K", "2K"],
                    "qualities": ["low", "high"],
                }
            },
        }
    )
    return venice(listed, replace(listed, id="able-image", type="image"), Model("silent", type="inpaint"))


@pytest.mark.parametrize("action", [Action.EDIT, Action.GENERATE])
@pytest.mark.parametrize("name", ["venice", *ServiceProfiles().names])
def test_a_plan_takes_whatever_a_window_offers_and_no_other_name(name: str, action: Action) -> None:
    can = offering(name)
    kind = IMAGE if action is Action.GENERATE else INPAINT
    for model in can.catalogue.of_type(kind):
        for wish, values in zip(
            ("aspect_ratio", "resolution", "quality"), choices(model, action, can), strict=True
        ):
            for value in values:
                make_plan(*unselected(action=action, model=model.id, **{wish: value}), can)
            if values:
                with pytest.raises(BadInput, match="has no"):
                    make_plan(*unselected(action=action, model=model.id, **{wish: "7:6"}), can)


# What people should know of the model


@pytest.mark.parametrize(
    ("model", "told", "words"),
    [
        (Model("gone"), 1e9, "The service does not list the model “gone”."),
        (Model("gone"), 0.0, ""),  # the packaged list may be old
        (Model("m", "Mine", offline=True, listed=True), 1e9, "Mine is currently offline"),
        (
            Model("m", "Mine", retires="2090-12-01T10:00:00Z", listed=True),
            1e9,
            "Mine will be retired on 2090-12-01.",
        ),
        (Model("m", "Mine", retires="some day", listed=True), 1e9, "Mine will be retired on some day."),
        (Model("m", "Mine", replacement="next", listed=True), 1e9, "Mine will be retired; use next instead."),
        (Model("m", listed=True), 1e9, ""),
    ],
)
def test_what_the_list_says_of_a_model_is_told_before_paying(model: Model, told: float, words: str) -> None:
    catalogue = Catalogue({model.id: model}, date=told)
    known = replace(Venice(Secret("k"), catalogue=catalogue).capabilities, default_model=model.id)
    plan = make_plan(*unselected(), known)
    assert words in " ".join(plan.warnings)
    assert len(plan.warnings) == bool(words)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("2026-11-30", "will be retired on 2026-12-01"),
        ("2026-12-01", "was retired on 2026-12-01"),
        ("2027-05-05", "was retired on"),
    ],
)
def test_a_model_whose_day_has_come_is_said_to_have_ended(day: str, said: str) -> None:
    model = Model("m", "Mine", retires="2026-12-01", replacement="next", listed=True)
    (warning,) = make_plan(*unselected(), venice(model, today=date.fromisoformat(day))).warnings
    assert warning.startswith(f"Mine {said}")
    assert warning.endswith("; use next instead.")


@pytest.mark.parametrize(
    ("name", "action", "words"),
    [
        (
            "z-image-turbo",
            Action.EDIT,
            "generates images; choose a model that edits images, such as firered",
        ),
        ("upscaler", Action.EDIT, "upscales images; choose a model that edits"),
        ("firered-image-edit", Action.GENERATE, "edits images; choose a model that generates images"),
        ("upscaler", Action.GENERATE, "upscales images; choose a model that generates"),
        ("default", Action.EDIT, "generates images"),  # a trait stands for its model
    ],
)
def test_a_model_of_another_kind_is_refused_before_sending(name: str, action: Action, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        make_plan(*unselected(action=action, model=name), venice(default_generator="z-image-turbo"))


@pytest.mark.parametrize(("variations", "total"), [(1, 0.34 + 0.0092), (2, 2 * 0.3492), (4, 4 * 0.3492)])
def test_each_variation_is_a_request_of_its_own_and_is_paid_for(variations: int, total: float) -> None:
    plan = make_plan(*selected(BOX, model="gpt-image-2-edit", variations=variations), venice())
    assert (plan.requests, plan.pictures) == (variations, 1)
    assert plan.price is not None
    assert plan.total is not None
    assert plan.price.usd == pytest.approx(0.3492)
    assert (plan.total.usd, plan.total.diem) == (pytest.approx(total), pytest.approx(total))
    told = plan.to_json()
    assert told["total"]["usd"] == pytest.approx(total)
    assert (told["endpoint"], told["images"]) == ("/image/multi-edit", 2)


def test_a_cutouts_price_is_its_models_and_variations_do_not_count() -> None:
    can = venice(cutout_model="bria-bg-remover")
    plan = make_plan(*unselected(action=Action.CUTOUT, variations=3), can)
    assert plan.requests == 1
    assert plan.price is not None
    assert plan.price.usd == 0.03


@pytest.mark.parametrize(
    ("action", "selection", "fields", "words"),
    [
        (Action.EDIT, False, {"seed": "3"}, "/image/edit has no field “seed” that can be set"),
        (Action.EDIT, False, {"quality": "low"}, "/image/edit has no field “quality”"),
        (Action.EDIT, True, {"model": "m"}, "/image/multi-edit has no field “model”"),
        (Action.EDIT, True, {"quality": "low"}, "set from quality"),
        (Action.EDIT, False, {"output_format": "gif"}, "expected png"),
        (Action.CUTOUT, False, {"model": "m"}, "/image/background-remove has no field “model”"),
        (Action.UPSCALE, False, {"creativity": "0.01"}, "set from creativity"),
    ],
)
def test_fields_that_the_endpoint_does_not_take_are_refused_with_the_plan(
    action: Action, selection: bool, fields: dict[str, str], words: str
) -> None:
    options = {"fields": tuple(fields.items())}
    job = selected(BOX, action=action, **options) if selection else unselected(action=action, **options)
    with pytest.raises(BadInput, match=words):
        make_plan(*job, venice(upscale_model="upscaler"))


# Prompt


@pytest.mark.parametrize("prompt", ["", "  ", "\n\t "])
def test_an_empty_prompt_is_refused(prompt: str) -> None:
    with pytest.raises(BadInput, match="prompt is empty"):
        make_plan(*unselected(prompt=prompt), venice())


def test_a_prompt_longer_than_the_model_takes_is_refused_not_cut() -> None:
    model = Model("m", max_prompt=20)
    assert make_plan(*unselected(prompt="x" * 20), venice(model)).prompt == "x" * 20
    with pytest.raises(BadInput, match="21 characters; the model accepts at most 20"):
        make_plan(*unselected(prompt="x" * 21), venice(model))


def test_the_services_limit_counts_where_the_model_names_none() -> None:
    with pytest.raises(BadInput, match="at most 32768"):
        make_plan(*unselected(prompt="x" * 32_769), venice(PLAIN))


@given(st.text(min_size=1, max_size=300).filter(str.strip), st.integers(1, 600))
def test_the_sentence_about_the_mask_is_shortened_and_never_the_users_words(words: str, limit: int) -> None:
    words = words.strip()
    assume(len(words) <= limit)
    plan = make_plan(*selected(BOX, prompt=words), venice(Model("m", max_prompt=limit)))
    assert len(plan.prompt) <= limit
    assert plan.prompt.startswith(words)
    added = plan.prompt[len(words) :].strip()
    fitting = [sentence for sentence in MASK_SENTENCES if len(words) + 2 + len(sentence) <= limit]
    assert added == (fitting[0] if fitting else "")


def test_the_sentences_get_shorter_and_each_says_what_white_means() -> None:
    lengths = [len(sentence) for sentence in MASK_SENTENCES]
    assert lengths == sorted(lengths, reverse=True)
    assert all("white" in sentence and "second image" in sentence for sentence in MASK_SENTENCES)


# Price


@pytest.mark.parametrize(
    ("model", "options", "guided", "usd"),
    [
        ("", {}, False, 0.04),
        ("firered-image-edit", {}, True, 0.04),
        ("flux-2-max-edit", {}, False, 0.12),
        ("flux-2-max-edit", {}, True, 0.1545),
        ("nano-banana-2-edit", {"resolution": "4K"}, False, 0.19),
        ("grok-imagine-edit", {}, False, 0.0323),  # its input pictures cost from the first on
        ("grok-imagine-edit", {"resolution": "2K"}, True, 0.0446),
        ("gpt-image-2-edit", {"quality": "low"}, False, 0.03),
        ("gpt-image-2-edit", {"quality": "medium", "resolution": "2K"}, True, 0.1492),
        ("qwen-image-2-edit", {"enhance_prompt": True}, False, 0.09),
        ("no-such-model", {}, False, None),
    ],
)
def test_the_price_is_what_the_packaged_catalogue_says(
    model: str, options: dict[str, Any], guided: bool, usd: float | None
) -> None:
    job = (selected(BOX, model=model, **options)) if guided else unselected(model=model, **options)
    price = make_plan(*job, venice()).price
    assert (price and price.usd) == (None if usd is None else pytest.approx(usd))


@pytest.mark.parametrize(
    "entry",
    [
        {"id": "m"},
        {"id": "m", "model_spec": None},
        {"id": "m", "model_spec": {"pricing": None, "constraints": None}},
        {"id": "m", "model_spec": {"pricing": {"inpaint": {}}}},
    ],
)
def test_a_catalogue_entry_may_lack_anything_but_its_id(entry: dict[str, Any]) -> None:
    model = read_model(entry)
    assert model.price() is None
    assert make_plan(*selected(BOX), venice(model)).endpoint is Endpoint.MULTI_EDIT


def test_constraints_are_read_as_the_service_writes_them() -> None:
    spec = {
        "name": "Full",
        "constraints": {
            "aspectRatios": ["auto", "1:1"],
            "promptCharacterLimit": 5000,
            "combineImages": True,
            "maxInputImages": 6,
            "singleImageAspectRatio": False,
            "defaultResolution": "1K",
            "resolutions": ["1K", "2K"],
            "qualities": ["low", "high"],
            "defaultQuality": "high",
        },
    }
    model = read_model({"id": "full", "model_spec": spec})
    assert (model.max_images, model.max_prompt, model.keeps_shape) == (6, 5000, True)
    assert (model.resolutions, model.qualities) == (("1K", "2K"), ("low", "high"))
    spec["constraints"]["combineImages"] = False  # type: ignore[index]
    assert read_model({"id": "full", "model_spec": spec}).max_images == 1


# The job itself


@pytest.mark.parametrize(
    "options",
    [
        {"context": -2},
        {"feather": -2},
        {"grow": 1001},
        {"grow": -1001},
        {"variations": 0},
        {"variations": 5},
        {"color": "red"},
        {"selection": "all"},
        {"output": "mask"},
        {"output": True},
        {"prompt": 7},
        {"grow": True},
        {"safe-mode": 1},
        {"scale": 5},
        {"scale": 0},
        {"seed": 10**9},
        {"seed": -(10**9)},
        {"seed": 1.5},
        {"reference-strength": 0.05},
        {"reference-strength": 1.01},
        {"reference-strength": float("nan")},
        {"reference-strength": True},
        {"fields": "width"},
        {"fields": 7},
        {"fields": [["one", "two", "three"]]},
        {"prompt": "half \ud800"},
        {"style": "\udfff"},
    ],
)
def test_options_outside_their_range_or_type_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        Options.from_json(options)


def test_a_job_survives_the_way_through_a_message() -> None:
    job, _ = selected(BOX, grow=-3, selection=SelectionUse.LOCAL, safe_mode=False, output=Output.CHANGES)
    assert Job.from_json(job.to_json()) == job
    sent = json.loads(json.dumps(job.to_json()))
    assert sent["options"]["output"] == "changes"
    assert Job.from_json(sent) == job
    dashed = Options.from_json({"aspect-ratio": "1:1", "enhance-prompt": True})
    assert (dashed.aspect_ratio, dashed.enhance_prompt) == ("1:1", True)


def test_options_at_their_bounds_are_taken() -> None:
    options = Options.from_json(
        {
            "seed": -999_999_999,
            "scale": 4,
            "reference-strength": 1,
            "fields": {"steps": "8", "width": "512"},
            "context": 16384,
            "grow": -1000,
        }
    )
    assert options.fields == (("steps", "8"), ("width", "512"))
    assert (options.reference_strength, options.scale, options.seed) == (1.0, 4, -999_999_999)
    job = Job(Action.GENERATE, LAYER, CANVAS, None, options, (Extent(2, 3),))
    assert Job.from_json(job.to_json()) == job


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"action": "paint", "layer": {}, "canvas": {}},
        {"action": "edit", "layer": {"x": 0, "y": 0, "width": 0, "height": 5}, "canvas": {}},
        {"action": "edit", "layer": [1], "canvas": {"width": 1, "height": 1}},
    ],
)
def test_a_message_that_is_no_job_is_bad_input(message: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="not a job"):
        Job.from_json(message)


def test_no_extent_and_no_bounds_are_empty() -> None:
    for make in (lambda: Extent(0, 1), lambda: Bounds(0, 0, 1, 0), lambda: Bounds(0, 0, 5, 5).pad(-3)):
        with pytest.raises(ValueError, match="no pixel"):
            make()
    assert math.isclose(Extent(16, 9).ratio, 16 / 9)
