"""Encode the files of a request: pictures and masks in the form that the service accepts."""

from __future__ import annotations

from venice_core.errors import BadInput, ProtocolError, UnreadableImage
from venice_core.execution.inputs import JobInputs, Prepared, read_pixels
from venice_core.fitting import outgoing
from venice_core.imaging import codecs, resampling
from venice_core.imaging.arrays import Pixels
from venice_core.imaging.compositing import flatten
from venice_core.imaging.formats import FORMATS
from venice_core.providers.base import Encoded, RequestImages


def encode(pixels: Pixels | None, prepared: Prepared, inputs: JobInputs, max_bytes: int) -> RequestImages:
    """Encode the files of a request, each of at most `max_bytes`.

    `pixels` are RGBA of the crop. Raises BadInput if a picture is too large or if the references are not
    those of the job.
    """
    plan, job = prepared.plan, prepared.job
    encoded: list[Encoded] = []
    mask: Encoded | None = None
    try:
        if pixels is not None:
            encoded.append(Encoded(*codecs.encode_within(outgoing.to_send(pixels, plan), max_bytes)))
        if plan.masked and prepared.coverage is not None:
            mask = _png(outgoing.alpha_mask_to_send(prepared.coverage, plan))
        elif plan.guided and prepared.coverage is not None:
            encoded.append(_png(outgoing.mask_to_send(prepared.coverage, plan)))
        for raw, own, sent in zip(inputs.references, job.references, plan.references, strict=True):
            reference = resampling.resize(flatten(read_pixels(raw, own)), sent)
            encoded.append(Encoded(*codecs.encode_within(reference, max_bytes)))
    except UnreadableImage as error:
        raise BadInput(error.detail) from error
    except ValueError as error:
        raise ProtocolError("The reference images do not match the job.") from error
    return RequestImages(tuple(encoded), mask)


def _png(pixels: Pixels) -> Encoded:
    return Encoded(codecs.encode_png(pixels), FORMATS["PNG"].media_type)
