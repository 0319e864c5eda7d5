"""What the plug-in itself costs in time: everything but the service.

  python3 tests bench overhead            a layer of 24 megapixels, a selection of 1024 × 1024 px
  python3 tests bench overhead --quick    a small layer, once

In the real GIMP, against a server that has its answer ready: what was sent, edited by the sandbox and
returned as models do it (moved a little, enlarged, softer, of another tint). Beside it, in the same run, the
usual route: the whole layer through PNG at GIMP's defaults, base64, PNG load. Times are noisy: look at the
ratio.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import os
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
sys.path[:0] = [str(TESTS), str(TESTS / "gimp3")]

import gimp3_machine
from gimp3_machine import Gimp, find_gimp

from venice_core.sandbox import Sandbox


class Scene(NamedTuple):
    """Sizes in px, and how often they are measured."""

    layer: tuple[int, int]
    selection: tuple[int, int, int, int]
    rounds: int


gimp3_machine.CALL_SECONDS = 1200.0  # for PNG on a busy computer
USUAL = Scene((6000, 4000), (2500, 1500, 1024, 1024), 3)
QUICK = Scene((1500, 1000), (600, 400, 256, 256), 1)


class AllPlugIns(Gimp):
    """With GIMP's own plug-ins too: the other route needs the one for PNG."""

    def _leave_out_other_plug_ins(self) -> None:
        pass


@contextlib.contextmanager
def service() -> Iterator[str]:
    """The address of one that has the sandbox's edit of the first picture ready for all others."""
    ready: list[requests.Response] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(requests.get(root + self.path, timeout=60))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not ready:
                ready.append(requests.post(root + self.path, body, headers=dict(self.headers), timeout=60))
            self.answer(ready[0])

        def answer(self, response: requests.Response) -> None:
            self.send_response(response.status_code)
            self.send_header("Content-Type", response.headers["Content-Type"])
            self.send_header("Content-Length", str(len(response.content)))
            self.end_headers()
            self.wfile.write(response.content)

        def log_message(self, *_: object) -> None:
            pass

    with (
        Sandbox(switches={"drift": True, "move": "3.3,-2.2,1.006"}) as sandbox,
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server,
    ):
        root = sandbox.url.removesuffix("/api/v1")
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
        required = os.environ.get("VENICE_TEST_HOSTS") == "required"
        print(f"overhead: {'failed' if required else 'left out'}, there is no GIMP 3 here")
        return int(required)
    with tempfile.TemporaryDirectory() as folder, service() as url:
        gimp = AllPlugIns(program, Path(folder), url)
        try:
            ours, others = measure(gimp, scene, Path(folder) / "whole.png")
        finally:
            gimp.close()
    layer, selection = (" × ".join(map(str, size)) for size in (scene.layer, scene.selection[2:]))
    print(f"\nGIMP {gimp.version}, layer {layer} px, selection {selection} px")
    print(f"{'':32}{'median':>9}{'min':>9}{'max':>9}")
    row("plug-in, all but the service", ours)
    totals = [sum(each.values()) for each in others]
    row("PNG, base64, PNG", totals)
    for name in others[0]:
        row(f"  {name}", [each[name] for each in others])
    ratios = [theirs / mine for theirs, mine in zip(totals, ours, strict=True)]
    print(
        f"{'ratio, round by round':32}{statistics.median(ratios):8.1f}x{min(ratios):8.1f}x{max(ratios):8.1f}x"
    )
    return 0


def measure(gimp: Gimp, scene: Scene, path: Path) -> tuple[list[float], list[dict[str, float]]]:
    image, photograph = gimp.new_image(*scene.layer), smooth_photograph(*scene.layer)
    layer = gimp.add_layer(image, (*scene.layer, photograph.tobytes()))
    gimp.select(image, scene.selection, "rectangle")
    ours, others = [], []
    for _ in range(scene.rounds + 1):
        start = time.monotonic()
        run = gimp.run("plug-in-venice-edit", image, [layer], prompt="measure")
        ours.append(time.monotonic() - start)
        if run["error"]:
            raise RuntimeError(run["error"])
        (made,) = run["layers"]
        if len(ours) == 1:
            check_edited(gimp, made, photograph, scene)
        gimp.remove(image, made)
        others.append(gimp.png_route(image, str(path)))
    return ours[1:], others[1:]  # the first one warms up, and has the answer made


def check_edited(gimp: Gimp, made: int, photograph: np.ndarray, scene: Scene) -> None:
    """The answer was what had been sent, but for the selection: or the time of something else is measured."""
    left, top = gimp.describe(made)["offsets"]
    width, height, data = gimp.pixels(made, "R'G'B' u8")
    result = np.frombuffer(data, np.uint8).reshape(height, width, 3).astype(int)
    off = np.abs(result - photograph[top : top + height, left : left + width])
    x, y, across, down = scene.selection
    inside = np.zeros((height, width), bool)
    inside[y - top : y - top + down, x - left : x - left + across] = True
    if np.median(off[~inside]) > 2 or np.median(off[inside]) < 20:
        raise RuntimeError("the answer is not what was sent with the selection edited")


def row(name: str, seconds: list[float]) -> None:
    print(f"{name:32}{statistics.median(seconds):8.2f}s{min(seconds):8.2f}s{max(seconds):8.2f}s")


if __name__ == "__main__":
    sys.exit(main())
