"""What is sent, and how its result is put back: geometry, model, fields and price."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Bounds, Extent, Padding
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.price import Price


@dataclass(frozen=True)
class Plan:
    """What is sent."""

    endpoint: Endpoint
    provider: str
    model: str
    prompt: str
    crop: Bounds
    """In image coordinates; for a generation, what the result is to cover."""
    padding: Padding
    size: Extent
    """The size of the picture that is sent; for a generation, the expected size."""
    support: Bounds | None = None
    """Where the selection is not 0, in image coordinates."""
    feather: int = 0
    """In px of the image."""
    guided: bool = False
    """Whether the selection is sent as a mask."""
    masked: bool = False
    """Whether that is the request's real mask instead of a further picture."""
    references: tuple[Extent, ...] = ()
    """The sizes at which further pictures are sent."""
    asked: Extent | None = None
    """The size requested in px."""
    aspect_ratio: str = ""
    """Empty to leave the field out, as for `resolution` and `quality`."""
    resolution: str = ""
    quality: str = ""
    style: str = ""
    scale: int = 1
    creativity: float = 0.0
    privacy: str = ""
    """How the model treats its input according to the service: "private", "anonymized" or ""."""
    requests: int = 1
    pictures: int = 1
    """How many pictures each request makes."""
    price: Price | None = None
    """The price of one request."""
    warnings: tuple[str, ...] = ()

    @property
    def padded(self) -> Extent:
        """The size of the crop with its padding, before it is scaled to `size`."""
        return self.padding.around(self.crop.extent)

    @property
    def to_sent(self) -> Affine:
        """The map from image coordinates to those of the picture sent."""
        return Affine.shift(-self.crop.x, -self.crop.y).then(self.crop_to_sent)

    @property
    def crop_to_sent(self) -> Affine:
        """The map from px of the crop to those of the picture sent."""
        corner = Affine.shift(self.padding.left, self.padding.top)
        return corner.then(Affine.between(self.padded, self.size))

    @property
    def images(self) -> int:
        """How many pictures a request contains, not counting a real mask."""
        own = 0 if self.endpoint in (Endpoint.GENERATE, Endpoint.GENERATIONS) else 1
        return own + (self.guided and not self.masked) + len(self.references)

    @property
    def total(self) -> Price | None:
        """The price of all requests together."""
        return self.price.times(self.requests) if self.price else None

    def to_json(self) -> dict[str, Any]:
        total = asdict(self.total) if self.total else None
        return {**asdict(self), "endpoint": self.endpoint.value, "images": self.images, "total": total}
