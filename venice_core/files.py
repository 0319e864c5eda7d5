"""Picture files in and out around one run, for the command line.

The picture keeps its own colours: only what is sent is converted to sRGB, and what comes back is
converted the other way before it is composited.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from venice_core import fit, images
from venice_core.alpha import with_alpha
from venice_core.errors import BadInput, BrokenFile
from venice_core.fit import Placed
from venice_core.geometry import Bounds, Extent
from venice_core.images import Picture, Pixels
from venice_core.job import Action, Job, Options
from venice_core.plan import Plan
from venice_core.selection import Coverage
from venice_core.settings import check_writable, write_atomically

INPUT_FORMATS = tuple(images.MEDIA_TYPES)


@dataclass(frozen=True, eq=False)
class Source:
    """A picture to work on and the mask given for it. `rgba` is in the file's own colours."""

    path: Path
    picture: Picture
    mask: Coverage | None

    @classmethod
    def load(cls, path: Path, mask: Path | None) -> Source:
        """Raises BrokenFile for what is no picture, BadInput for a mask of another size."""
        picture = _read(path)
        coverage = None
        if mask is not None:
            coverage = _coverage(_read(mask).pixels)
            if coverage.shape != picture.pixels.shape[:2]:
                raise BadInput(f"The mask {mask} must have the picture's size, {picture.extent}.")
        return cls(path, picture, coverage)

    @property
    def rgba(self) -> Pixels:
        return with_alpha(self.picture.pixels)

    def job(self, action: Action, options: Options, references: tuple[Extent, ...] = ()) -> Job:
        whole = Bounds.of(self.picture.extent)
        window = whole if self.mask is not None else None
        return Job(action, whole, self.picture.extent, window, options, references)

    def whole(self) -> bytes:
        """Raw sRGB RGBA of all of it."""
        return images.to_srgb(np.ascontiguousarray(self.rgba), self.picture.profile).tobytes()

    def crop(self, plan: Plan) -> bytes:
        """Raw sRGB RGBA of the plan's crop."""
        part = np.ascontiguousarray(self.rgba[plan.crop.slices])
        return images.to_srgb(part, self.picture.profile).tobytes()

    def edited(self, plan: Plan, placed: Placed) -> Pixels:
        """The whole picture with the result composited through its mask; channels as in the file."""
        whole = self.rgba.copy()
        layer = images.from_srgb(placed.pixels, self.picture.profile)
        whole[plan.crop.slices] = fit.composite(whole[plan.crop.slices], layer, placed.mask)
        return self._channels(whole)

    def upscaled(self, placed: Placed) -> Pixels:
        """The upscaled picture in the file's own colours; channels as in the file."""
        return self._channels(images.from_srgb(placed.pixels, self.picture.profile))

    def _channels(self, rgba: Pixels) -> Pixels:
        """Without alpha where the file has none."""
        opaque = self.picture.pixels.shape[2] == 3
        return np.ascontiguousarray(rgba[..., :3]) if opaque else rgba

    def cut_out(self, plan: Plan, placed: Placed) -> Pixels:
        """The whole picture's own pixels, its alpha times the returned one; 0 outside the crop.

        Where the result has a rim, its colours are those that were found there.
        """
        matte = self.matte(plan, placed)
        whole = self.rgba.copy()
        if placed.rim is not None:
            inside = placed.rim > 0
            found = images.from_srgb(placed.pixels, self.picture.profile)
            whole[plan.crop.slices][inside, :3] = found[inside, :3]
        whole[..., 3] = fit.multiply(whole[..., 3], matte)
        return whole

    def matte(self, plan: Plan, placed: Placed) -> Coverage:
        """The mask of the whole picture's size; 255 where there is none in the crop."""
        matte = np.zeros(self.picture.pixels.shape[:2], np.uint8)
        matte[plan.crop.slices] = 255 if placed.mask is None else placed.mask
        return matte


def check_target(path: Path, *, transparent: bool) -> None:
    """Raises BadInput where a picture could not be written there: better now than after paying."""
    if not path.parent.is_dir():
        raise BadInput(f"There is no folder {path.parent}.")
    if path.is_dir():
        raise BadInput(f"{path} is a folder.")
    try:
        check_writable(path)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}.") from error
    try:
        images.encode_as(np.full((1, 1, 4), 0 if transparent else 255, np.uint8), path.suffix)
    except BrokenFile as error:
        raise BadInput(error.detail) from error


def write(path: Path, pixels: Pixels, profile: bytes = b"") -> None:
    """All of it or nothing; replaces a file that is there, and keeps its usual permissions."""
    write_atomically(path, images.encode_as(pixels, path.suffix, profile=profile), private=False)


def _read(path: Path) -> Picture:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
    try:
        return images.decode(data, formats=INPUT_FORMATS)
    except BrokenFile as error:
        raise BrokenFile(f"{path}: {error.detail}") from error


def _coverage(pixels: Pixels) -> Coverage:
    """White and opaque is 255; colours count by their mean, which leaves grey values as they are."""
    grey = np.rint(pixels[..., :3].mean(axis=2)).astype(np.uint8)
    return fit.multiply(grey, pixels[..., 3]) if pixels.shape[2] == 4 else grey
