"""The steps of a task with the real worker and a host that only takes notes, on Python 2.7 and 3."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from support import find_python_2, posts
from test_link import COMMAND, KEY, MODULE

from venice_core.sandbox import Sandbox

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the link is tested there")

FRONT_END = f"""# -*- coding: utf-8 -*-
from __future__ import unicode_literals
import contextlib, io, json, os, struct, sys
sys.dont_write_bytecode = True
sys.path.insert(0, {str(MODULE.parent)!r})
import venice_errors, venice_link, venice_task, venice_tasks
SIZES = dict(pixels=4, mask=1, rim=1)
made = []

class Host(object):
    def layer_of(self, drawable):
        return drawable
    def bottom_up(self, image, layers):
        return layers[::-1]
    def has_floating_selection(self, image):
        return False
    def is_empty(self, layer):
        return False
    def locked_group(self, layer):
        return None
    def bounds_of(self, layer):
        return layer["bounds"]
    def extent_of(self, layer):
        return dict((name, layer["bounds"][name]) for name in ("width", "height"))
    def canvas_of(self, image):
        return dict(width=300, height=200)
    def is_there(self, item):
        return not item.get("gone")
    def name_of(self, layer):
        return layer["name"]
    def base_of(self, image):
        return "gray"
    def is_plain(self, layer):
        return False
    def tattoo_of(self, layer):
        return layer["tattoo"]
    def recipe_of(self, layer):
        return None
    def stack_of(self, image, layer):
        return [globals()["layer"], other]
    def children_of(self, layer):
        return []
    def is_quick_mask_on(self, image):
        return False
    def edits_mask(self, layer):
        return False
    def is_hidden(self, layer):
        return layer.get("hidden", False)
    def selection_window(self, image):
        return dict(selected)
    def export_selection(self, image, link, name):
        link.write(name, b"\\xff" * 40 * 30)
        return dict(selected)
    def coverage_of(self, image, window):
        return b"\\xff" * 40 * 30
    def export_shown(self, image, layer, crop, link, name, wide_name=None):
        pixels = crop["width"] * crop["height"]
        link.write(name, b"\\x50\\x90\\x30\\xff" * pixels)
        if wide_name is not None:
            link.write(wide_name, struct.pack(str("<4f"), 1.5, 0.5, 0.25, 1.0) * pixels)
        return wide_name is not None
    def load(self, link, path, extent, kind):
        if path is None:
            return None
        assert os.path.getsize(path) == SIZES[kind] * extent["width"] * extent["height"]
        return kind
    @contextlib.contextmanager
    def preserve_selection(self, image):
        yield
    undo_group = preserve_selection
    def add_result(self, image, above, crop, pixels, mask, name, recipe):
        recipe = json.loads(recipe.decode("ascii"))
        told = dict((entry, recipe[entry]) for entry in ("host", "source"))
        made.append(dict(told, above=above and above["name"], crop=crop, pixels=pixels, mask=mask, name=name))
        return "layer"
    def new_image(self, crop, like=None):
        return dict(name="new")
    def name_image(self, image, name, beside):
        image["name"] = name

image = dict(name="image")
selected = dict(x=50, y=60, width=40, height=30)
layer = dict(name="Käse", tattoo=7, bounds=dict(x=20, y=10, width=200, height=150))
other = dict(name="other", tattoo=8, bounds=dict(x=-5, y=0, width=64, height=48))
values = json.loads(sys.argv[1])
stages = []

def watch(message):
    if message is not None and message["stage"] not in stages:
        stages.append(message["stage"])

def run(action, *drawables):
    task = venice_tasks.TASKS[action](Host(), image, drawables, values.__getitem__, link)
    return venice_task.run(task, link, watch)

def answer(call):
    while True:
        over, value = link.answer(link.receive(1), call)
        if over:
            return value

def plan_changes(change):
    task = venice_tasks.TASKS["edit"](Host(), image, [layer], values.__getitem__, link)
    task.told(answer(task.ask_plan()))
    change()
    try:
        answer(task.start(lambda _: None))
    except venice_errors.PlanChanged as changed:
        task.told(changed.plan)
        answer(task.start(lambda _: None))
        return "told first"

with venice_link.Link(json.loads(sys.argv[2])) as link:
    edited, upscaled = run("edit", other, layer), run("upscale", layer)
    unchanged, moved = plan_changes(lambda: None), plan_changes(lambda: selected.update(x=70))
    layer["gone"] = True
    words = []
    for failing in (
        lambda: run("edit", layer), lambda: run("edit"), lambda: run("upscale", layer, other),
        lambda: link.call("dänce"),
    ):
        try:
            failing()
        except (venice_errors.HostError, venice_errors.LinkError) as error:
            text = str(error)
            words.append(text if isinstance(text, type("")) else text.decode("utf-8"))
said = dict(python=sys.version_info[0], made=made, edited=edited, upscaled=upscaled)
print(json.dumps(dict(said, stages=stages, words=words, unchanged=unchanged, moved=moved)))
"""

VALUES: dict[str, Any] = {
    **dict.fromkeys(("model", "aspect-ratio", "resolution", "quality", "provider"), ""),
    "prompt": "rosé",
    "selection": "guide",
    "context": 10,
    "grow": 0,
    "feather": 0,
    "variations": 1,
    "safe-mode": True,
    "enhance-prompt": False,
    "align": True,
    "match-colors": True,
    "output": "layer",
    "sample": "layer",
    "scale": "2",
    "creativity": 0.0,
}


@pytest.mark.parametrize("python", [3, 2])
def test_a_task_runs_with_any_host(sandbox: Sandbox, python: int) -> None:
    interpreter = sys.executable if python == 3 else find_python_2()
    if interpreter is None:
        pytest.skip("there is no Python 2.7 here")
    environ = {**os.environ, "VENICE_BASE_URL": sandbox.url, "VENICE_API_KEY": KEY}
    command = [interpreter, "-", json.dumps(VALUES), json.dumps(COMMAND)]
    run = subprocess.run(
        command,
        input=FRONT_END,
        env=environ,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout)
    assert said["python"] == python
    assert said["stages"] == ["preparing", "uploading", "waiting", "downloading", "fitting"]
    assert said["words"] == [
        "The layer is gone.",
        "Select a layer first.",
        "Select one layer only.",
        "There is no method “dänce”.",
    ]
    edit_path, upscale_path = "/api/v1/image/multi-edit", "/api/v1/image/upscale"
    assert [seen.path for seen in posts(sandbox)] == [edit_path, upscale_path, edit_path, edit_path]
    assert (said["unchanged"], said["moved"]) == (None, "told first"), "of another selection than was seen"
    edit, upscale = said["made"]
    assert edit["crop"] == {"x": 20, "y": 10, "width": 200, "height": 150}
    assert (edit["pixels"], edit["mask"], edit["host"]) == ("pixels", "mask", {"sample": "layer"})
    assert edit["name"].startswith("rosé · ")
    assert (edit["above"], edit["source"]) == ("Käse", 7)
    assert (upscale["above"], upscale["source"]) == (None, None), "its image holds no source"
    assert upscale["crop"] == {"x": 0, "y": 0, "width": 400, "height": 300}
    assert (upscale["pixels"], upscale["mask"], upscale["host"]) == ("pixels", None, {})
    assert upscale["name"].startswith("Käse · 2×")
    (image, layers, warnings), (new_image, _, _) = said["edited"], said["upscaled"]
    assert (image["name"], layers, new_image["name"]) == ("image", ["layer"], "Käse 2x")
    assert any("outside sRGB" in warning for warning in warnings)
    assert [warning.split(":")[0].split(" has ")[0] for warning in warnings[-2:]] == [
        "The image is grayscale",
        "The source layer",
    ]
