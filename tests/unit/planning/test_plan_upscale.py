"""What is sent when a layer is to be upscaled, and what that costs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_core.errors import BadInput
from venice_core.geometry.rectangles import Bounds, Extent, Padding
from venice_core.job import Action, Job, Options
from venice_core.planning.capabilities import Catalogue
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.plan import Plan
from venice_core.planning.planner import make_plan
from venice_core.planning.price import Price
from venice_core.planning.upscale import MIN_GAIN
from venice_core.providers.venice.model_entries import packaged_catalogue
from venice_core.providers.venice.provider import Venice
from venice_core.secret import Secret

LARGEST = 16_777_216
CAN = Venice(Secret("k"), catalogue=packaged_catalogue()).capabilities


def upscale(extent: Extent, scale: int = 2, **options: object) -> Plan:
    layer = Bounds(-7, 30, extent.width, extent.height)
    wish = Options(scale=scale, **options)  # type: ignore[arg-type]
    return make_plan(Job(Action.UPSCALE, layer, Extent(500, 500), None, wish), None, CAN)


@pytest.mark.parametrize(
    ("extent", "wish", "sent", "warning"),
    [
        (Extent(1000, 1000), 2, 2, ""),
        (Extent(1000, 1000), 4, 4, ""),
        (Extent(1024, 1024), 4, 4, ""),  # exactly the largest
        (Extent(1025, 1024), 4, 4, "becomes 4.00 times as large instead of 4 times"),
        (Extent(1400, 1400), 4, 4, "becomes 2.93 times as large instead of 4 times"),
        (Extent(2048, 2048), 2, 2, ""),
        (Extent(2048, 2048), 4, 2, "becomes 2.00 times as large instead of 4 times"),
        (Extent(3000, 3000), 4, 2, "becomes 1.37 times as large instead of 4 times"),
        (Extent(3000, 3000), 2, 2, "becomes 1.37 times as large instead of 2 times"),
        (Extent(3700, 3700), 2, 2, "becomes 1.11 times as large"),
    ],
)
def test_the_larger_scale_is_sent_only_where_it_gives_more(
    extent: Extent, wish: int, sent: int, warning: str
) -> None:
    plan = upscale(extent, wish)
    assert plan.scale == sent
    assert plan.price == (Price(0.02, 0.02) if sent == 2 else Price(0.08, 0.08))
    assert len(plan.warnings) == bool(warning)
    assert warning in "".join(plan.warnings)


@given(st.integers(1, 9000), st.integers(1, 9000), st.sampled_from([2, 4]))
def test_nobody_pays_for_4_where_2_gives_the_same(width: int, height: int, wish: int) -> None:
    lowered = math.sqrt(LARGEST / max(width * height, 65_536))
    if lowered < MIN_GAIN:
        with pytest.raises(BadInput, match="too large to upscale"):
            upscale(Extent(width, height), wish)
        return
    if min(width, height) < 300:
        return  # it is padded: see below
    plan = upscale(Extent(width, height), wish)
    assert plan.scale in (2, wish)
    assert min(lowered, wish) == pytest.approx(min(lowered, plan.scale))
    assert plan.scale == 2 or lowered > 2
    assert any("times as large" in words for words in plan.warnings) == (lowered < wish)
    assert plan.size == plan.crop.extent == Extent(width, height)


@pytest.mark.parametrize(
    "extent",
    [
        Extent(4095, 4096),
        Extent(3800, 3800),
        Extent(4096, 4096),
        Extent(8192, 2048),
        Extent(5000, 5000),
        Extent(9000, 9000),
    ],
)
def test_what_is_as_large_as_the_largest_result_is_refused(extent: Extent) -> None:
    with pytest.raises(BadInput, match=r"limited to 16\.8 megapixels"):
        upscale(extent)


def test_a_small_layer_is_padded_and_that_is_said() -> None:
    plan = upscale(Extent(100, 50))
    assert plan.crop == Bounds(-7, 30, 100, 50)
    assert plan.padding == Padding(78, 103, 78, 103)
    assert plan.size == Extent(256, 256)
    assert len(plan.warnings) == 1
    assert "removed afterwards" in plan.warnings[0]


def test_the_padding_counts_for_how_large_it_can_become() -> None:
    plan = upscale(Extent(1, 60_000), 4)
    assert plan.padded == Extent(64, 60_000)
    assert plan.scale == 4
    assert any("becomes 2.09 times as large" in words for words in plan.warnings)
    with pytest.raises(BadInput, match="too large to upscale"):
        upscale(Extent(1, LARGEST // 64))


def test_the_whole_layer_goes_to_its_endpoint_without_words_whatever_is_selected() -> None:
    layer = Bounds(0, 0, 600, 400)
    wish = Options(prompt="never sent", variations=3, aspect_ratio="1:1", model="firered-image-edit")
    job = Job(Action.UPSCALE, layer, layer.extent, Bounds(10, 10, 20, 20), wish)
    assert not job.selected
    plan = make_plan(job, None, CAN)
    assert (plan.endpoint, plan.model, plan.prompt) == (Endpoint.UPSCALE, "upscaler", "")
    assert (plan.crop, plan.support, plan.requests, plan.images) == (layer, None, 1, 1)
    assert plan.aspect_ratio == ""
    assert np.isclose(plan.total.usd if plan.total and plan.total.usd else 0, 0.02)


def test_without_a_listed_upscaler_the_price_is_not_known() -> None:
    bare = Venice(Secret("k"), catalogue=Catalogue()).capabilities
    layer = Bounds(0, 0, 600, 400)
    assert make_plan(Job(Action.UPSCALE, layer, layer.extent), None, bare).price is None
