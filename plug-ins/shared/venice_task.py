# -*- coding: utf-8 -*-
"""One task: from what is selected in GIMP, over the worker, to new layers.

The steps are separate, so that a window can stay alive between them: `ask_plan` (what would be sent),
`start` (pixels out, then the job runs in the worker), `place` (the results into the image).

Standard library only; runs on Python 2.7 and 3. GIMP is reached through a host, a module that has these
(a rectangle is a dict with x, y, width, height in image coordinates, an extent one with width and height;
files are written by `link.write`):

    layer_of(drawable)                                  the layer, also of a layer mask; else None
    upward(image, layers)                               those, each once, from the bottom of the stack
    has_floating_selection(image)
    is_empty(layer)                                     whether it is a group without a layer
    locked_group(layer)                                 the outermost group around it that is locked, or None
    bounds_of(layer), extent_of(layer)                  its rectangle; its extent
    canvas_of(image)                                    its extent
    is_there(layer or image)                            False when it was deleted or closed meanwhile
    name_of(layer)                                      its name, in Python 2 as unicode
    base_of(image)                                      "rgb", "gray" or "indexed"
    is_plain(layer)                                     whether its mode is Normal and its opacity 100 %
    tattoo_of(layer)                                    its number within the image, which XCF files keep
    recipe_of(layer)                                    the data of its parasite RECIPE, or None
    stack_of(image, layer), children_of(layer)          the layers beside it (None: of the whole image) and in
                                                        it, topmost first
    is_quick_mask_on(image)                             whether the selection is a channel for now
    edits_mask(layer)                                   whether not the layer but its mask is being edited
    is_hidden(layer)                                    whether it, or a group around it, is invisible
    hide(layer)                                         whether it is invisible now
    export_selection(image, link, name)                 writes 8-bit linear coverage; its window, or None
    export_shown(image, layer, crop, link, name, wide_name=None)
                                                        writes 8-bit sRGB RGBA of what the layer shows; with
                                                        `wide_name`, where the image may hold colors outside
                                                        sRGB, float32 RGBA too: then True, else False
    export_visible(image, crop, link, name, wide_name=None)
                                                        the same of all that is visible
    load(link, path, extent, kind)                      a result's file as the functions below take it; kind
                                                        is "pixels", "mask" or "rim"; of None, None
    kept_choice(image), undo_group(image)               context managers: the same layers are selected
                                                        afterwards; one undo step
    add_result(image, above, crop, pixels, mask, name, recipe)
    add_group(image, above, name, recipe)
    add_variation(image, group, number, crop, pixels, mask, name, recipe)
    add_cutout(image, source, above, crop, matte, name, recipe, pixels=None, rim=None)
    add_masked_copy(image, source, above, crop, matte, name, recipe)
                                                        new layers directly above the layer `above` (None: at
                                                        the top), which they return; those of a group below
                                                        each other. A recipe is what the parasite RECIPE holds
    new_image(crop)                                     an empty image that nobody sees yet
    show(image)                                         in a window

For UpscaleTask alone:

    new_image(crop, like=None)                          with the print resolution of the image `like`
    name_image(image, name, beside)                     its file's name, in the folder of another image

And for `has_changed` alone:

    selection_window(image)                             as `export_selection` returns it
    coverage_of(image, window)                          as `export_selection` writes it
"""

from __future__ import division, unicode_literals

import hashlib

import venice_layers
from venice_errors import HostError, LinkError, NotPlaced, PlanChanged
from venice_host import LoadedResult
from venice_texts import describe


class Task(object):
    """`value(name)` gives a procedure's argument, such as "match-colors"; it is read anew at each step.

    `options` are the worker's, `own_options` GIMP's alone; both are the procedure's arguments. `choices` says
    which values GIMP's own may have. `made_of_layer`: else the layer only says where the result goes.
    `in_window` is set where the user looks on: what is selected is watched. `may_try_sandbox`: a trial of it
    counts, since it can be begun and seen there.
    """

    action = ""
    title = ""
    options = ()
    own_options = ()
    choices = ()
    made_of_layer = True
    makes_image = False
    in_window = False
    may_try_sandbox = False

    def __init__(self, host, image, drawables, value, link):
        self._host = host
        self._image = image
        self._argument = value
        self._link = link
        self._told, self._notes = [], []
        self._told_offer = self._glanced = self._window = self._digest = None
        self._sent_from = None
        self._layer, self._references = self._pick(drawables)
        self._source = host.tattoo_of(self._layer) if self._layer is not None else None

    def ask_plan(self):
        """Asks the worker what would be sent and returns the call's number. Raises LinkError, HostError."""
        return self._link.send("plan", self._describe())

    def is_free(self):
        """Whether running it now would buy nothing. Raises LinkError, HostError."""
        price = self._link.call("plan", self._describe())["total"]
        return price is not None and price["usd"] == 0

    def told(self, plan):
        """Remembers that the user has seen this plan with its warnings."""
        self._told = plan["warnings"] + self._notes
        self._told_offer = self._offer(plan)

    def sentences(self, plan):
        """What is to be known before sending: the plan in words, and what it means in this image."""
        return "%s\n%s" % (describe(plan), "\n".join(self._notes)) if self._notes else describe(plan)

    def has_changed(self):
        """Whether the selection or the layers are no longer as when the last plan was asked for.

        Bounds are compared first, then a digest of the selection inside them.
        """
        glanced = self._glance()
        if glanced != self._glanced:
            return True
        window = glanced and glanced[-1]
        return bool(window) and self._digest != _digest(self._host.coverage_of(self._image, window))

    def start(self, on_wait=None):
        """Exports the pixels, starts the job and returns the call's number. Raises LinkError, HostError.

        `on_wait` is for a window: it is called while the worker makes sure of the price, and then what the
        user was `told` must hold: else it raises PlanChanged.
        """
        described = self._describe()
        plan = self._link.call("plan", dict(described, to_send=True), on_wait, 0.05)
        if on_wait is not None and self._offer(plan) != self._told_offer:
            raise PlanChanged(plan)
        files = {"plan": plan["id"], "coverage": described.get("coverage")}
        if not plan["key"]:
            # The worker's own words for it, before a pixel is copied.
            return self._link.send("run", dict(files, source=self._link.write("source", b"")))
        self._export(plan, files)
        return self._link.send("run", files)

    def place(self, value):
        """Puts the worker's results into the image, as one undo step: (image, layers, warnings).

        The warnings are those that have not been `told` already. Raises NotPlaced, whatever went wrong.
        """
        try:
            return self._place(value)
        except Exception as error:
            raise NotPlaced(value["results"], error)

    def _place(self, value):
        warnings, made = list(value["warnings"]), [self._load(result) for result in value["results"]]
        host, image, source = self._host, self._image, self._layer
        if not host.is_there(image):
            image, source = host.new_image(made[0].crop), None
            made = [each.in_image_of_its_own() for each in made]
            warnings.append("The image was closed meanwhile: the result is an image of its own.")
            layers = self._add_all(image, source, made, warnings)
            host.show(image)
        else:
            with host.preserve_selection(image), host.undo_group(image):
                layers = self._add_all(image, source, made, warnings)
        self._tell_placed(made)
        return image, layers, self._untold(warnings)

    def _untold(self, warnings):
        return [warning for warning in warnings if warning not in self._told]

    def _pick(self, drawables):
        """(the layer to work on, further layers as references). Raises HostError."""
        return venice_layers.one(self._host, self._image, drawables), []

    def _area(self):
        """What the result may cover."""
        return self._host.bounds_of(self._layer)

    def _sees_selection(self):
        return True

    def _export(self, plan, files):
        """Writes the crop's pixels, and names them in the message."""
        self._sent_from = self._host.bounds_of(self._layer)
        files["source"] = "source"
        if self._export_source(plan["crop"], "source", "wide"):
            files["wide"] = "wide"

    def _export_source(self, crop, name, wide_name):
        return self._host.export_shown(self._image, self._layer, crop, self._link, name, wide_name)

    def _add_all(self, image, source, made, warnings):
        """The results as layers, topmost first; of several wanted variations, in a group of their own."""
        if source is not None and not self._host.is_there(source):
            warnings.append("The source layer is gone: the result lies at the top of the image.")
            source = None
        above = self._find_place(image, source)
        if made[0].variations == 1:
            return [self._add(image, source, above, made[0], warnings)]
        warnings += self._limits(image, source)
        group = self._host.add_group(image, above, made[0].name, made[0].recipe)
        return [
            self._host.add_variation(
                image,
                group,
                number,
                each.crop,
                each.pixels,
                each.mask,
                "%d · %s" % (number + 1, each.name),
                each.recipe,
            )
            for number, each in enumerate(made)
        ]

    def _find_place(self, image, source):
        """The layer above which the result goes; None: at the top of the image."""
        return None if source is None else venice_layers.place_above(self._host, image, source)

    def _add(self, image, source, above, made, warnings):
        warnings += self._limits(image, source)
        return self._host.add_result(image, above, made.crop, made.pixels, made.mask, made.name, made.recipe)

    def _has_own_look(self, source):
        """Whether `source` is mixed otherwise than the result will be."""
        return self.made_of_layer and source is not None and not self._host.is_plain(source)

    def _limits(self, image, source):
        """What is to be known about any result in this image."""
        warnings = []
        if self.makes_image:
            return warnings  # an RGB image of its own
        base = self._host.base_of(image)
        if base == "indexed":
            warnings.append("The image is indexed: the result has only the colors of its palette.")
        elif base == "gray":
            warnings.append("The image is grayscale: so is the result.")
        if self._has_own_look(source):
            warnings.append(
                "The source layer has an opacity or mode of its own; the result layer is Normal, 100 %."
            )
        return warnings

    def _find_notes(self):
        """What the worker cannot know, and the user should before anything is sent."""
        host, image = self._host, self._image
        notes = self._limits(image, self._layer)
        masked = self._sees_selection() and host.is_quick_mask_on(image)
        if masked and host.selection_window(image) is None:
            notes.append("Quick Mask is on, so nothing is selected: turn it off to use it as the selection.")
        if self._layer is not None and host.edits_mask(self._layer):
            notes.append("The layer's mask is being edited; what is sent is the layer itself.")
        if self._is_made_of_hidden():
            notes.append("The selected layer is hidden, but it is sent anyway.")
        return notes

    def _is_made_of_hidden(self):
        return self.made_of_layer and self._host.is_hidden(self._layer)

    def _tell_placed(self, made):
        # The result is there: that its working files stay must not make it look like a failure.
        try:
            for job in {each.job for each in made}:
                self._link.call("placed", {"job": job})
        except LinkError:
            pass

    def _describe(self):
        """The job as the worker knows it, and the file with the selection's coverage."""
        self._glanced = self._glance()
        if self._glanced is None:
            gone = "image is closed" if not self._host.is_there(self._image) else "layer is gone"
            raise HostError("The %s." % gone)
        for name, known in self.choices:
            if self._value(name) not in known:
                words = self._value(name), name, " or ".join(known)
                raise HostError("“%s” is not known for %s: it can be %s." % words)
        self._notes = self._glanced[2]
        options = {name: self._value(name) for name in self.options}
        job = {
            "action": self.action,
            "layer": self._area(),
            "canvas": self._host.canvas_of(self._image),
            "options": options,
            "references": [self._host.extent_of(layer) for layer in self._references],
        }
        described = {"job": job, "trial": self.may_try_sandbox}
        if not self._sees_selection():
            return described
        self._window = window = self._host.export_selection(self._image, self._link, "coverage")
        if window is None:
            return described
        with open(self._link.path_of("coverage"), "rb") as file:
            self._digest = _digest(file.read())
        job["window"] = window
        return dict(described, coverage="coverage")

    def _glance(self):
        """What a plan depends on, as far as it can be had at once; None: not all of it is there any more."""
        host, layers = self._host, list(self._references)
        if self._layer is not None:
            layers.append(self._layer)
        if not (host.is_there(self._image) and all(map(host.is_there, layers))):
            return None
        bounds = [host.bounds_of(layer) for layer in layers]
        window = host.selection_window(self._image) if self.in_window and self._sees_selection() else None
        return host.canvas_of(self._image), bounds, self._find_notes(), window

    def _offer(self, plan):
        """What the user agrees to by sending it, exactly what is selected included."""
        price = [plan[name] for name in ("provider", "endpoint", "model", "total", "requests", "pictures")]
        sent = [plan[name] for name in ("crop", "size", "guided", "references")]
        return price, sent, self._window, self._window and self._digest

    def _value(self, name):
        return self._argument(name)

    def _host_options(self):
        return {name: self._value(name) for name in self.own_options}

    def _load(self, result):
        return LoadedResult(self._host, self._link, result, self._host_options(), self._source)


def run(task, link, on_progress):
    """Runs a task without a window and returns what `place` does.

    `on_progress(message)` is called for each progress message, and with None about every 0.1 s.
    """
    call_id = task.start()
    while True:
        message = link.receive(0.1)
        over, value = link.answer(message, call_id)
        if over:
            return task.place(value)
        on_progress(message)


def _digest(data):
    return hashlib.sha256(data).hexdigest()
