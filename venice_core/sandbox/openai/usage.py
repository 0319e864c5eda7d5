"""The usage that responses report: plausible, and the same for the same request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from venice_core.sandbox.switches import Size

_MEGAPIXEL = 1024 * 1024
_OUTPUT = {"low": 272, "medium": 1056, "high": 4160, "xhigh": 8320, "max": 16_640}  # tokens per megapixel
_INPUT = 1024  # tokens per megapixel


@dataclass(frozen=True)
class Work:
    """What was requested and made; sizes in px."""

    prompt: str
    sources: Sequence[Size]
    size: Size
    count: int
    quality: str


def tokens(work: Work) -> Mapping[str, Any]:
    """Return usage as OpenAI reports it: the tokens of the prompt, the pictures and the result."""
    text = 1 + len(work.prompt) // 4
    image = sum(_tokens(_INPUT, size) for size in work.sources)
    output = work.count * _tokens(_OUTPUT[work.quality], work.size)
    return {
        "total_tokens": text + image + output,
        "input_tokens": text + image,
        "output_tokens": output,
        "input_tokens_details": {"text_tokens": text, "image_tokens": image},
    }


def generated(work: Work) -> Mapping[str, Any]:
    """Return usage as a relay reports it: how many pictures, and only their tokens."""
    output = work.count * _tokens(16_384, work.size)
    return {"generated_images": work.count, "output_tokens": output, "total_tokens": output}


def _tokens(rate: int, size: Size) -> int:
    return max(1, rate * size[0] * size[1] // _MEGAPIXEL)
