"""The whole request as one frozen value, and what came of it.

Everything that affects the result is in a `Job`. It holds no pixels: those travel as files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from venice_core.errors import BadInput
from venice_core.geometry.rectangles import Bounds, Extent

MAX_GROW = 1000
MAX_FEATHER = 4096
MAX_CONTEXT = 16384


MAX_SEED = 999_999_999
MAX_REFERENCES = 16
MAX_CREATIVITY = 0.02


class Action(str, Enum):
    EDIT = "edit"
    CUTOUT = "cutout"
    GENERATE = "generate"
    UPSCALE = "upscale"


class Output(str, Enum):
    """What limits an edit's layer beside the selection: nothing, or what the model really changed."""

    LAYER = "layer"
    CHANGES = "changes"


class SelectionUse(str, Enum):
    """What the selection is for; see the GIMP procedures' argument `selection`."""

    GUIDE = "guide"
    LOCAL = "local"
    IGNORE = "ignore"


@dataclass(frozen=True)
class Options:
    """What a person chose. Lengths in px of the image; -1 means automatic; "" the default.

    `seed` -1 means a random one. `creativity` is how much an upscaling may invent, 0 being nothing.
    `reference_strength` 0.1–1 is for a generation's references (0: the
    service's default). `blend_seam` is part of `match_colors` and without effect where that is off or nothing
    is selected. `as_made`: a generation is not fitted to anything. `endpoint`: another than the
    usual one for the action. `fields`: request fields by name that have no option of their own.
    """

    prompt: str = ""
    negative_prompt: str = ""
    model: str = ""
    selection: SelectionUse = SelectionUse.GUIDE
    context: int = -1
    grow: int = 0
    feather: int = -1
    variations: int = 1
    aspect_ratio: str = ""
    resolution: str = ""
    quality: str = ""
    style: str = ""
    seed: int = -1
    scale: int = 2
    creativity: float = 0.0
    reference_strength: float = 0.0
    as_made: bool = False
    safe_mode: bool = True
    enhance_prompt: bool = False
    align: bool = True
    match_colors: bool = True
    blend_seam: bool = True
    output: Output = Output.LAYER
    defringe: bool = True
    provider: str = ""
    endpoint: str = ""
    fields: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Options:
        """From a message; names as in GIMP (`aspect-ratio`) or as here. Raises BadInput."""
        known = {name.replace("_", "-"): name for name in cls.__dataclass_fields__}
        chosen: dict[str, Any] = {}
        for key, value in values.items():
            name = known.get(key.replace("_", "-"))
            if name is None:
                raise BadInput(f"“{key}” is not an option.")
            chosen[name] = _value(key, value, getattr(cls, name))
        return cls(**chosen)

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            try:
                if isinstance(value, str):
                    value.encode()
            except UnicodeEncodeError as error:
                raise BadInput(f"The option “{name}” contains text that is not valid UTF-8.") from error
        for name, low, high in (
            ("context", -1, MAX_CONTEXT),
            ("grow", -MAX_GROW, MAX_GROW),
            ("feather", -1, MAX_FEATHER),
            ("variations", 1, 4),
            ("seed", -MAX_SEED, MAX_SEED),
            ("creativity", 0, MAX_CREATIVITY),
        ):
            if not low <= getattr(self, name) <= high:
                raise BadInput(f"The option “{name}” must be between {low} and {high}.")
        if self.scale not in (2, 3, 4):
            raise BadInput("The option “scale” must be 2, 3 or 4.")
        if self.reference_strength and not 0.1 <= self.reference_strength <= 1.0:
            raise BadInput("The option “reference_strength” must be between 0.1 and 1.")


_NO_CHOICE = {
    SelectionUse: "not a use of the selection: choose guide, local or ignore",
    Output: "not an output of an edit: choose layer or changes",
}


def _value(key: str, value: Any, default: Any) -> Any:
    """`value` as the type that `default` has. Raises BadInput."""
    if isinstance(default, SelectionUse | Output):
        try:
            return type(default)(value)
        except ValueError as error:
            raise BadInput(f"“{value}” is {_NO_CHOICE[type(default)]}.") from error
    if isinstance(default, tuple):
        try:
            pairs = dict(value)
        except (TypeError, ValueError) as error:
            raise BadInput(f"The option “{key}” must map names to values.") from error
        return tuple((str(name), str(text)) for name, text in pairs.items())
    wanted = type(default)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    # bool is an int to Python, not to people
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise BadInput(f"The option “{key}” must be of type {wanted.__name__}.")
    return value


@dataclass(frozen=True)
class Job:
    """One wish, which becomes one request or, for several variations, several.

    `layer` is the extent of the picture in image coordinates (for a generation the canvas), `canvas` the
    image's size. `window` is the rectangle for which the selection's coverage was handed over (None:
    nothing is selected); coverage is 0 in the rest of the canvas. `references`: sizes of further pictures.
    """

    action: Action
    layer: Bounds
    canvas: Extent
    window: Bounds | None = None
    options: Options = field(default_factory=Options)
    references: tuple[Extent, ...] = ()

    def __post_init__(self) -> None:
        if len(self.references) > MAX_REFERENCES:
            raise BadInput(f"Too many reference images: {len(self.references)}.")
        if self.references and self.action not in (Action.EDIT, Action.GENERATE):
            raise BadInput("Only edits and generations accept reference images.")

    @property
    def selected(self) -> bool:
        """Whether a selection limits the result."""
        if self.action is Action.UPSCALE:
            return False
        return self.window is not None and self.options.selection is not SelectionUse.IGNORE

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Job:
        """Raises BadInput for what cannot be a job."""
        try:
            window = values.get("window")
            return cls(
                action=Action(values["action"]),
                layer=Bounds(**values["layer"]),
                canvas=Extent(**values["canvas"]),
                window=Bounds(**window) if window else None,
                options=Options.from_json(values.get("options", {})),
                references=tuple(Extent(**each) for each in values.get("references") or ()),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"This is not a job: {error}.") from error

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Fitting:
    """How an answer was put back into its place.

    `scale`: how many px of the image each px of the answer became (above 1: enlarged), the geometric mean of
    both directions. `shape`: how an answer of another shape was taken: "stretched", "cropped",
    "letterboxed"; else "". `alignment`: "moved", "in place", "no detail" or "changed" (nothing to measure a
    movement by), "off"; where it was moved, `moved` is by how much at the corner that moved most, and `shift`
    by how much in the middle, in px of what was sent; `rotation` is in degrees, clockwise. `matched`: whether
    the colors were, `blended`: whether the seam was.
    """

    scale: float = 1.0
    shape: str = ""
    alignment: str = "off"
    moved: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    zoom: float = 1.0
    rotation: float = 0.0
    matched: bool = False
    blended: bool = False


@dataclass(frozen=True)
class Facts:
    """What is known of a result beside its picture. "" or None: the provider said nothing.

    `model` is the one that served; `retires` the date of a deprecated one; the balance is that before
    the request. `usage`: what was counted, such as tokens, as the answer has it; `cost_usd`: what that costs.
    `fitting` is what was done here.
    """

    model: str = ""
    model_name: str = ""
    request_id: str = ""
    blurred: bool = False
    content_violation: bool = False
    enhanced_prompt: str = ""
    deprecation: str = ""
    retires: str = ""
    replacement: str = ""
    balance_usd: float | None = None
    balance_diem: float | None = None
    sandbox: bool = False
    usage: Mapping[str, Any] | None = None
    cost_usd: float | None = None
    fitting: Fitting | None = None
