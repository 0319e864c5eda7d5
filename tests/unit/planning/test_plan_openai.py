"""What is sent to each OpenAI-compatible service for a job: mask or hint, size, price; what is refused."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from venice_core.errors import BadInput
from venice_core.geometry.aspect_ratio import parse_ratio
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.job import Action, Job, Options, SelectionUse
from venice_core.planning.capabilities import Capabilities
from venice_core.planning.edit import MASK_SENTENCES
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.output_shapes import Grid
from venice_core.planning.plan import Plan
from venice_core.planning.planner import make_plan
from venice_core.planning.price import Price
from venice_core.planning.selection import Selection
from venice_core.providers.base import Encoded, RequestImages
from venice_core.providers.openai.profile import ServiceProfiles
from venice_core.providers.openai.provider import OpenAI
from venice_core.secret import Secret

BUILT_IN = ("openai", "grok-relay", "gpt-image-relay", "self-hosted")
FIXED = {Extent(1024, 1024), Extent(1536, 1024), Extent(1024, 1536)}
CANVAS = Extent(3000, 2000)
LAYER = Bounds(-100, 50, 2400, 1800)
BOX = Bounds(400, 300, 600, 200)
WHOLE = Bounds.of(CANVAS)


def provider(name: str, **entries: Any) -> OpenAI:
    profile = ServiceProfiles({name: entries} if entries else {}).get(name)
    assert profile is not None
    return OpenAI(Secret("k"), "https://service.example/v1", profile)


def planned(
    name: str,
    layer: Bounds = LAYER,
    box: Bounds | None = BOX,
    *,
    action: Action = Action.EDIT,
    references: tuple[Extent, ...] = (),
    entries: dict[str, Any] | None = None,
    **options: Any,
) -> Plan:
    wish = Options(**{"prompt": "a blue door", **options})
    job = Job(action, layer, CANVAS, box, wish, references)
    selection = None
    if box is not None and job.selected:
        selection = Selection.of(job, np.full((box.height, box.width), 255, np.uint8))
    return make_plan(job, selection, provider(name, **(entries or {})).capabilities)


def choose_generation_size(name: str, layer: Bounds = WHOLE, **more: Any) -> Plan:
    return planned(name, layer, None, action=Action.GENERATE, **more)


def told(plan: Plan) -> bool:
    """Whether the prompt says what the second picture is."""
    return any(plan.prompt.endswith(sentence) for sentence in MASK_SENTENCES)


# How a selection travels


@pytest.mark.parametrize("name", ["openai", "self-hosted"])
def test_where_there_is_a_field_for_a_mask_the_selection_is_one(name: str) -> None:
    plan = planned(name)
    assert (plan.guided, plan.masked, plan.images) == (True, True, 1)
    assert plan.prompt == "a blue door", "a real mask needs no words"
    assert plan.endpoint is Endpoint.EDITS


def test_where_there_is_none_but_room_for_a_second_picture_it_is_one_and_the_prompt_says_so() -> None:
    plan = planned("gpt-image-relay")
    assert (plan.guided, plan.masked, plan.images) == (True, False, 2)
    assert plan.prompt.startswith("a blue door\n\n")
    assert told(plan)


def test_where_there_is_room_for_one_picture_only_it_is_kept_here_and_that_is_said() -> None:
    plan = planned("grok-relay")
    assert (plan.guided, plan.masked, plan.images) == (False, False, 1)
    assert plan.prompt == "a blue door"
    assert "grok-3-image accepts only one image, so it sees the region without a mask." in plan.warnings


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("use", [SelectionUse.LOCAL, SelectionUse.IGNORE])
def test_a_selection_that_is_not_to_guide_stays_here(name: str, use: SelectionUse) -> None:
    plan = planned(name, selection=use)
    assert (plan.guided, plan.masked, plan.images) == (False, False, 1)
    assert not any("mask" in warning for warning in plan.warnings)
    assert (plan.support == BOX) is (use is SelectionUse.LOCAL)


@pytest.mark.parametrize("name", BUILT_IN)
def test_without_a_selection_the_whole_layer_is_sent(name: str) -> None:
    plan = planned(name, box=None)
    assert (plan.crop, plan.guided, plan.support) == (LAYER, False, None)


@pytest.mark.parametrize(
    ("name", "references", "fits"),
    [
        ("openai", 15, True),
        ("openai", 16, False),
        ("gpt-image-relay", 14, True),
        ("grok-relay", 1, False),
        ("self-hosted", 1, False),
    ],
)
def test_further_pictures_are_as_many_as_the_profile_takes(name: str, references: int, fits: bool) -> None:
    pictures = (Extent(300, 200),) * references
    if fits:
        plan = planned(name, references=pictures)
        assert plan.references == pictures
        assert plan.guided
    else:
        with pytest.raises(BadInput, match="but this request has"):
            planned(name, references=pictures)


def test_where_the_last_place_is_a_references_the_selection_stays_here() -> None:
    plan = planned("gpt-image-relay", references=(Extent(300, 200),) * 15)
    assert (plan.guided, plan.images) == (False, 16)
    assert "gpt-image-1 accepts at most 16 images, so it sees the region without a mask." in plan.warnings


# Sizes and shapes: the geometry of any crop


@st.composite
def edits(draw: st.DrawFn) -> tuple[Job, Selection | None]:
    canvas = Extent(draw(st.integers(1, 5000)), draw(st.integers(1, 5000)))
    layer = Bounds(draw(st.integers(-900, 900)), draw(st.integers(-900, 900)), canvas.width, canvas.height)
    visible = layer.intersection(Bounds.of(canvas))
    options = Options(prompt="x", context=draw(st.sampled_from([-1, -1, 0, 7, 2000])))
    if visible is None or draw(st.booleans()):
        return Job(Action.EDIT, layer, canvas, None, options), None
    width, height = draw(st.integers(1, visible.width)), draw(st.integers(1, visible.height))
    x = visible.x + draw(st.integers(0, visible.width - width))
    y = visible.y + draw(st.integers(0, visible.height - height))
    box = Bounds(x, y, width, height)
    selection = Selection(box, np.empty((0, 0), np.uint8), box, hard=True)
    return Job(Action.EDIT, layer, canvas, box, options), selection


def plan_of(edit: tuple[Job, Selection | None], can: Capabilities) -> Plan:
    try:
        return make_plan(*edit, can)
    except BadInput as error:
        assume("would become" not in error.detail)  # more than anybody wants to send
        assume("too long and narrow" not in error.detail)
        raise


def same_shape(one: Extent, other: Extent) -> bool:
    """To a pixel of the smaller, on one side."""
    across, down = one.width - one.height * other.ratio, one.height - one.width / other.ratio
    back, up = other.width - other.height * one.ratio, other.height - other.width / one.ratio
    return min(map(abs, (across, down, back, up))) <= 1


@pytest.mark.parametrize("name", ["openai", "self-hosted"])
@given(edit=edits())
def test_any_crop_is_asked_for_at_a_size_that_the_service_makes(
    name: str, edit: tuple[Job, Selection | None]
) -> None:
    can = provider(name).capabilities
    grid, asked = can.catalogue.get(can.default_model).shapes, plan_of(edit, can).asked
    assert isinstance(grid, Grid)
    assert asked is not None
    assert asked.width % 16 == asked.height % 16 == 0
    assert grid.min_pixels <= asked.pixels <= grid.max_pixels
    assert asked.longer <= grid.max_side
    assert asked.longer <= asked.shorter * grid.max_ratio


@pytest.mark.parametrize("model", ["gpt-image-1", "gpt-image-1.5", "gpt-image-1-mini"])
@given(edit=edits())
def test_any_crop_is_asked_for_at_one_of_three_sizes_where_there_are_no_more(
    model: str, edit: tuple[Job, Selection | None]
) -> None:
    can = provider("openai", model=model).capabilities
    plan = plan_of(edit, can)
    assert plan.asked in FIXED
    assert plan.size.pixels <= 1024 * 1536, "more than comes back would be sent in vain"


@pytest.mark.parametrize("name", BUILT_IN)
@given(edit=edits())
def test_the_padding_and_the_scaling_of_any_crop_can_be_undone(
    name: str, edit: tuple[Job, Selection | None]
) -> None:
    job, selection = edit
    can = provider(name).capabilities
    plan = plan_of(edit, can)
    assert job.layer.contains(plan.crop)
    assert selection is None or plan.crop.contains(selection.support)
    assert plan.padded == plan.padding.around(plan.crop.extent)
    assert plan.padded.holds(plan.crop.extent)
    assert abs(plan.padding.left - plan.padding.right) <= 1
    assert abs(plan.padding.top - plan.padding.bottom) <= 1
    if plan.padding.left or plan.padding.right:
        assert plan.crop.width == job.layer.width, "real pixels come before padding"
    if plan.padding.top or plan.padding.bottom:
        assert plan.crop.height == job.layer.height
    assert plan.padded.holds(plan.size), "nothing is enlarged here"
    assert same_shape(plan.padded, plan.size)
    if plan.asked is not None:
        assert same_shape(plan.padded, plan.asked)
        assert plan.size == plan.padded or plan.size.pixels <= plan.asked.pixels
    if plan.aspect_ratio:
        ratio = parse_ratio(plan.aspect_ratio)
        assert ratio is not None
        width, height = plan.padded.width, plan.padded.height
        assert min(abs(width - height * ratio), abs(height - width / ratio)) <= 1


@pytest.mark.parametrize(
    ("name", "layer", "asked", "size"),
    [
        # hardly smaller than what comes back: padded to it, so that nothing is scaled
        ("openai", Bounds(0, 0, 1000, 1000), Extent(1008, 1008), Extent(1008, 1008)),
        ("openai", Bounds(0, 0, 1920, 1080), Extent(1920, 1088), Extent(1920, 1088)),
        # much smaller: sent as it is, and what comes back is scaled down
        ("openai", Bounds(0, 0, 300, 300), Extent(816, 816), Extent(300, 300)),
        # larger: no more is sent than comes back
        ("openai", Bounds(0, 0, 3000, 3000), Extent(1920, 1920), Extent(1920, 1920)),
        ("self-hosted", Bounds(0, 0, 5000, 2500), Extent(2048, 1024), Extent(2048, 1024)),
        ("gpt-image-relay", Bounds(0, 0, 3000, 2000), Extent(1536, 1024), Extent(1536, 1024)),
        ("gpt-image-relay", Bounds(0, 0, 600, 400), Extent(1536, 1024), Extent(600, 400)),
        ("gpt-image-relay", Bounds(0, 0, 600, 390), Extent(1536, 1024), Extent(600, 400)),
        ("grok-relay", Bounds(0, 0, 600, 400), None, Extent(600, 400)),
        ("grok-relay", Bounds(0, 0, 600, 410), None, Extent(615, 410)),
    ],
)
def test_the_size_asked_for_and_the_size_sent(
    name: str, layer: Bounds, asked: Extent | None, size: Extent
) -> None:
    plan = planned(name, layer, None)
    assert (plan.asked, plan.size) == (asked, size)


@pytest.mark.parametrize(
    ("layer", "ratio"),
    [
        (Bounds(0, 0, 600, 600), "1:1"),
        (Bounds(0, 0, 450, 975), "9:19.5"),
        (Bounds(0, 0, 2000, 900), "20:9"),
        (Bounds(0, 0, 9000, 900), "20:9"),
        (Bounds(0, 0, 1600, 900), "16:9"),
    ],
)
def test_a_service_of_ratios_is_asked_for_the_nearest_by_name(layer: Bounds, ratio: str) -> None:
    plan = planned("grok-relay", layer, None)
    assert (plan.aspect_ratio, plan.asked) == (ratio, None)


@pytest.mark.parametrize("name", BUILT_IN)
def test_figures_are_named_in_figures_and_ratios_by_name(name: str) -> None:
    plan = planned(name)
    assert bool(plan.asked) is (name != "grok-relay")
    assert bool(plan.aspect_ratio) is (name == "grok-relay")


@pytest.mark.parametrize(
    ("name", "wish", "ratio"),
    [
        ("openai", "16:9", 16 / 9),
        ("openai", "1:3", 1 / 3),
        ("self-hosted", "4:1", 4.0),
        ("gpt-image-relay", "2:3", 2 / 3),
        ("grok-relay", "9:20", 9 / 20),
    ],
)
def test_an_aspect_ratio_that_is_wished_for_is_kept(name: str, wish: str, ratio: float) -> None:
    plan = planned(name, box=None, aspect_ratio=wish)
    shape = plan.asked or plan.padded
    assert abs(math.log(shape.ratio / ratio)) <= 16 / shape.shorter
    assert plan.aspect_ratio == (wish if name == "grok-relay" else "")


@pytest.mark.parametrize(
    ("name", "wish", "said"),
    [
        ("openai", "4:1", "gpt-image-2.6-sunburst has no aspect ratio “4:1”"),
        ("openai", "wide", "“wide” is not an aspect ratio, such as 16:9."),
        ("grok-relay", "5:4", "grok-3-image has no aspect ratio “5:4”: it offers 1:1, 3:4"),
        ("self-hosted", "5:1", "Self-hosted server has no aspect ratio “5:1”"),
    ],
)
@pytest.mark.parametrize("action", [Action.EDIT, Action.GENERATE])
def test_an_aspect_ratio_that_it_does_not_make_is_refused(
    action: Action, name: str, wish: str, said: str
) -> None:
    with pytest.raises(BadInput) as caught:
        planned(name, box=None, action=action, aspect_ratio=wish)
    assert said in caught.value.detail


def test_an_edit_has_the_shapes_that_come_back_even_where_they_are_not_named() -> None:
    with pytest.raises(BadInput) as caught:
        planned("gpt-image-relay", box=None, aspect_ratio="16:9")
    assert caught.value.detail == "gpt-image-1 has no aspect ratio “16:9”: it offers 1:1, 3:2, 2:3."


@pytest.mark.parametrize("wish", ["1:1", "3:2", "16:9"])
def test_a_generation_that_names_neither_size_nor_ratio_takes_no_aspect_ratio(wish: str) -> None:
    with pytest.raises(BadInput) as caught:
        choose_generation_size("gpt-image-relay", aspect_ratio=wish)
    said = "gpt-image-1 chooses the shape itself: leave the aspect ratio empty."
    assert caught.value.detail == said
    assert choose_generation_size("gpt-image-relay").asked == Extent(1536, 1024), "without one it is made"


@pytest.mark.parametrize("name", BUILT_IN)
def test_auto_is_as_good_as_no_wish_or_the_services_own_word(name: str) -> None:
    plan = planned(name, aspect_ratio="auto")
    if name == "grok-relay":
        assert plan.aspect_ratio == "auto"
        assert plan.padded == plan.crop.extent, "then any shape is taken"
    else:
        assert plan == planned(name)


# How many, how good, how dear


@pytest.mark.parametrize("action", [Action.EDIT, Action.GENERATE])
@pytest.mark.parametrize("variations", [1, 2, 4])
@pytest.mark.parametrize("name", BUILT_IN)
def test_variations_are_one_request_where_it_can_ask_for_several_else_one_each(
    name: str, variations: int, action: Action
) -> None:
    plan = planned(name, box=None, action=action, variations=variations)
    max_images_per_request = name in ("openai", "grok-relay")
    assert (plan.requests, plan.pictures) == ((1, variations) if max_images_per_request else (variations, 1))
    request = provider(name).request(plan, Options(), RequestImages((Encoded(b"", "image/png"),)))
    fields = request.json if request.json is not None else dict(request.fields)
    number = variations if action is Action.GENERATE else str(variations)  # in JSON or in a multipart field
    assert fields.get("n") == (None if plan.pictures == 1 else number)


@pytest.mark.parametrize("most", [2, 3])
def test_more_variations_than_a_request_may_ask_for_are_a_request_each(most: int) -> None:
    plan = planned("openai", variations=3, entries={"n": most})
    assert (plan.requests, plan.pictures) == ((3, 1) if most == 2 else (1, 3))


@pytest.mark.parametrize(
    ("name", "option", "wish", "spelled"),
    [
        ("grok-relay", "resolution", "2K", "2k"),
        ("grok-relay", "resolution", "1k", "1k"),
        ("grok-relay", "resolution", "", ""),
        ("grok-relay", "quality", "HIGH", "high"),
        ("openai", "quality", "XHigh", "xhigh"),
        ("openai", "quality", "", "high"),
        ("gpt-image-relay", "quality", "Low", "low"),
    ],
)
@pytest.mark.parametrize("action", [Action.EDIT, Action.GENERATE])
def test_a_choice_is_spelled_as_the_service_spells_it(
    action: Action, name: str, option: str, wish: str, spelled: str
) -> None:
    plan = planned(name, box=None, action=action, **{option: wish})
    assert getattr(plan, option) == spelled
    sent = provider(name).request(plan, Options(), RequestImages((Encoded(b"", "image/png"),)))
    fields = sent.json if sent.json is not None else dict(sent.fields)
    assert fields.get(option) == (spelled or None)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("grok-relay", {"resolution": "4K"}, "grok-3-image has no resolution “4K”: it offers 1k, 2k."),
        ("openai", {"resolution": "2K"}, "has no resolution “2K”: it offers no choice."),
        (
            "openai",
            {"model": "gpt-image-1", "quality": "max"},
            "gpt-image-1 has no quality “max”: it offers low",
        ),
        (
            "self-hosted",
            {"quality": "high"},
            "Self-hosted server has no quality “high”: it offers no choice.",
        ),
    ],
)
@pytest.mark.parametrize("action", [Action.EDIT, Action.GENERATE])
def test_a_choice_that_there_is_not_is_refused(action: Action, name: str, options: Any, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        planned(name, box=None, action=action, **options)
    assert said in caught.value.detail


@pytest.mark.parametrize(
    ("name", "options", "each", "total"),
    [
        ("openai", {}, 0.27, 0.27),
        ("openai", {"quality": "LOW"}, 0.06, 0.06),
        ("openai", {"quality": "medium", "variations": 4}, 0.44, 0.44),  # one request of four
        ("openai", {"model": "gpt-image-1-mini", "quality": "low"}, 0.006, 0.006),
        ("openai", {"quality": "max"}, None, None),
        ("self-hosted", {"variations": 3}, 0.0, 0.0),
        ("grok-relay", {}, None, None),
        ("gpt-image-relay", {"quality": "high"}, None, None),
    ],
)
@pytest.mark.parametrize("action", [Action.EDIT, Action.GENERATE])
def test_the_price_is_the_profiles_or_not_known(
    action: Action, name: str, options: Any, each: float | None, total: float | None
) -> None:
    plan = planned(name, box=None, action=action, **options)
    assert plan.price == (None if each is None else Price(each))
    assert plan.total == (None if total is None else Price(total))


def test_requests_of_one_picture_each_add_up() -> None:
    plan = planned("gpt-image-relay", entries={"price_usd": 0.05}, variations=3)
    assert (plan.price, plan.total) == (Price(0.05), Price(0.15))


@pytest.mark.parametrize(
    ("name", "options", "entries", "price"),
    [
        # a resolution does not make a price unknown, and a quality only where it has none
        ("grok-relay", {"resolution": "2k"}, {"price_usd": 0.05}, 0.05),
        ("grok-relay", {"resolution": "2k", "quality": "low"}, {"price_usd": {"low": 0.02}}, 0.02),
        ("grok-relay", {"quality": "high"}, {"price_usd": {"low": 0.02}}, None),
        ("grok-relay", {"quality": "high"}, {"price_usd": {"low": 0.02, "": 0.04}}, 0.04),
        ("grok-relay", {}, {"price_usd": {"low": 0.02}}, None),
        ("grok-relay", {"quality": "high"}, {"price_usd": 0}, 0.0),
    ],
)
@pytest.mark.parametrize("action", [Action.EDIT, Action.GENERATE])
def test_a_price_is_that_of_the_quality_or_of_any(
    action: Action, name: str, options: Any, entries: Any, price: float | None
) -> None:
    plan = planned(name, box=None, action=action, entries=entries, **options)
    assert plan.price == (None if price is None else Price(price))


@pytest.mark.parametrize("action", [Action.EDIT, Action.GENERATE])
def test_what_the_profile_takes_as_usual_is_sent_and_priced(action: Action) -> None:
    entries = {
        "resolution": {"values": ["1k", "2k"], "default": "2k"},
        "quality": {"values": ["low", "high"], "default": "low"},
        "price_usd": {"low": 0.01, "high": 0.1},
    }
    service = provider("grok-relay", **entries)
    plan = planned("grok-relay", box=None, action=action, entries=entries)
    assert (plan.resolution, plan.quality, plan.price) == ("2k", "low", Price(0.01))
    sent = service.request(plan, Options(), RequestImages((Encoded(b"", "image/png"),)))
    fields = sent.json if sent.json is not None else dict(sent.fields)
    assert (fields["resolution"], fields["quality"]) == ("2k", "low")
    wished = planned("grok-relay", box=None, action=action, entries=entries, quality="high", resolution="1k")
    assert (wished.resolution, wished.quality, wished.price) == ("1k", "high", Price(0.1))


@pytest.mark.parametrize(
    ("name", "model", "told"),
    [
        ("openai", "gpt-image-9", True),
        ("openai", "gpt-image-1", False),
        ("openai", "", False),
        ("grok-relay", "grok-9", True),
        ("grok-relay", "grok-3-image", False),
        ("self-hosted", "any", False),  # it lists none, so any may be there
        ("self-hosted", "", False),
    ],
)
@pytest.mark.parametrize("action", [Action.EDIT, Action.GENERATE])
def test_a_model_that_the_profile_does_not_list_is_said(
    action: Action, name: str, model: str, told: bool
) -> None:
    warnings = planned(name, box=None, action=action, model=model).warnings
    assert (f"The profile {name} does not list the model “{model}”." in warnings) is told
    assert any("does not list" in warning for warning in warnings) is told


@pytest.mark.parametrize(
    ("model", "day"),
    [
        ("gpt-image-1", "2026-10-23"),
        *((name, "2026-12-01") for name in ("gpt-image-1.5", "gpt-image-1-mini", "chatgpt-image-latest")),
    ],
)
def test_a_model_of_openais_that_ends_is_said_with_its_day_and_its_successor(model: str, day: str) -> None:
    (warning,) = planned("openai", model=model).warnings
    assert re.fullmatch(
        rf"{model} (was|will be) retired on {day}; use gpt-image-2.6-sunburst instead.", warning
    )


def test_venices_word_on_a_search_of_the_web_is_not_said_of_others() -> None:
    plan = choose_generation_size("openai", fields=(("enable_web_search", "true"),))
    assert not any("charges extra" in words for words in plan.warnings)


# What it cannot do


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize(
    ("action", "said"), [(Action.CUTOUT, "remove backgrounds"), (Action.UPSCALE, "upscale images")]
)
def test_cut_outs_and_upscaling_are_left_to_another_provider(name: str, action: Action, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        planned(name, box=None, action=action)
    assert caught.value.detail == f"The provider {name} cannot {said}: choose another one, such as venice."


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"negative_prompt": "hats"}, "a negative prompt"),
        ({"style": "Anime"}, "a style"),
        ({"seed": 7}, "a seed"),
        ({"seed": 0}, "a seed"),
        ({"enhance_prompt": True}, "prompt rewriting"),
        ({"references": (Extent(300, 200),)}, "reference images"),
    ],
)
@pytest.mark.parametrize("name", BUILT_IN)
def test_what_a_generation_has_no_room_for_is_refused(name: str, options: Any, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        choose_generation_size(name, **options)
    assert caught.value.detail == f"The provider {name} does not support {said}."


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_edit_does_not_have_its_prompt_rewritten(name: str) -> None:
    with pytest.raises(BadInput, match=f"The provider {name} does not support prompt rewriting"):
        planned(name, enhance_prompt=True)


@pytest.mark.parametrize("name", BUILT_IN)
def test_venices_endpoints_are_not_theirs(name: str) -> None:
    with pytest.raises(BadInput, match="“/image/generate” cannot generate images; /images/generations can"):
        choose_generation_size(name, endpoint="/image/generate")
    assert choose_generation_size(name, endpoint="/images/generations").endpoint is Endpoint.GENERATIONS


@pytest.mark.parametrize(("name", "longest"), [("openai", 32_000), ("gpt-image-relay", 32_000)])
def test_a_prompt_longer_than_the_profile_says_is_refused(name: str, longest: int) -> None:
    for action in (Action.EDIT, Action.GENERATE):
        assert len(planned(name, box=None, action=action, prompt="x" * longest).prompt) == longest
        with pytest.raises(BadInput, match=f"the model accepts at most {longest}"):
            planned(name, box=None, action=action, prompt="x" * (longest + 1))


def test_the_limits_of_a_model_are_its_own() -> None:
    entries = {"models": {"small": {"limits": {"prompt": 20, "pixels": 10_000}}}}
    plan = planned("grok-relay", box=None, entries=entries, model="small")
    assert plan.size.pixels <= 10_000
    with pytest.raises(BadInput, match="at most 20"):
        planned("grok-relay", entries=entries, model="small", prompt="x" * 21)
    assert planned("grok-relay", box=None, entries=entries).size.pixels > 10_000


# Generations


@pytest.mark.parametrize(
    ("name", "canvas", "asked", "ratio", "size"),
    [
        ("openai", Bounds(0, 0, 1920, 1080), Extent(1920, 1088), "", Extent(1920, 1088)),
        ("openai", Bounds(0, 0, 100, 100), Extent(816, 816), "", Extent(816, 816)),
        ("openai", Bounds(0, 0, 8000, 8000), Extent(1920, 1920), "", Extent(1920, 1920)),
        ("gpt-image-relay", Bounds(0, 0, 1920, 1080), Extent(1536, 1024), "", Extent(1536, 1024)),
        ("self-hosted", Bounds(0, 0, 1920, 1080), Extent(1920, 1088), "", Extent(1920, 1088)),
        ("grok-relay", Bounds(0, 0, 1920, 1080), None, "16:9", Extent(1365, 768)),
    ],
)
def test_a_generation_is_made_at_the_size_that_suits_the_canvas(
    name: str, canvas: Bounds, asked: Extent | None, ratio: str, size: Extent
) -> None:
    plan = choose_generation_size(name, canvas)
    assert (plan.asked, plan.aspect_ratio, plan.size) == (asked, ratio, size)
    assert plan.crop == canvas
    assert not plan.padding


def test_a_higher_resolution_is_expected_larger() -> None:
    assert choose_generation_size("grok-relay", Bounds(0, 0, 500, 500), resolution="2K").size == Extent(
        2048, 2048
    )


@pytest.mark.parametrize("size", ["1200x800", "640x640"])
def test_where_no_size_is_sent_otherwise_one_by_name_wins(size: str) -> None:
    plan = choose_generation_size("gpt-image-relay", fields=(("size", size),))
    assert plan.asked == plan.size
    assert f"{plan.size.width}x{plan.size.height}" == size
    request = provider("gpt-image-relay").request(plan, Options(fields=(("size", size),)), RequestImages())
    assert request.json is not None
    assert request.json["size"] == size


@pytest.mark.parametrize("size", ["auto", "0x0", "1200x", "x", "²x²", "1x2x3", "-5x5"])
def test_a_size_by_name_that_is_not_in_figures_is_the_services_to_judge(size: str) -> None:
    plan = choose_generation_size("gpt-image-relay", Bounds(0, 0, 1000, 1000), fields=(("size", size),))
    assert plan.size == Extent(1024, 1024)
    request = provider("gpt-image-relay").request(plan, Options(fields=(("size", size),)), RequestImages())
    assert request.json is not None
    assert request.json["size"] == size
