"""The models: what is listed, and what each of them accepts."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import resources
from typing import Any

from venice_core.sandbox.venice.errors import ApiError, invalid

TYPES = ("asr", "embedding", "image", "music", "text", "tts", "upscale", "inpaint", "video")
_PACKAGED = ("data/models-inpaint.json", "data/models-image.json")
_WORK = {"inpaint": "image editing", "image": "image generation", "upscale": "upscaling"}


@dataclass(frozen=True)
class Model:
    """An entry of the list."""

    entry: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.entry["id"])

    @property
    def type(self) -> str:
        return str(self.entry.get("type", "inpaint"))

    @property
    def spec(self) -> Mapping[str, Any]:
        spec: Mapping[str, Any] = self.entry["model_spec"]
        return spec

    @property
    def limits(self) -> Mapping[str, Any]:
        limits: Mapping[str, Any] = self.spec.get("constraints", {})
        return limits

    @property
    def tiers(self) -> list[str]:
        """The resolutions that it lists or prices; empty if it has no tiers."""
        return list(self.limits.get("resolutions") or self.spec.get("pricing", {}).get("resolutions", ()))

    @property
    def qualities(self) -> list[str]:
        priced = self.spec.get("pricing", {}).get("quality", {})
        return list(self.limits.get("qualities") or next(iter(priced.values()), ()))

    @property
    def most_images(self) -> int:
        """How many input pictures it combines."""
        return 1 if self.limits.get("combineImages") is False else int(self.limits.get("maxInputImages", 3))

    @property
    def retired(self) -> bool:
        """Whether the day of its removal has come."""
        if not (day := self.spec.get("deprecation", {}).get("removesAt")):
            return False
        try:
            moment = datetime.fromisoformat(day.replace("Z", "+00:00"))
        except ValueError:
            return False
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc) <= datetime.now(timezone.utc)

    def check_length(self, fields: Mapping[str, Any], *names: str) -> None:
        """Refuse a prompt that is too long."""
        longest = self.limits.get("promptCharacterLimit")
        for name in names:
            if longest is not None and len(fields.get(name) or "") > longest:
                raise invalid(name, f"{self.id} takes at most {longest} characters", "too_big")

    def check_choice(self, fields: Mapping[str, Any], name: str, choices: Collection[str]) -> None:
        """Refuse a field that is present but not one of the choices."""
        if name in fields and fields[name] not in choices:
            taken = ", ".join(choices) or "none"
            raise invalid(name, f"Not supported by {self.id}, which takes: {taken}", "invalid_enum_value")

    def headers(self) -> dict[str, str]:
        """Return what a response says about the model that made it."""
        headers = {"x-venice-model-id": self.id, "x-venice-model-name": self.spec.get("name", self.id)}
        if deprecation := self.spec.get("deprecation"):
            headers["x-venice-model-deprecation-warning"] = "This model is scheduled for retirement"
            for name, key in (
                ("x-venice-model-deprecation-date", "removesAt"),
                ("x-venice-deprecated-replacement", "replacementModelId"),
            ):
                if key in deprecation:
                    headers[name] = deprecation[key]
        return headers


@dataclass(frozen=True)
class Catalogue:
    """Every model, of all types together, in the order of the list."""

    models: tuple[Model, ...]

    @classmethod
    def of(cls, listing: Mapping[str, Any] | None = None) -> Catalogue:
        """Return the models of a listing, and the packaged ones of types that it lacks."""
        given = [Model(entry) for entry in listing["data"]] if listing else []
        types = {model.type for model in given}
        root = resources.files("venice_core.providers.venice")
        packaged = [
            Model(entry)
            for path in _PACKAGED
            for entry in json.loads(root.joinpath(path).read_text("utf-8"))["data"]
        ]
        return cls((*given, *(model for model in packaged if model.type not in types)))

    def of_type(self, model_type: str) -> list[Model]:
        """Return the models on offer, including offline ones; "all" for every type."""
        return [model for model in self.models if model_type in (model.type, "all") and not model.retired]

    def named(self, model_id: str) -> Model | None:
        return next((model for model in self.models if model.id == model_id), None)

    def find(self, model_id: str, model_type: str) -> Model:
        """Return a model that can do the work. Raises ApiError 400, 404, 410 or 503."""
        model = self.named(model_id)
        if model is None:
            raise ApiError(404, f"Specified model not found: {model_id}")
        if model.type != model_type:
            raise invalid("model", f"{model_id} is not an {_WORK[model_type]} model")
        if model.retired:
            raise ApiError(410)
        return self._working(model)

    def default(self, model_type: str) -> Model:
        """Return the model with the trait "default", else the first. Raises ApiError 404 or 503."""
        models = self.of_type(model_type)
        by_trait = [model for model in models if "default" in model.spec.get("traits", ())]
        if not models:
            raise ApiError(404)
        return self._working((by_trait or models)[0])

    def find_or_default(self, model_id: str | None, model_type: str) -> Model:
        """Return the named model if it can do the work, else the default. Raises ApiError 404 or 503."""
        known = [model for model in self.of_type(model_type) if model.id == model_id]
        return self._working(known[0]) if known else self.default(model_type)

    @staticmethod
    def _working(model: Model) -> Model:
        if model.spec.get("offline"):
            raise ApiError(503)
        return model
