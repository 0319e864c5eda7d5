"""The plug-in under a real gimpfu in a real GIMP 2.10: called by scripts, and used in its windows."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from expected import expected_mask
from gimp2_desk import PREFIX, TITLES, Console, Desk2
from gimp2_machine import KEY, find_gimp
from gimp2_scene import rgba
from pictures import Array, check_equal, decoded, photo
from PIL import Image
from screen import Screen, missing
from support import leave_out, posts, wait_for

from venice_core.sandbox import Sandbox

# Also where VENICE_TEST_HOSTS is "required": CI makes it partly of what is in Ubuntu's archive, which may not
# be reachable where Debian's is.
pytestmark = pytest.mark.skipif(
    not PREFIX.exists(), reason=f"there is no Python-Fu in {PREFIX}: see .ci/pygimp"
)

SIZE = WIDTH, HEIGHT = 360, 280
SELECTED = (110, 70, 150, 120)
PROMPT = "größer “pink”"
SECRET = "sk-in-gimpfu-4711"
HAS_ARGUMENTS = {"edit": 20, "remove-background": 7, "generate": 13}


# Without a window

FUNCTIONS = """
(define (say name value) (display name) (display "=") (write value) (display ";") (newline))
(define (save-seen image name)
  (let* ((copy (car (gimp-image-duplicate image))) (seen (car (gimp-image-flatten copy))))
    (file-png-save RUN-NONINTERACTIVE copy seen name name 0 1 0 0 0 0 0)
    (gimp-image-delete copy)))
(define (save-mask layer name)
  (let* ((mask (car (gimp-layer-get-mask layer)))
         (width (car (gimp-drawable-width mask)))
         (height (car (gimp-drawable-height mask)))
         (image (car (gimp-image-new-with-precision width height GRAY PRECISION-U8-LINEAR)))
         (copy (car (gimp-layer-new-from-drawable mask image))))
    (gimp-image-insert-layer image copy 0 0)
    (file-png-save RUN-NONINTERACTIVE image copy name name 0 1 0 0 0 0 0)
    (gimp-image-delete image)))
(define (above image layer)
  (vector-ref (cadr (gimp-image-get-layers image)) (- (car (gimp-image-get-item-position image layer)) 1)))
(define (edit image layer prompt)
  (car (python-fu-venice-edit RUN-NONINTERACTIVE image layer
         prompt "" "guide" -1 0 -1 1 "" "" "" TRUE FALSE TRUE TRUE "" "layer" "layer")))
(define image (car (gimp-file-load RUN-NONINTERACTIVE "photo.png" "photo.png")))
(define photo (car (gimp-image-get-active-layer image)))
"""


@pytest.fixture(scope="module")
def _console(tmp_path_factory: pytest.TempPathFactory, _server: Sandbox) -> Console:
    program = find_gimp()
    assert program is not None
    console = Console(program, tmp_path_factory.mktemp("console") / "Zoë", _server.url)
    Image.fromarray(photo("coffee", *SIZE)).save(console.folder / "photo.png")
    return console


@pytest.fixture
def console(_console: Console, sandbox: Sandbox) -> Console:
    return _console


def run(console: Console, *lines: str) -> str:
    """What GIMP says about a script, in which names of files are those of the console's folder."""
    script = "\n".join([FUNCTIONS, *lines])
    return console.run(re.sub(r'"([\w-]+\.(png|xcf))"', rf'"{console.folder}/\1"', script))


def said(output: str, name: str) -> str:
    found = re.search(rf"{name}=([^;]*);", output)
    assert found, output
    return found[1]


def picture(console: Console, name: str) -> Array:
    with Image.open(console.folder / name) as file:
        return np.asarray(file)


def parasite(xcf: bytes, name: str) -> bytes:
    """The data of the only parasite of that name in a file of GIMP's: name, flags, length, data."""
    before, _, after = xcf.partition(name.encode() + b"\0")
    assert before
    _flags, length = struct.unpack(">II", after[:8])
    assert name.encode() not in after
    return after[8 : 8 + length]


def test_a_real_gimpfu_registers_all_three(console: Console, sandbox: Sandbox) -> None:
    names = {name: f"python-fu-venice-{name}" for name in HAS_ARGUMENTS}
    asks = [
        f'(say "{name}" (cddr (cddddr (gimp-procedural-db-proc-info "{full}"))))'
        for name, full in names.items()
    ]
    output = run(console, *asks)
    for name, count in HAS_ARGUMENTS.items():
        assert said(output, name) == f"({count} 1)", output


def test_a_script_edits_what_is_selected_and_nothing_else(console: Console, sandbox: Sandbox) -> None:
    output = run(
        console,
        "(gimp-image-select-rectangle image CHANNEL-OP-REPLACE {} {} {} {})".format(*SELECTED),
        '(save-seen image "before.png")',
        f'(define new (edit image photo "{PROMPT}"))',
        '(say "above" (= new (above image photo)))',
        '(say "name" (car (gimp-item-get-name new)))',
        '(say "place" (gimp-drawable-offsets new))',
        '(save-mask new "mask.png")',
        '(save-seen image "after.png")',
        '(gimp-xcf-save RUN-NONINTERACTIVE image photo "after.xcf" "after.xcf")',
    )
    assert said(output, "above") == "#t"
    assert said(output, "name").startswith(f'"{PROMPT} · ')
    x, y = map(int, said(output, "place").strip("()").split())

    (seen,) = posts(sandbox)
    assert PROMPT in seen.fields["prompt"]
    assert decoded(seen.files[0].data).ndim == 3

    before, after = (rgba(picture(console, f"{name}.png")) for name in ("before", "after"))
    check_equal(before[..., :3], photo("coffee", *SIZE), "the photograph")
    coverage = np.zeros((HEIGHT, WIDTH), np.uint8)
    coverage[SELECTED[1] :, SELECTED[0] :][: SELECTED[3], : SELECTED[2]] = 255
    expected, _ = expected_mask(coverage, (0, 0, WIDTH, HEIGHT), 0, 8)
    check_equal(np.where(expected[..., None] > 0, before, after), before, "outside the selection")
    change = np.abs(after[expected >= 128].astype(int) - before[expected >= 128]).max(axis=-1)
    assert change.mean() > 20, "inside, the picture has changed"

    mask = picture(console, "mask.png")
    height, width = mask.shape
    check_equal(mask, expected[y : y + height, x : x + width], "the layer mask")
    assert np.count_nonzero(mask) == np.count_nonzero(expected)

    recipe = parasite((console.folder / "after.xcf").read_bytes(), "venice-recipe")
    assert recipe.isascii()
    assert recipe.endswith(b"}"), "and not with a zero byte, as text from a script would"
    assert json.loads(recipe)["prompt"] == PROMPT
    assert KEY.encode() not in recipe


def test_a_script_cuts_out_and_generates(console: Console, sandbox: Sandbox) -> None:
    output = run(
        console,
        "(define cut (car (python-fu-venice-remove-background RUN-NONINTERACTIVE image photo"
        ' "layer" TRUE "" TRUE)))',
        '(say "cut" (= cut (above image photo)))',
        "(define made (car (python-fu-venice-generate RUN-NONINTERACTIVE image cut"
        ' "a red boat" "" "" "" 7 1 "" "" TRUE "")))',
        '(say "made" (= made (above image cut)))',
        '(say "alpha" (car (gimp-drawable-has-alpha cut)))',
        '(say "hidden" (= 0 (car (gimp-item-get-visible photo))))',
        "(gimp-item-set-visible made FALSE)",
        '(save-seen image "cut.png")',
    )
    assert [said(output, name) for name in ("cut", "made", "alpha", "hidden")] == ["#t", "#t", "1", "#t"]
    cutout, generated = posts(sandbox)
    assert cutout.path == "/api/v1/image/background-remove"
    assert (generated.path, generated.fields["seed"]) == ("/api/v1/image/generate", 7)
    check_equal(decoded(cutout.files[0].data)[..., :3], photo("coffee", *SIZE), "what was sent")
    left = rgba(picture(console, "cut.png"))[..., :3]
    assert (left[0, 0] == 255).all(), "the background is gone"
    middle = np.s_[HEIGHT // 2, WIDTH // 2]
    assert (left[middle] == photo("coffee", *SIZE)[middle]).all(), "what is left has its own colors"


def test_an_error_makes_a_scripts_call_fail_and_is_told(console: Console, sandbox: Sandbox) -> None:
    output = run(console, '(edit image photo "")', '(say "layers" (car (gimp-image-get-layers image)))')
    assert "Procedure execution of python-fu-venice-edit failed" in output
    assert "prompt" in output.lower()
    assert said(output, "layers") == "1"
    assert posts(sandbox) == []


# In a window


@pytest.fixture(scope="module")
def _desk(tmp_path_factory: pytest.TempPathFactory, _server: Sandbox, python: str) -> Iterator[Desk2]:
    lacking = missing()
    if lacking:
        leave_out("gimp2", f"a real window needs {', '.join(lacking)}")
    screen = Screen()
    desk = Desk2(screen, tmp_path_factory.mktemp("desk"), _server.url, python)
    try:
        yield desk
    finally:
        desk.close()
        screen.close()


@pytest.fixture
def desk(_desk: Desk2, sandbox: Sandbox, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk2]:
    """A screenshot of how a test ended is kept."""
    shutil.rmtree(_desk.home, ignore_errors=True)
    yield _desk
    keep(_desk, request.node.name, tmp_path)
    _desk.use_worker()
    _desk.keys("Escape", "Escape", "Escape")
    _desk.close_images()


@pytest.fixture
def image(desk: Desk2) -> int:
    """A photograph in a window, with a soft selection."""
    number: int = desk.inside.new_image(*SIZE)
    desk.inside.add_layer(number, photo("coffee", *SIZE))
    desk.inside.select(number, SELECTED, feather=12.0)
    desk.show(number)
    return number


def keep(desk: Desk2, name: str, otherwise: Path | None = None) -> None:
    """A screenshot for people, where CI asks for pictures."""
    folder = os.environ.get("VENICE_CI_OUT") or otherwise
    if folder:
        desk.look(Path(folder) / f"gimp2-{name}.png")


def begin(desk: Desk2, prompt: str, name: str = "edit") -> str:
    """From the menu to our own window."""
    desk.open(name)
    desk.keys("ctrl+a")
    desk.type(prompt)
    return desk.accept(name)


def enter_key(desk: Desk2, key: str) -> None:
    desk.keys("alt+k")
    desk.wait_for("API Key for venice")
    desk.type(key)
    keep(desk, "key-typed")
    desk.keys("Return")
    desk.wait_gone("API Key for venice")
    desk.wait_for(TITLES["edit"])


def wait_closed(desk: Desk2, name: str = "edit") -> None:
    """Both windows are gone, and so is the plug-in."""
    desk.wait_gone(TITLES[name])
    desk.wait_gone(f"python-fu-venice-{name}")


def state(desk: Desk2, image: int) -> dict[str, object]:
    return {name: value for name, value in desk.inside.snapshot(image).items() if name != "dirty"}


def test_nothing_leaves_before_send_and_one_ctrl_z_takes_all_away(
    desk: Desk2, sandbox: Sandbox, image: int
) -> None:
    before, seen_before = state(desk, image), desk.inside.visible(image)
    desk.open_menu()
    keep(desk, "menu")
    desk.keys("Return")
    desk.wait_for("python-fu-venice-edit")
    desk.keys("ctrl+a")
    desk.type("make it pink")
    keep(desk, "gimpfu")
    window = desk.accept("edit")
    assert "$0.04" in desk.read(window, "Costs")
    keep(desk, "plan")
    assert posts(sandbox) == []
    assert state(desk, image) == before

    desk.keys("alt+s")
    wait_closed(desk)
    (seen,) = posts(sandbox)
    assert seen.fields["prompt"].startswith("make it pink")
    after = state(desk, image)
    assert [layer["name"].partition(" · ")[0] for layer in after["layers"]] == ["make it pink", "photo"]
    desk.focus_image()
    wait_for(lambda: desk.xdo("search", "--onlyvisible", "--name", r", 2 layers\)"))
    keep(desk, "placed")
    desk.keys("ctrl+z")
    wait_for(lambda: state(desk, image) == before)
    assert (desk.inside.visible(image) == seen_before).all()
    desk.keys("ctrl+y")
    new = after["layers"][0]["id"]
    wait_for(lambda: state(desk, image) == {**after, "active": new})  # GIMP's own choice when it redoes


def test_cancel_in_our_window_sends_nothing_and_the_prompt_is_kept(
    desk: Desk2, sandbox: Sandbox, image: int
) -> None:
    before = state(desk, image)
    window = begin(desk, "not after all")
    desk.read(window, "Costs")
    desk.keys("Escape")
    wait_closed(desk)
    assert posts(sandbox) == []
    assert state(desk, image) == before
    desk.focus_image()
    assert desk.xdo("getwindowname", desk.active_window()).endswith("– GIMP"), "nothing else is said"
    desk.open("edit")
    desk.keys("ctrl+a")
    assert desk.marked_text() == "not after all"
    desk.keys("Escape")
    wait_closed(desk)


def test_what_was_selected_meanwhile_is_shown_before_it_is_sent(
    desk: Desk2, sandbox: Sandbox, image: int
) -> None:
    window = begin(desk, "make it pink")
    seen = desk.read(window, "Costs")
    desk.inside.select(image, (10, 10, 60, 60), "rectangle")
    desk.keys("alt+s")
    desk.read(window, "What will be sent, or its price, has changed")
    keep(desk, "plan-changed")
    assert posts(sandbox) == []
    assert desk.read(window, "Costs") != seen
    desk.keys("alt+s")
    wait_closed(desk)
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize("name", ["remove-background", "generate"])
def test_return_sends_what_is_shown(desk: Desk2, sandbox: Sandbox, image: int, name: str) -> None:
    """Numbers of gimpfu's spin buttons are floats, its truth values are 0 or 1."""
    before = state(desk, image)
    window = begin(desk, "a red boat", name) if name == "generate" else desk.open(name) and desk.accept(name)
    desk.read(window, "Costs")
    keep(desk, name)
    desk.keys("Return")
    wait_closed(desk, name)
    assert len(desk.inside.snapshot(image)["layers"]) == 2
    desk.focus_image()
    desk.keys("ctrl+z")
    wait_for(lambda: state(desk, image) == before)
    desk.keys("ctrl+f")  # Repeat: with what was entered last, without gimpfu's window
    window = desk.wait_for(TITLES[name])
    assert "$" in desk.read(window, "Costs"), "nothing is bought unseen"
    assert len(posts(sandbox)) == 1
    desk.keys("Return")
    wait_closed(desk, name)
    assert len(desk.inside.snapshot(image)["layers"]) == 2
    first, second = posts(sandbox)
    same = [{**seen.fields, "seed": None} for seen in (first, second)]
    assert (first.path, same[0]) == (second.path, same[1])
    assert [file.data for file in first.files] == [file.data for file in second.files]


def test_variations_are_one_undo_step(desk: Desk2, sandbox: Sandbox, image: int) -> None:
    before = state(desk, image)
    desk.open("generate")
    desk.type("a red boat")
    desk.keys("alt+i", "ctrl+a")
    desk.type("3")
    desk.read(desk.accept("generate"), "Costs")
    desk.keys("alt+s")
    wait_closed(desk, "generate")
    assert [len(layer["children"]) for layer in state(desk, image)["layers"]] == [3, 0]
    desk.focus_image()
    desk.keys("ctrl+z")
    wait_for(lambda: state(desk, image) == before)


@pytest.mark.parametrize(("choice", "status"), [("Return", "done"), ("alt+s", "cancelled")])
def test_cancel_after_the_upload_frees_gimp_and_asks_about_the_answer(
    desk: Desk2, sandbox: Sandbox, image: int, choice: str, status: str
) -> None:
    """Close, which is the default, or Stop and Discard."""
    before = state(desk, image)
    sandbox.switch(stall=7, stall_at="answer")
    window = begin(desk, "changed my mind")
    desk.read(window, "Costs")
    desk.keys("alt+s")
    wait_for(lambda: desk.jobs() and desk.jobs()[-1]["status"] == "sent")
    desk.keys("Escape")
    box = wait_for(lambda: desk.active_window() not in ("", window) and desk.active_window())
    desk.read(box, "already been sent", "may be charged")
    keep(desk, "already-sent")
    desk.keys(choice)
    wait_closed(desk)
    assert desk.jobs()[-1]["status"] in ("sent", "cancelled"), "GIMP is free before the answer is there"
    assert state(desk, image) == before
    wait_for(lambda: desk.jobs()[-1]["status"] == status)
    assert bool(list(desk.home.glob("jobs/*/answer.bin"))) == (status == "done")
    if status == "cancelled":
        assert desk.jobs()[-1]["charge"] == "possible"


def test_a_key_is_asked_for_and_gimp_never_has_it(desk: Desk2, sandbox: Sandbox, image: int) -> None:
    desk.use_worker("/usr/bin/env", "-u", "VENICE_API_KEY")
    window = begin(desk, "make it pink")
    assert "$0.04" in desk.read(window, "Costs")
    desk.read(window, "No API key is set")
    keep(desk, "no-key")
    desk.keys("alt+s")
    assert posts(sandbox) == [], "nothing can be sent"
    enter_key(desk, "bad-key")
    wait_for((desk.home / "keys.json").exists)
    desk.keys("alt+s")
    desk.read(window, "did not accept the API key")
    keep(desk, "key-not-accepted")
    enter_key(desk, SECRET)
    wait_for(lambda: SECRET in (desk.home / "keys.json").read_text("utf-8"))
    desk.keys("alt+s")
    wait_closed(desk)
    assert [job["status"] for job in desk.jobs()] == ["failed", "placed"]
    assert not (desk.home / "settings.json").exists(), "which provider is in use was not asked"
    assert posts(sandbox)[-1].headers["Authorization"] == "Bearer sk-***"
    files = [path for path in desk.folder.rglob("*") if path.is_file()]
    assert desk.profile / "pluginrc" in files
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == [desk.home / "keys.json"]
    remembered = desk.inside.remembered("python-fu-save--python-fu-venice-edit")
    assert "make it pink" in remembered, "what was entered in gimpfu's window"
    assert SECRET not in remembered
    assert KEY not in (desk.folder / "gimp.log").read_text("utf-8", "replace")
