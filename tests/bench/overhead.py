"""What the plug-in itself costs in time: everything but the service.

  python3 tests bench overhead            a layer of 24 megapixels, a selection of 1024 × 1024 px
  python3 tests bench overhead --quick    a small layer, once

In the real GIMP, against a server that has its answers ready: what was sent, edited by the sandbox, in its
place and moved as models do it (a little, enlarged, softer, of another tint). Beside it, in the same run, the
usual route: the whole layer through PNG at GIMP's defaults, base64, PNG load. Times are noisy: look at the
ratio.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import requests
import skimage.data

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "helpers"))

import gimp3_machine
from gimp3_machine import Gimp, find_gimp
from support import is_required

from venice_core.sandbox import Sandbox


class Scene(NamedTuple):
    """Sizes in px, and how often they are measured."""

    layer: tuple[int, int]
    selection: tuple[int, int, int, int]
    rounds: int


gimp3_machine.CALL_SECONDS = 1200.0  # for PNG on a busy computer
USUAL = Scene((6000, 4000), (2500, 1500, 1024, 1024), 3)
QUICK = Scene((1500, 1000), (600, 400, 256, 256), 1)

EDITS: dict[str, dict[str, object]] = {"in place": {}, "moved": {"drift": True, "move": "3.3,-2.2,1.006"}}
"""How an answer is found to lie, and the sandbox's switches for it."""


class AllPlugIns(Gimp):
    """With GIMP's own plug-ins too: the other route needs the one for PNG."""

    def _leave_out_other_plug_ins(self) -> None:
        pass


@contextlib.contextmanager
def prepared(sandbox: Sandbox) -> Iterator[str]:
    """The address of a server that asks the sandbox once, and has its answer ready when it is asked again.

    What it is asked is told apart by path and length: the boundaries of forms are never the same.
    """
    ready: dict[tuple[str, int], requests.Response] = {}
    root = sandbox.url.removesuffix("/api/v1")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(requests.get(root + self.path, timeout=60))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = self.path, len(body)
            if asked not in ready:
                ready[asked] = requests.post(root + self.path, body, headers=dict(self.headers), timeout=60)
            self.answer(ready[asked])

        def answer(self, response: requests.Response) -> None:
            self.send_response(response.status_code)
            self.send_header("Content-Type", response.headers["Content-Type"])
            self.send_header("Content-Length", str(len(response.content)))
            self.end_headers()
            self.wfile.write(response.content)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/api/v1"
        server.shutdown()


def smooth_photograph(width: int, height: int) -> np.ndarray:
    return cv2.resize(skimage.data.coffee(), (width, height), interpolation=cv2.INTER_CUBIC)


def main() -> int:
    parser = argparse.ArgumentParser(
        "python3 tests bench overhead",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a small layer, once")
    scene = QUICK if parser.parse_args().quick else USUAL
    program = find_gimp()
    if program is None:
        print("overhead: there is no GIMP 3 here")
        return int(is_required("gimp3"))
    with tempfile.TemporaryDirectory() as folder, Sandbox() as sandbox, prepared(sandbox) as url:
        gimp = AllPlugIns(program, Path(folder), url)
        try:
            ours, others = measure(gimp, sandbox, scene, Path(folder) / "whole.png")
        finally:
            gimp.close()
    layer, selection = (" × ".join(map(str, size)) for size in (scene.layer, scene.selection[2:]))
    print(f"\nGIMP {gimp.version}, layer {layer} px, selection {selection} px")
    print(f"{'':36}{'median':>9}{'min':>9}{'max':>9}")
    for name, seconds in ours.items():
        row(f"plug-in, the edit {name}", seconds, "s")
    totals = [sum(each.values()) for each in others]
    row("PNG, base64, PNG", totals, "s")
    for step in others[0]:
        row(f"  {step}", [each[step] for each in others], "s")
    for name, seconds in ours.items():
        ratios = [theirs / mine for theirs, mine in zip(totals, seconds, strict=True)]
        row(f"ratio, round by round, {name}", ratios, "x")
    return 0


def measure(
    gimp: Gimp, sandbox: Sandbox, scene: Scene, path: Path
) -> tuple[dict[str, list[float]], list[dict[str, float]]]:
    image = gimp.new_image(*scene.layer)
    layer = gimp.add_layer(image, (*scene.layer, smooth_photograph(*scene.layer).tobytes()))
    gimp.select(image, scene.selection, "rectangle")
    ours: dict[str, list[float]] = {name: [] for name in EDITS}
    others = []
    for _ in range(scene.rounds + 1):  # the first one warms up, and the answers are made
        for name, switches in EDITS.items():
            sandbox.reset()
            sandbox.switch(**switches)
            start = time.monotonic()
            run = gimp.run("plug-in-venice-edit", image, [layer], prompt=name)
            ours[name].append(time.monotonic() - start)
            if run["error"]:
                raise RuntimeError(run["error"])
            if (found := alignment(gimp)) != name:
                raise RuntimeError(f"the answer was to be {name}, and was found {found}")
            for made in run["layers"]:
                gimp.remove(image, made)
        others.append(gimp.png_route(image, str(path)))
    return {name: seconds[1:] for name, seconds in ours.items()}, others[1:]


def alignment(gimp: Gimp) -> str:
    """Where the last answer showed what had been sent."""
    records = [json.loads(path.read_text("utf-8")) for path in gimp.home.glob("jobs/*/job.json")]
    last = max(records, key=lambda record: record["created"])
    return str(last["facts"]["fitting"]["alignment"])


def row(name: str, values: list[float], unit: str) -> None:
    cells = (f"{value:8.2f}{unit}" for value in (statistics.median(values), min(values), max(values)))
    print(f"{name:36}{''.join(cells)}")


if __name__ == "__main__":
    sys.exit(main())
