# -*- coding: utf-8 -*-
"""What a host of tasks, such as a GIMP, has in common with every other.

Standard library only; runs on Python 2.7 and 3.
"""

from __future__ import unicode_literals

import json

from venice_rectangle import at_origin

RECIPE = "venice-recipe"


class LoadedResult(object):
    """One result as the worker left it, its files as the host takes them.

    `source`: the tattoo of the layer that it is made from, or that it lies above; None: there is none.
    """

    def __init__(self, host, link, result, host_options, source):
        self.job, self.crop, self.name = result["job"], result["crop"], result["name"]
        extent = {name: self.crop[name] for name in ("width", "height")}
        self.pixels, self.mask, self.rim = (
            host.load(link, result[kind], extent, kind) for kind in ("pixels", "mask", "rim")
        )
        self.variations = result["recipe"]["options"]["variations"]
        self._recipe = dict(result["recipe"], host=host_options, source=source)

    @property
    def recipe(self):
        return json.dumps(self._recipe, sort_keys=True).encode("ascii")

    def in_image_of_its_own(self):
        """The same at the origin of an image in which its source is not."""
        self.crop = at_origin(self.crop)
        self._recipe["source"] = None
        return self
