"""The plug-in towards GIMP 2.10: what it registers, how gimpfu calls it, and the procedures that it calls."""

from __future__ import annotations

import json
import re
import runpy
import sys
from typing import Any
from unittest.mock import MagicMock

import pytest
from gimp2_machine import REPO, STUBS, Gimp2
from gimp2_scene import CUTOUT, EDIT, GENERATE
from pictures import photo
from support import find_python_2, posts

from venice_core.sandbox import Sandbox

INTERACTIVE, LAST_VALUES = 0, 2
INT32, STRING, IMAGE, LAYER, DRAWABLE = 0, 4, 13, 14, 16
# As GIMP 3's; its truth values are whole numbers here, its choices are texts.
ARGUMENTS = {
    EDIT: "prompt model selection context grow feather variations aspect-ratio resolution quality safe-mode "
    "enhance-prompt align match-colors provider sample output",
    CUTOUT: "output defringe provider hide-source",
    GENERATE: "prompt negative-prompt model style seed variations aspect-ratio resolution safe-mode provider",
}
WHOLE = {"context", "grow", "feather", "variations", "seed"} | {
    "safe-mode",
    "enhance-prompt",
    "align",
    "match-colors",
    "defringe",
    "hide-source",
}


@pytest.mark.parametrize("procedure", ARGUMENTS)
def test_the_procedures_have_gimp_3s_arguments_in_its_order(gimp: Gimp2, procedure: str) -> None:
    entry = gimp.installed()[procedure]
    names = ARGUMENTS[procedure].split()
    kinds = [INT32, IMAGE, DRAWABLE] + [INT32 if name in WHOLE else STRING for name in names]
    assert [param[:2] for param in entry["params"]] == [
        list(pair) for pair in zip(kinds, ["run-mode", "image", "drawable", *names], strict=True)
    ]
    assert [result[:2] for result in entry["results"]] == [[LAYER, "layer"]]
    assert entry["menu"] == "<Image>/Filters/Venice"
    assert entry["types"] == "*"
    assert entry["label"].startswith("_")
    assert entry["label"].endswith("...")


class Gimp3Procedure:
    """Takes notes of what GIMP 3's front end registers: names and defaults."""

    def __init__(self) -> None:
        self.arguments: list[tuple[str, Any]] = []

    def add_string_argument(self, name: str, _nick: str, _blurb: str, default: str, _flags: object) -> None:
        self.arguments.append((name, default))

    add_boolean_argument = add_string_argument

    def add_choice_argument(self, name: str, *rest: Any) -> None:
        self.arguments.append((name, rest[3]))

    def add_int_argument(self, name: str, *rest: Any) -> None:
        self.arguments.append((name, rest[4]))


@pytest.mark.parametrize(("procedure", "kind"), [(EDIT, "edit"), (CUTOUT, "cutout"), (GENERATE, "generate")])
def test_gimp_3_has_the_same_arguments_with_the_same_defaults(
    gimp: Gimp2, procedure: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its front end is loaded without GIMP 3: it only registers."""
    gi = MagicMock()
    gi.repository.Gimp.PlugIn = object
    for name, module in (("gi", gi), ("gi.repository", gi.repository)):
        monkeypatch.setitem(sys.modules, name, module)
    front_end = runpy.run_path(str(REPO / "plug-ins/venice_gimp3/venice_gimp3.py"))
    notes = Gimp3Procedure()
    front_end["add_arguments"](notes, kind)
    assert [name for name, _ in notes.arguments] == ARGUMENTS[procedure].split()
    assert dict(notes.arguments) == gimp.defaults(procedure)


def test_every_procedure_that_is_called_has_the_real_ones_signature(real_gimp: str, gimp: Gimp2) -> None:
    """Names, numbers and types of arguments and values in the model's table are the real database's."""
    table = json.loads((STUBS / "signatures.json").read_text("utf-8"))
    if gimp.backend == "memory":
        pytest.skip("asked of a real GIMP")
    for name, (params, returned) in table.items():
        found = gimp.signature(name)
        assert found is not None, f"GIMP 2.10 has no {name}"
        assert [param[:2] for param in found[0]] == [param[:2] for param in params], name
        assert [value[0] for value in found[1]] == [value[0] for value in returned], name
    assert used_in_the_plug_in() <= set(table), "each is in the table"


def used_in_the_plug_in() -> set[str]:
    """The names after `pdb.` in the plug-in's files."""
    sources = [path.read_text("utf-8") for path in (REPO / "plug-ins/venice_gimp2").glob("*.py")]
    names = {name for source in sources for name in re.findall(r"\bpdb\.(\w+)\(", source)}
    assert len(names) > 40
    return {name.replace("_", "-") for name in names}


def test_the_constants_are_the_real_ones(real_gimp: str, gimp: Gimp2) -> None:
    if gimp.backend == "memory":
        pytest.skip("asked of a real GIMP")
    lines = (STUBS / "gimpenums.py").read_text("utf-8").splitlines()
    constants = dict(line.split(" = ") for line in lines if " = " in line)
    assert len(constants) > 50
    for name, value in constants.items():
        if not name.startswith("PARASITE_"):  # Script-Fu has no names for these
            assert gimp.constant(name) == int(value), name


def test_python_27_runs_the_plug_in_where_there_is_one(gimp: Gimp2) -> None:
    assert gimp.python_version == (2 if find_python_2() else 3)


def make_photo(gimp: Gimp2) -> tuple[int, int]:
    image = gimp.new_image(320, 256)
    return image, gimp.add_layer(image, photo("coffee", 320, 256))


def test_repeating_takes_what_was_entered_last(gimp: Gimp2, sandbox: Sandbox) -> None:
    image, layer = make_photo(gimp)
    gimp.remember(EDIT, {"prompt": "größer", "variations": 2.0, "safe-mode": False})
    run = gimp.run(EDIT, image, layer, mode=LAST_VALUES)
    assert run["error"] == ""
    seen = posts(sandbox)
    assert [each.fields["prompt"] for each in seen] == ["größer", "größer"]
    assert seen[0].fields["safe_mode"] in (False, "false")


def test_repeating_what_was_never_entered_fails_in_gimpfu(gimp: Gimp2, sandbox: Sandbox) -> None:
    """gimpfu 2.10.34 adds a list to a tuple there; nothing is sent, and the image is as it was."""
    image, layer = make_photo(gimp)
    gimp.remember(CUTOUT, None)
    run = gimp.run(CUTOUT, image, layer, mode=LAST_VALUES)
    assert run["error"].startswith("TypeError")
    assert posts(sandbox) == []


def test_cancel_in_gimpfus_window_sends_nothing(gimp: Gimp2, sandbox: Sandbox) -> None:
    image, layer = make_photo(gimp)
    before = gimp.snapshot(image)
    run = gimp.run(EDIT, image, layer, mode=INTERACTIVE)
    assert (run["layer"], run["error"], run["messages"]) == (None, "", [])
    assert posts(sandbox) == []
    assert gimp.snapshot(image) == before
