"""What the plug-in itself costs in time: everything but the service.

A 24-megapixel layer with a 1024 x 1024 px selection, in the real GIMP, against a server that answers at
once with a ready-made picture; beside it, in the same run, the route that others take: the whole layer
through PNG at GIMP's defaults, base64, PNG load. Times are noisy: look at the ratio.
"""

from __future__ import annotations

import http.server
import io
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "gimp3"))

from gimp3_machine import Gimp, find_gimp

ROUNDS = 3
LAYER = (6000, 4000)
SELECTION = (2500, 1500, 1024, 1024)
CROP = (2048, 2048)  # with automatic context


class AllPlugIns(Gimp):
    """With GIMP's own plug-ins too: the other route needs the one for PNG."""

    def _leave_out_other_plug_ins(self) -> None:
        pass


def smooth_photograph(width: int, height: int) -> np.ndarray:
    return cv2.resize(skimage.data.coffee(), (width, height), interpolation=cv2.INTER_CUBIC)


def server_with(picture: bytes) -> http.server.ThreadingHTTPServer:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            left = int(self.headers["Content-Length"])
            while left:
                left -= len(self.rfile.read(min(left, 1 << 20)))
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.send_header("Content-Length", str(len(picture)))
            self.end_headers()
            self.wfile.write(picture)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main() -> int:
    program = find_gimp()
    if program is None:
        print("overhead: left out, there is no GIMP 3 here")
        return 0
    answer = io.BytesIO()
    Image.fromarray(smooth_photograph(*CROP)).save(answer, "PNG", compress_level=1)
    server = server_with(answer.getvalue())
    with tempfile.TemporaryDirectory() as folder:
        url = f"http://127.0.0.1:{server.server_address[1]}/api/v1"
        gimp = AllPlugIns(program, Path(folder), url)
        try:
            ours, others = measure(gimp, Path(folder) / "whole.png")
        finally:
            gimp.close()
            server.shutdown()
    sizes = f"layer {LAYER[0]} x {LAYER[1]} px, selection {SELECTION[2]} x {SELECTION[3]} px"
    print(f"\nGIMP {gimp.version}, {sizes}")
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


def measure(gimp: Gimp, path: Path) -> tuple[list[float], list[dict[str, float]]]:
    image = gimp.new_image(*LAYER)
    layer = gimp.add_layer(image, (*LAYER, smooth_photograph(*LAYER).tobytes()))
    gimp.select(image, SELECTION, "rectangle")
    ours, others = [], []
    for _ in range(ROUNDS + 1):
        start = time.monotonic()
        run = gimp.run("plug-in-venice-edit", image, [layer], prompt="measure")
        ours.append(time.monotonic() - start)
        if run["error"]:
            raise RuntimeError(run["error"])
        for made in run["layers"]:
            gimp.remove(image, made)
        others.append(gimp.png_route(image, str(path)))
    return ours[1:], others[1:]  # the first one warms up


def row(name: str, seconds: list[float]) -> None:
    print(f"{name:32}{statistics.median(seconds):8.2f}s{min(seconds):8.2f}s{max(seconds):8.2f}s")


if __name__ == "__main__":
    sys.exit(main())
