"""What requests to an OpenAI-compatible service look like, as data."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from venice_core.geometry.aspect_ratio import parse_ratio
from venice_core.geometry.rectangles import Extent
from venice_core.planning.capabilities import ANY, Limits, Model
from venice_core.planning.output_shapes import Grid, Shapes, Sizes
from venice_core.planning.price import FlatPrices
from venice_core.providers.openai.entry_reader import EntryReader

MAX_SENT_PIXELS = 33_177_600
"""Limit for a picture if the dialect sets none: what the largest known service accepts."""
MAX_AT_ONCE = 10
MANAGED = ("prompt", "model", "image", "image[]", "mask", "n", "stream", "partial_images")
"""Fields that the user can never set, in any dialect."""
_SIZE = re.compile(r"([1-9]\d{1,4})x([1-9]\d{1,4})", re.ASCII)


@dataclass(frozen=True)
class Choice:
    """A request field and its possible values."""

    field: str = ""
    """Empty if it is not sent."""
    values: tuple[str, ...] = ()
    default: str = ""


@dataclass(frozen=True)
class Dialect:
    """What requests for a model look like."""

    image: str = "image"
    """The field of a single picture."""
    images: str = ""
    """The field of each of several pictures; "" if only one is accepted."""
    max_images: int = 1
    mask: bool = False
    """Whether there is a field `mask`, whose transparent pixels are to change."""
    size: str = ""
    """The field of the size in px; "" if it is not sent."""
    shapes: Shapes | None = None
    """What `size` may contain."""
    aspect_ratio: Choice = Choice()
    resolution: Choice = Choice()
    quality: Choice = Choice()
    n: str = ""
    """The field of the number of pictures."""
    max_images_per_request: int = 1
    """The largest number of pictures."""
    response_format: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Sent with every request."""
    edit_fields: Mapping[str, Any] = field(default_factory=dict)
    """Also sent with edits."""
    generate_fields: Mapping[str, Any] = field(default_factory=dict)
    """Also sent with generations."""
    unsafe_generate_fields: Mapping[str, Any] = field(default_factory=dict)
    """Also sent with generations if safe mode is off."""
    limits: Limits = field(default_factory=lambda: Limits(max_pixels=MAX_SENT_PIXELS))
    usd: Mapping[str, float] = field(default_factory=dict)
    """US dollars per picture by quality; "" stands for any quality."""
    token_prices: Mapping[str, float] = field(default_factory=dict)
    """US dollars per million tokens of text and pictures sent, and of output."""
    retires: str = ""
    replacement: str = ""

    @property
    def managed(self) -> set[str]:
        """Fields that the plan sets, or without which the response could not be read."""
        choices = {self.aspect_ratio.field, self.resolution.field, self.quality.field}
        names = {self.image, self.images, self.size, self.n, *choices}
        return {*MANAGED, *filter(None, names)}

    def model(self, model_id: str, name: str) -> Model:
        """Return the model as the planner sees it."""
        ratios = self.aspect_ratio.values
        if isinstance(self.shapes, Sizes):
            ratios = tuple(dict.fromkeys(_ratio(size) for size in self.shapes.sizes))
        return Model(
            id=model_id,
            name=name,
            type=ANY,
            aspect_ratios=ratios,
            resolutions=self.resolution.values,
            qualities=self.quality.values,
            default_resolution=self.resolution.default,
            default_quality=self.quality.default,
            max_prompt=self.limits.max_prompt,
            max_images=self.max_images,
            shapes=self.shapes,
            mask=self.mask,
            max_images_per_request=self.max_images_per_request,
            limits=self.limits,
            retires=self.retires,
            replacement=self.replacement,
            size_selectable=bool(self.size or self.aspect_ratio.field),
            prices=FlatPrices(self.usd),
            listed=bool(model_id),
            constrained=True,
        )

    @classmethod
    def parse(cls, name: str, entries: Mapping[str, Any], within: str = "") -> Dialect:
        """Read those entries of the profile `name` that are in `ENTRIES`. Raises BadInput.

        `within` is put before their names in messages.
        """
        reader, dialect = EntryReader(name, within), cls()
        for entry, value in entries.items():
            dialect = replace(dialect, **_READ[entry](reader, entry, value))
        if not dialect.image:
            raise reader.wrong("image", "the name of a request field, such as image or image[]")
        for group in ("fields", "edit_fields", "generate_fields", "unsafe_generate_fields"):
            for taken in dialect.managed & getattr(dialect, group).keys():
                raise reader.wrong(f"{group}.{taken}", "removed; this field cannot be set here")
        return dialect if dialect.images else replace(dialect, max_images=1)


def _choice(reader: EntryReader, entry: str, value: Any) -> Choice:
    """Read a list of values, or an object that also names the field and a default."""
    if isinstance(value, list):
        return Choice(entry, reader.texts(entry, value))
    found = reader.object(entry, value, ("field", "values", "default"))
    values = reader.texts(f"{entry}.values", found.get("values", []))
    default = reader.text(f"{entry}.default", found.get("default", ""))
    if default and default not in values:
        raise reader.wrong(f"{entry}.default", "one of its values")
    return Choice(reader.field(f"{entry}.field", found.get("field", entry)), values, default)


def _sizes(reader: EntryReader, entry: str, values: Any) -> Sizes:
    matches = [_SIZE.fullmatch(text) for text in reader.texts(entry, values)]
    found = tuple(Extent(int(match[1]), int(match[2])) for match in matches if match)
    if len(found) != len(matches) or not found:
        raise reader.wrong(entry, "a list of sizes, such as 1024x1024")
    return Sizes(found)


def _read_size(reader: EntryReader, entry: str, value: Any) -> dict[str, Any]:
    """Read a list of sizes, or an object: `values`, or `multiple_of` with limits, and the field's name."""
    if isinstance(value, list):
        return {"size": entry, "shapes": _sizes(reader, entry, value)}
    known = ("field", "values", "multiple_of", "min_pixels", "max_pixels", "max_side", "max_ratio")
    found = reader.object(entry, value, known)
    name = reader.field(f"{entry}.field", found.get("field", entry))
    if "values" in found:
        return {"size": name, "shapes": _sizes(reader, f"{entry}.values", found["values"])}
    if "multiple_of" not in found:
        raise reader.wrong(entry, "a list of sizes, or an object with values or multiple_of")
    whole = {
        key: reader.whole(f"{entry}.{key}", found[key])
        for key in ("min_pixels", "max_pixels", "max_side")
        if key in found
    }
    ratio = found.get("max_ratio", 8)
    if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 1 <= ratio < math.inf:
        raise reader.wrong(f"{entry}.max_ratio", "a number, 1 or more")
    step = reader.whole(f"{entry}.multiple_of", found["multiple_of"], 1, 512)
    grid = Grid(step, max_ratio=float(ratio), **whole)
    least = max(2 * grid.min_pixels, 4 * step * step)
    if grid.max_pixels < least or grid.max_side**2 < least:
        raise reader.wrong(entry, f"consistent: max_pixels and max_side must allow at least {least} px")
    return {"size": name, "shapes": grid}


def _read_ratios(reader: EntryReader, entry: str, value: Any) -> dict[str, Any]:
    choice = _choice(reader, entry, value)
    if not all(each == "auto" or parse_ratio(each) for each in choice.values):
        raise reader.wrong(entry, "a list of aspect ratios, such as 16:9")
    return {"aspect_ratio": choice}


def _read_n(reader: EntryReader, entry: str, value: Any) -> dict[str, Any]:
    found = reader.object(entry, value if isinstance(value, Mapping) else {"max": value}, ("field", "max"))
    name = reader.field(f"{entry}.field", found.get("field", entry))
    most = reader.whole(entry, found.get("max"), 1, MAX_AT_ONCE)
    return {"n": name, "max_images_per_request": most if name else 1}


def _read_limits(reader: EntryReader, entry: str, value: Any) -> dict[str, Any]:
    names = {
        "prompt": "max_prompt",
        "file_bytes": "max_file_bytes",
        "pixels": "max_pixels",
        "min_pixels": "min_pixels",
        "min_side": "min_side",
    }
    found = reader.object(entry, value, tuple(names))
    limits = {names[key]: reader.whole(f"{entry}.{key}", each) for key, each in found.items()}
    whole = replace(Dialect().limits, **limits)
    if whole.max_pixels < 2 * whole.min_pixels or whole.max_pixels < 2 * whole.min_side**2:
        raise reader.wrong(
            entry, "consistent: pixels must be at least twice what min_pixels and min_side require"
        )
    return {"limits": whole}


def _read_price(reader: EntryReader, entry: str, value: Any) -> dict[str, Any]:
    """Read an amount for a picture, or an amount for each quality."""
    by_quality = value if isinstance(value, Mapping) else {"": value}
    names = {quality: f"{entry}.{quality}".rstrip(".") for quality in by_quality}
    return {"usd": {quality: reader.amount(names[quality], each) for quality, each in by_quality.items()}}


def _read_token_prices(reader: EntryReader, entry: str, value: Any) -> dict[str, Any]:
    found = reader.object(entry, value, ("text", "image", "output"))
    return {"token_prices": {key: reader.amount(f"{entry}.{key}", each) for key, each in found.items()}}


_Read = Callable[[EntryReader, str, Any], dict[str, Any]]


def _as(read: Callable[[EntryReader, str, Any], Any]) -> _Read:
    """Return the reader of an entry that has the name of the field that it sets."""
    return lambda reader, entry, value: {entry: read(reader, entry, value)}


# The entry -> how it is read.
_READ: Mapping[str, _Read] = {
    "image": _as(EntryReader.field),
    "images": _as(EntryReader.field),
    "max_images": _as(EntryReader.whole),
    "mask": _as(EntryReader.flag),
    "size": _read_size,
    "aspect_ratio": _read_ratios,
    "resolution": _as(_choice),
    "quality": _as(_choice),
    "n": _read_n,
    "response_format": lambda reader, entry, value: {entry: reader.one_of(entry, value, ("b64_json", "url"))},
    "fields": _as(EntryReader.scalars),
    "edit_fields": _as(EntryReader.scalars),
    "generate_fields": _as(EntryReader.scalars),
    "unsafe_generate_fields": _as(EntryReader.scalars),
    "limits": _read_limits,
    "price_usd": _read_price,
    "token_prices_usd": _read_token_prices,
    "retires": _as(EntryReader.text),
    "replacement": _as(EntryReader.text),
}
ENTRIES = tuple(_READ)
"""What a profile, and each of its models, may contain."""


def _ratio(size: Extent) -> str:
    shared = math.gcd(size.width, size.height)
    return f"{size.width // shared}:{size.height // shared}"
