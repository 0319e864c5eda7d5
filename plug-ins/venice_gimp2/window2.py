# -*- coding: utf-8 -*-
"""The window after gimpfu's own: what will be sent and its price, then progress, cancel and errors.

PyGTK, which gimpfu needs for its window, too; loaded in interactive runs only.
"""

from __future__ import division, unicode_literals

import time
from xml.sax.saxutils import escape

import gimp
import gtk
import host2
import venice_errors
import venice_texts
from gimpfu import CancelError

TICK = 0.05
KEY_MISSING = venice_texts.KEY_MISSING + " The provider “sandbox” needs none."
_WIDTH = 420
_GIVING_UP = (gtk.RESPONSE_CANCEL, gtk.RESPONSE_CLOSE, gtk.RESPONSE_DELETE_EVENT, gtk.RESPONSE_NONE)
_SEND, _ENTER_KEY, _STOP = 1, 2, 3


def run(task, link):
    """Shows the window until the result is placed, and returns what `Task.place` does.

    Raises CancelError where the person gave up.
    """
    window = _Window(task, link)
    try:
        return window.run()
    finally:
        window.destroy()


class _Window(object):
    def __init__(self, task, link):
        self._task, self._link = task, link
        task.in_window = True
        self._cancelled = False
        self._stage, self._since = "", 0.0
        self._provider = ""
        self._dialog = gtk.Dialog(task.title, _active_window(), gtk.DIALOG_MODAL)
        self._key_button = self._dialog.add_button("Enter _Key...", _ENTER_KEY)
        self._dialog.add_button(gtk.STOCK_CANCEL, gtk.RESPONSE_CANCEL)
        self._send_button = self._dialog.add_button("_Send", _SEND)
        self._dialog.set_default_response(_SEND)
        self._dialog.connect("response", self._on_response)
        self._dialog.connect("delete-event", lambda *_: True)  # the window goes when the worker has answered
        self._plan, self._error = _label(), _label()
        self._progress = gtk.ProgressBar()
        box = gtk.VBox(False, 12)
        box.set_border_width(12)
        for widget in (self._plan, self._error, self._progress):
            box.pack_start(widget, False, False, 0)
        self._dialog.vbox.pack_start(box, True, True, 0)
        box.show()
        self._plan.show()
        self._key_button.hide()
        self._send_button.set_sensitive(False)

    def run(self):
        self._dialog.show()
        self._ask_plan()
        while True:
            response = self._dialog.run()
            if response in _GIVING_UP:
                raise CancelError("Cancelled.")
            if response == _ENTER_KEY:
                self._enter_key()
            elif response == _SEND:
                placed = self._work()
                if placed is not None:
                    return placed

    def destroy(self):
        self._dialog.destroy()
        _stay_alive()

    def _ask_plan(self):
        """Shows what would be sent and what it costs, or why that is not known."""
        self._error.hide()
        try:
            self._link.ensure()
            self._tell_plan(self._answer_to(self._task.ask_plan()))
        except venice_errors.UserError as error:
            self._tell_error(error)

    def _tell_plan(self, plan):
        self._task.told(plan)
        self._provider = plan["provider"]
        self._plan.set_text(self._task.sentences(plan))
        self._calm_gimpfus_bar()
        if not plan["key"]:
            self._tell_error(venice_errors.UserError(KEY_MISSING))
        self._key_button.set_property("visible", not plan["key"])
        self._send_button.set_sensitive(plan["key"])
        (self._send_button if plan["key"] else self._key_button).grab_focus()  # else Return means Cancel

    def _work(self):
        """Runs the job with the window alive; None when it may be tried again."""
        self._set_busy(True)
        try:
            self._begin(venice_texts.STAGES["preparing"])
            self._link.ensure()
            value = self._answer_to(self._task.start(self._on_start_wait))
            return self._task.place(value)
        except venice_errors.Detached as detached:
            self._tell_detached(detached)
            raise CancelError("Cancelled.")
        except venice_errors.PlanChanged as changed:
            self._tell_plan(changed.plan)
            self._tell_error(changed)
        except venice_errors.NotPlaced:
            raise
        except venice_errors.UserError as error:
            kind = getattr(error, "kind", "")
            if kind == "cancelled":
                self._link.close()  # nothing of it goes on; another try starts another worker
            self._tell_error(error)
            self._key_button.set_property("visible", kind in ("missing-key", "bad-key"))
        finally:
            self._set_busy(False)
        return None

    def _answer_to(self, call):
        """Waits with the window alive. Raises LinkError; CancelError where nothing is being sent."""
        while not self._cancelled or self._stage:
            message = self._link.receive(TICK)
            over, value = self._link.answer(message, call)
            if over:
                return value
            if message is not None and message.get("event") == "progress":
                self._show_progress(message)
            self._pulse()
        raise CancelError("Cancelled.")

    def _on_start_wait(self, _message):
        self._pulse()
        if self._cancelled:
            raise venice_errors.LinkError("Cancelled. Nothing was charged.", "cancelled")

    def _on_response(self, _dialog, response):
        if response not in _GIVING_UP or self._cancelled:
            return
        self._cancelled = True
        if self._stage:
            try:
                self._link.cancel()
            except venice_errors.LinkError:
                pass  # whoever waits for the answer hears of it

    def _show_progress(self, message):
        stage = venice_texts.STAGES.get(message["stage"], "")
        if stage != self._stage:
            self._begin(stage)
        if message["total"]:
            share = message["done"] / message["total"]
            self._progress.set_fraction(share)
            self._progress.set_text("%s %.0f %%" % (stage, 100 * share))

    def _begin(self, stage):
        self._stage, self._since = stage, time.time()
        self._progress.set_text(stage)
        self._calm_gimpfus_bar()

    def _calm_gimpfus_bar(self):
        """It would go on saying which file was exported last."""
        gimp.progress_init(host2.to_gimp(self._task.title))

    def _pulse(self):
        if self._stage:
            waited = int(time.time() - self._since)
            self._progress.pulse()
            if waited:
                self._progress.set_text("%s %d s" % (self._stage, waited))
        _stay_alive()

    def _set_busy(self, busy):
        self._cancelled = False
        self._send_button.set_sensitive(not busy)
        self._progress.set_property("visible", busy)
        if busy:
            self._error.hide()
        else:
            self._stage = ""

    def _tell_error(self, error):
        self._error.set_markup("<b>%s</b>" % escape(error.message))
        self._error.show()

    def _tell_detached(self, detached):
        """The plug-in is free already; the person may still stop the worker for good."""
        box = gtk.MessageDialog(
            self._dialog,
            gtk.DIALOG_MODAL,
            gtk.MESSAGE_INFO,
            gtk.BUTTONS_NONE,
            venice_texts.ALREADY_SENT,
        )
        box.format_secondary_text(detached.message)
        box.add_button("Stop for _Good", _STOP)
        box.add_button(gtk.STOCK_CLOSE, gtk.RESPONSE_CLOSE)
        box.set_default_response(gtk.RESPONSE_CLOSE)
        if box.run() == _STOP:
            self._link.stop()
        box.destroy()

    def _enter_key(self):
        """Asks for the key and has the worker keep it; GIMP never sees it."""
        box = gtk.Dialog("API key of %s" % self._provider, self._dialog, gtk.DIALOG_MODAL)
        box.add_button(gtk.STOCK_CANCEL, gtk.RESPONSE_CANCEL)
        box.add_button(gtk.STOCK_OK, gtk.RESPONSE_OK)
        box.set_default_response(gtk.RESPONSE_OK)
        entry = gtk.Entry()
        entry.set_visibility(False)
        entry.set_width_chars(50)
        entry.set_activates_default(True)
        box.vbox.pack_start(entry, False, False, 12)
        entry.show()
        typed = entry.get_text().decode("utf-8").strip() if box.run() == gtk.RESPONSE_OK else ""
        box.destroy()
        if typed:
            try:
                self._link.call("configure", {"provider": self._provider, "key": typed, "use": False})
            except venice_errors.LinkError as error:
                self._tell_error(error)
                return
            self._ask_plan()


def _label():
    label = gtk.Label()
    label.set_line_wrap(True)
    label.set_selectable(True)
    label.set_can_focus(False)
    label.set_alignment(0.0, 0.5)
    label.set_size_request(_WIDTH, -1)
    return label


def _active_window():
    """gimpfu's window, for ours to lie above it."""
    return next((window for window in gtk.window_list_toplevels() if window.is_active()), None)


def _stay_alive():
    while gtk.events_pending():
        gtk.main_iteration(False)
