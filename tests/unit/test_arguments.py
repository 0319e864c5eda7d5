"""The table from which both GIMPs register their procedures, held against the options of the core."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any

import pytest
import venice_texts
from venice_arguments import ARGUMENTS, BOOLEAN, CHOICE, DOUBLE, INTEGER, PROMPT, TEXT

from venice_core.errors import BadInput
from venice_core.job import Action, Options

TYPES = {PROMPT: str, TEXT: str, CHOICE: str, INTEGER: int, DOUBLE: float, BOOLEAN: bool}
WORKERS = [
    pytest.param(argument, id=f"{action}-{argument.name}")
    for action, arguments in ARGUMENTS.items()
    for argument in arguments
    if action != "settings" and not argument.only_in_gimp
]


def test_each_action_has_its_arguments() -> None:
    assert list(ARGUMENTS) == [*(action.value for action in Action), "settings"]


@pytest.mark.parametrize("argument", WORKERS)
def test_an_argument_is_an_option_with_the_same_default_choices_and_range(argument: Any) -> None:
    name = argument.name.replace("-", "_")
    assert name in Options.__dataclass_fields__
    assert type(argument.default) is TYPES[argument.kind]
    own = getattr(Options(), name)
    values = [value for value, _ in argument.choices]
    if name == "scale":  # a number is no choice to GIMP
        own, values = str(own), values and list(map(int, values))
    assert argument.default == own
    if isinstance(own, Enum):
        assert values == [each.value for each in type(own)]
    for value in values:
        Options.from_json({argument.name: value})
    if argument.kind in (INTEGER, DOUBLE):
        step = 1 if argument.kind == INTEGER else 0.001
        for value in (argument.low, argument.high):
            Options.from_json({argument.name: value})
        for value in (argument.low - step, argument.high + step):
            with pytest.raises(BadInput):
                Options.from_json({argument.name: value})


# What else has a letter in the window: GIMP's own buttons, and in GIMP 3 ours.
GIMP_3 = ["_Cancel", "_Reset", "_Load Saved Settings", "_Save Settings", venice_texts.SEND, venice_texts.HELP]
GIMP_2 = ["_OK", "_Cancel", "_Help"]


@pytest.mark.parametrize("action", [action.value for action in Action])
@pytest.mark.parametrize("others", [[*GIMP_3, venice_texts.OPTIONS], GIMP_2], ids=["gimp3", "gimp2"])
def test_a_letter_leads_to_one_thing_in_a_window(action: str, others: list[str]) -> None:
    texts = [*(argument.label for argument in ARGUMENTS[action]), *others]
    letters = [letter.lower() for text in texts for letter in re.findall("_(.)", text)]
    assert len(letters) >= len(texts) - 1, "all but one of Edit have a letter: there are no more"
    assert sorted(letters) == sorted(set(letters))


def test_every_argument_is_explained() -> None:
    for arguments in ARGUMENTS.values():
        for argument in arguments:
            assert argument.label
            assert argument.tooltip
            assert all(label for _, label in argument.choices)
