"""OpenAI's own Python client works against the sandbox as it comes."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from inspect import signature

import numpy as np
import openai
import pytest
from openai.types import ImagesResponse
from PIL import Image
from sandbox_talk import encoded, photo

from venice_core.sandbox import Sandbox

MODEL = "gpt-image-2.6-sunburst"


def client_of(sandbox: Sandbox, key: str = "sk-test-0123456789", dialect: str = "openai") -> openai.OpenAI:
    return openai.OpenAI(base_url=sandbox.url_for(dialect), api_key=key, max_retries=0)


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[openai.OpenAI]:
    with client_of(sandbox) as client:
        yield client


def source(width: int = 1024, height: int = 1024, name: str = "cat.png") -> tuple[str, bytes]:
    return name, encoded(photo(width, height))


def pictures(answer: ImagesResponse) -> list[Image.Image]:
    assert answer.data is not None
    return [Image.open(io.BytesIO(base64.b64decode(entry.b64_json or ""))) for entry in answer.data]


def test_it_edits_one_image(client: openai.OpenAI, sandbox: Sandbox) -> None:
    answer = client.images.edit(model=MODEL, image=source(), prompt="pink", size="1024x1024", quality="max")
    [result] = pictures(answer)
    assert result.size == (1024, 1024)
    assert not np.array_equal(result, photo(1024, 1024))
    assert (answer.size, answer.quality, answer.background) == ("1024x1024", "max", "opaque")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert [file.name for file in sandbox.requests[-1].files] == ["image"]


def test_it_edits_several_images(client: openai.OpenAI, sandbox: Sandbox) -> None:
    images = [source(), source(300, 200, "hat.png")]
    answer = client.images.edit(model=MODEL, image=images, prompt="wear it")
    assert [picture.size for picture in pictures(answer)] == [(1024, 1024)]
    assert [file.name for file in sandbox.requests[-1].files] == ["image[]", "image[]"]


def test_it_edits_with_a_mask(client: openai.OpenAI) -> None:
    mask = Image.new("RGBA", (1024, 1024), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, 512, 1024))
    answer = client.images.edit(
        model="gpt-image-1.5",
        image=source(),
        mask=("mask.png", encoded(mask)),
        prompt="pink",
        input_fidelity="high",
        safety_identifier="someone",
    )
    changed = (np.asarray(pictures(answer)[0]) != np.asarray(photo(1024, 1024))).any(axis=-1)
    assert changed[:, :512].all()
    assert not changed[:, 512:].any()


def test_it_gets_two_results(client: openai.OpenAI) -> None:
    first, second = pictures(client.images.edit(model=MODEL, image=source(), prompt="pink", n=2))
    assert not np.array_equal(first, second)


def test_it_generates(client: openai.OpenAI) -> None:
    answer = client.images.generate(
        model=MODEL,
        prompt="a fox",
        size="1536x864",
        output_format="webp",
        moderation="low",
        safety_identifier="someone",
    )
    assert [(picture.size, picture.format) for picture in pictures(answer)] == [((1536, 864), "WEBP")]


def test_its_edits_know_no_moderation_so_the_sandbox_refuses_it(client: openai.OpenAI) -> None:
    assert "moderation" in signature(client.images.generate).parameters
    assert "moderation" not in signature(client.images.edit).parameters
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(model=MODEL, image=source(), prompt="pink", extra_body={"moderation": "low"})
    assert (caught.value.code, caught.value.param) == ("unknown_parameter", "moderation")


def test_it_lists_the_models(client: openai.OpenAI) -> None:
    models = list(client.models.list())
    assert MODEL in [model.id for model in models]
    assert {model.object for model in models} == {"model"}


def test_it_reads_links_of_a_relay(sandbox: Sandbox) -> None:
    with client_of(sandbox, dialect="grok-relay") as client:
        answer = client.images.edit(model="grok-3-image", image=source(), prompt="pink")
    assert answer.data is not None
    assert (answer.data[0].url or "").startswith("http://localhost:")
    assert answer.data[0].b64_json is None


@pytest.mark.parametrize(
    ("switches", "error", "code"),
    [
        ({"status": 429, "kind": "quota"}, openai.RateLimitError, "insufficient_quota"),
        ({"status": 429, "kind": "rate_limit"}, openai.RateLimitError, "rate_limit_exceeded"),
        ({"policy": True}, openai.BadRequestError, "moderation_blocked"),
        ({"status": 400, "kind": "billing"}, openai.BadRequestError, "billing_hard_limit_reached"),
        ({"status": 403}, openai.PermissionDeniedError, "insufficient_permissions"),
        ({"status": 500}, openai.InternalServerError, "server_error"),
    ],
)
def test_it_raises_its_typed_errors(
    sandbox: Sandbox, client: openai.OpenAI, switches: dict[str, object], error: type, code: str
) -> None:
    sandbox.switch(**switches)
    with pytest.raises(error) as caught:
        client.images.edit(model=MODEL, image=source(), prompt="pink")
    assert isinstance(caught.value, openai.APIStatusError)
    assert caught.value.code == code
    assert (caught.value.request_id or "").startswith("req_")


@pytest.mark.parametrize("key", ["bad-key", "bad"])
def test_a_bad_key_is_an_authentication_error(sandbox: Sandbox, key: str) -> None:
    with client_of(sandbox, key) as client, pytest.raises(openai.AuthenticationError) as caught:
        client.images.generate(model=MODEL, prompt="a fox")
    assert caught.value.code == "invalid_api_key"
    assert key not in str(caught.value)


def test_an_unknown_model_is_a_not_found_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.images.edit(model="dall-e-2", image=source(), prompt="pink")
    assert caught.value.code == "model_not_found"


def test_a_response_format_is_a_bad_request(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(model=MODEL, image=source(), prompt="pink", response_format="b64_json")
    assert (caught.value.code, caught.value.param) == ("unknown_parameter", "response_format")
