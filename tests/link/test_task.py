"""The steps of a task with the real worker and a host that only takes notes, on Python 2.7 and 3."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import paper_host
import pytest
from support import find_python_2, posts
from test_link import COMMAND, KEY, MODULE

from venice_core.sandbox import Sandbox

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the link is tested there")

FRONT_END = f"""# -*- coding: utf-8 -*-
from __future__ import unicode_literals
import json, sys
sys.dont_write_bytecode = True
sys.path[:0] = [{str(MODULE.parent)!r}, {str(Path(paper_host.__file__).parent)!r}]
import venice_errors, venice_link, venice_task, venice_tasks
from paper_host import PaperHost

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
    task = venice_tasks.TASKS[action](host, image, drawables, values.__getitem__, link)
    return venice_task.run(task, link, watch)

def layer_goes(action):
    task = venice_tasks.TASKS[action](host, image, [layer], values.__getitem__, link)
    layer["gone"] = True
    try:
        task.start()
    finally:
        del layer["gone"]

def answer(call):
    while True:
        over, value = link.answer(link.receive(1), call)
        if over:
            return value

def plan_changes(change):
    task = venice_tasks.TASKS["edit"](host, image, [layer], values.__getitem__, link)
    task.mark_shown(answer(task.ask_plan()))
    change()
    try:
        answer(task.start(lambda _: None))
    except venice_errors.PlanChanged as changed:
        task.mark_shown(changed.plan)
        answer(task.start(lambda _: None))
        return "told first"

with venice_link.Link(json.loads(sys.argv[2])) as link:
    host = PaperHost(link, [other, layer], selected)
    edited, upscaled = run("edit", other, layer), run("upscale", layer)
    unchanged, moved = plan_changes(lambda: None), plan_changes(lambda: selected.update(x=70))
    words = []
    for failing in (
        lambda: layer_goes("edit"), lambda: run("edit"), lambda: run("upscale", other, layer),
        lambda: link.call("dänce"),
    ):
        try:
            failing()
        except (venice_errors.HostError, venice_errors.LinkError) as error:
            text = str(error)
            words.append(text if isinstance(text, type("")) else text.decode("utf-8"))
said = dict(python=sys.version_info[0], made=host.made, edited=edited, upscaled=upscaled)
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
        "The layer no longer exists.",
        "Select a layer first.",
        "Select only one layer.",
        "There is no method “dänce”.",
    ]
    edit_path, upscale_path = "/api/v1/image/multi-edit", "/api/v1/image/upscale"
    assert [seen.path for seen in posts(sandbox)] == [edit_path, upscale_path, edit_path, edit_path]
    assert (said["unchanged"], said["moved"]) == (None, "told first"), "of another selection than was seen"
    edit, upscale = said["made"]
    assert edit["crop"] == {"x": 20, "y": 10, "width": 200, "height": 150}
    assert (edit["kind"], edit["files"]) == ("result", ["rgba", "coverage"])
    assert edit["host"] == {"sample": "layer"}
    assert edit["name"].startswith("rosé · ")
    assert (edit["above"], edit["source"]) == ("Käse", 7)
    assert (upscale["above"], upscale["source"]) == (None, None), "its image holds no source"
    assert upscale["crop"] == {"x": 0, "y": 0, "width": 400, "height": 300}
    assert (upscale["kind"], upscale["files"], upscale["host"]) == ("result", ["rgba", None], {})
    assert upscale["name"].startswith("Käse · 2×")
    (image, layers, warnings), (new_image, _, _) = said["edited"], said["upscaled"]
    assert (image["name"], layers) == ("image", ["layer"])
    assert new_image == {"width": 400, "height": 300, "name": "Käse 2x", "source": "image"}
    assert any("outside sRGB" in warning for warning in warnings)
    assert [warning.split(",")[0].split(" uses ")[0] for warning in warnings[-2:]] == [
        "The image is grayscale",
        "The source layer",
    ]
