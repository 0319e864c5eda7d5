"""The service's refusals: one exception, and what it says for each status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

BALANCE = "Insufficient USD or Diem balance to complete request. Visit https://venice.ai/settings/api to add."
SENTENCES = {
    400: "Invalid request parameters",
    401: "Authentication failed",
    402: BALANCE,
    403: "This API key is restricted from accessing this endpoint",
    404: "Specified model not found",
    410: "This model has been retired",
    413: "The request payload is too large",
    415: "Invalid request content-type",
    422: "Your prompt violates the content policy of Venice.ai or the model provider",
    429: "Rate limit exceeded",
    500: "Inference processing failed",
    503: "The model is at capacity. Please try again later.",
}


class ApiError(Exception):
    """A refusal: an HTTP status and its JSON body."""

    def __init__(self, status: int, message: str = "", **more: Any) -> None:
        super().__init__(message or SENTENCES.get(status, ""))
        self.status = status
        self.body: dict[str, Any] = {"error": str(self), **more}


def wrong_content_type() -> ApiError:
    """Return the error for a body of a type that the endpoint does not accept."""
    return ApiError(400, "'Content-Type' must be 'application/json'")


def too_large(message: str = "") -> ApiError:
    """Return the 413 with its code."""
    return ApiError(413, message, code="PAYLOAD_TOO_LARGE")


def invalid(field: str, message: str, code: str = "custom") -> ApiError:
    """Return a 400 about one field, or about the whole request if `field` is empty."""
    return invalid_all([(field, code, message)])


def invalid_all(issues: Sequence[tuple[str, str, str]]) -> ApiError:
    """Return a 400 of the documented shape from (field, code, message) triples."""
    details: dict[str, Any] = {"_errors": [message for field, _, message in issues if not field]}
    for field, _, message in issues:
        if field:
            details.setdefault(field, {"_errors": []})["_errors"].append(message)
    listed = [
        {"code": code, "path": [field] if field else [], "message": text} for field, code, text in issues
    ]
    return ApiError(400, details=details, issues=listed)


def payment_required(url: str) -> ApiError:
    """Return the 402 for a request without a key: what it would take to pay on the spot."""
    accepts = {
        "scheme": "exact",
        "network": "eip155:8453",
        "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
        "amount": "10000000",
        "payTo": "0x0000000000000000000000000000000000000000",
        "maxTimeoutSeconds": 300,
        "extra": {"name": "USD Coin", "version": "2"},
    }
    options = {
        "apiKey": {
            "header": "Authorization: Bearer YOUR_API_KEY",
            "getKey": "https://venice.ai/settings/api",
            "docs": "https://docs.venice.ai/api-reference",
        }
    }
    return ApiError(
        402,
        "Payment required",
        x402Version=2,
        resource={"url": url, "description": "Venice API", "mimeType": "application/json"},
        accepts=[accepts],
        authOptions=options,
    )
