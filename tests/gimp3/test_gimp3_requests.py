"""What is asked of the service: the right endpoint, once, with the right pictures."""

from __future__ import annotations

import numpy as np
from expected import expected_crop, expected_mask
from gimp3_machine import KEY, Gimp
from pictures import array, check_equal, decoded, photo, raw
from support import posts

from venice_core.sandbox import Sandbox

EDIT, CUTOUT = "plug-in-venice-edit", "plug-in-venice-remove-background"
LAYER = (20, 30, 600, 400)
ELLIPSE = (120, 130, 300, 220)


def make_photo(gimp: Gimp) -> tuple[int, int]:
    image = gimp.new_image(700, 500)
    return image, gimp.add_layer(image, raw(photo("coffee", *LAYER[2:])), LAYER[:2])


def test_without_a_selection_one_edit_with_one_picture_is_asked_for(gimp: Gimp, sandbox: Sandbox) -> None:
    image, layer = make_photo(gimp)
    gimp.run(EDIT, image, [layer], prompt="Make it “pink” – 粉红")
    (seen,) = posts(sandbox)
    assert (seen.method, seen.path, seen.status) == ("POST", "/api/v1/image/edit", 200)
    assert seen.fields == {
        "prompt": "Make it “pink” – 粉红",
        "model": "firered-image-edit",
        "output_format": "png",
    }
    (file,) = seen.files
    assert (file.name, file.format, file.content_type) == ("image", "PNG", "image/png")
    check_equal(decoded(file.data), photo("coffee", *LAYER[2:]), "what was sent")
    assert KEY not in str(seen)


def test_a_guiding_selection_goes_along_as_a_mask_of_the_same_size(gimp: Gimp, sandbox: Sandbox) -> None:
    image, layer = make_photo(gimp)
    gimp.select(image, ELLIPSE, feather=15.0)
    gimp.run(EDIT, image, [layer], prompt="make it pink", selection="guide", grow=5, feather=9, context=30)
    (seen,) = posts(sandbox)
    assert seen.path == "/api/v1/image/multi-edit"
    assert seen.fields["modelId"] == "firered-image-edit"
    assert "model" not in seen.fields
    assert seen.fields["prompt"].startswith("make it pink\n\n")
    assert "mask" in seen.fields["prompt"]
    assert "white" in seen.fields["prompt"]

    base, mask = seen.files
    assert [file.name for file in seen.files] == ["images", "images"]
    assert (base.mode, mask.mode) == ("RGB", "L")
    assert (base.width, base.height) == (mask.width, mask.height)
    grown, support = expected_mask(array(gimp.coverage(image)), LAYER, 5, 0)
    x, y, width, height = crop = expected_crop(support, LAYER, 30)
    assert (base.width, base.height) == crop[2:]
    check_equal(decoded(mask.data), grown[y : y + height, x : x + width], "the mask that was sent")
    left, top = x - LAYER[0], y - LAYER[1]
    own = photo("coffee", *LAYER[2:])[top : top + height, left : left + width]
    check_equal(decoded(base.data), own, "the picture that was sent")


def test_a_local_selection_sends_only_the_crop(gimp: Gimp, sandbox: Sandbox) -> None:
    image, layer = make_photo(gimp)
    gimp.select(image, ELLIPSE)
    gimp.run(EDIT, image, [layer], prompt="make it pink", selection="local", context=20)
    (seen,) = posts(sandbox)
    assert (seen.path, seen.fields["prompt"]) == ("/api/v1/image/edit", "make it pink")
    (file,) = seen.files
    _, support = expected_mask(array(gimp.coverage(image)), LAYER, 0, 0)
    x, y, width, height = expected_crop(support, LAYER, 20)
    left, top = x - LAYER[0], y - LAYER[1]
    assert (width, height) < LAYER[2:]
    own = photo("coffee", *LAYER[2:])[top : top + height, left : left + width]
    check_equal(decoded(file.data), own, "what was sent")


def test_options_travel_under_the_services_names(gimp: Gimp, sandbox: Sandbox) -> None:
    image, layer = make_photo(gimp)
    options = {"model": "nano-banana-2-edit", "resolution": "2K", "aspect_ratio": "3:2"}
    run = gimp.run(
        EDIT,
        image,
        [layer],
        prompt="pink",
        safe_mode=False,
        enhance_prompt=True,
        match_colors=False,
        **options,
    )
    assert run["error"] == ""
    (seen,) = posts(sandbox)
    assert seen.fields == {
        **options,
        "prompt": "pink",
        "safe_mode": "false",
        "enhance_prompt": "true",
        "output_format": "png",
    }


def test_remove_background_asks_once_with_the_picture_only(gimp: Gimp, sandbox: Sandbox) -> None:
    image, layer = make_photo(gimp)
    gimp.run(CUTOUT, image, [layer])
    (seen,) = posts(sandbox)
    assert (seen.path, seen.fields) == ("/api/v1/image/background-remove", {})
    (file,) = seen.files
    assert file.name == "image"
    check_equal(decoded(file.data), photo("coffee", *LAYER[2:]), "what was sent")


def test_no_pixel_of_other_layers_is_sent(gimp: Gimp, sandbox: Sandbox) -> None:
    image, layer = make_photo(gimp)
    gimp.add_layer(image, raw(np.full((500, 700, 3), (0, 255, 0), np.uint8)), name="green, in front")
    gimp.run(EDIT, image, [layer], prompt="pink")
    check_equal(decoded(posts(sandbox)[0].files[0].data), photo("coffee", *LAYER[2:]), "what was sent")
