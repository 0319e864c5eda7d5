"""What the service says of its models is obeyed: nothing is sent that a model does not take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract_ways import EDIT, MULTI, NoWaiting, Pixels, RunThread, Shell, entry, paths
from PIL import Image
from support import posts

from venice_core.errors import Busy
from venice_core.sandbox import Sandbox

Offering = Callable[..., Sandbox]


def limited(name: str = "limited", **constraints: Any) -> dict[str, Any]:
    return entry(name, constraints=constraints)


def sent(shell: Shell, sandbox: Sandbox, photo: Path, *arguments: object) -> dict[str, Any]:
    """The fields of the one request of an edit that works."""
    assert shell("edit", photo, "-p", "x", "--model", "limited", *arguments) == 0, shell.err
    (seen,) = posts(sandbox)
    return seen.fields


# Aspect ratios


@pytest.mark.covers(
    "POST /image/edit: aspect_ratio",
    "How a model's entry: constraints.aspectRatios",
    "Every documented case: aspect ratio or resolution",
)
@pytest.mark.parametrize("wish", ["4:3", "16:9", "7:5"])
def test_the_models_own_list_decides_which_ratio_may_be_asked_for(
    shell: Shell, offering: Offering, photo: Path, wish: str
) -> None:
    """Whatever the service once documented for all models, which lacks 4:3 and 7:5."""
    sandbox = offering(limited(aspectRatios=["1:1", "16:9", "4:3", "7:5", "odd"]))
    for ratio in ("3:2", "wide", "odd"):
        assert shell("edit", photo, "-p", "x", "--model", "limited", "--aspect-ratio", ratio) == 2
        assert "it offers 1:1, 16:9, 4:3, 7:5." in shell.err
    assert posts(sandbox) == []
    assert sent(shell, sandbox, photo, "--aspect-ratio", wish)["aspect_ratio"] == wish
    file = posts(sandbox)[0].files[0]
    width, height = map(int, wish.split(":"))
    assert (file.width or 0) / (file.height or 1) == pytest.approx(width / height, rel=0.01)


@pytest.mark.covers("POST /image/edit: aspect_ratio")
def test_without_a_wish_the_nearest_of_the_list_is_sent_and_the_picture_has_that_shape(
    shell: Shell, offering: Offering, photo: Path
) -> None:
    """The photograph is 451 x 300: 3:2 would be its own, 4:3 is the next."""
    sandbox = offering(limited(aspectRatios=["auto", "1:1", "16:9", "4:3"]))
    assert sent(shell, sandbox, photo)["aspect_ratio"] == "4:3"
    file = posts(sandbox)[0].files[0]
    assert (file.width or 0) / (file.height or 1) == pytest.approx(4 / 3, rel=0.01)


@pytest.mark.covers("How a model's entry: constraints.aspectRatios")
def test_a_model_without_a_list_is_sent_any_shape_and_no_ratio(
    shell: Shell, offering: Offering, photo: Path
) -> None:
    sandbox = offering(limited(promptCharacterLimit=50))
    assert "aspect_ratio" not in sent(shell, sandbox, photo)
    assert (posts(sandbox)[0].files[0].width, posts(sandbox)[0].files[0].height) == (451, 300)


@pytest.mark.covers("POST /image/edit: aspect_ratio", "How a model's entry: constraints.aspectRatios")
@pytest.mark.parametrize(
    ("listed", "expected"),
    [(["auto", "1:1"], "auto"), (["1:1", "3:2"], "3:2"), (None, None), (["7:5"], "7:5")],
)
def test_auto_is_sent_only_to_a_model_that_lists_it(
    shell: Shell, offering: Offering, photo: Path, listed: list[str] | None, expected: str | None
) -> None:
    sandbox = offering(limited(**({"aspectRatios": listed} if listed else {})))
    assert sent(shell, sandbox, photo, "--aspect-ratio", "auto").get("aspect_ratio") == expected


@pytest.mark.covers(
    "POST /image/multi-edit: aspect_ratio", "How a model's entry: constraints.singleImageAspectRatio"
)
def test_a_model_that_keeps_the_shape_of_one_picture_is_sent_no_ratio(
    shell: Shell, offering: Offering, photo: Path, mask: Path
) -> None:
    sandbox = offering(limited(aspectRatios=["1:1", "16:9"], singleImageAspectRatio=False))
    assert shell("edit", photo, "-p", "x", "--model", "limited", "--aspect-ratio", "1:1") == 2
    assert "keeps the image's shape" in shell.err
    assert posts(sandbox) == []
    assert "aspect_ratio" not in sent(shell, sandbox, photo)
    assert (posts(sandbox)[0].files[0].width, posts(sandbox)[0].files[0].height) == (451, 300)
    given = ("--model", "limited", "--mask", mask, "--aspect-ratio", "1:1")
    assert shell("edit", photo, "-p", "x", *given) == 0, "of several pictures it takes a ratio"
    assert posts(sandbox)[1].fields["aspect_ratio"] == "1:1"


# Resolutions, qualities, prompts, pictures


@pytest.mark.covers(
    "POST /image/edit: resolution",
    "How a model's entry: constraints.resolutions",
    "Every documented case: aspect ratio or resolution",
    "Every documented case: 2K without output_format: JPEG",
)
def test_a_resolution_must_be_offered(shell: Shell, offering: Offering, photo: Path) -> None:
    sandbox = offering(limited(resolutions=["1K", "2K"]), entry("flat", constraints={"maxInputImages": 2}))
    for model, words in (("limited", "it offers 1K, 2K"), ("flat", "it offers no choice")):
        assert shell("edit", photo, "-p", "x", "--model", model, "--resolution", "4K") == 2
        assert words in shell.err
    assert posts(sandbox) == []
    fields = sent(shell, sandbox, photo, "--resolution", "2K")
    assert (fields["resolution"], fields["output_format"]) == ("2K", "png")


TIERS = {"resolutions": {tier: {"usd": usd} for tier, usd in (("1.5K", 0.06), ("1K", 0.04), ("2K", 0.09))}}


@pytest.mark.covers("POST /image/edit: resolution", "How a model's entry: constraints.resolutions")
@pytest.mark.parametrize(("wish", "usd"), [("", 0.04), ("1K", 0.04), ("1.5k", 0.06), ("2K", 0.09)])
@pytest.mark.parametrize("stated", [True, False])
def test_a_tier_between_whole_ones_is_offered_sent_and_priced(
    shell: Shell, offering: Offering, photo: Path, wish: str, usd: float, stated: bool
) -> None:
    """As Seedream V5.5 has it, whether the list states its tiers or only their prices."""
    constraints = {"resolutions": ["1K", "1.5K", "2K"], "defaultResolution": "1K"} if stated else {}
    sandbox = offering(entry("limited", pricing=TIERS, constraints=constraints))
    asked = ("--resolution", wish) if wish else ()
    code, result = shell.result("edit", photo, "-p", "x", "--model", "limited", *asked)
    assert (code, result["price"]["usd"]) == (0, usd)
    assert posts(sandbox)[0].fields.get("resolution", "") == wish.upper()
    assert shell("edit", photo, "-p", "x", "--model", "limited", "--resolution", "3K") == 2
    assert "it offers 1K, 1.5K, 2K." in shell.err


@pytest.mark.covers("POST /image/generate: resolution")
def test_a_picture_of_a_tier_between_whole_ones_is_made_in_its_size(
    shell: Shell, offering: Offering, tmp_path: Path
) -> None:
    shaped = {"resolutions": ["1K", "1.5K"], "aspectRatios": ["1:1", "4:3"]}
    offering(entry("able", "image", constraints=shaped))
    given = ("generate", "-p", "x", "--model", "able", "--aspect-ratio", "1:1", "-o", tmp_path / "o.png")
    code, result = shell.result(*given, "--resolution", "1.5K")
    size = result["plan"]["size"]
    assert (code, size["width"], size["height"]) == (0, 1536, 1536)
    assert Image.open(tmp_path / "o.png").size == (1536, 1536)


@pytest.mark.covers("POST /image/multi-edit: quality", "How a model's entry: constraints.qualities")
def test_a_quality_must_be_offered_and_goes_to_multi_edit(
    shell: Shell, offering: Offering, photo: Path
) -> None:
    sandbox = offering(limited(qualities=["low", "high"]))
    assert shell("edit", photo, "-p", "x", "--model", "limited", "--quality", "medium") == 2
    assert "it offers low, high" in shell.err
    assert sent(shell, sandbox, photo, "--quality", "high")["quality"] == "high"
    assert paths(sandbox) == [MULTI]


@pytest.mark.covers(
    "POST /image/edit: prompt",
    "How a model's entry: constraints.promptCharacterLimit",
    "Every documented case: missing, empty, too long prompt",
)
def test_a_prompt_is_as_long_as_the_model_takes(shell: Shell, offering: Offering, photo: Path) -> None:
    sandbox = offering(limited(promptCharacterLimit=20))
    assert shell("edit", photo, "-p", "y" * 21, "--model", "limited") == 2
    assert "21 characters; the model accepts at most 20" in shell.err
    assert posts(sandbox) == []
    assert shell("edit", photo, "-p", "y" * 20, "--model", "limited") == 0


@pytest.mark.covers("POST /image/multi-edit: prompt")
@pytest.mark.parametrize("room", [0, 60, 100, 300])
def test_the_sentence_about_the_mask_gives_way_and_never_the_persons_words(
    shell: Shell, offering: Offering, photo: Path, mask: Path, room: int
) -> None:
    words = "make it " + "very " * 20 + "blue"
    limit = len(words) + room
    sandbox = offering(limited(promptCharacterLimit=limit))
    fields = sent_with(shell, sandbox, photo, words, "--mask", mask)
    assert fields["prompt"].startswith(words)
    assert len(fields["prompt"]) <= limit
    assert ("mask" in fields["prompt"]) == (room > 0)
    assert ("gray" in fields["prompt"]) == (room == 300), "the longest that fits"


def sent_with(shell: Shell, sandbox: Sandbox, photo: Path, prompt: str, *arguments: object) -> dict[str, Any]:
    assert shell("edit", photo, "-p", prompt, "--model", "limited", *arguments) == 0, shell.err
    return posts(sandbox)[0].fields


@pytest.mark.covers("How a model's entry: constraints.maxInputImages")
@pytest.mark.parametrize(("most", "path"), [(1, EDIT), (2, MULTI), (None, MULTI)])
def test_the_mask_counts_as_a_picture(
    shell: Shell, offering: Offering, photo: Path, mask: Path, most: int | None, path: str
) -> None:
    sandbox = offering(limited(**({"maxInputImages": most} if most else {})))
    assert shell("edit", photo, "-p", "x", "--model", "limited", "--mask", mask) == 0
    assert paths(sandbox) == [path]
    assert ("without a mask" in shell.err) == (most == 1)


# Which model


@pytest.mark.covers("POST /image/edit: model", "Every documented case: a generation model's id: 400")
@pytest.mark.parametrize(
    ("command", "model", "words"),
    [
        ("edit", "z-image-turbo", "edits images, such as firered-image-edit"),
        ("edit", "upscaler", "upscales images; choose"),
        ("generate", "firered-image-edit", "edits images; choose"),
    ],
)
def test_a_model_for_other_work_is_refused_before_sending(
    shell: Shell, sandbox: Sandbox, photo: Path, command: str, model: str, words: str
) -> None:
    pictures = [photo] if command == "edit" else []
    assert shell(command, *pictures, "-p", "x", "--model", model, "-o", photo.with_name("o.png")) == 2
    assert words in shell.err
    assert posts(sandbox) == []


@pytest.mark.covers("POST /image/edit: model")
def test_a_model_that_is_not_listed_is_tried_with_a_word(
    shell: Shell, offering: Offering, photo: Path
) -> None:
    """The list may be older than the model; the service decides."""
    sandbox = offering(limited())
    code, said = shell.json("edit", photo, "-p", "x", "--model", "brand-new")
    assert (code, said["results"][0]["error"]["kind"]) == (3, "unknown-model")
    assert posts(sandbox)[0].fields["model"] == "brand-new"
    code, said = shell.json("edit", photo, "-p", "x", "--model", "brand-new", "--dry-run")
    assert "does not list the model “brand-new”" in " ".join(said["results"][0]["plan"]["warnings"])


@pytest.mark.covers("How a model's entry: offline")
def test_a_model_that_is_offline_is_said_before_it_is_tried(
    shell: Shell, offering: Offering, photo: Path
) -> None:
    offering(entry("limited", offline=True))
    listed(shell)
    code, said = shell.json("edit", photo, "-p", "x", "--model", "limited", "--dry-run")
    assert code == 0
    assert "currently offline" in " ".join(said["results"][0]["plan"]["warnings"])


def listed(shell: Shell) -> None:
    """A dry run goes by the list that is kept."""
    assert shell("models") == 0


@pytest.mark.covers("How a model's entry: offline")
def test_a_model_that_is_offline_answers_that_it_is_busy_and_costs_nothing(
    home: Path, chelsea: Pixels
) -> None:
    offline = {"object": "list", "data": [entry("off", offline=True)]}
    with Sandbox(catalogue=offline) as sandbox:
        cancel = NoWaiting()
        attempt = RunThread(home, sandbox.url, chelsea, cancel, model="off").start().finish()
        assert isinstance(attempt.error, Busy)
        assert paths(sandbox) == [EDIT, EDIT]
        assert attempt.outcomes == [("failed", "none")]


@pytest.mark.covers("How a model's entry: deprecation")
def test_a_model_about_to_be_retired_is_said_with_its_day_and_its_successor(
    shell: Shell, offering: Offering, photo: Path
) -> None:
    retiring = {"removesAt": "2090-05-01T00:00:00.000Z", "replacementModelId": "younger"}
    offering(entry("limited", deprecation=retiring))
    code, said = shell.json("edit", photo, "-p", "x", "--model", "limited")
    words = " ".join(said["results"][0]["warnings"])
    assert code == 0
    assert "will be retired on 2090-05-01; use younger instead" in words


@pytest.mark.covers(
    "How a model's entry: deprecation", "Refusals: 410", "Every documented case: 404 and 410 of models"
)
def test_a_model_past_its_day_is_an_unknown_model(shell: Shell, offering: Offering, photo: Path) -> None:
    sandbox = offering(entry("other"), entry("limited", deprecation={"removesAt": "2026-01-01T00:00:00Z"}))
    code, said = shell.json("edit", photo, "-p", "x", "--model", "limited")
    error = said["results"][0]["error"]
    assert (code, error["kind"], error["status"], error["charge"]) == (3, "unknown-model", 410, "none")
    assert len(posts(sandbox)) == 1


@pytest.mark.covers("How a model's entry: privacy")
@pytest.mark.parametrize(("privacy", "model"), [("private", "safe"), ("anonymized", "open"), ("", "silent")])
def test_how_a_model_treats_what_it_is_sent_is_in_the_plan_and_in_the_list(
    shell: Shell, offering: Offering, photo: Path, privacy: str, model: str
) -> None:
    listed_with = {"safe": "private", "open": "anonymized"}
    silent = entry("silent")
    del silent["model_spec"]["privacy"]
    offering(silent, *(entry(name, privacy=word) for name, word in listed_with.items()))
    listed(shell)
    _, result = shell.result("edit", photo, "-p", "x", "--model", model, "--dry-run")
    assert result["plan"]["privacy"] == privacy
    assert shell("models", "--type", "inpaint") == 0
    (row,) = (line for line in shell.out.splitlines() if line.split()[:1] == [model])
    assert (privacy or "private") in row or not privacy
    assert ("anonymized" in row) == (privacy == "anonymized")


@pytest.mark.covers("How a model's entry: privacy")
@pytest.mark.parametrize(
    ("command", "privacy"),
    [
        (("edit", "-p", "x"), "private"),
        (("edit", "-p", "x", "--model", "flux-2-max-edit"), "anonymized"),
        (("cutout",), "anonymized"),
        (("upscale",), "private"),
    ],
)
def test_the_models_that_nobody_chooses_tell_theirs_too(
    shell: Shell, sandbox: Sandbox, photo: Path, command: tuple[str, ...], privacy: str
) -> None:
    first, *options = command
    _, result = shell.result(first, photo, *options, "--dry-run")
    assert result["plan"]["privacy"] == privacy


# Prices


TIERED = {
    "inpaint": {"usd": 0.1, "diem": 0.1},
    "resolutions": {"1K": {"usd": 0.1, "diem": 0.1}, "2K": {"usd": 0.2, "diem": 0.2}},
    "quality": {"1K": {"low": {"usd": 0.05, "diem": 0.05}, "high": {"usd": 0.3, "diem": 0.3}}},
}


@pytest.mark.covers("How a model's entry: pricing")
@pytest.mark.parametrize(
    ("pricing", "constraints", "arguments", "usd"),
    [
        ({"inpaint": {"usd": 0.07}}, {}, (), 0.07),
        ({"inpaint": {"usd": 0.07}}, {}, ("--enhance-prompt",), 0.11),
        ({"inpaint": {"usd": 0.07}}, {}, ("--variations", 3), 0.21),
        (TIERED, {}, ("--resolution", "2K"), 0.2),
        (TIERED, {"defaultResolution": "2K"}, (), 0.2),
        (TIERED, {}, ("--quality", "low"), 0.05),
        (TIERED, {"defaultQuality": "high"}, (), 0.3),
        ({}, {}, (), None),
    ],
)
def test_the_price_told_is_the_one_that_the_service_lists(
    shell: Shell,
    offering: Offering,
    photo: Path,
    pricing: dict[str, Any],
    constraints: dict[str, Any],
    arguments: tuple[object, ...],
    usd: float | None,
) -> None:
    sandbox = offering(entry("limited", pricing=pricing, constraints=constraints))
    listed(shell)
    given = ("edit", photo, "-p", "x", "--model", "limited", *arguments, "--dry-run")
    code, said = shell.json(*given)
    total = said["results"][0]["plan"]["total"]
    assert code == 0
    assert (total and total["usd"]) == (usd and pytest.approx(usd))
    assert shell(*given) == 0
    assert ("price unknown" in shell.out) == (usd is None)
    assert posts(sandbox) == []


@pytest.mark.covers("How a model's entry: pricing")
def test_a_cutout_and_an_upscaling_are_priced_by_their_models(
    shell: Shell, offering: Offering, photo: Path
) -> None:
    offering(
        entry("bria-bg-remover", "image", price=0.033),
        entry("upscaler", "upscale", pricing={"upscale": {"2x": {"usd": 0.021}, "4x": {"usd": 0.081}}}),
    )
    for arguments, usd in ((("cutout",), 0.033), (("upscale",), 0.021), (("upscale", "--scale", 4), 0.081)):
        command, *options = arguments
        code, said = shell.json(command, photo, *options)
        assert (code, said["results"][0]["price"]["usd"]) == (0, usd)
