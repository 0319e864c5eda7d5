"""Check what the output file can hold before anything is sent, with the real size of the result."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from venice_core.cli.picture_files import Source
from venice_core.errors import BadInput
from venice_core.geometry.rectangles import Extent
from venice_core.imaging import codecs, tiff
from venice_core.imaging.codecs import Picture
from venice_core.imaging.formats import FORMATS
from venice_core.imaging.metadata import MAX_EXIF, Metadata
from venice_core.job import Action, Job
from venice_core.planning.plan import Plan


def check_room(
    path: Path, job: Job, plan: Plan, source: Source | None, *, most_pixels: int
) -> tuple[str, ...]:
    """Return what a result loses in that file, in sentences. Raises BadInput if it does not fit.

    `path` must have passed `check_target`. `source` is None if the result is not the picture's own.
    `most_pixels` is the largest upscaled picture of the service.
    """
    name = codecs.format_of(path.suffix)
    held, extent = FORMATS[name], _extent(job, plan, most_pixels)
    if extent.longer > held.longest:
        raise BadInput(
            f"{held.title} can be at most {held.longest} px on a side, but the result is {extent}: "
            "choose .png or .tiff."
        )
    picture = source.picture if source else None
    gray, deep = (picture.is_gray, picture.values.dtype.itemsize) if picture else (False, 1)
    if name in ("TIFF", "BMP") and extent.pixels * (2 if gray else 4) * deep > tiff.LARGEST:
        raise BadInput(f"The result is too large for {held.called}: choose .png.")
    if source is None or picture is None:
        return ()
    if picture.profile and not held.beside:
        raise BadInput(f"{held.title} cannot hold the image's color profile: choose .png or .tiff.")
    if picture.is_gray and name in ("WEBP", "AVIF"):
        raise BadInput(f"{held.title} cannot hold grayscale with a color profile: choose .png or .tiff.")
    return (*_lost(name, picture), *_notes(name, job, source))


def _extent(job: Job, plan: Plan, most_pixels: int) -> Extent:
    """Return the size of the result."""
    if job.action is not Action.UPSCALE:
        return job.canvas
    possible = math.sqrt(most_pixels / plan.padded.pixels) if most_pixels else plan.scale
    return plan.crop.extent.scaled(min(plan.scale, possible))


def _lost(name: str, picture: Picture) -> Iterator[str]:
    """Yield what of the picture is missing in the result."""
    yield from picture.losses
    held, bits = FORMATS[name], 8 * picture.values.dtype.itemsize
    if bits > held.bits:
        yield f"The image has {bits} bits per channel; {held.called} holds {held.bits}."
    beside = picture.beside
    if (beside.exif or beside.xmp) and not held.beside:
        yield f"EXIF and XMP data are omitted: {held.called} cannot hold them."
    elif name not in ("PNG", "TIFF") and _is_too_large(beside):
        yield f"EXIF or XMP data are omitted: they are too large for {held.called}."
    if beside.extras and name != picture.format:
        yield f"Comments and captions (IPTC) are omitted: only a {picture.format} file can hold them."


def _is_too_large(beside: Metadata) -> bool:
    written = beside.written(1, 1, in_exif=False)
    return max(len(written.exif), len(written.xmp)) > MAX_EXIF


def _notes(name: str, job: Job, source: Source) -> Iterator[str]:
    """Yield what is intentional but may be unexpected."""
    held, kept = FORMATS[name], source.keeps(job.action, job.options)
    if kept and not held.lossless:
        yield f"{held.title} changes all pixels slightly, even outside the mask; .png and .tiff do not."
    if kept and job.action is Action.EDIT and source.picture.is_gray:
        yield "The image is grayscale, so the result is too. Convert it to RGB for a color result."
