# -*- coding: utf-8 -*-
"""Errors whose messages are sentences for the user.

Standard library only; runs on Python 2.7 and 3.
"""

from __future__ import unicode_literals

import os
import sys
import traceback


class UserError(Exception):
    """An error whose message is a sentence for the user; in Python 2, `str` of it is UTF-8."""

    def __init__(self, message):
        super(UserError, self).__init__(message)
        self.message = message

    if sys.version_info[0] == 2:

        def __str__(self):
            return self.message.encode("utf-8")


class LinkError(UserError):
    """A call failed. `kind` and `charge` are the worker's; `details` is the technical cause."""

    def __init__(self, message, kind="error", charge="none", details=""):
        super(LinkError, self).__init__(message)
        self.kind = kind
        self.charge = charge
        self.details = details


class WorkerGone(LinkError):
    """The worker ended without responding."""


class Detached(LinkError):
    """The worker continues on its own: what was sent may be charged, and the result is saved."""


def error_text(error):
    """Return an exception's message as text; in Python 2 the system's may be in any encoding."""
    try:
        return type("")(error)
    except UnicodeError:
        return bytes(error).decode("mbcs" if os.name == "nt" else "utf-8", "replace")


class PlanChanged(UserError):
    """What is about to be sent, or its price, is not what the user has seen."""

    def __init__(self, plan):
        super(PlanChanged, self).__init__(
            "What will be sent, or its price, has changed. Review it, then press Send again."
        )
        self.plan = plan


class NotPlaced(UserError):
    """The result could not be inserted into the image; nothing is lost. `trace`: the traceback."""

    def __init__(self, results, error):
        self.trace = traceback.format_exc()
        folders = sorted({os.path.dirname(result["pixels"]) for result in results})
        super(NotPlaced, self).__init__(
            "The result arrived but could not be inserted (%s: %s). Use Edit > Undo to remove "
            "anything partially added. The result is kept in %s; if you send the request again, you may "
            "be charged again." % (type(error).__name__, error_text(error), ", ".join(folders))
        )


class HostError(UserError):
    """The image is not in a state that allows the task."""
