"""A run's results as the message for GIMP."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from venice_core.execution.results import Result, RunResult
from venice_core.imaging import compositing
from venice_core.records.entry import MASK, RESULT, RIM
from venice_core.worker.protocol import BoundsJson, ResultJson, RunValue, price_json

log = logging.getLogger(__name__)

CLIPPED_SHARE = 0.01


def run_value(made: RunResult) -> RunValue:
    """Return what the front end puts in place; the pixels stay in the folders of the jobs."""
    return {
        "results": [_result_json(result) for result in made.results],
        "warnings": list(made.warnings),
        "failed": len(made.failures),
    }


def _result_json(result: Result) -> ResultJson:
    placed = result.placed

    def kept(name: str, values: npt.NDArray[np.uint8] | None) -> str | None:
        if values is None:
            return None
        path = result.entry.folder / name.format(result.number)
        path.write_bytes(values.tobytes())
        return str(path)

    return {
        "job": result.entry.id,
        "crop": cast(BoundsJson, asdict(result.bounds)),
        "pixels": kept(RESULT, placed.pixels),
        "mask": kept(MASK, placed.mask),
        "rim": kept(RIM, placed.edge_mask),
        "name": result.name,
        "recipe": result.recipe,
        "facts": asdict(result.facts),
        "price": price_json(result.price),
    }


def clipped_colors(path: Path, result: Result) -> list[str]:
    """Warn if the layer has colors that sRGB cannot represent; `path` contains its float32 RGBA."""
    crop = result.plan.crop
    try:
        colors = np.fromfile(path, np.float32).reshape(crop.height, crop.width, 4)
    except (OSError, ValueError):
        log.exception("colors outside sRGB could not be counted")
        return []
    share = compositing.clipped_share(colors, result.placed.mask)
    if share <= CLIPPED_SHARE:
        return []
    return [f"{100 * share:.0f}% of what was sent has colors outside sRGB, which the result cannot have."]
