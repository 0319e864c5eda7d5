#!/usr/bin/env python
"""A plug-in that shows whether a GIMP 2.10 runs plug-ins in Python."""

import gimpfu  # noqa: F401

print("Python " + "works")
