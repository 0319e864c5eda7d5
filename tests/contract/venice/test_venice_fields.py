"""Every field that the service documents can be reached, arrives as it was meant, and is checked before.

The tables are written from the service's documentation, not from the code.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract_ways import Pixels, Shell, entry
from PIL import Image
from specification import SPECIFICATION, answer_problems, properties, request_problems
from support import posts

from venice_core.providers.venice.fields import FIELDS
from venice_core.sandbox import Sandbox

Offering = Callable[..., Sandbox]

EDIT, MULTI, CUTOUT = "/image/edit", "/image/multi-edit", "/image/background-remove"
UPSCALE, GENERATE, GENERATIONS = "/image/upscale", "/image/generate", "/images/generations"
BASE = "/api/v1"

COMMANDS: dict[str, tuple[object, ...]] = {
    EDIT: ("edit", "PHOTO", "-p", "a hat", "--model", "able-edit"),
    MULTI: ("edit", "PHOTO", "-p", "a hat", "--model", "able-edit", "--reference", "HAT"),
    CUTOUT: ("cutout", "PHOTO"),
    UPSCALE: ("upscale", "PHOTO"),
    GENERATE: ("generate", "-p", "a hat", "--model", "able"),
    GENERATIONS: ("generate", "-p", "a hat", "--model", "able", "--endpoint", GENERATIONS),
}

# Fields without an option of their own: what is written, and what arrives (a form holds texts).
BY_NAME: list[tuple[str, str, str, Any]] = [
    *(
        (path, "disable_prompt_optimization_thinking", word, arrives)
        for path in (EDIT, MULTI)
        for word, arrives in (("true", "true"), ("no", "false"))
    ),
    *(
        (path, "output_format", word, word)
        for path in (EDIT, MULTI)
        for word in ("png", "jpeg", "jpg", "webp")
    ),
    *((path, "anon_user_id", "u-7", "u-7") for path in (EDIT, MULTI, CUTOUT, GENERATE, GENERATIONS)),
    (GENERATE, "disable_prompt_optimization_thinking", "yes", True),
    (GENERATE, "width", "640", 640),
    (GENERATE, "height", "1280", 1280),
    (GENERATE, "format", "webp", "webp"),
    (GENERATE, "cfg_scale", "20", 20.0),
    (GENERATE, "cfg_scale", "0.5", 0.5),
    (GENERATE, "steps", "12", 12),
    (GENERATE, "lora_strength", "0", 0),
    (GENERATE, "lora_strength", "100", 100),
    (GENERATE, "hide_watermark", "true", True),
    (GENERATE, "embed_exif_metadata", "1", True),
    (GENERATE, "enable_web_search", "true", True),
    (GENERATIONS, "size", "auto", "auto"),
    (GENERATIONS, "size", "1024x1792", "1024x1792"),
    (GENERATIONS, "response_format", "b64_json", "b64_json"),
    (GENERATIONS, "output_format", "jpeg", "jpeg"),
    (GENERATIONS, "output_compression", "80", 80),
    (GENERATIONS, "quality", "hd", "hd"),
    (GENERATIONS, "style", "vivid", "vivid"),
    (GENERATIONS, "background", "transparent", "transparent"),
    (GENERATIONS, "user", "somebody", "somebody"),
]

# Fields that an option fills in: the option, and what arrives.
BY_OPTION: list[tuple[str, str, tuple[object, ...], Any]] = [
    *((path, "prompt", (), "a hat") for path in (EDIT, MULTI, GENERATE, GENERATIONS)),
    (EDIT, "model", (), "able-edit"),
    (MULTI, "modelId", (), "able-edit"),
    (GENERATE, "model", (), "able"),
    (GENERATIONS, "model", (), "able"),
    *((path, "aspect_ratio", ("--aspect-ratio", "16:9"), "16:9") for path in (EDIT, MULTI)),
    (GENERATE, "aspect_ratio", ("--aspect-ratio", "9:16", "--model", "shaped"), "9:16"),
    *((path, "resolution", ("--resolution", "2K"), "2K") for path in (EDIT, MULTI)),
    (GENERATE, "resolution", ("--resolution", "2K", "--model", "shaped"), "2K"),
    *((path, "safe_mode", ("--no-safe-mode",), "false") for path in (EDIT, MULTI)),
    (GENERATE, "safe_mode", ("--no-safe-mode",), False),
    (GENERATIONS, "moderation", ("--no-safe-mode",), "low"),
    *((path, "enhance_prompt", ("--enhance-prompt",), "true") for path in (EDIT, MULTI)),
    (GENERATE, "enhance_prompt", ("--enhance-prompt",), True),
    (MULTI, "quality", ("--quality", "low"), "low"),
    (GENERATE, "quality", ("--quality", "high", "--model", "shaped"), "high"),
    (UPSCALE, "scale", ("--scale", "4"), "4"),
    (UPSCALE, "creativity", ("--creativity", "0.015"), "0.015"),
    (GENERATE, "negative_prompt", ("--negative-prompt", "fog"), "fog"),
    (GENERATE, "seed", ("--seed", "42"), 42),
    (GENERATE, "style_preset", ("--style", "pixel art"), "Pixel Art"),
    (GENERATE, "variants", ("--variations", "2"), 2),
    (GENERATE, "return_binary", (), True),
]
# Fields that pictures fill in: how many of them arrive, and as what.
BY_PICTURE: list[tuple[str, str, int]] = [
    (EDIT, "image", 1),
    (MULTI, "images", 2),
    (CUTOUT, "image", 1),
    (UPSCALE, "image", 1),
]
REFERENCES = (GENERATE, "style_references")
# One picture a request is all there is, so it is not sent: each variation is a request.
NOT_SENT = (GENERATIONS, "n")


@pytest.fixture
def able(offering: Offering) -> Sandbox:
    """Models that take everything."""
    ratios = {
        "aspectRatios": ["1:1", "16:9", "9:16"],
        "resolutions": ["1K", "2K"],
        "qualities": ["low", "high"],
    }
    return offering(
        entry("able-edit", constraints={**ratios, "maxInputImages": 4}),
        entry("able", "image", constraints={"steps": {"max": 50}, "maxStyleReferences": 2}),
        entry("shaped", "image", constraints=ratios),
    )


@pytest.fixture
def command(shell: Shell, photo: Path, coffee: Pixels, tmp_path: Path) -> Callable[..., int]:
    """Runs the command for an endpoint with further arguments."""
    Image.fromarray(coffee).save(tmp_path / "hat.png")
    files = {"PHOTO": photo, "HAT": tmp_path / "hat.png"}

    def run(path: str, *more: object) -> int:
        return shell(
            *(files.get(str(word), word) for word in (*COMMANDS[path], *more)), "-o", tmp_path / "o.png"
        )

    return run


Command = Callable[..., int]


def covering(*rows: tuple[Any, ...]) -> list[Any]:
    """Cases with path and field first, each marked with the field that it is about."""
    known = {(path.value, name) for path, row in FIELDS.items() for name in row}
    return [
        pytest.param(
            *row, marks=pytest.mark.covers(f"POST {row[0]}: {name}") if (row[0], name) in known else ()
        )
        for row in rows
        for name in [row[1].partition("=")[0]]
    ]


@pytest.mark.parametrize(("path", "name", "text", "arrives"), covering(*BY_NAME))
def test_a_field_without_an_option_arrives_when_it_is_set_by_name(
    command: Command, able: Sandbox, path: str, name: str, text: str, arrives: Any
) -> None:
    assert command(path, "--field", f"{name}={text}") == 0
    (seen,) = posts(able)
    assert seen.path == BASE + path
    assert seen.fields[name] == arrives
    assert type(seen.fields[name]) is type(arrives)


@pytest.mark.covers("Every documented case: model with modelId, no model")
@pytest.mark.parametrize(("path", "name", "options", "arrives"), covering(*BY_OPTION))
def test_a_field_with_an_option_arrives_when_that_is_given(
    command: Command, able: Sandbox, path: str, name: str, options: tuple[object, ...], arrives: Any
) -> None:
    assert command(path, *options) == 0
    (seen,) = posts(able)
    assert seen.path == BASE + path
    assert seen.fields[name] == arrives


@pytest.mark.parametrize(("path", "name", "count"), covering(*BY_PICTURE))
def test_pictures_arrive_as_files_of_their_names(
    command: Command, able: Sandbox, path: str, name: str, count: int
) -> None:
    assert command(path) == 0
    (seen,) = posts(able)
    assert [(file.name, file.format) for file in seen.files] == [(name, "PNG")] * count
    assert seen.headers["Content-Type"].startswith("multipart/form-data")


@pytest.mark.covers("POST /image/generate: style_references")
def test_style_references_arrive_in_the_body(command: Command, able: Sandbox, photo: Path) -> None:
    assert command(GENERATE, "--reference", photo, "--reference-strength", "0.7") == 0
    (reference,) = posts(able)[0].fields["style_references"]
    assert set(reference) == {"image", "strength"}
    assert reference["strength"] == 0.7


def test_every_field_has_its_test() -> None:
    """So that a field added to the code is a field shown to arrive."""
    settable = {
        (path.value, name) for path, row in FIELDS.items() for name, field in row.items() if field.parse
    }
    every = {(path.value, name) for path, row in FIELDS.items() for name in row}
    assert {(path, name) for path, name, _, _ in BY_NAME} == settable
    optional = {(path, name) for path, name, _, _ in BY_OPTION} | {row[:2] for row in BY_PICTURE}
    assert optional | {REFERENCES, NOT_SENT} == every - settable


# The published document beside the fields here: what is left out, and why.
LEFT_OUT = {
    (EDIT, "modelId"): "a deprecated other name of model, which wins",
    (CUTOUT, "image_url"): "the result is put back on pixels that are here",
    (GENERATE, "inpaint"): "disabled",
}
NEWER = {"anon_user_id"}
"""Fields that the service's newer notes have and its document lacks."""


@pytest.mark.parametrize("path", COMMANDS)
def test_the_fields_are_those_that_are_published(path: str) -> None:
    if not SPECIFICATION.exists():
        pytest.skip("the service's OpenAPI document is not beside this checkout")
    here = {name for known, row in FIELDS.items() if known.value == path for name in row}
    assert here - NEWER == {name for name in properties(path) if (path, name) not in LEFT_OUT}


# Refused before anything is sent


@pytest.mark.covers(
    "Every documented case: unknown key in the body: 400", "Every documented case: multi-edit with model: 400"
)
@pytest.mark.parametrize(
    ("path", "field", "words"),
    covering(
        (EDIT, "output_format=gif", "png|jpeg|jpg|webp"),
        (EDIT, "output_format=", "png|jpeg|jpg|webp"),
        (EDIT, "disable_prompt_optimization_thinking=perhaps", "true|false"),
        (EDIT, "quality=high", "no field “quality”"),
        (EDIT, "modelId=x", "no field “modelId”"),
        (EDIT, "mask=x", "no field “mask”"),
        (EDIT, "prompt=y", "set from prompt"),
        (EDIT, "model=y", "set from model"),
        (EDIT, "safe_mode=false", "set from safe-mode"),
        (EDIT, "image=http://127.0.0.1/x.png", "set from the image"),
        (MULTI, "model=y", "no field “model”"),
        (MULTI, "modelId=y", "set from model"),
        (MULTI, "images=x", "set from the image"),
        (CUTOUT, "image_url=https://example.org/x.png", "no field “image_url”"),
        (CUTOUT, "model=x", "no field “model”"),
        (UPSCALE, "scale=3", "set from scale"),
        (UPSCALE, "creativity=0.01", "set from creativity"),
        *(
            (path, "anon_user_id=" + "x" * 129, "up to 128 printable ASCII")
            for path in (MULTI, CUTOUT, GENERATE, GENERATIONS)
        ),
        (EDIT, "anon_user_id=ü", "up to 128 printable ASCII"),
        (UPSCALE, "enhance=true", "no field “enhance”"),
        (GENERATE, "cfg_scale=0", "above 0, up to 20"),
        (GENERATE, "cfg_scale=20.1", "above 0, up to 20"),
        (GENERATE, "cfg_scale=inf", "above 0, up to 20"),
        (GENERATE, "width=0", "1 to 1280"),
        (GENERATE, "width=1281", "1 to 1280"),
        (GENERATE, "height=12.5", "1 to 1280"),
        (GENERATE, "steps=0", "1 or more"),
        (GENERATE, "steps=many", "1 or more"),
        (GENERATE, "lora_strength=101", "0 to 100"),
        (GENERATE, "lora_strength=-1", "0 to 100"),
        (GENERATE, "format=jpg", "png|jpeg|webp"),
        (GENERATE, "hide_watermark=2", "true|false"),
        (GENERATE, "inpaint=x", "no field “inpaint”"),
        (GENERATE, "variants=4", "set from variations"),
        (GENERATE, "return_binary=true", "set from variations"),
        (GENERATE, "seed=4", "set from seed"),
        (GENERATIONS, "n=2", "set from variations"),
        (GENERATIONS, "size=1x1", "expected auto|256x256"),
        (GENERATIONS, "response_format=file", "b64_json|url"),
        (GENERATIONS, "output_compression=101", "0 to 100"),
        (GENERATIONS, "quality=ultra", "auto|high|medium|low|hd|standard"),
        (GENERATIONS, "style=noir", "vivid|natural"),
        (GENERATIONS, "background=white", "transparent|opaque|auto"),
        (GENERATIONS, "user=", "expected text"),
        (GENERATIONS, "seed=1", "no field “seed”"),
    ),
)
def test_a_value_that_the_service_would_refuse_is_not_sent(
    command: Command, shell: Shell, able: Sandbox, path: str, field: str, words: str
) -> None:
    assert command(path, "--field", field) == 2
    assert words in shell.err
    assert posts(able) == []
    assert shell.jobs == []


@pytest.mark.parametrize("text", ["width", "=1", ""])
def test_a_field_needs_a_name_and_a_value(command: Command, able: Sandbox, text: str) -> None:
    with pytest.raises(SystemExit) as caught:
        command(GENERATE, "--field", text)
    assert caught.value.code == 2
    assert posts(able) == []


@pytest.mark.covers("POST /image/edit: output_format")
def test_a_field_set_by_name_wins_over_what_is_usual(command: Command, able: Sandbox) -> None:
    """The result is a PNG file all the same: that is decided by the name of the file that is written."""
    assert command(EDIT, "--field", "output_format=jpeg", "--field", "output_format=webp") == 0
    assert posts(able)[0].fields["output_format"] == "webp"


@pytest.mark.parametrize(
    ("path", "fields", "files", "form"),
    [
        (EDIT, {"prompt": "x", "quality": "high"}, ["image"], True),
        (EDIT, {"prompt": "x", "safe_mode": "maybe"}, ["image"], True),
        (EDIT, {"prompt": "x", "aspect_ratio": "wide"}, ["image"], True),
        (EDIT, {"prompt": ""}, ["image"], True),
        (MULTI, {"prompt": "x", "model": "y"}, ["images", "images"], True),
        (MULTI, {"prompt": "x"}, [], True),
        (CUTOUT, {"model": "x"}, ["image"], True),
        (UPSCALE, {"scale": "5"}, ["image"], True),
        (GENERATE, {"model": "m", "prompt": "x", "seed": "4"}, [], False),
        (GENERATE, {"model": "m", "prompt": "x", "style_references": [{"strength": 1}]}, [], False),
        (GENERATIONS, {"prompt": "x", "n": 2}, [], False),
    ],
)
def test_the_check_of_every_request_finds_what_is_wrong(
    path: str, fields: dict[str, Any], files: list[str], form: bool
) -> None:
    """The check that accompanies every test here, see conftest.py."""
    if not SPECIFICATION.exists():
        pytest.skip("the service's OpenAPI document is not beside this checkout")
    assert request_problems(path, fields, files, form=form)
    assert answer_problems("GET", "/image/styles", {"data": ["Anime"]})
    assert answer_problems("POST", GENERATE, {"images": []})
