"""From a job's geometry and a provider's limits to what is sent. Pure: no pixels, no files, no network.

All of it is undone by `fit`, from the same plan.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Bounds, Extent, Padding
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.price import Price


@dataclass(frozen=True)
class Plan:
    """What is sent. `crop` and `support` in image coordinates, `feather` in px of the image.

    `size` is that of the picture sent; for a generation `crop` is what the result is to cover, and `size`
    what is expected. `asked`: the size that is asked for in figures. `aspect_ratio`, `resolution`, `quality`
    "": the field is left out. `guided`: the selection goes along as a mask; `masked`: as the request's real
    mask, not as a further picture. `references`: the sizes at which further pictures are sent. `privacy`: how
    the service says that the model treats what it is sent, "private" or "anonymized"; "": it says nothing.
    `price` is that of one of `requests`, each of which makes `pictures`.
    """

    endpoint: Endpoint
    provider: str
    model: str
    prompt: str
    crop: Bounds
    padding: Padding
    size: Extent
    support: Bounds | None = None
    feather: int = 0
    guided: bool = False
    masked: bool = False
    references: tuple[Extent, ...] = ()
    asked: Extent | None = None
    aspect_ratio: str = ""
    resolution: str = ""
    quality: str = ""
    style: str = ""
    scale: int = 1
    creativity: float = 0.0
    privacy: str = ""
    requests: int = 1
    pictures: int = 1
    price: Price | None = None
    warnings: tuple[str, ...] = ()

    @property
    def padded(self) -> Extent:
        """The crop with its padding, before it is scaled to `size`."""
        return self.padding.around(self.crop.extent)

    @property
    def to_sent(self) -> Affine:
        """From image coordinates to those of the picture sent."""
        return Affine.shift(-self.crop.x, -self.crop.y).then(self.crop_to_sent)

    @property
    def crop_to_sent(self) -> Affine:
        """From px of the crop to those of the picture sent."""
        corner = Affine.shift(self.padding.left, self.padding.top)
        return corner.then(Affine.between(self.padded, self.size))

    @property
    def images(self) -> int:
        """How many pictures one request holds; a real mask is none."""
        own = 0 if self.endpoint in (Endpoint.GENERATE, Endpoint.GENERATIONS) else 1
        return own + (self.guided and not self.masked) + len(self.references)

    @property
    def total(self) -> Price | None:
        """What all requests cost together."""
        return self.price.times(self.requests) if self.price else None

    def to_json(self) -> dict[str, Any]:
        total = asdict(self.total) if self.total else None
        return {**asdict(self), "endpoint": self.endpoint.value, "images": self.images, "total": total}
