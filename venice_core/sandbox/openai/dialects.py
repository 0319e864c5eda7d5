"""What each of the image services in OpenAI's manner takes and answers: four dialects, as data.

`openai`: OpenAI's own, as published in November 2026; `grok-relay` and `gpt-image-relay`: two relays of other
firms; `self-hosted`: a server on one's own machine, which asks for no key and ignores what it does not know.
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
    """One service.

    `models`: by model, what it takes beside the `rules` that hold for all; the first is the default.
    `ends`: the day from which a model no longer answers. `only`: the fields that one endpoint alone takes.
    `required`: fields that must be there. `files`: how many pictures an edit takes, by the name of their
    field; `mask`: whether a mask, too.
    `largest`: bytes; a file must be smaller. `labelled`: its Content-Type must name its format.
    `lenient`: what it does not know, fields and models, is ignored. `key`: whether it asks for one.
    `size`: the result's, from the fields and the first picture's size. `answer`: how pictures are
    answered unless the request says; `elsewhere`: links lead to another host. `usage`: None to tell of
    none. `tells`: answers and headers tell the settings used and the rate limit.
    """

    name: str
    owner: str
    rules: Mapping[str, Rule]
    models: Mapping[str, Mapping[str, Rule]]
    files: Mapping[str, int]
    size: Callable[[Mapping[str, Any], Size | None], Size]
    usage: Callable[[token_usage.Work], Mapping[str, Any]] | None
    only: Mapping[str, frozenset[str]]
    ends: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ("model", "prompt")
    mask: bool = False
    largest: int = 50_000_000
    labelled: bool = False
    lenient: bool = False
    key: bool = True
    answer: str = "b64_json"
    elsewhere: bool = False
    file_format: str = "png"
    tells: bool = False
    invalid: int = 400  # the status of a request it does not take
    manner: Manner = OPENAI

    @property
    def base(self) -> str:
        """The path that all its endpoints lie under."""
        return f"/{self.name}/v1"

    def rule(self, name: str, model: str, path: str) -> Rule | None:
        """What a field may hold in a request to this model; None where it is not taken."""
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
    labelled=True,
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
    """The dialect of a request's path."""
    found = (dialect for dialect in DIALECTS.values() if path.startswith(dialect.base + "/"))
    return next(found, None)
