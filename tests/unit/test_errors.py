"""Every error has a wire kind and a sentence for people, and none holds a key."""

from __future__ import annotations

import pytest
import venice_texts

from venice_core import errors
from venice_core.cli.remedies import REMEDIES
from venice_core.error_messages import SENTENCES, sentence
from venice_core.errors import Charge, ExitCode, Remedy, VeniceError

CLASSES = [
    value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, VeniceError)
]


def test_every_class_has_a_kind_of_its_own() -> None:
    own = [cls for cls in CLASSES if "kind" in vars(cls)]
    assert len({cls.kind for cls in own}) == len(own)
    assert errors.every_kind() == {cls.kind: cls for cls in own}
    shared = {cls.__name__ for cls in CLASSES if cls not in own}
    assert shared == {"UnusableFile", "AlreadyRunning", "ProtocolError"}, "they were one kind in 0.1.0"


@pytest.mark.covers("Other outcomes: error")
def test_every_kind_has_a_sentence_and_every_sentence_a_kind() -> None:
    assert set(SENTENCES) == set(errors.every_kind())


@pytest.mark.parametrize("cls", CLASSES)
def test_a_sentence_reads_as_one(cls: type[VeniceError]) -> None:
    text = sentence(cls("The detail."), "venice")
    assert "The detail." in text
    assert "{" not in text
    assert text.isprintable()
    assert "  " not in text
    if cls.kind != "bad-input":
        assert sentence(cls(), "venice").endswith(".")


@pytest.mark.parametrize("cls", CLASSES)
def test_the_core_names_no_menu(cls: type[VeniceError]) -> None:
    """Where something is entered depends on the front end, which has a sentence for each remedy."""
    assert "Filters" not in sentence(cls("The detail."), "venice")


@pytest.mark.parametrize(
    "remedies", [REMEDIES, venice_texts.GIMP3_REMEDIES, venice_texts.GIMP2_REMEDIES], ids=["cli", "3", "2.10"]
)
def test_each_front_end_knows_every_remedy(remedies: dict[str, str]) -> None:
    assert set(remedies) == {remedy.value for remedy in Remedy}
    for kind, cls in errors.every_kind().items():
        text = sentence(cls("The detail."), "venice", remedies)
        assert (cls.remedy is None) or text.endswith(remedies[cls.remedy]), kind


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_is_in_the_tree_of_the_docstring(cls: type[VeniceError]) -> None:
    assert errors.__doc__ is not None
    assert cls.__name__ in errors.__doc__


@pytest.mark.parametrize(
    ("cls", "code", "charge"),
    [
        (errors.BadInput, 2, "none"),
        (errors.MissingKey, 2, "none"),
        (errors.SpendingLimitExceeded, 2, "none"),
        (errors.UnreadableImage, 2, "none"),
        (errors.UnusableFile, 2, "none"),
        (errors.AlreadyRunning, 2, "none"),
        (errors.ProtocolError, 2, "none"),
        (errors.Cancelled, 130, "none"),
        (errors.NotAccepted, 4, "none"),
        (errors.NoConnection, 4, "none"),
        (errors.Busy, 4, "none"),
        (errors.Refused, 3, "none"),
        (errors.InvalidRequest, 3, "none"),
        (errors.TooLarge, 3, "none"),
        (errors.TooLargeOnTheWay, 3, "none"),
        (errors.BadKey, 3, "none"),
        (errors.KeyNotReceived, 3, "none"),
        (errors.NoFunds, 3, "none"),
        (errors.Forbidden, 3, "none"),
        (errors.PrivateOnly, 3, "none"),
        (errors.NotInRegion, 3, "none"),
        (errors.Intercepted, 3, "none"),
        (errors.UnknownModel, 3, "none"),
        (errors.NotFound, 3, "none"),
        (errors.LookupFailed, 4, "none"),
        (errors.PolicyRefusal, 3, "unknown"),
        (errors.ServerFailure, 5, "possible"),
        (errors.LostConnection, 5, "possible"),
        (errors.UnusableAnswer, 5, "possible"),
        (errors.NoUsableAnswer, 5, "possible"),
        (errors.PlacementFailed, 5, "charged"),
        (errors.DownloadFailed, 5, "charged"),
        (errors.VeniceError, 5, "none"),
    ],
)
def test_exit_codes_and_money(cls: type[VeniceError], code: int, charge: str) -> None:
    error = cls()
    assert (int(error.exit_code), error.charge.value) == (code, charge)
    assert error.maybe_charged == (charge != "none")


def test_that_table_is_complete() -> None:
    (mark,) = test_exit_codes_and_money.pytestmark  # type: ignore[attr-defined]
    assert {row[0] for row in mark.args[1]} == set(CLASSES)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("charge", list(Charge))
def test_a_sentence_says_no_other_than_what_is_known_about_money(
    cls: type[VeniceError], charge: Charge
) -> None:
    text = sentence(cls("x", charge=charge))
    assert ("may have been charged" in text) == (charge is Charge.POSSIBLE)
    assert ("You were charged." in text) == (charge is Charge.CHARGED)
    if charge in (Charge.POSSIBLE, Charge.CHARGED) and not issubclass(
        cls, errors.Refused | errors.NotAccepted
    ):
        assert "Nothing was charged" not in text


@pytest.mark.parametrize("cls", CLASSES)
def test_only_what_was_never_accepted_may_work_later_as_it_is(cls: type[VeniceError]) -> None:
    assert cls().retryable == issubclass(cls, errors.NotAccepted)


@pytest.mark.parametrize("cls", CLASSES)
def test_what_an_error_is_given_is_in_its_facts(cls: type[VeniceError]) -> None:
    error = cls("words", status=418, request_id="ray", charge=Charge.CHARGED)
    assert error.facts == {"kind": cls.kind, "detail": "words", "status": 418, "request_id": "ray"}
    assert error.charge is Charge.CHARGED
    assert error.maybe_charged
    assert cls().charge is cls.charge, "one error's charge became that of its class"


def test_what_may_have_been_charged_is_said() -> None:
    assert "may have been charged" in sentence(errors.LostConnection("reset"))
    assert "not known" in sentence(errors.PolicyRefusal("no"))
    unpaid = sentence(errors.PolicyRefusal("no", charge=Charge.NONE))
    assert "Nothing was charged." in unpaid
    assert "not known" not in unpaid
    assert "may have been charged" not in sentence(errors.Busy("later"))
    assert "may have been charged" in sentence(errors.Cancelled(charge=Charge.POSSIBLE))


def test_facts_are_in_the_sentence() -> None:
    text = sentence(errors.ServerFailure("boom", status=500, request_id="ray-1"))
    assert "HTTP 500: boom" in text
    assert "Support ID: ray-1." in text
    assert "venice" in sentence(errors.MissingKey(), "venice")
    assert "Set VENICE_API_KEY" in sentence(errors.MissingKey(variable="VENICE_API_KEY"), "venice")


def test_exit_codes_are_those_documented() -> None:
    assert {int(code) for code in ExitCode} == {0, 2, 3, 4, 5, 130}
