"""Around a run: registration, last values, what is selected, what is saved, running again."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from gimp3_machine import KEY, Gimp
from pictures import photo, raw
from stack import hidden, untouched
from support import posts

from venice_core.sandbox import Sandbox

EDIT, CUTOUT = "plug-in-venice-edit", "plug-in-venice-remove-background"
GENERATE, UPSCALE = "plug-in-venice-generate", "plug-in-venice-upscale"
SETTINGS = "plug-in-venice-settings"
IMAGE_ARGUMENTS = ["run-mode", "image", "drawables"]


def make_photo(gimp: Gimp) -> tuple[int, int]:
    image = gimp.new_image(400, 300)
    layer = gimp.add_layer(image, raw(photo("coffee", 360, 280)), (10, 10))
    gimp.select_layers(image, [layer])
    return image, layer


def test_edit_is_registered_as_it_is_promised(gimp: Gimp) -> None:
    found = gimp.signature(EDIT)
    assert found["label"].replace("_", "") == "Edit with Prompt..."
    assert found["menus"] == ["<Image>/Filters/Venice"]
    assert found["returns"][-1] == "layers"
    promised = {
        "prompt": "",
        "model": "",
        "selection": "guide",
        "context": -1,
        "grow": 0,
        "feather": -1,
        "variations": 1,
        "aspect-ratio": "",
        "resolution": "",
        "quality": "",
        "safe-mode": True,
        "enhance-prompt": False,
        "align": True,
        "match-colors": True,
        "provider": "",
        "sample": "layer",
        "output": "layer",
    }
    assert list(found["arguments"]) == [*IMAGE_ARGUMENTS, *promised]
    assert {name: found["arguments"][name] for name in promised} == promised


def test_remove_background_is_registered_as_it_is_promised(gimp: Gimp) -> None:
    found = gimp.signature(CUTOUT)
    assert found["label"].replace("_", "") == "Remove Background..."
    assert found["menus"] == ["<Image>/Filters/Venice"]
    promised = {"output": "layer", "defringe": True, "provider": "", "hide-source": True}
    assert list(found["arguments"]) == [*IMAGE_ARGUMENTS, *promised]
    assert {name: found["arguments"][name] for name in promised} == promised


def test_no_procedure_takes_a_key(gimp: Gimp) -> None:
    """GIMP would keep it: in its settings, and in every image that is saved."""
    for name in (EDIT, CUTOUT, GENERATE, UPSCALE, SETTINGS):
        assert not [argument for argument in gimp.signature(name)["arguments"] if "key" in argument]


def test_running_again_works_on_the_same_source(gimp: Gimp, sandbox: Sandbox) -> None:
    image, source = make_photo(gimp)
    gimp.select(image, (60, 60, 150, 150))
    before = gimp.snapshot(image)
    (first,) = gimp.run(EDIT, image, [source], prompt="pink")["layers"]
    between = gimp.snapshot(image)
    assert between["selected_drawables"] == [source], "Repeat is handed the same layer"
    (second,) = gimp.run(EDIT, image, between["selected_drawables"], prompt="pink")["layers"]
    places = [layer["id"] for layer in gimp.tree(image)]
    assert places == [second, first, source], "the newest is what one sees"
    assert untouched(gimp.snapshot(image), first, second) == untouched(before)
    one, other = posts(sandbox)
    assert [file.data for file in one.files] == [file.data for file in other.files]
    assert one.fields == other.fields


@pytest.mark.parametrize("procedure", [EDIT, CUTOUT])
@pytest.mark.parametrize("editing_the_mask", [True, False])
def test_a_layer_mask_means_its_layer_and_stays_the_edited_one(
    gimp: Gimp, procedure: str, editing_the_mask: bool
) -> None:
    image, source = make_photo(gimp)
    mask = gimp.add_mask(source, raw(np.full((280, 360), 200, np.uint8)))
    gimp.set_property(source, edit_mask=editing_the_mask)
    gimp.select_layers(image, [source])
    gimp.set_property(source, edit_mask=editing_the_mask)
    before = gimp.snapshot(image)
    assert before["selected_drawables"] == [mask if editing_the_mask else source]
    options = {"prompt": "pink"} if procedure == EDIT else {}
    run = gimp.run(procedure, image, before["selected_drawables"], **options)
    assert run["error"] == ""
    (new,) = run["layers"]
    after = gimp.snapshot(image)
    assert after["selected_drawables"] == before["selected_drawables"]
    assert untouched(after, new) == (
        hidden(untouched(before), source) if procedure == CUTOUT else untouched(before)
    )
    assert [layer["id"] for layer in after["layers"]] == [new, source]


def test_another_choice_of_layers_or_channels_stays_chosen(gimp: Gimp) -> None:
    image, source = make_photo(gimp)
    others = [gimp.add_layer(image, raw(photo("chelsea", 50, 50)), name=name) for name in ("one", "two")]
    gimp.select_layers(image, others)
    gimp.run(EDIT, image, [source], prompt="pink")
    assert sorted(gimp.snapshot(image)["selected_layers"]) == sorted(others)


def test_it_runs_with_the_last_values(gimp: Gimp, sandbox: Sandbox) -> None:
    image, source = make_photo(gimp)
    gimp.select(image, (60, 60, 150, 150))
    kept = Path(gimp.folder, "profile", "plug-in-settings", f"GimpProcedureConfigRun-{EDIT}.last")
    kept.parent.mkdir(exist_ok=True)
    kept.write_text('(prompt "the last prompt")\n(selection "local")\n(model "qwen-image-2-edit")\n')
    try:
        run = gimp.run(EDIT, image, [source], last_values=True)
    finally:
        kept.unlink()
    assert run["error"] == ""
    assert len(run["layers"]) == 1
    (seen,) = posts(sandbox)
    assert seen.path == "/api/v1/image/edit"
    assert (seen.fields["prompt"], seen.fields["model"]) == ("the last prompt", "qwen-image-2-edit")


def test_the_key_is_written_nowhere(gimp: Gimp, tmp_path: Path) -> None:
    image, source = make_photo(gimp)
    gimp.select(image, (60, 60, 150, 150))
    gimp.run(EDIT, image, [source], prompt="pink")
    gimp.run(CUTOUT, image, [source])
    gimp.save(image, str(tmp_path / "saved.xcf"))
    layers = gimp.tree(image)
    assert len([layer for layer in layers if "venice-recipe" in layer["parasites"]]) == 2
    key = KEY.encode()
    assert key not in b"".join(gimp.parasites(image).values())
    assert key not in b"".join(data for layer in layers for data in layer["parasites"].values())
    files = [tmp_path / "saved.xcf", *gimp.folder.rglob("*")]
    holding = [path for path in files if path.is_file() and key in path.read_bytes()]
    assert holding == [], "not in the XCF, GIMP's settings, jobs or logs"
    assert b"venice-recipe" in (tmp_path / "saved.xcf").read_bytes()


def test_the_journal_and_its_pixels_are_private(gimp: Gimp) -> None:
    image, source = make_photo(gimp)
    gimp.run(EDIT, image, [source], prompt="pink")
    (job,) = (gimp.home / "jobs").iterdir()
    assert job.stat().st_mode & 0o077 == 0
    assert {path.name for path in job.iterdir()} == {"job.json", "answer.bin"}, "no pixels once placed"
    assert all(path.stat().st_mode & 0o077 == 0 for path in job.iterdir())


def test_the_built_in_sandbox_needs_no_key_and_says_that_it_is_no_ai(gimp: Gimp, sandbox: Sandbox) -> None:
    gimp.use_worker("/usr/bin/env", "-u", "VENICE_API_KEY")
    image, source = make_photo(gimp)
    (new,) = gimp.run(EDIT, image, [source], prompt="pink", provider="sandbox")["layers"]
    assert re.search(r"sandbox, no AI", gimp.describe(new)["name"])
    assert posts(sandbox) == [], "its own server, not the service's address"


def test_warnings_do_not_fail_a_run(gimp: Gimp, sandbox: Sandbox) -> None:
    image, source = make_photo(gimp)
    gimp.set_property(source, opacity=40.0)
    sandbox.switch(deprecated=True, blurred=True, violation=True)
    run = gimp.run(EDIT, image, [source], prompt="pink", variations=3)
    assert run["error"] == ""
    assert gimp.describe(run["layers"][0])["opacity"] == 100.0
