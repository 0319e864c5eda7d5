"""Running a procedure: errors, progress, and return values."""

import contextlib
import functools
import sys
import traceback

import memory
import venice_errors
import venice_link
import venice_process
import venice_task
import venice_tasks
import venice_texts
from gi.repository import Gegl, Gimp
from host import Gimp3Host
from return_values import failure, values_with_layers

ACTIONS = {
    "plug-in-venice-edit": "edit",
    "plug-in-venice-remove-background": "cutout",
    "plug-in-venice-generate": "generate",
    "plug-in-venice-upscale": "upscale",
}


def _returning_errors(run):
    """Wrap `run(procedure, ...)` so that any error becomes return values with a sentence for the user."""

    @functools.wraps(run)
    def wrapped(procedure, *arguments):
        try:
            return run(procedure, *arguments)
        except (venice_errors.LinkError, venice_errors.HostError) as error:
            return failure(procedure, str(error))
        except venice_errors.NotPlaced as error:
            print(error.trace, file=sys.stderr)
            return failure(procedure, str(error))
        except Exception as error:
            traceback.print_exc()
            return failure(
                procedure, f"An unexpected error occurred in Venice: {type(error).__name__}: {error}"
            )

    return wrapped


@_returning_errors
def on_image(procedure, run_mode, image, drawables, config, folder):
    """Run an image procedure and return its values."""
    Gegl.init(None)
    with venice_link.Link(venice_process.read_manifest(folder), remedies=venice_texts.GIMP3_REMEDIES) as link:
        task_of = venice_tasks.TASKS[ACTIONS[procedure.get_name()]]
        host = Gimp3Host(link)
        task = task_of(host, image, drawables, functools.partial(_value, config), link)
        repeats = run_mode == Gimp.RunMode.WITH_LAST_VALS and _needs_window(task)
        if run_mode == Gimp.RunMode.INTERACTIVE or repeats:
            import dialog

            placed = dialog.run_task(procedure, config, task, link, repeats)
            if placed is None:
                return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
        else:
            placed = _run(task, link)
    if repeats:
        memory.store_last_values(config, image)
    made_in, layers, warnings = placed
    if task.makes_image and run_mode != Gimp.RunMode.NONINTERACTIVE:
        host.show(made_in)
    if warnings:
        Gimp.message("\n".join(warnings))
    Gimp.displays_flush()
    return values_with_layers(made_in, layers)


@_returning_errors
def settings(procedure, config, folder):
    """Choose the provider, or open the settings. A key is never an argument: GIMP would store it."""
    with venice_link.Link(venice_process.read_manifest(folder), remedies=venice_texts.GIMP3_REMEDIES) as link:
        if config.get_property("run-mode") == Gimp.RunMode.INTERACTIVE:
            import settings_window

            if not settings_window.run_settings(link):
                return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
        else:
            link.call("configure", {"provider": config.get_property("provider") or ""})
    return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)


def _needs_window(task):
    """Return whether repeating it would cost money at an unseen price and there is a screen."""
    if not Gimp.Display.name():
        return False
    task.in_window = task.may_try_sandbox = True
    try:
        return not task.is_free()
    except (venice_errors.LinkError, venice_errors.HostError):
        return True  # the window shows what is wrong


def _value(config, name):
    """Return an argument's value; GIMP passes a default empty text as None."""
    value = config.get_property(name)
    return "" if value is None else value


def _run(task, link):
    """Run a task with GIMP's progress bar. Its Cancel ends this process, and the worker notices."""
    Gimp.progress_init(task.title)
    with contextlib.closing(_ProgressBar()) as bar:
        return venice_task.run(task, link, bar.show)


class _ProgressBar:
    def show(self, message):
        if message is None:
            Gimp.progress_pulse()
            return
        Gimp.progress_set_text(venice_texts.STAGES.get(message["stage"], ""))
        if message["total"]:
            Gimp.progress_update(message["done"] / message["total"])

    def close(self):
        Gimp.progress_end()
