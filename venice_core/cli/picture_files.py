"""Read and write picture files around a run, for the command line.

The picture keeps its own values, whatever their depth and colors: only what is sent is converted to 8-bit
sRGB, and what comes back is converted the other way before it is composited.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from venice_core.cli import mask_files
from venice_core.errors import BadInput, UnreadableImage, UnusableFile
from venice_core.fitting.placed import Placed
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.imaging import codecs, color_profiles, compositing
from venice_core.imaging.arrays import Coverage, Pixels, Values
from venice_core.imaging.codecs import Picture
from venice_core.imaging.compositing import flatten, with_alpha
from venice_core.imaging.formats import FORMATS
from venice_core.imaging.metadata import Metadata
from venice_core.job import Action, Job, Options, Output, SelectionUse
from venice_core.planning.plan import Plan
from venice_core.storage.atomic_files import check_writable, write_atomically

COLORFUL, COLORED_SHARE = 16, 0.001
"""A result is no longer gray if its channels differ by this many levels of 255 in this share of its pixels.
"""

MOSTLY = 0.5
"""If a larger share of a picture's values is beyond white, 1 does not mean white in it."""


@dataclass(frozen=True, eq=False)
class Source:
    """A picture to work on, and the mask given for it."""

    path: Path
    picture: Picture
    mask: Coverage | None
    notes: tuple[str, ...] = ()
    """What was done to the mask, in sentences."""

    @classmethod
    def load(
        cls, path: Path, mask: Path | None, *, mask_as_is: bool = False, drawn: Picture | None = None
    ) -> Source:
        """Read a picture and its mask; `drawn` is the content of `mask` if it was read before.

        Raises UnreadableImage for an unreadable picture, and BadInput for a mask of another size or none at
        all.
        """
        picture = read(path).with_color
        if picture.high_range:
            raise BadInput(f"{path} is a high dynamic range image (PQ or HLG): convert it to sRGB first.")
        if picture.values.dtype.kind == "f" and float((picture.values > 1.001).mean()) > MOSTLY:
            raise BadInput(
                f"{path} has floating-point values that do not run from 0 (black) to 1 (white): scale "
                "the values, or save it with 8 or 16 bits per channel."
            )
        if mask is None:
            return cls(path, picture, None)
        drawn = drawn or read(mask)
        if drawn.extent != picture.extent:
            raise BadInput(
                f"The mask {mask} must have the same size as the image, {picture.extent}; it is "
                f"{drawn.extent}."
            )
        try:
            meant = mask_files.of(drawn, as_is=mask_as_is)
        except BadInput as error:
            raise BadInput(f"{mask}: {error.detail}") from error
        return cls(path, picture, meant.coverage, meant.notes)

    def job(self, action: Action, options: Options, references: tuple[Extent, ...] = ()) -> Job:
        whole = Bounds.of(self.picture.extent)
        window = whole if self.mask is not None else None
        return Job(action, whole, self.picture.extent, window, options, references)

    def whole(self) -> bytes:
        """Return raw sRGB RGBA of the whole picture."""
        return with_alpha(self.picture.srgb).tobytes()

    def crop(self, plan: Plan) -> bytes:
        """Return raw sRGB RGBA of the plan's crop."""
        part = np.ascontiguousarray(self.picture.values[plan.crop.slices])
        return with_alpha(color_profiles.to_srgb(part, self.picture.profile)).tobytes()

    def shows_something(self, plan: Plan) -> bool:
        """Return whether anything in the plan's crop is visible."""
        return not self.picture.has_alpha or bool(self.picture.values[plan.crop.slices][..., -1].any())

    @property
    def without_needless_alpha(self) -> Source:
        """The same without alpha if all of it is opaque, for files that cannot hold any."""
        picture = self.picture
        if not picture.has_alpha or picture.values[..., -1].min() < color_profiles.white(
            picture.values.dtype
        ):
            return self
        bare = np.ascontiguousarray(picture.values[..., :-1])
        return replace(self, picture=replace(picture, values=bare))

    def keeps(self, action: Action, options: Options) -> bool:
        """Return whether any of the result is the picture's own pixels."""
        masked = self.mask is not None and options.selection is not SelectionUse.IGNORE
        return action is Action.CUTOUT or (
            action is Action.EDIT and (masked or options.output is Output.CHANGES)
        )

    def edited(self, plan: Plan, placed: Placed) -> Values:
        """Return the whole picture with the result composited through its mask; channels as in the file.

        A gray picture of which nothing is left becomes a color picture in sRGB if the result has colors.
        """
        if self.picture.is_gray and placed.mask is None and _is_colorful(placed.pixels):
            return placed.pixels if self.picture.has_alpha else placed.pixels[..., :3]
        color, alpha = self._own
        before = np.dstack([color[plan.crop.slices], alpha[plan.crop.slices]])
        layer = np.dstack([self._converted(placed.pixels), self._alpha(placed.pixels, before[..., -1])])
        whole = np.dstack([color, alpha])
        whole[plan.crop.slices] = compositing.composite(before, layer, placed.mask)
        return self._channels(whole)

    def upscaled(self, placed: Placed) -> Values:
        """Return the upscaled picture in the file's own colors; channels as in the file."""
        alpha = color_profiles.like(placed.pixels[..., 3], self.picture.values.dtype)
        return self._channels(np.dstack([self._converted(placed.pixels), alpha]))

    def cut_out(self, plan: Plan, placed: Placed) -> Values:
        """Return the picture's own pixels with its alpha times the returned one; 0 outside the crop.

        Along the edges, colors are those that were estimated for the foreground.
        """
        color, alpha = self._own
        color = color.copy()
        if placed.edge_mask is not None:
            inside = placed.edge_mask > 0
            color[plan.crop.slices][inside] = self._converted(placed.pixels)[inside]
        return np.dstack([color, _times(alpha, self.matte(plan, placed))])

    def matte(self, plan: Plan, placed: Placed) -> Coverage:
        """Return the mask at the size of the whole picture; 255 if there is none in the crop."""
        matte = np.zeros(self.picture.values.shape[:2], np.uint8)
        matte[plan.crop.slices] = 255 if placed.mask is None else placed.mask
        return matte

    def beside(self, values: Values, *, own_colors: bool) -> Metadata:
        """Return the metadata for `values`, with the profile only if they have the picture's colors."""
        own_colors = own_colors and (values.shape[2] <= 2) == self.picture.is_gray
        return self.picture.beside if own_colors else replace(self.picture.beside, icc=b"")

    @property
    def _own(self) -> tuple[Values, Values]:
        """The file's own colors, and its alpha, opaque if there is none."""
        values = self.picture.values
        if self.picture.has_alpha:
            return values[..., :-1], values[..., -1]
        return values, np.full(values.shape[:2], color_profiles.white(values.dtype), values.dtype)

    def _converted(self, pixels: Pixels) -> Values:
        """Return a result's sRGB in the file's own colors, without alpha."""
        picture = self.picture
        return color_profiles.from_srgb(
            pixels, picture.profile, gray=picture.is_gray, dtype=picture.values.dtype
        )

    def _alpha(self, pixels: Pixels, own: Values) -> Values:
        """Return a result's alpha, or the file's own if they are the same."""
        given = pixels[..., 3]
        return np.where(given == color_profiles.eight_bits(own), own, color_profiles.like(given, own.dtype))

    def _channels(self, values: Values) -> Values:
        """Remove alpha if the file has none."""
        return values if self.picture.has_alpha else np.ascontiguousarray(values[..., :-1])


def _is_colorful(pixels: Pixels) -> bool:
    color = pixels[..., :3].astype(np.int16)
    return bool(((color.max(axis=2) - color.min(axis=2)) > COLORFUL).mean() > COLORED_SHARE)


def _times(values: Values, coverage: Coverage) -> Values:
    """Return the product, with 255 in the coverage as 1."""
    if values.dtype.kind == "f":
        return (values * (coverage / np.float32(255))).astype(values.dtype)
    return ((values.astype(np.uint32) * coverage + 127) // 255).astype(values.dtype)


def check_target(path: Path, *, transparent: bool) -> None:
    """Raise BadInput if a picture could not be written there: better now than after paying."""
    if not path.parent.is_dir():
        raise BadInput(f"The folder {path.parent} does not exist.")
    if path.is_dir():
        raise BadInput(f"{path} is a folder.")
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            raise BadInput(f"{path} is not a regular file, so an image cannot replace it.")
        check_writable(path)
    except OSError as error:
        raise UnusableFile(f"{path} cannot be written: {error.strerror}.") from error
    try:
        codecs.encode_as(np.full((1, 1, 4), 0 if transparent else 255, np.uint8), path.suffix)
    except UnreadableImage as error:
        raise BadInput(error.detail) from error


def holds_alpha(path: Path) -> bool:
    """Return whether a file of that name can hold transparency, as far as is known."""
    try:
        return FORMATS[codecs.format_of(path.suffix)].alpha
    except UnreadableImage:
        return True


def write(path: Path, values: Values, beside: Metadata | None = None) -> None:
    """Write a picture completely or not at all, replacing an existing file but keeping its permissions."""
    write_atomically(path, codecs.encode_as(values, path.suffix, beside), private=False)


def write_made(path: Path, pixels: Pixels) -> None:
    """Do the same for a generated picture, filling its transparency if the format has none."""
    held = FORMATS[codecs.format_of(path.suffix)]
    write(path, pixels if held.alpha else flatten(pixels))


def read(path: Path) -> Picture:
    """Read a picture. Raises BadInput if there is no file, UnreadableImage if it is not a picture."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnusableFile(f"{path} cannot be read: {error.strerror}.") from error
    try:
        return codecs.decode(data)
    except UnreadableImage as error:
        raise UnreadableImage(f"{path}: {error.detail}") from error
