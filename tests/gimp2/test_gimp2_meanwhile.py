"""The person goes on working in GIMP 2.10 while the service works, or presses GIMP's own Cancel."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gimp2_machine import Gimp2
from gimp2_scene import CUTOUT, EDIT, rgba
from pictures import check_equal, decoded, photo
from support import posts, wait_for

from venice_core.sandbox import Sandbox

WHOLE = (10, 20, 320, 256)
Jobs = Callable[[], list[dict[str, Any]]]


def make_photo(gimp: Gimp2) -> tuple[int, int]:
    image = gimp.new_image(400, 300)
    return image, gimp.add_layer(image, photo("coffee", *WHOLE[2:]), WHOLE[:2])


def run_while(
    gimp: Gimp2, sandbox: Sandbox, image: int, source: int, *calls: Any, procedure: str = EDIT
) -> Any:
    """A run that changes nothing, during which those calls are done."""
    sandbox.switch(identity=True, stall=1.0)
    values = {"prompt": "change nothing"} if procedure == EDIT else {}
    return gimp.run(procedure, image, source, values=values, meanwhile=list(calls))


def test_a_source_removed_meanwhile_leaves_its_result_at_the_top(gimp: Gimp2, sandbox: Sandbox) -> None:
    image, source = make_photo(gimp)
    other = gimp.add_layer(image, photo("chelsea", 50, 50))
    run = run_while(gimp, sandbox, image, source, ["remove_layer", [image, source]])
    assert run["error"] == ""
    assert "source layer no longer exists" in " ".join(run["messages"])
    layers = gimp.snapshot(image)["layers"]
    assert [layer["id"] for layer in layers] == [run["layer"], other]
    assert (*layers[0]["offsets"], *layers[0]["size"]) == WHOLE
    check_equal(rgba(gimp.pixels(run["layer"]))[..., :3], photo("coffee", *WHOLE[2:]), "the result")


def test_a_group_removed_meanwhile_does_not_lose_the_result(gimp: Gimp2, sandbox: Sandbox) -> None:
    image = gimp.new_image(400, 300)
    group = gimp.add_group(image)
    source = gimp.add_layer(image, photo("coffee", *WHOLE[2:]), WHOLE[:2], "inside", group)
    run = run_while(gimp, sandbox, image, source, ["remove_layer", [image, group]])
    assert run["error"] == ""
    assert [layer["id"] for layer in gimp.snapshot(image)["layers"]] == [run["layer"]]


def test_an_image_closed_meanwhile_gives_one_of_its_own(gimp: Gimp2, sandbox: Sandbox, jobs: Jobs) -> None:
    image, source = make_photo(gimp)
    run = run_while(gimp, sandbox, image, source, ["delete_image", [image]])
    assert run["error"] == ""
    assert "The image was closed in the meantime" in " ".join(run["messages"])
    (new,) = gimp.strays()
    gimp.adopt(new)
    (layer,) = gimp.snapshot(new)["layers"]
    assert (layer["id"], layer["offsets"], layer["size"]) == (run["layer"], [0, 0], list(WHOLE[2:]))
    check_equal(rgba(gimp.visible(new))[..., :3], photo("coffee", *WHOLE[2:]), "the result")
    assert jobs()[0]["status"] == "placed"


@pytest.mark.parametrize("output", ["layer", "mask"])
def test_a_cut_out_follows_a_source_that_moved_meanwhile(gimp: Gimp2, sandbox: Sandbox, output: str) -> None:
    image, source = make_photo(gimp)
    moved = ["call", ["gimp-layer-set-offsets", {"item": source}, 33, 9]]
    sandbox.switch(identity=True, stall=1.0)
    run = gimp.run(CUTOUT, image, source, values={"output": output}, meanwhile=[moved])
    assert run["error"] == ""
    assert gimp.describe(run["layer"])["offsets"] == [33, 9]


def test_a_cut_out_of_a_source_whose_size_changed_is_what_was_sent_back(
    gimp: Gimp2, sandbox: Sandbox
) -> None:
    image, source = make_photo(gimp)
    resized = ["call", ["gimp-layer-resize", {"item": source}, 200, 100, 0, 0]]
    run = run_while(gimp, sandbox, image, source, resized, procedure=CUTOUT)
    assert run["error"] == ""
    layer = gimp.describe(run["layer"])
    assert (*layer["offsets"], *layer["size"]) == WHOLE


@pytest.fixture
def plug_in(gimp: Gimp2, sandbox: Sandbox, tmp_path: Path) -> Iterator[Gimp2]:
    """A process of its own, as a plug-in is in GIMP; with a real GIMP behind it, the same one."""
    other = Gimp2(gimp.backend, gimp._python, tmp_path / "plug-in", sandbox.url)
    yield other
    other.close()


def status_of(plug_in: Gimp2) -> dict[str, Any]:
    found = list(plug_in.home.glob("jobs/*/job.json"))
    return dict(json.loads(found[0].read_text("utf-8"))) if found else {"status": ""}


def test_cancel_before_the_upload_is_complete_buys_nothing(
    gimp: Gimp2, plug_in: Gimp2, sandbox: Sandbox
) -> None:
    """GIMP's Cancel kills the plug-in, so this test does."""
    if gimp.backend == "memory":
        pytest.skip("a picture that fills the socket's buffers is too large for the model")
    noise = np.random.default_rng(1).integers(0, 256, (2000, 2400, 3), np.uint8)  # 14 MB as a file
    image = gimp.new_image(2400, 2000)
    layer = gimp.add_layer(image, noise)
    before = gimp.snapshot(image)
    sandbox.switch(stall=10, stall_at="body")
    plug_in.begin("run", EDIT, image, layer, values={"prompt": "pink"})
    wait_for(lambda: posts(sandbox), 60)
    time.sleep(0.3)  # until the buffers are full

    plug_in.kill()

    wait_for(lambda: status_of(plug_in)["status"] == "cancelled", 3)
    assert status_of(plug_in)["charge"] == "none"
    wait_for(lambda: not list(plug_in.home.glob("scratch/*")))
    assert gimp.snapshot(image) == before


def test_cancel_after_the_upload_keeps_the_answer(gimp: Gimp2, plug_in: Gimp2, sandbox: Sandbox) -> None:
    owner = gimp if gimp.backend != "memory" else plug_in
    plug_in.start()
    image = owner.new_image(400, 300)
    layer = owner.add_layer(image, photo("coffee", 400, 300))
    before = owner.snapshot(image)
    sandbox.switch(stall=2.0)
    plug_in.begin("run", EDIT, image, layer, values={"prompt": "pink"})
    wait_for(lambda: status_of(plug_in)["status"] == "sent")

    plug_in.kill()

    wait_for(lambda: status_of(plug_in)["status"] == "done", 10)
    (answer,) = plug_in.home.glob("jobs/*/answer.bin")
    assert decoded(answer.read_bytes()).shape == (300, 400, 3)
    wait_for(lambda: not list(plug_in.home.glob("scratch/*")))
    if owner is gimp:
        assert gimp.snapshot(image) == before


def test_the_progress_bar_pulses_while_it_waits(gimp: Gimp2, sandbox: Sandbox) -> None:
    image, source = make_photo(gimp)
    sandbox.switch(stall=1.5)
    run = gimp.run(EDIT, image, source, values={"prompt": "pink"})
    assert run["error"] == ""
    assert run["called"].count("gimp-progress-pulse") >= 5
    assert run["stages"][0] == "Preparing…"
    assert "Waiting for the service…" in run["stages"]
