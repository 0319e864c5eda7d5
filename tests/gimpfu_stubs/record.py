# -*- coding: utf-8 -*-
"""Records what a real GIMP 2.10 says of the procedures that `memory` models: python record.py HOST:PORT

Writes signatures.json beside it: {name: [params, return values]}, each value (type, name, "").
"""

import io
import json
import os
import sys

import live
import memory

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "signatures.json")


def table(backend):
    """The signatures of all procedures of `memory`, without what describes their values."""
    return {name: [_short(values) for values in backend.signature(name)] for name in memory.procedures()}


def _short(values):
    return [[value[0], value[1], ""] for value in values]


def main(address):
    host, port = address.split(":")
    rows = sorted(table(live.Live((host, int(port)))).items())
    lines = ["%s: %s" % (json.dumps(name), json.dumps(signature)) for name, signature in rows]
    with io.open(PATH, "wb") as file:
        file.write(("{\n" + ",\n".join(lines) + "\n}\n").encode("ascii"))


if __name__ == "__main__":
    main(sys.argv[1])
