# -*- coding: utf-8 -*-
"""Running a procedure in GIMP 2.10: errors, progress, and the result."""

from __future__ import division, unicode_literals

import io
import os
import traceback

import gimp
import gimpfu
import host2
import venice_errors
import venice_link
import venice_process
import venice_task
import venice_tasks
import venice_texts

pdb = gimp.pdb
LOG = "venice-gimp.log"


def on_image(action, image, drawable, arguments, folder, interactive):
    """Run a procedure and return the new layer, or the topmost of several.

    `arguments`: by name, as gimpfu passes them. Any error is shown to the user as a sentence; then gimpfu's
    CancelError ends an interactive run quietly, and a gimpfu error tells a script that it failed.
    """
    try:
        _, layers, warnings = _run(action, image, drawable, arguments, folder, interactive)
    except gimpfu.CancelError:
        if interactive:
            raise
        return None  # gimpfu does not expect it when repeating
    except Exception as error:
        text = _sentence(error)
        gimp.message(host2.to_gimp(text))
        raise (gimpfu.CancelError if interactive else gimpfu.error)(host2.to_gimp(text))
    if warnings:
        gimp.message(host2.to_gimp("\n".join(warnings)))
    gimp.displays_flush()
    return layers[0]


def _run(action, image, drawable, arguments, folder, interactive):
    values = {name: _value(value) for name, value in arguments.items()}
    manifest = venice_process.read_manifest(host2.from_file_system(folder))
    with venice_link.Link(manifest, remedies=venice_texts.GIMP2_REMEDIES) as link:
        drawables = [drawable] if drawable is not None else []
        host = host2.Gimp210Host(link)
        task = venice_tasks.TASKS[action](host, image, drawables, values.__getitem__, link)
        if interactive or _needs_window(task):
            import window2

            return window2.run(task, link)
        gimp.progress_init(host2.to_gimp(task.title))
        try:
            return venice_task.run(task, link, show_progress)
        finally:
            pdb.gimp_progress_end()


def _needs_window(task):
    """Return whether it is repeated from the menu and would cost money at an unseen price.

    Scripts call procedures without a display.
    """
    if gimp.default_display() is None:
        return False
    task.in_window = True
    try:
        return not task.is_free()
    except venice_errors.UserError:
        return True  # the window shows what is wrong


def _value(value):
    """Return an argument as the worker takes it: text is text in Python 2 too."""
    return host2.from_gimp(value) if value is None or isinstance(value, bytes) else value


def show_progress(message):
    """Show progress in GIMP's progress bar. Its Cancel ends this process, and the worker notices."""
    if message is None:
        pdb.gimp_progress_pulse()
        return
    pdb.gimp_progress_set_text(host2.to_gimp(venice_texts.STAGES.get(message["stage"], "")))
    if message["total"]:
        gimp.progress_update(message["done"] / message["total"])


def _sentence(error):
    if isinstance(error, venice_errors.NotPlaced):
        _log(error.trace)
    if isinstance(error, venice_errors.UserError):
        return error.message
    _log(traceback.format_exc())
    words = type(error).__name__, venice_errors.error_text(error), _log_path()
    return "An unexpected error occurred in Venice: %s: %s (details in %s)" % words


def _log_path():
    return os.path.join(host2.from_gimp(gimp.directory), LOG)


def _log(text):
    """Append text to a file: on Windows a plug-in has no standard output or error."""
    try:
        with io.open(venice_process.file_name(_log_path()), "ab") as file:
            file.write(text if isinstance(text, bytes) else text.encode("utf-8"))
    except (IOError, OSError):
        pass
