# -*- coding: utf-8 -*-
"""ICC profiles, as far as a front end looks into them.

Standard library only; runs on Python 2.7 and 3.
"""

from __future__ import unicode_literals

import struct

_HEADER, _ENTRY = 128, 12  # bytes, as everything here: ICC.1:2022, 7.2 and 7.3


def is_srgb(profile):
    """Whether the description in `profile` (bytes) names it sRGB, which is how the worker takes it, too.

    It is ASCII or UTF-16, by the profile's version.
    """
    try:
        (count,) = struct.unpack_from(str(">I"), profile, _HEADER)
        for number in range(count):
            tag, start, size = struct.unpack_from(str(">4sII"), profile, _HEADER + 4 + number * _ENTRY)
            if tag == b"desc":
                return b"srgb" in profile[start : start + size].replace(b"\0", b"").lower()
    except struct.error:  # it ends too soon
        pass
    return False
