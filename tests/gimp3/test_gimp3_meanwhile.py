"""What happens to the image while the service works: the user goes on, and the result finds its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gimp3_machine import Gimp, until
from gimp3_pictures import array, check_equal, photo, raw

from venice_core.sandbox import Sandbox

EDIT = "plug-in-venice-edit"
Jobs = Callable[[], list[Any]]
WHOLE = (10, 10, 320, 256)


def begin(gimp: Gimp, sandbox: Sandbox, jobs: Jobs, image: int, layer: int) -> Any:
    """A run that waits for its answer."""
    sandbox.switch(identity=True, stall=1.5)
    running = gimp.begin("run", EDIT, image, [layer], prompt="change nothing")
    until(lambda: [job for job in jobs() if job.record["status"] == "sent"])
    return running


def make_photo(gimp: Gimp) -> tuple[int, int]:
    image = gimp.new_image(400, 300)
    return image, gimp.add_layer(image, raw(photo("coffee", *WHOLE[2:])), WHOLE[:2])


def test_layers_may_be_added_and_moved_meanwhile(gimp: Gimp, sandbox: Sandbox, jobs: Jobs) -> None:
    image, source = make_photo(gimp)
    running = begin(gimp, sandbox, jobs, image, source)
    above = gimp.meanwhile("add_layer", image, raw(photo("chelsea", 50, 50)))
    gimp.meanwhile("set_property", source, offsets=(90, 80))
    (new,) = running.result(20)["layers"]
    assert [layer["id"] for layer in gimp.tree(image)] == [above, new, source]
    assert gimp.snapshot(image)["selected_layers"] == [above], "what is selected now stays selected"


def test_a_source_removed_meanwhile_leaves_its_result_at_the_top(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs
) -> None:
    image, source = make_photo(gimp)
    other = gimp.add_layer(image, raw(photo("chelsea", 50, 50)))
    running = begin(gimp, sandbox, jobs, image, source)
    gimp.meanwhile("remove", image, source)
    run = running.result(20)
    assert run["error"] == ""
    (new,) = run["layers"]
    assert [layer["id"] for layer in gimp.tree(image)] == [new, other]
    facts = gimp.describe(new)
    assert (*facts["offsets"], *facts["size"]) == WHOLE
    check_equal(array(gimp.pixels(new, "R'G'B' u8")), photo("coffee", *WHOLE[2:]), "the result")


def test_a_group_removed_meanwhile_does_not_lose_the_result(gimp: Gimp, sandbox: Sandbox, jobs: Jobs) -> None:
    image = gimp.new_image(400, 300)
    group = gimp.add_group(image)
    source = gimp.add_layer(image, raw(photo("coffee", *WHOLE[2:])), WHOLE[:2], parent=group)
    running = begin(gimp, sandbox, jobs, image, source)
    gimp.meanwhile("remove", image, group)
    run = running.result(20)
    assert run["error"] == ""
    assert [layer["id"] for layer in gimp.tree(image)] == run["layers"]
