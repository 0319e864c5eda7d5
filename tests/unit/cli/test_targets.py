"""Which files come of a picture, and that nobody else makes them meanwhile."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from venice_core.cli.reservation import Reservation
from venice_core.cli.targets import Naming, Targets, check_apart
from venice_core.errors import BadInput
from venice_core.job import Action


def names(naming: Naming, path: Path | None, count: int = 1) -> list[list[dict[str, str]]]:
    """The first so many candidates."""
    found = itertools.islice(naming.candidates(path), count)
    return [[{part: str(file) for part, file in parts.items()} for parts in files] for files in found]


def hold(path: Path) -> Reservation:
    held = Reservation.of(path)
    assert held is not None
    return held


@pytest.mark.parametrize(
    ("naming", "path", "files"),
    [
        (Naming(Action.EDIT, 1), "a/x.jpg", [{"output": "a/x-edited.png"}]),
        (Naming(Action.CUTOUT, 1, folder=Path("b")), "a/x.jpg", [{"output": "b/x-cutout.png"}]),
        (Naming(Action.CUTOUT, 1, only="mask"), "a/x.jpg", [{"mask": "a/x-cutout.png"}]),
        (Naming(Action.UPSCALE, 1, file=Path("y.webp")), "a/x.jpg", [{"output": "y.webp"}]),
        (Naming(Action.GENERATE, 1), None, [{"output": "venice-generated.png"}]),
        (
            Naming(Action.EDIT, 2, file=Path("y.jpg")),
            "a/x.jpg",
            [{"output": "y-1.jpg"}, {"output": "y-2.jpg"}],
        ),
        (
            Naming(Action.EDIT, 1, file=Path("y.jpg"), apart=("layer", "mask")),
            "a/x.jpg",
            [{"layer": "y-layer.png", "mask": "y-mask.png"}],
        ),
    ],
)
def test_names_say_what_was_made_of_what(naming: Naming, path: str | None, files: object) -> None:
    assert names(naming, Path(path) if path else None) == [files]


def test_names_that_are_taken_are_numbered(tmp_path: Path) -> None:
    naming, path = Naming(Action.EDIT, 1), tmp_path / "x.jpg"
    (tmp_path / "x-edited.png").write_bytes(b"")
    (tmp_path / "x-edited-3.png").symlink_to("nowhere")
    found = [Path(files[0]["output"]).name for files in names(naming, path, 3)]
    assert found == ["x-edited-2.png", "x-edited-4.png", "x-edited-5.png"]


def test_all_variations_and_parts_have_one_number(tmp_path: Path) -> None:
    naming = Naming(Action.EDIT, 2, apart=("layer", "mask"))
    (tmp_path / "x-edited-2-mask.png").write_bytes(b"")
    ((first, second),) = names(naming, tmp_path / "x.jpg")
    assert Path(first["layer"]).name == "x-edited-2-1-layer.png"
    assert Path(second["mask"]).name == "x-edited-2-2-mask.png"


def test_two_at_once_get_two_names(tmp_path: Path) -> None:
    naming, path = Naming(Action.EDIT, 1), tmp_path / "x.jpg"
    with Targets(naming, path) as first, Targets(naming, path) as second:
        assert first.files() == [{"output": tmp_path / "x-edited.png"}]
        assert second.files() == [{"output": tmp_path / "x-edited-2.png"}]
    assert list(tmp_path.iterdir()) == []
    with Targets(naming, path) as again:
        assert again.files() == [{"output": tmp_path / "x-edited.png"}], (
            "nothing came of it: it is free again"
        )


def test_a_name_that_was_asked_for_is_taken_once(tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    out.write_bytes(b"earlier")
    naming = Naming(Action.EDIT, 1, file=out)
    with Targets(naming, tmp_path / "x.jpg") as first:
        assert first.files() == [{"output": out}]
        with pytest.raises(BadInput, match=r"Another run is about to write .*out\.png"):
            Targets(naming, tmp_path / "y.jpg")
    Targets(naming, tmp_path / "y.jpg").release()
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


def test_of_several_files_all_or_none_are_reserved(tmp_path: Path) -> None:
    held = hold(tmp_path / "out-3.png")
    with pytest.raises(BadInput, match=r"out-3\.png"):
        Targets(Naming(Action.EDIT, 3, file=tmp_path / "out.png"), tmp_path / "x.jpg")
    held.release()
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_a_file_that_appeared_while_it_was_being_reserved_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever had it reserved has written the file and let go."""
    real = Reservation.of

    def late(path: Path) -> Reservation | None:
        if path.name == "x-edited.png":
            path.write_bytes(b"theirs")
        return real(path)

    monkeypatch.setattr(Reservation, "of", late)
    with Targets(Naming(Action.EDIT, 1), tmp_path / "x.jpg") as targets:
        assert targets.files() == [{"output": tmp_path / "x-edited-2.png"}]


def test_what_another_program_wrote_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    with Targets(Naming(Action.EDIT, 1), tmp_path / "x.jpg") as targets:
        (tmp_path / "x-edited.png").write_bytes(b"theirs")
        assert targets.files() == [{"output": tmp_path / "x-edited-2.png"}]
        assert Reservation.of(tmp_path / "x-edited-2.png") is None, "the new name is reserved"


def test_a_folder_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be written: No such file"):
        Targets(Naming(Action.EDIT, 1, file=tmp_path / "none" / "out.png"), tmp_path / "x.jpg")


def test_what_is_worked_from_is_not_replaced(tmp_path: Path) -> None:
    source, other = tmp_path / "x.png", tmp_path / "y.png"
    source.write_bytes(b"")
    (tmp_path / "link.png").symlink_to("x.png")
    for name in ("x.png", "link.png"):
        with pytest.raises(BadInput, match=r"would replace the input .*x\.png"):
            check_apart([{"output": other}, {"output": tmp_path / name}], [other, source])
    check_apart([{"output": other}], [other, source])
