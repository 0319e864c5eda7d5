# -*- coding: utf-8 -*-
"""Sentences about a plan and a run.

Standard library only; runs on Python 2.7 and 3.
"""

from __future__ import division, unicode_literals

# Of the window of a task, which has labels of arguments too: see `venice_arguments`.
SEND, HELP, OPTIONS = "Se_nd", "_Help", "_Options"
KEY_MISSING = "No API key is set for this service."
ALREADY_SENT = "The request had already been sent"
STAGES = {
    "preparing": "Preparing…",
    "uploading": "Uploading…",
    "waiting": "Waiting for the service…",
    "retrying": "The service is busy; trying again shortly…",
    "downloading": "Downloading…",
    "fitting": "Fitting the result…",
}


def describe(plan):
    """A plan in a few sentences: what leaves the machine, where to, and the price."""
    size = "%d\u00a0×\u00a0%d\u00a0px" % (plan["size"]["width"], plan["size"]["height"])
    what = "the selection as a mask and %s" % size if plan["guided"] else size
    if plan["references"]:
        count = len(plan["references"])
        what += " and %d reference pictures" % count if count > 1 else " and a reference picture"
    model = "%s, %s" % (plan["provider"], plan["model"]) if plan["model"] else plan["provider"]
    if plan["privacy"]:
        model += " (%s)" % plan["privacy"]
    if plan["endpoint"].startswith(("/image/generate", "/images/generations")):
        count = plan["pictures"] * plan["requests"]
        made = "%d pictures" % count if count > 1 else "a picture"
        first = "Asks %s for %s of about %s." % (model, made, size)
    else:
        times = ", in %d requests" % plan["requests"] if plan["requests"] > 1 else ""
        first = "Sends %s to %s%s." % (what, model, times)
    price = plan["total"]
    if plan["provider"] == "sandbox":
        cost = "Costs nothing: the sandbox uses no AI."
    elif price and price["usd"] == 0:
        cost = "Costs nothing."
    elif price and price["usd"] is not None:
        cost = "Costs about\u00a0%s." % dollars(price["usd"])
    else:
        cost = "The price is unknown."
    return "\n".join(["%s %s" % (first, cost)] + plan["warnings"])


def dollars(amount):
    """With two to four decimals."""
    whole, _, cents = ("%.4f" % amount).rstrip("0").partition(".")
    return "$%s.%s" % (whole, cents.ljust(2, str("0")))
