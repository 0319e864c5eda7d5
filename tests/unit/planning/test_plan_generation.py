"""What is asked for when a picture is generated: size or ratio, endpoint, price; and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_core.errors import BadInput
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.job import Action, Job, Options, SelectionUse
from venice_core.planning.capabilities import Catalogue, Model
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.plan import Plan
from venice_core.planning.planner import make_plan
from venice_core.planning.price import Price
from venice_core.planning.selection import Selection
from venice_core.providers.venice.model_entries import packaged_catalogue
from venice_core.providers.venice.provider import Venice
from venice_core.secret import Secret

CANVAS = Bounds(0, 0, 1500, 1000)
SIZED = Model("size_selectable", "Sized", "image", divisor=16, max_steps=20, listed=True, constrained=True)
RATIO = Model("ratio", "Ratio", "image", aspect_ratios=("1:1", "16:9", "9:16", "3:2"), listed=True)
AUTO = Model("auto", "Auto", "image", aspect_ratios=("auto", "1:1", "16:9"), listed=True)
TIERED = Model(
    "tiered",
    "Tiered",
    "image",
    aspect_ratios=("1:1", "16:9"),
    resolutions=("1K", "2K", "4K"),
    default_resolution="1K",
    listed=True,
)
EDITOR = Model("editor", "Editor", "inpaint", listed=True)


def venice(*models: Model, styles: tuple[str, ...] = (), date: float = 0.0) -> Any:
    catalogue = Catalogue({model.id: model for model in models}, styles, date)
    return Venice(Secret("k"), catalogue=catalogue if models else packaged_catalogue()).capabilities


def generate(
    model: Model | str,
    layer: Bounds = CANVAS,
    *,
    references: int = 0,
    styles: tuple[str, ...] = (),
    **options: Any,
) -> Plan:
    """The plan for a generation over `layer` by a model, or by that of a name in the packaged list."""
    can = venice(model, EDITOR, styles=styles) if isinstance(model, Model) else venice()
    wish = Options(**{"prompt": "a fox", "model": model.id if isinstance(model, Model) else model, **options})
    pictures = (Extent(300, 300),) * references
    return make_plan(Job(Action.GENERATE, layer, layer.extent, None, wish, pictures), None, can)


# By width and height


@given(
    st.integers(1, 6000),
    st.integers(1, 6000),
    st.sampled_from([1, 2, 7, 8, 16, 24, 32, 64, 100, 128, 161, 1280]),
)
def test_sizes_are_multiples_within_the_limit_near_the_layers_shape(
    width: int, height: int, divisor: int
) -> None:
    model = Model("m", type="image", divisor=divisor)
    plan = generate(model, Bounds(0, 0, width, height))
    size, step = plan.size, math.lcm(divisor, 8)
    step = step if step <= 1280 else divisor
    for side in (size.width, size.height):
        assert side % divisor == 0
        assert step <= side <= 1280
    assert plan.asked == plan.size
    assert plan.aspect_ratio == ""
    # about a megapixel, unless the longer side is at its limit
    ratio = width / height
    exact = (1024 * math.sqrt(ratio), 1024 / math.sqrt(ratio))
    factor = min(1.0, 1280 / max(exact))
    for side, wanted in zip((size.width, size.height), exact, strict=True):
        clipped = min(max(wanted * factor, step), 1280 // step * step)
        assert abs(side - clipped) <= step / 2 + 1e-6
    shorter = min(exact) * factor
    if shorter >= 4 * step:
        # each side is at most half a step off
        assert abs(math.log(size.width / size.height / ratio)) <= 1.2 * step / shorter


@pytest.mark.parametrize("divisor", [999, 1281, 5000, 2**31 - 1])
def test_a_senseless_divisor_breaks_nothing(divisor: int) -> None:
    size = generate(Model("m", type="image", divisor=divisor)).size
    assert 1 <= min(size.width, size.height) <= max(size.width, size.height) <= 1280


@pytest.mark.parametrize(
    ("layer", "ratio", "size"),
    [
        (Extent(1000, 1000), "", Extent(1024, 1024)),
        (Extent(64, 64), "", Extent(1024, 1024)),
        (Extent(1500, 1000), "", Extent(1248, 832)),
        (Extent(1000, 1500), "", Extent(832, 1248)),
        (Extent(4000, 1000), "", Extent(1280, 320)),
        (Extent(4000, 1000), "1:1", Extent(1024, 1024)),
        (Extent(1000, 1000), "16:9", Extent(1280, 720)),
        (Extent(1000, 1000), "auto", Extent(1024, 1024)),
        (Extent(1000, 1000), "9:19.5", Extent(592, 1280)),
    ],
)
def test_the_layers_shape_or_the_one_asked_for_is_made(layer: Extent, ratio: str, size: Extent) -> None:
    plan = generate(SIZED, Bounds.of(layer), aspect_ratio=ratio)
    assert (plan.size, plan.asked, plan.aspect_ratio) == (size, size, "")


@pytest.mark.parametrize("ratio", ["1e308:1", "1:1e308", "5e-324:1"])
def test_a_senseless_ratio_breaks_nothing(ratio: str) -> None:
    size = generate(SIZED, aspect_ratio=ratio).size
    assert sorted((size.width, size.height)) == [16, 1280]


@pytest.mark.parametrize("ratio", ["wide", "16x9", "0:1", "-1:1", "1:", "nan:1"])
def test_what_is_no_ratio_is_refused(ratio: str) -> None:
    with pytest.raises(BadInput, match="is not an aspect ratio"):
        generate(SIZED, aspect_ratio=ratio)


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"width": "512", "height": "768"}, Extent(512, 768)),
        ({"width": "512"}, Extent(512, 1024)),
        ({"height": "1280"}, Extent(1024, 1280)),
        ({"width": " 512 "}, Extent(512, 1024)),
    ],
)
def test_a_size_in_figures_is_taken_as_it_is(fields: dict[str, str], size: Extent) -> None:
    plan = generate(SIZED, fields=tuple(fields.items()))
    assert (plan.size, plan.asked) == (size, size)


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        (SIZED, {"fields": (("width", "1281"),)}, "width=1281: expected 1 to 1280"),
        (SIZED, {"fields": (("width", "0"),)}, "expected 1 to 1280"),
        (SIZED, {"fields": (("width", "²"),)}, "expected 1 to 1280"),
        (SIZED, {"fields": (("steps", "²"),)}, "expected 1 or more"),
        (SIZED, {"fields": (("width", "wide"),)}, "expected 1 to 1280"),
        (SIZED, {"fields": (("height", "1000"),)}, "height must be a multiple of 16 for Sized"),
        (SIZED, {"fields": (("height", " 1000 "),)}, "height must be a multiple of 16"),
        (SIZED, {"fields": (("width", "512"),), "aspect_ratio": "1:1"}, "not both"),
        (SIZED, {"fields": (("steps", "21"),)}, "Sized accepts at most 20 steps"),
        (SIZED, {"fields": (("seed", "3"),)}, "set from seed"),
        (SIZED, {"fields": (("sharpness", "3"),)}, "no field “sharpness”"),
        (SIZED, {"resolution": "2K"}, "Sized has no resolution “2K”: it offers no choice"),
        (SIZED, {"quality": "high"}, "Sized has no quality “high”: it offers no choice"),
        (RATIO, {"fields": (("width", "512"),)}, "Ratio accepts an aspect ratio instead of width and height"),
        (RATIO, {"aspect_ratio": "4:5"}, "no aspect ratio “4:5”: it offers 1:1, 16:9, 9:16, 3:2"),
        (TIERED, {"resolution": "8K"}, "no resolution “8K”: it offers 1K, 2K, 4K"),
        (EDITOR, {}, "Editor edits images; choose a model that generates images"),
        (SIZED, {"prompt": "  "}, "prompt is empty"),
        (SIZED, {"prompt": "x" * 32_769}, "32769 characters; the model accepts at most 32768"),
        (SIZED, {"negative_prompt": "x" * 32_769}, r"at most 32768 characters"),
        (Model("m", type="image", max_prompt=1500), {"prompt": "x" * 1501}, "accepts at most 1500"),
        (Model("m", type="image", max_prompt=9), {"prompt": "x" * 10}, "at most 9"),
        (Model("m", type="image", max_prompt=9), {"negative_prompt": "x" * 10}, r"at most 9 characters"),
        (SIZED, {"endpoint": "/image/edit"}, "“/image/edit” cannot generate images"),
        (SIZED, {"endpoint": "nonsense"}, "“nonsense” cannot generate images"),
    ],
)
def test_what_cannot_be_had_is_refused_before_sending(
    model: Model, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        generate(model, **options)


def test_what_can_just_be_had_is_planned() -> None:
    generate(SIZED, prompt="x" * 32_768, negative_prompt="y" * 32_768)
    generate(Model("m", type="image", max_prompt=20_000), prompt="x" * 20_000)
    generate(SIZED, fields=(("steps", "20"), ("width", "1280"), ("height", "16")))
    generate(Model("m", type="image", max_prompt=9), prompt="x" * 9, negative_prompt="y" * 9)
    # of a model that nothing is known of, anything may be asked
    generate(Model("new"), resolution="2K", quality="high", fields=(("steps", "999"),))


# By aspect ratio and resolution


@pytest.mark.parametrize(
    ("layer", "wish", "sent"),
    [
        (Extent(1000, 990), "", "1:1"),
        (Extent(1920, 1080), "", "16:9"),
        (Extent(1500, 1000), "", "3:2"),
        (Extent(100, 1000), "", "9:16"),
        (Extent(1000, 1000), "16:9", "16:9"),
        (Extent(1920, 1080), "auto", "16:9"),  # the model does not list auto
    ],
)
def test_the_nearest_of_the_models_ratios_is_sent(layer: Extent, wish: str, sent: str) -> None:
    plan = generate(RATIO, Bounds.of(layer), aspect_ratio=wish)
    assert (plan.aspect_ratio, plan.asked) == (sent, None)


def test_auto_is_sent_where_it_is_asked_for_and_listed() -> None:
    assert generate(AUTO, aspect_ratio="auto").aspect_ratio == "auto"
    assert generate(AUTO).aspect_ratio == "16:9"


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({}, Extent(1365, 768)),
        ({"resolution": "2K"}, Extent(2731, 1536)),
        ({"resolution": "4K"}, Extent(5461, 3072)),
        ({"resolution": "4K", "aspect_ratio": "1:1"}, Extent(4096, 4096)),
    ],
)
def test_a_tier_says_how_large_the_picture_will_be(options: dict[str, Any], size: Extent) -> None:
    plan = generate(TIERED, Bounds(0, 0, 1920, 1080), **options)
    assert (plan.size, plan.asked) == (size, None)


@pytest.mark.parametrize(
    ("layer", "options", "warned"),
    [
        (Extent(1024, 1024), {}, False),
        (Extent(1030, 1030), {}, False),
        (Extent(2048, 2048), {}, True),
        (Extent(2048, 2048), {"resolution": "2K"}, False),
        (Extent(8192, 8192), {"resolution": "4K"}, True),
        (Extent(2048, 2048), {"as_made": True}, False),
    ],
)
def test_a_picture_that_must_be_enlarged_is_told(
    layer: Extent, options: dict[str, Any], warned: bool
) -> None:
    plan = generate(TIERED, Bounds.of(layer), **options)
    assert [f"enlarged {2.0} times" in words for words in plan.warnings] == [True] * warned


# OpenAI's endpoint

GENERATIONS = {"endpoint": "/images/generations"}


@pytest.mark.parametrize(
    ("layer", "fields", "size"),
    [
        (Extent(1000, 1000), {}, Extent(1024, 1024)),
        (Extent(1500, 1000), {}, Extent(1536, 1024)),
        (Extent(1000, 1500), {}, Extent(1024, 1536)),
        (Extent(1920, 1080), {}, Extent(1792, 1024)),
        (Extent(1080, 1920), {}, Extent(1024, 1792)),
        (Extent(5000, 100), {}, Extent(1792, 1024)),
        (Extent(1920, 1080), {"size": "512x512"}, Extent(512, 512)),
        (Extent(1920, 1080), {"size": "auto"}, Extent(1792, 1024)),
    ],
)
def test_of_its_fixed_sizes_the_nearest_shape_is_taken(
    layer: Extent, fields: dict[str, str], size: Extent
) -> None:
    plan = generate(SIZED, Bounds.of(layer), fields=tuple(fields.items()), **GENERATIONS)
    assert (plan.endpoint, plan.size, plan.aspect_ratio) == (Endpoint.GENERATIONS, size, "")
    assert plan.asked == size


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"negative_prompt": "x"}, "a negative prompt"),
        ({"style": "Anime"}, "a style"),
        ({"seed": 0}, "a seed"),
        ({"aspect_ratio": "1:1"}, "an aspect ratio"),
        ({"resolution": "1K"}, "a resolution"),
        ({"quality": "high"}, "a quality"),
        ({"enhance_prompt": True}, "prompt rewriting"),
        ({"references": 1}, "reference images"),
        ({"prompt": "x" * 1501}, "accepts at most 1500"),
        ({"fields": (("size", "1x1"),)}, "size=1x1: expected auto"),
        ({"fields": (("width", "512"),)}, "no field “width”"),
    ],
)
def test_what_it_does_not_know_is_refused_not_left_out(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        generate(SIZED, **GENERATIONS, **options)


def test_only_a_generation_has_a_choice_of_endpoints() -> None:
    job = Job(Action.EDIT, CANVAS, CANVAS.extent, None, Options(prompt="x", endpoint="/image/generate"))
    with pytest.raises(BadInput, match="only when generating"):
        make_plan(job, None, venice())


# Counts and prices


@pytest.mark.parametrize(
    ("options", "requests", "pictures", "usd", "total"),
    [
        ({}, 1, 1, 0.01, 0.01),
        ({"variations": 4}, 1, 4, 0.04, 0.04),
        ({"variations": 4, "enhance_prompt": True}, 1, 4, 0.08, 0.08),
        ({"variations": 3, **GENERATIONS}, 3, 1, 0.01, 0.03),
    ],
)
def test_several_are_one_request_or_one_each(
    options: dict[str, Any], requests: int, pictures: int, usd: float, total: float
) -> None:
    plan = generate("z-image-turbo", **options)
    assert (plan.requests, plan.pictures) == (requests, pictures)
    assert plan.price == Price(pytest.approx(usd), pytest.approx(usd))
    assert plan.total == Price(pytest.approx(total), pytest.approx(total))
    assert plan.images == 0


def test_tiers_and_qualities_have_their_price() -> None:
    plan = generate("gpt-image-2", resolution="2K", quality="medium", variations=2)
    assert plan.price == Price(pytest.approx(0.26), pytest.approx(0.26))
    assert generate(Model("unknown")).total is None


@pytest.mark.parametrize(("value", "warned"), [("true", True), ("YES", True), ("1", True), ("false", False)])
def test_a_search_of_the_web_costs_extra(value: str, warned: bool) -> None:
    plan = generate(SIZED, fields=(("enable_web_search", value),))
    words = "If the service searches the web, it charges extra; the price shown excludes that."
    assert (words in plan.warnings) is warned


# References, styles, the selection


@pytest.mark.parametrize(
    ("model", "count", "fine"),
    [
        (Model("m", type="image", listed=True, constrained=True, max_style_references=2), 2, True),
        (Model("m", type="image", listed=True, constrained=True, max_style_references=2), 3, False),
        (Model("m", type="image", listed=True, constrained=True), 1, False),
        (Model("m", type="image", listed=True, constrained=True, max_style_references=0), 1, False),
        (Model("m", type="image", listed=True), 5, True),  # its limits are not known
    ],
)
def test_a_model_takes_as_many_style_references_as_it_says(model: Model, count: int, fine: bool) -> None:
    if fine:
        plan = generate(model, references=count)
        assert plan.references == (Extent(300, 300),) * count
        assert plan.images == count
    else:
        with pytest.raises(BadInput, match="reference images"):
            generate(model, references=count)


STYLES = ("3D Model", "Analog Film", "Anime")


@pytest.mark.parametrize(
    ("wish", "sent"), [("Anime", "Anime"), ("anime", "Anime"), ("3d MODEL", "3D Model"), ("", "")]
)
def test_a_style_is_sent_as_the_service_spells_it(wish: str, sent: str) -> None:
    assert generate(SIZED, style=wish, styles=STYLES).style == sent


def test_an_unknown_style_is_refused_with_those_meant_and_taken_where_none_are_known() -> None:
    with pytest.raises(BadInput, match="no style “Anima”; did you mean Anime"):
        generate(SIZED, style="Anima", styles=STYLES)
    with pytest.raises(BadInput, match="styles include 3D Model, Analog Film, Anime"):
        generate(SIZED, style="Qqq", styles=STYLES)
    assert generate(SIZED, style="Qqq").style == "Qqq"


def test_with_a_selection_its_support_is_covered_and_without_one_the_layer() -> None:
    box = Bounds(100, 200, 400, 100)
    for use, crop in ((SelectionUse.GUIDE, box), (SelectionUse.IGNORE, CANVAS)):
        wish = Options(prompt="x", model="size_selectable", selection=use)
        job = Job(Action.GENERATE, CANVAS, CANVAS.extent, box, wish)
        selection = Selection.of(job, np.full((100, 400), 255, np.uint8)) if job.selected else None
        plan = make_plan(job, selection, venice(SIZED))
        assert plan.crop == crop
        assert not plan.padding
        assert plan.size == (Extent(1280, 320) if crop == box else Extent(1248, 832))


def test_the_default_generator_is_that_of_the_service() -> None:
    assert generate("").model == "z-image-turbo"
    marked = Model("mine", type="image", traits=("default",), listed=True)
    job = Job(Action.GENERATE, CANVAS, CANVAS.extent, None, Options(prompt="x"))
    assert make_plan(job, None, venice(SIZED, marked)).model == "mine"


@pytest.mark.parametrize(
    ("model", "date", "words"),
    [
        (Model("gone", type="image"), 1e9, ["The service does not list the model “gone”."]),
        (Model("gone", type="image"), 0.0, []),
        (Model("m", "Mine", "image", offline=True, listed=True), 1e9, ["The service reports that Mine is"]),
        (
            Model("m", "Mine", "image", retires="2090-12-01T00:00:00Z", replacement="next", listed=True),
            1e9,
            ["Mine will be retired on 2090-12-01; use next instead."],
        ),
    ],
)
def test_what_people_should_know_of_a_model_is_told(model: Model, date: float, words: list[str]) -> None:
    job = Job(
        Action.GENERATE, Bounds(0, 0, 512, 512), Extent(512, 512), None, Options(prompt="x", model=model.id)
    )
    plan = make_plan(job, None, venice(model, date=date))
    assert len(plan.warnings) == len(words)
    assert all(told.startswith(begin) for told, begin in zip(plan.warnings, words, strict=True))
