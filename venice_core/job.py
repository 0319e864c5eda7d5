"""A whole request as one frozen value, and what is known about its result.

Everything that affects the result is in a `Job`, except pixels, which are passed as files.
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
    """What a job does."""

    EDIT = "edit"
    CUTOUT = "cutout"
    GENERATE = "generate"
    UPSCALE = "upscale"


class Output(str, Enum):
    """What an edit's layer shows of the answer: everything selected, or only what really changed."""

    LAYER = "layer"
    CHANGES = "changes"


class SelectionUse(str, Enum):
    """What the selection is for; see the argument `selection` of the GIMP procedures."""

    GUIDE = "guide"
    LOCAL = "local"
    IGNORE = "ignore"


@dataclass(frozen=True)
class Options:
    """What the user chose. Lengths are in px of the image; -1 means automatic and "" the default."""

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
    """-1 for a random one."""
    scale: int = 2
    creativity: float = 0.0
    """How much an upscaling may invent; 0 for nothing."""
    reference_strength: float = 0.0
    """0.1 to 1 for a generation's references; 0 for the service's default."""
    as_made: bool = False
    """Whether a generation is kept as it is, not fitted to anything."""
    safe_mode: bool = True
    enhance_prompt: bool = False
    align: bool = True
    match_colors: bool = True
    blend_seam: bool = True
    """Part of `match_colors`: without effect if that is off or nothing is selected."""
    output: Output = Output.LAYER
    defringe: bool = True
    provider: str = ""
    endpoint: str = ""
    """An endpoint other than the usual one for the action."""
    fields: tuple[tuple[str, str], ...] = ()
    """Request fields by name that have no option."""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Options:
        """Read options from a message; names as in GIMP (`aspect-ratio`) or as here. Raises BadInput."""
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
            raise BadInput("The option “scale” must be 2, 3, or 4.")
        if self.reference_strength and not 0.1 <= self.reference_strength <= 1.0:
            raise BadInput("The option “reference_strength” must be between 0.1 and 1.")


_NO_CHOICE = {
    SelectionUse: "not a way to use the selection: choose guide, local, or ignore",
    Output: "not an output of an edit: choose layer or changes",
}


def _value(key: str, value: Any, default: Any) -> Any:
    """Return `value` as the type of `default`. Raises BadInput."""
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
    # bool is an int to Python, not to the user
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise BadInput(f"The option “{key}” must be of type {wanted.__name__}.")
    return value


@dataclass(frozen=True)
class Job:
    """What is to be done, by one request or, for several variations, by several."""

    action: Action
    layer: Bounds
    """The bounds of the picture in image coordinates; for a generation, of the canvas."""
    canvas: Extent
    """The size of the image."""
    window: Bounds | None = None
    """The rectangle for which the selection's coverage was supplied, which is 0 in the rest of the canvas;
    None if nothing is selected."""
    options: Options = field(default_factory=Options)
    references: tuple[Extent, ...] = ()
    """The sizes of further pictures."""

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
        """Read a job. Raises BadInput if it is invalid."""
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
    """How an answer was put back in place."""

    scale: float = 1.0
    """How many px of the image each px of the answer became (above 1: enlarged), as the geometric mean."""
    shape: str = ""
    """How an answer of another shape was interpreted: "stretched", "cropped" or "letterboxed"; else ""."""
    alignment: str = "off"
    """One of "moved", "in place", "no detail", "changed" (no motion could be measured), and "off"."""
    moved: float = 0.0
    """By how much, in px of what was sent, at the corner that moved most."""
    shift: tuple[float, float] = (0.0, 0.0)
    """By how much, in px of what was sent, at the center."""
    zoom: float = 1.0
    rotation: float = 0.0
    """In degrees, clockwise."""
    matched: bool = False
    """Whether the colors were matched."""
    blended: bool = False
    """Whether the seam was blended."""


@dataclass(frozen=True)
class Facts:
    """What is known about a result, in addition to its picture; "" or None if the provider did not say."""

    model: str = ""
    """The model that was used."""
    model_name: str = ""
    request_id: str = ""
    blurred: bool = False
    content_violation: bool = False
    enhanced_prompt: str = ""
    deprecation: str = ""
    retires: str = ""
    """When a deprecated model will be removed."""
    replacement: str = ""
    balance_usd: float | None = None
    """Before the request, as `balance_diem`."""
    balance_diem: float | None = None
    sandbox: bool = False
    usage: Mapping[str, Any] | None = None
    """What was counted, such as tokens, as in the response."""
    cost_usd: float | None = None
    """What `usage` costs."""
    fitting: Fitting | None = None
    """What was done here."""
