"""Pictures from a prompt alone, by a service in OpenAI's manner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from contract_ways import GROK, OPENAI, OWN, RELAY, Shell, opened
from PIL import Image
from support import posts

from venice_core.sandbox import Sandbox

FIELDS: dict[str, dict[str, Any]] = {
    OPENAI: {
        "model": "gpt-image-2.6-sunburst",
        "prompt": "a hat",
        "size": "1024x1024",
        "quality": "high",
        "output_format": "png",
    },
    GROK: {"model": "grok-3-image", "prompt": "a hat", "aspect_ratio": "1:1"},
    RELAY: {"model": "gpt-image-1", "prompt": "a hat"},
    OWN: {"prompt": "a hat", "size": "1024x1024", "response_format": "b64_json"},
}
MANY = (OPENAI, GROK)
"""Where one request may ask for several pictures."""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.png"


def sent(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The fields of each POST; all went to the same place and were taken."""
    assert {(seen.path.partition("/v1")[2], seen.status) for seen in posts(sandbox)} == {
        ("/images/generations", 200)
    }
    return [seen.fields for seen in posts(sandbox)]


@pytest.mark.covers("Tests of the dialects: what is sent, field by field")
def test_a_generation_is_json_with_the_fewest_fields(
    shell: Shell, sandbox: Sandbox, profile: str, out: Path
) -> None:
    assert shell("generate", "-p", "a hat", "-o", out) == 0
    assert sent(sandbox) == [FIELDS[profile]]
    (seen,) = posts(sandbox)
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.files == []
    assert Image.open(out).size == (1024, 1024)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("--size", "300x200"), {OPENAI: {"size": "992x672"}, GROK: {"aspect_ratio": "3:2"}}),
        (("--size", "300x200"), {OWN: {"size": "640x432"}, RELAY: {}}),
        (("--size", "200x400"), {OPENAI: {"size": "576x1152"}, GROK: {"aspect_ratio": "1:2"}}),
        (("--aspect-ratio", "16:9"), {OPENAI: {"size": "1824x1024"}, GROK: {"aspect_ratio": "16:9"}}),
        (("--aspect-ratio", "9:19.5"), {GROK: {"aspect_ratio": "9:19.5"}}),
        (("--aspect-ratio", "auto"), {GROK: {"aspect_ratio": "auto"}}),
        (("--aspect-ratio", "1:1"), {RELAY: "gpt-image-1 chooses the shape itself"}),
        (("--aspect-ratio", "4:1"), {OPENAI: "no aspect ratio “4:1”", GROK: "it offers 1:1, 3:4,"}),
        (
            ("--aspect-ratio", "wide"),
            {OPENAI: "“wide” is not an aspect ratio", OWN: "is not an aspect ratio"},
        ),
        (("--resolution", "2K"), {GROK: {"resolution": "2k"}, OPENAI: "has no resolution", RELAY: "has no"}),
        (("--resolution", "4K"), {GROK: "it offers 1k, 2k", OWN: "it offers no choice"}),
        (("--quality", "low"), {OPENAI: {"quality": "low"}, GROK: {"quality": "low"}}),
        (("--quality", "medium"), {RELAY: {"quality": "medium"}, OWN: "has no quality"}),
        (("--quality", "xhigh"), {OPENAI: {"quality": "xhigh"}, GROK: "it offers low, medium, high"}),
        (("--model", "gpt-image-1.5"), {OPENAI: {"model": "gpt-image-1.5"}}),
        (("--field", "user=me"), {OPENAI: {"user": "me"}}),
        (("--field", "output_compression=100"), {OPENAI: {"output_compression": 100}}),
        (
            ("--negative-prompt", "dogs"),
            {OPENAI: "does not support a negative prompt", OWN: "does not support"},
        ),
        (("--style", "Anime"), {OPENAI: "does not support a style", RELAY: "does not support a style"}),
        (("--seed", "7"), {OPENAI: "does not support a seed", GROK: "does not support a seed"}),
        (("--enhance-prompt",), {OPENAI: "does not support prompt rewriting", OWN: "does not support"}),
        (("--endpoint", "/image/generate"), {OPENAI: "/images/generations can"}),
    ],
)
def test_an_option_is_a_field_of_the_service_or_refused_in_words(
    shell: Shell, sandbox: Sandbox, out: Path, given: tuple[str, ...], expected: dict[str, Any]
) -> None:
    for name, what in expected.items():
        sandbox.reset()
        sandbox.switch(size="96x64")
        shell.choose(name, sandbox.url_for(name))
        code = shell("generate", "-p", "a hat", "-o", out, *given)
        if isinstance(what, str):
            assert (code, posts(sandbox)) == (2, [])
            assert what in shell.err
        else:
            assert code == 0
            assert sent(sandbox) == [{**FIELDS[name], **what}]


def test_the_picture_fills_the_size_that_is_wished_for(
    shell: Shell, sandbox: Sandbox, profile: str, out: Path
) -> None:
    """Cut, not stretched."""
    assert shell("generate", "-p", "a hat", "--size", "333x150", "-o", out) == 0
    assert Image.open(out).size == (333, 150)


@pytest.mark.usefixtures("small_answers")
def test_several_are_one_request_where_it_may_ask_for_them_and_else_one_each(
    shell: Shell, sandbox: Sandbox, profile: str, out: Path
) -> None:
    code, result = shell.result("generate", "-p", "a hat", "--variations", 3, "-o", out)
    assert code == 0
    if profile in MANY:
        assert sent(sandbox) == [{**FIELDS[profile], "n": 3}]
        assert len(shell.jobs) == 1
    else:
        assert sent(sandbox) == [FIELDS[profile]] * 3
        assert len(shell.jobs) == 3
    files = [Path(each["output"]) for each in result["variations"]]
    assert [file.name for file in files] == ["out-1.png", "out-2.png", "out-3.png"]
    different = {opened(file.read_bytes()).tobytes() for file in files}
    assert len(different) == (3 if profile in MANY else 1), "the sandbox draws each of one request otherwise"


@pytest.mark.usefixtures("small_answers")
def test_variations_of_an_edit_are_asked_for_in_the_same_way(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path, mask: Path, tmp_path: Path
) -> None:
    given = ("--mask", mask, "--variations", 2, "-o", tmp_path / "out.png")
    assert shell("edit", photo, "-p", "a hat", *given) == 0
    counts = [seen.fields.get("n") for seen in posts(sandbox)]
    assert counts == (["2"] if profile in MANY else [None, None])
    before, outside = opened(photo.read_bytes()), opened(mask.read_bytes()) == 0
    results = [opened((tmp_path / f"out-{number}.png").read_bytes()) for number in (1, 2)]
    assert all(result[outside].tobytes() == before[outside].tobytes() for result in results)
    assert (results[0] != results[1]).any() == (profile in MANY)


def test_references_are_refused_since_there_is_no_field_for_them(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path, out: Path
) -> None:
    assert shell("generate", "-p", "a hat", "--reference", photo, "-o", out) == 2
    assert "reference images" in shell.err
    assert (sandbox.requests, shell.jobs) == ([], [])


MANAGED = ("prompt", "model", "image", "image[]", "mask", "n", "stream", "partial_images")
CHOICES = {
    OPENAI: ("size", "quality"),
    GROK: ("aspect_ratio", "resolution", "quality"),
    RELAY: ("quality",),
    OWN: ("size",),
}


@pytest.mark.usefixtures("small_answers")
def test_a_field_that_the_plan_fills_in_cannot_be_set_by_name(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path, out: Path
) -> None:
    """Neither of them for either command, whatever the service calls it."""
    for name in (*MANAGED, *CHOICES[profile]):
        for command in (("generate",), ("edit", photo)):
            assert shell(*command, "-p", "a hat", "--field", f"{name}=2", "-o", out) == 2
            assert f"The field “{name}” cannot be set by name" in shell.err
    assert (sandbox.requests, shell.jobs) == ([], [])


@pytest.mark.parametrize("profile", [RELAY], indirect=True)
def test_a_size_that_is_not_named_otherwise_can_be_set_by_name(
    shell: Shell, sandbox: Sandbox, profile: str, out: Path
) -> None:
    assert shell("generate", "-p", "a hat", "--field", "size=1536x1024", "-o", out) == 0
    assert sent(sandbox) == [{**FIELDS[RELAY], "size": "1536x1024"}]
    assert Image.open(out).size == (1536, 1024)


@pytest.mark.usefixtures("small_answers")
def test_safe_mode_off_is_told_where_the_service_has_a_word_for_it(
    shell: Shell, sandbox: Sandbox, profile: str, out: Path
) -> None:
    assert shell("generate", "-p", "a hat", "--no-safe-mode", "-o", out) == 0
    assert sent(sandbox) == [{**FIELDS[profile], **({"moderation": "low"} if profile == OPENAI else {})}]


@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize("wish", [(), ("--quality", "low"), ("--resolution", "2k")])
def test_the_plan_tells_what_is_sent_and_the_price_is_that_of_it(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path, out: Path, wish: tuple[str, ...]
) -> None:
    """A profile's default is sent, too."""
    for command in (("generate",), ("edit", photo)):
        code, result = shell.result(*command, "-p", "a hat", "-o", out, *wish)
        if code == 2:
            assert "has no" in result["error"]["message"]
            continue
        assert code == 0
        fields, plan = posts(sandbox)[-1].fields, result["plan"]
        for name in ("quality", "resolution", "aspect_ratio"):
            assert plan[name] == fields.get(name, ""), name
        usd = {"": None, "low": 0.06, "high": 0.27}[plan["quality"]] if profile == OPENAI else None
        assert (plan["price"] or {}).get("usd") == (0.0 if profile == OWN else usd)
