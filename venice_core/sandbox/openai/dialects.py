"""What each of the OpenAI-like image services accepts and returns: four dialects, as data.

`openai` is OpenAI's own API as published in November 2026, `grok-relay` and `gpt-image-relay` are relays of
other companies, and `self-hosted` is a server on the user's own machine, which needs no key and ignores what
it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from venice_core.sandbox.error_responses import OPENAI, SELF_HOSTED, Manner
from venice_core.sandbox.openai import dimensions
from venice_core.sandbox.openai import usage as token_usage
from venice_core.sandbox.openai.dimensions import LISTED, Dimensions
from venice_core.sandbox.switches import Size
from venice_core.sandbox.venice.schemas import Number, Text

EDITS, GENERATIONS, MODELS = "/images/edits", "/images/generations", "/models"

Rule = Text | Number | Dimensions


@dataclass(frozen=True)
class Dialect:
    """A service."""

    name: str
    owner: str
    rules: Mapping[str, Rule]
    """What holds for all models."""
    models: Mapping[str, Mapping[str, Rule]]
    """Additional rules by model; the first model is the default."""
    files: Mapping[str, int]
    """How many pictures an edit accepts, by the name of their field."""
    size: Callable[[Mapping[str, Any], Size | None], Size]
    """Returns the size of the result, from the fields and the size of the first picture."""
    usage: Callable[[token_usage.Work], Mapping[str, Any]] | None
    """Returns the usage to report; None to report none."""
    only: Mapping[str, frozenset[str]]
    """The fields that only one endpoint accepts."""
    ends: Mapping[str, str] = field(default_factory=dict)
    """The day from which a model no longer responds."""
    required: tuple[str, ...] = ("model", "prompt")
    """Mandatory fields."""
    mask: bool = False
    """Whether an edit accepts a mask as well."""
    largest: int = 50_000_000
    """In bytes; a file must be smaller."""
    labeled: bool = False
    """Whether the Content-Type of a file must name its format."""
    lenient: bool = False
    """Whether unknown fields and models are ignored."""
    key: bool = True
    """Whether a key is required."""
    answer: str = "b64_json"
    """How pictures are returned unless the request says otherwise."""
    elsewhere: bool = False
    """Whether links lead to another host."""
    file_format: str = "png"
    tells: bool = False
    """Whether responses and headers report the settings used and the rate limit."""
    invalid: int = 400  # the status of a request it does not take
    manner: Manner = OPENAI

    @property
    def base(self) -> str:
        """The path under which all of its endpoints are."""
        return f"/{self.name}/v1"

    def rule(self, name: str, model: str, path: str) -> Rule | None:
        """Return what a field may contain in a request to this model, or None if it is not accepted."""
        if any(name in names and path != other for other, names in self.only.items()):
            return None
        return self.models.get(model, {}).get(name) or self.rules.get(name)


_COUNT = Number(1, 10, whole=True)
_DELIVERY = Text(choices=("b64_json", "url"))
_QUALITIES = ("auto", "low", "medium", "high")
_THREE_SIZES = Text(choices=("auto", *LISTED))
_LISTED: Mapping[str, Rule] = {
    "size": _THREE_SIZES,
    "quality": Text(choices=_QUALITIES),
    "background": Text(choices=("auto", "opaque", "transparent")),
}
_FREE: Mapping[str, Rule] = {
    "size": Dimensions(16, 16, 3840, fewest=655_360, most=8_294_400, proportion=3, words=("auto",)),
    "quality": Text(choices=_QUALITIES),
    "background": Text(choices=("auto", "opaque", "transparent")),
}
_FREE_2_5: Mapping[str, Rule] = {
    **_FREE,
    "quality": Text(choices=(*_QUALITIES, "xhigh", "max")),
}
_FREE_2_6: Mapping[str, Rule] = {
    **_FREE_2_5,
    "size": Dimensions(16, 480, 3840, fewest=655_360, most=8_294_400, proportion=3, words=("auto",)),
    "complexity": Text(choices=("low", "medium", "high")),
}
_FIDELITY = Text(choices=("high", "low"))

_OPENAI = Dialect(
    name="openai",
    owner="openai",
    rules={
        "model": Text(),
        "prompt": Text(32_000),
        "n": _COUNT,
        "output_format": Text(choices=("png", "jpeg", "webp")),
        "output_compression": Number(0, 100, whole=True),
        "moderation": Text(choices=("auto", "low")),
        "user": Text(shortest=0),
        "safety_identifier": Text(shortest=0),
    },
    models={
        "gpt-image-2.6-sunburst": _FREE_2_6,
        "gpt-image-2.6-flare": _FREE_2_6,
        "gpt-image-2.5-sunburst": _FREE_2_5,
        "gpt-image-2.5-flare": _FREE_2_5,
        "gpt-image-2": _FREE,
        "gpt-image-1.5": {**_LISTED, "input_fidelity": _FIDELITY},
        "chatgpt-image-latest": _LISTED,
        "gpt-image-1-mini": {**_LISTED, "input_fidelity": Text(choices=("low",))},
    },
    ends=dict.fromkeys(("gpt-image-1.5", "chatgpt-image-latest", "gpt-image-1-mini"), "2026-12-01"),
    only={EDITS: frozenset({"input_fidelity"}), GENERATIONS: frozenset({"moderation"})},
    required=("prompt",),
    files={"image": 1, "image[]": 16},
    mask=True,
    labeled=True,
    size=dimensions.listed,
    usage=token_usage.tokens,
    tells=True,
)

_GROK_RELAY = Dialect(
    name="grok-relay",
    owner="xai",
    rules={
        "model": Text(),
        "prompt": Text(),
        "aspect_ratio": Text(
            choices=(
                *("1:1", "3:4", "4:3", "9:16", "16:9", "2:3", "3:2"),
                *("9:19.5", "19.5:9", "9:20", "20:9", "1:2", "2:1", "auto"),
            )
        ),
        "resolution": Text(choices=("1k", "2k")),
        "quality": Text(choices=("low", "medium", "high")),
        "n": _COUNT,
        "response_format": _DELIVERY,
    },
    models={"grok-3-image": {}},
    only={},
    files={"image": 1},
    size=dimensions.proportioned,
    usage=token_usage.generated,
    answer="url",
    elsewhere=True,
    file_format="jpeg",
)

_GPT_IMAGE_RELAY = Dialect(
    name="gpt-image-relay",
    owner="openai",
    rules={
        "model": Text(),
        "prompt": Text(32_000),
        "quality": Text(choices=_QUALITIES),
        "n": _COUNT,
        "size": _THREE_SIZES,
    },
    models={"gpt-image-1": {}},
    only={GENERATIONS: frozenset({"n", "size"})},
    files={"image[]": 16},
    largest=25_000_000,
    size=dimensions.listed,
    usage=token_usage.tokens,
)

_SELF_HOSTED = Dialect(
    name="self-hosted",
    owner="local",
    rules={
        "model": Text(shortest=0),
        "prompt": Text(),
        "size": Dimensions(8, 64, 4096),
        "n": _COUNT,
        "response_format": _DELIVERY,
    },
    models={"image-edit": {}},
    only={},
    required=("prompt",),
    files={"image": 1},
    mask=True,
    lenient=True,
    key=False,
    size=dimensions.as_sent,
    usage=None,
    answer="url",
    invalid=422,
    manner=SELF_HOSTED,
)

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect for dialect in (_OPENAI, _GROK_RELAY, _GPT_IMAGE_RELAY, _SELF_HOSTED)
}


def spoken_at(path: str) -> Dialect | None:
    """Return the dialect of a request's path."""
    found = (dialect for dialect in DIALECTS.values() if path.startswith(dialect.base + "/"))
    return next(found, None)
