"""How exactly an edit's answer comes back into place, on photographs and simulated models: no network.

  python3 tests bench fidelity                          everything, with verdicts
  python3 tests bench fidelity --quick --models all     some of it
  python3 tests bench fidelity --worst                  the worst cases too, each with its name
  python3 tests bench fidelity --case coffee/third/all --images FOLDER   one case, as pictures

"Before" is the answer stretched into place, "after" is aligned, with colors matched and the seam blended.
Residual: the worst point of a 9 × 9 grid over the crop, against the known movement, in px of what was sent.
ΔE: CIEDE2000 between the result's layer and the source in the unedited ring of 24 px around the selection,
the median over the ring; both smoothed (sigma 2 px), so that colors are compared and not noise, and raw.
Step: across the seam, against the composite with a perfect model, in 8-bit levels. Changed: pixels of the
composite that differ from the source where the mask is 0.

The exit status is 1 where residuals or the number of changed pixels miss their aims.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))

from simulated.cases import FADE, OFF, ON, Case, Outcome, Scene, Side, Task, outcomes, seconds
from simulated.models import MODELS
from simulated.pictures import PHOTOGRAPHS, TEXTURELESS, picture
from simulated.selections import SELECTIONS

from venice_core.imaging.arrays import Coverage

MEDIAN_PX, TAIL_PX = 0.05, 0.15
RING = 0.7
WORSE_PX, WORSE_RING = 0.05, 0.1
SECONDS_PER_MP = 0.4
LEAST_TIMED = 0.25
"""In megapixels: smaller crops are not timed."""
TIMED_MODELS = ("all", "size-1024", "shift")
SMOOTH_MODELS = ("identity", "shift", "zoom", "color", "size-64", "size-64-cropped", "jpeg", "noise", "all")
"""What textureless pictures go through."""
WORST = 12
GAIN, DETAIL, ENLARGED = 4, 96, 4
"""For pictures: of differences; the side of a detail, in px; how many px of the picture each of its px is."""


@dataclass(frozen=True)
class Row:
    """A line of the table: outcomes under a name."""

    name: str
    outcomes: Sequence[Outcome]

    def residuals(self, side: Callable[[Outcome], Side]) -> tuple[float, float, float]:
        """Median, 95th percentile and maximum."""
        values = [side(each).residual for each in self.outcomes]
        return float(np.median(values)), float(np.percentile(values, 95)), max(values)

    def median(self, side: Callable[[Outcome], Side], name: str) -> float:
        values = [getattr(side(each), name) for each in self.outcomes]
        return statistics.median([value for value in values if not math.isnan(value)] or [math.nan])

    def share(self, name: str) -> float:
        return 100 * sum(getattr(each, name) for each in self.outcomes) / len(self.outcomes)

    @property
    def changed(self) -> int:
        return sum(each.before.changed + each.after.changed for each in self.outcomes)

    def cells(self) -> list[str]:
        cells = [self.name, str(len(self.outcomes))]
        for side in (before, after):
            cells += [f"{value:.3f}" for value in self.residuals(side)]
        for name in ("ring", "ring_raw", "step"):
            cells += [f"{self.median(side, name):.2f}" for side in (before, after)]
        cells.append(str(self.changed))
        return cells + [f"{self.share(name):.0f}" for name in ("moved", "matched", "blended")]


HEADINGS = [
    "model", "cases",
    "px", "p95", "max", "px after", "p95", "max",
    "ΔE", "after", "ΔE raw", "after",
    "step", "after",
    "changed", "moved %", "matched %", "blended %",
]  # fmt: skip


@dataclass(frozen=True)
class Timing:
    """Seconds for a crop of so many megapixels: all of it, and without alignment, colors and seam."""

    case: Case
    megapixels: float
    whole: float
    plain: float


def before(outcome: Outcome) -> Side:
    return outcome.before


def after(outcome: Outcome) -> Side:
    return outcome.after


def main() -> int:
    wish = parse()
    if wish.case:
        write_case(Case(*wish.case, wish.seed), Path(wish.images), wish.fade)
        return 0
    photographs = list(PHOTOGRAPHS)[: wish.pictures]
    selections = list(SELECTIONS)[: 2 if wish.quick else None]
    models = tuple(wish.models or MODELS)
    tasks = [Task(name, selection, models, wish.seed) for name in photographs for selection in selections]
    few = tuple(model for model in SMOOTH_MODELS if model in models)
    if few and not wish.photographs_only:
        smooth_tasks = [Task(name, each, few, wish.seed) for name in TEXTURELESS for each in selections]
    else:
        smooth_tasks = []
    results = measure([*tasks, *smooth_tasks], wish.jobs)
    by_model = [
        Row(
            model, [each for each in results if each.case.model == model and each.case.picture in PHOTOGRAPHS]
        )
        for model in models
    ]
    smooth = [Row(name, [each for each in results if each.case.picture == name]) for name in TEXTURELESS]
    smooth = [row for row in smooth if row.outcomes]
    must = judge_places(by_model)
    verdicts = [*must, *judge_colors(by_model), *judge_smooth(smooth), *judge_time(measure_time(tasks))]
    table = [HEADINGS, *(row.cells() for row in (*by_model, *smooth))]
    print("\n".join(["", *aligned(table), "", *verdicts]))
    if wish.worst:
        print("\n".join(["", *worst(results)]))
    if wish.markdown:
        Path(wish.markdown).write_text(
            "\n".join([*markdown([*by_model, *smooth]), "", *listed(verdicts), ""]), "utf-8"
        )
    return int(any(line.startswith("missed") for line in must))


def parse() -> argparse.Namespace:
    def names(text: str) -> list[str]:
        unknown = [name for name in text.split(",") if name not in MODELS]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among {', '.join(MODELS)}")
        return text.split(",")

    def case(text: str) -> tuple[str, str, str]:
        parts = text.split("/")
        known = ([*PHOTOGRAPHS, *TEXTURELESS], SELECTIONS, MODELS)
        if len(parts) != 3 or any(part not in names for part, names in zip(parts, known, strict=True)):
            raise argparse.ArgumentTypeError(f"{text}: not picture/selection/model")
        return parts[0], parts[1], parts[2]

    parser = argparse.ArgumentParser(
        "python3 tests bench fidelity",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--models", type=names, help="only these, separated by commas")
    add("--pictures", type=int, metavar="N", help="only the first N photographs")
    add("--photographs-only", action="store_true", help="without the pictures that have no texture")
    add("--quick", action="store_true", help="two pictures and two selections")
    add("--worst", action="store_true", help="list the worst cases")
    add("--markdown", metavar="FILE", help="write the table there too")
    add("--case", type=case, metavar="PICTURE/SELECTION/MODEL", help="only that one; write its pictures")
    add("--images", metavar="FOLDER", default=".", help="where to (here)")
    add("--fade", type=float, metavar="PX", default=FADE, help="how softly that one's new content begins")
    add("--seed", type=int, default=0, help="other chances than usual")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="processes (not while time is measured)")
    wish = parser.parse_args()
    if wish.quick and wish.pictures is None:
        wish.pictures = 2
    return wish


def measure(tasks: list[Task], jobs: int) -> list[Outcome]:
    """In processes of one thread each; large pictures first, so that none is waited for in the end."""
    tasks = sorted(tasks, key=lambda task: picture(task.picture).size, reverse=True)
    results: list[Outcome] = []
    with multiprocessing.get_context("spawn").Pool(jobs, cv2.setNumThreads, (1,)) as pool:
        for number, made in enumerate(pool.imap_unordered(outcomes, tasks), 1):
            results += made
            if sys.stderr.isatty():
                print(f"\r{number} of {len(tasks)}", end="\r", file=sys.stderr, flush=True)
    return results


def measure_time(tasks: Iterable[Task]) -> list[Timing]:
    """One after the other, with as many threads as OpenCV takes by itself."""
    timings = []
    for task in tasks:
        scene = Scene.of(task.picture, task.selection)
        if scene.megapixels >= LEAST_TIMED:
            for model in (each for each in TIMED_MODELS if each in task.models):
                case = Case(task.picture, task.selection, model, task.base_seed)
                whole, plain = seconds(scene, case)
                timings.append(Timing(case, scene.megapixels, whole, plain))
    return timings


def judge_places(rows: Iterable[Row]) -> list[str]:
    """The aims for photographs: everything in its place, and nothing anywhere else."""
    rows = [row for row in rows if row.outcomes]
    verdicts = []
    for what, number, most in (("median", 0, MEDIAN_PX), ("95th percentile", 1, TAIL_PX)):
        found = {row.name: row.residuals(after)[number] for row in rows if not MODELS[row.name].hostile}
        verdicts += verdict(f"residual, {what} of every model, px", found, most)
    changed = {row.name: float(row.changed) for row in rows}
    return verdicts + verdict("pixels changed outside the mask", changed, 0)


def judge_colors(rows: Iterable[Row]) -> list[str]:
    """The aims for photographs: their colors, and what is better left alone."""
    rows = [row for row in rows if row.outcomes]
    friendly = [row for row in rows if not MODELS[row.name].hostile]
    verdicts = []
    for what, name in (("smoothed", "ring"), ("raw", "ring_raw")):
        found = {row.name: row.median(after, name) for row in friendly}
        verdicts += verdict(f"ΔE2000 in the ring, {what}, median of every model", found, RING)
    for row in rows:
        if MODELS[row.name].hostile:
            for what, name, most in (("px", "residual", WORSE_PX), ("ΔE2000", "ring", WORSE_RING)):
                found = {each.case.name: worsened(each, name) for each in row.outcomes}
                verdicts += verdict(f"{row.name}: made worse, {what}", found, most)
    return verdicts


def judge_smooth(rows: Iterable[Row]) -> list[str]:
    verdicts = []
    for row in rows:
        moved = {each.case.name: each.after.residual if each.moved else 0.0 for each in row.outcomes}
        verdicts += verdict(f"{row.name}: residual of what was moved, px", moved, TAIL_PX)
        color = {each.case.name: worsened(each, "ring") for each in row.outcomes}
        verdicts += verdict(f"{row.name}: made worse, ΔE2000", color, WORSE_RING)
        changed = {each.case.name: float(each.after.changed) for each in row.outcomes}
        verdicts += verdict(f"{row.name}: pixels changed outside the mask", changed, 0)
    return verdicts


def judge_time(timings: Sequence[Timing]) -> list[str]:
    if not timings:
        return []
    whole, plain = (
        [getattr(each, name) / each.megapixels for each in timings] for name in ("whole", "plain")
    )
    slowest = max(timings, key=lambda each: each.whole / each.megapixels)
    return [
        *verdict("seconds per megapixel, median", {"": statistics.median(whole)}, SECONDS_PER_MP),
        f"        slowest {max(whole):.2f} ({slowest.case.name}); without alignment, colors and seam "
        f"{statistics.median(plain):.2f}; {len(timings)} crops, {cv2.getNumThreads()} threads",
    ]


def verdict(aim: str, found: dict[str, float], most: float) -> list[str]:
    """One line: the largest figure, whose it is, and how many others are too large as well."""
    known = {name: value for name, value in found.items() if not math.isnan(value)}
    if not known:
        return []
    name, value = max(known.items(), key=lambda item: item[1])
    over = sum(each > most for each in known.values())
    others = f", {over} of {len(known)} over" if over > 1 else ""
    whose = f" ({name}{others})" if name else ""
    return [f"{'missed' if over else 'met':8}{aim}: {value:.3f}, at most {most:g}{whose}"]


def worsened(outcome: Outcome, name: str) -> float:
    return getattr(outcome.after, name) - getattr(outcome.before, name)


def worst(results: Sequence[Outcome]) -> list[str]:
    """The cases with the largest figures, by several of them; `--case` with the name shows one."""
    photographs = [each for each in results if each.case.picture in PHOTOGRAPHS]
    friendly = [each for each in photographs if not MODELS[each.case.model].hostile]
    hostile = [each for each in results if each not in friendly]
    lists: list[tuple[str, list[Outcome], Callable[[Outcome], float]]] = [
        ("residual after, px", friendly, lambda each: each.after.residual),
        ("ΔE2000 in the ring after", friendly, lambda each: each.after.ring),
        ("ΔE2000 made worse", friendly, lambda each: worsened(each, "ring")),
        ("step across the seam after", friendly, lambda each: each.after.step),
        (
            "hostile or without texture: residual made worse, px",
            hostile,
            lambda each: worsened(each, "residual"),
        ),
        ("hostile or without texture: ΔE2000 made worse", hostile, lambda each: worsened(each, "ring")),
    ]
    lines = []
    for title, of, figure in lists:
        lines += ["", f"Worst by {title}:"]
        known = [each for each in of if figure(each) > 0]  # NaN is not either
        lines += [
            f"  {figure(each):9.3f}  {each.case.name:42} seed {each.case.seed:<11}"
            f"px {each.before.residual:.3f} → {each.after.residual:.3f}  "
            f"ΔE {each.before.ring:.2f} → {each.after.ring:.2f}  "
            f"step {each.before.step:.1f} → {each.after.step:.1f}"
            f"{'  moved' if each.moved else ''}{'  matched' if each.matched else ''}"
            f"{'  blended' if each.blended else ''}"
            for each in sorted(known, key=figure, reverse=True)[:WORST]
        ]
    return lines


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    ]


def markdown(rows: Iterable[Row]) -> list[str]:
    """The table again, with fewer columns."""
    headings = [
        "model", "cases", "residual before, px", "after", "ΔE2000", "ΔE2000 raw", "step", "changed", "moved",
    ]  # fmt: skip
    table = [headings, ["---", *["---:"] * (len(headings) - 1)]]
    for row in rows:
        residuals = [" / ".join(f"{value:.3f}" for value in row.residuals(side)) for side in (before, after)]
        pairs = [
            f"{row.median(before, name):.2f} → {row.median(after, name):.2f}"
            for name in ("ring", "ring_raw", "step")
        ]
        count = str(len(row.outcomes))
        table.append([row.name, count, *residuals, *pairs, str(row.changed), f"{row.share('moved'):.0f}%"])
    return [f"| {' | '.join(cells)} |" for cells in table]


def listed(verdicts: Iterable[str]) -> list[str]:
    return [f"- {' '.join(line.split())}" for line in verdicts]


def write_case(case: Case, folder: Path, fade: float) -> None:
    """Source, answer, and for before and after: layer, composite, what differs from the ideal, a detail."""
    scene = Scene.of(case.picture, case.selection, fade)
    answer = scene.answer(case)
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {"source": scene.source, "answer": answer.picture, "ideal": scene.ideal}
    composites = {}
    for name, options in (("before", OFF), ("after", ON)):
        layer = scene.place(answer.picture, options).pixels
        composites[name] = scene.composite(layer)
        pictures |= {f"{name}-layer": layer, name: composites[name]}
        pictures[f"{name}-difference"] = difference(composites[name], scene.ideal)
    part = detail(composites["before"], scene.ideal, scene.mask)
    pictures |= {f"{name}-detail": enlarged(shown[part]) for name, shown in composites.items()}
    pictures["source-detail"] = enlarged(scene.source[part])
    for name, pixels in pictures.items():
        Image.fromarray(pixels[..., :3]).save(folder / f"{name}.png")
    outcome = scene.outcome(case)
    print(f"{case.name}, seed {case.seed}, crop {scene.plan.crop}, sent {scene.plan.size}")
    print(f"answer of {answer.picture.shape[1]} × {answer.picture.shape[0]} px, true map {answer.to_answer}")
    for name, side in (("before", outcome.before), ("after", outcome.after)):
        print(f"{name:7}{side}")
    print(
        f"moved {outcome.moved}, matched {outcome.matched}, blended {outcome.blended}; pictures in {folder}"
    )


def difference(composite: np.ndarray, ideal: np.ndarray) -> np.ndarray:
    """GAIN times as strong as it is, gray being none."""
    off = composite[..., :3].astype(np.int32) - ideal[..., :3]
    return np.clip(128 + GAIN * off, 0, 255).astype(np.uint8)


def detail(composite: np.ndarray, ideal: np.ndarray, mask: Coverage) -> tuple[slice, slice]:
    """The square of DETAIL px in which they differ most near the mask's edge, in the sum."""
    edge = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((15, 15), np.uint8)) > 0
    off = np.abs(composite[..., :3].astype(np.float32) - ideal[..., :3]).sum(axis=2) * edge
    sums = cv2.boxFilter(off, -1, (DETAIL, DETAIL), normalize=False, borderType=cv2.BORDER_CONSTANT)
    y, x = np.unravel_index(int(sums.argmax()), sums.shape)
    top, left = (
        max(0, min(int(at) - DETAIL // 2, length - DETAIL))
        for at, length in zip((y, x), off.shape, strict=True)
    )
    return slice(top, top + DETAIL), slice(left, left + DETAIL)


def enlarged(pixels: np.ndarray) -> np.ndarray:
    return pixels.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)


if __name__ == "__main__":
    sys.exit(main())
