# -*- coding: utf-8 -*-
"""Sentences about plans and runs.

Standard library only; runs on Python 2.7 and 3.
"""

from __future__ import division, unicode_literals

# For the window of a task, whose other labels are in `venice_arguments`.
SEND, HELP, OPTIONS = "Se_nd", "_Help", "_Options"
KEY_MISSING = "No API key is set for this provider."
ALREADY_SENT = "The request had already been sent"
STAGES = {
    "preparing": "Preparing…",
    "uploading": "Uploading…",
    "waiting": "Waiting for the service…",
    "retrying": "Service busy, retrying…",
    "downloading": "Downloading…",
    "fitting": "Fitting the result…",
}

# Where the user finds the remedies for errors.
GIMP3_REMEDIES = {
    "set-key": "To enter a key, open Filters > Venice > Settings.",
    "raise-limit": "To change or remove the daily limit, open Filters > Venice > Settings.",
    "set-address": "To enter or change the address, open Filters > Venice > Settings.",
}
GIMP2_REMEDIES = {
    "set-key": "To enter a key, press Enter Key in the window that shows the price.",
    "raise-limit": "To change or remove the daily limit, run “account --daily-limit USD” in a terminal.",
    "set-address": "To enter or change the address, use the settings file or its environment variable.",
}


def describe(plan):
    """Describe a plan in a few sentences: what is sent, where, and for what price."""
    size = "%d\u00a0×\u00a0%d\u00a0px" % (plan["size"]["width"], plan["size"]["height"])
    what = "%s plus the selection as a mask" % size if plan["guided"] else size
    if plan["references"]:
        count = len(plan["references"])
        what += " and %d reference images" % count if count > 1 else " and one reference image"
    model = "%s, %s" % (plan["provider"], plan["model"]) if plan["model"] else plan["provider"]
    if plan["privacy"]:
        model += " (%s)" % plan["privacy"]
    if plan["action"] == "generate":
        count = plan["pictures"] * plan["requests"]
        made = "%d images" % count if count > 1 else "an image"
        first = "Requests %s of about %s from %s." % (made, size, model)
    else:
        times = ", in %d requests" % plan["requests"] if plan["requests"] > 1 else ""
        first = "Sends %s to %s%s." % (what, model, times)
    price = plan["total"]
    if price and price["usd"] == 0:
        cost = "Costs nothing: the sandbox uses no AI." if plan["provider"] == "sandbox" else "Costs nothing."
    elif price and price["usd"] is not None:
        cost = "Costs about\u00a0%s." % dollars(price["usd"])
    else:
        cost = "The price is unknown."
    return "\n".join(["%s %s" % (first, cost)] + plan["warnings"])


def dollars(amount):
    """Format an amount with two to four decimals."""
    whole, _, cents = ("%.4f" % amount).rstrip("0").partition(".")
    return "$%s.%s" % (whole, cents.ljust(2, str("0")))
