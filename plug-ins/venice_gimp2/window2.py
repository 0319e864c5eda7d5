# -*- coding: utf-8 -*-
"""The window after gimpfu's own: what will be sent and its price, then progress, Cancel, and errors.

It is the view of a `venice_session.Session`, which controls what happens when. It uses PyGTK, as gimpfu's own
window does, and is loaded only in interactive runs.
"""

from __future__ import division, unicode_literals

from xml.sax.saxutils import escape

import gimp
import gobject
import gtk
import host2
import venice_errors
import venice_session
import venice_texts
from gimpfu import CancelError

STEP_MS = int(1000 * venice_session.TICK)
NO_KEY_NEEDED = " The provider “sandbox” does not need a key."
_WIDTH = 420
_CANCEL_RESPONSES = (gtk.RESPONSE_CANCEL, gtk.RESPONSE_CLOSE, gtk.RESPONSE_DELETE_EVENT, gtk.RESPONSE_NONE)
_SEND, _ENTER_KEY, _STOP = 1, 2, 3


def run(task, link):
    """Show the window until the result is placed, and return what `Task.place` does.

    Raises CancelError if the user cancels.
    """
    window = _Window(task, link)
    try:
        return window.run()
    finally:
        window.destroy()


class _Window(object):
    def __init__(self, task, link):
        self._task, self._link = task, link
        self._session = venice_session.Session(task, link, self)
        self._dialog = gtk.Dialog(task.title, _active_window(), gtk.DIALOG_MODAL)
        self._key_button = self._dialog.add_button("Enter _Key...", _ENTER_KEY)
        self._dialog.add_button(gtk.STOCK_CANCEL, gtk.RESPONSE_CANCEL)
        self._send_button = self._dialog.add_button("_Send", _SEND)
        self._dialog.set_default_response(_SEND)
        self._dialog.connect("response", self._on_response)
        self._dialog.connect("delete-event", lambda *_: True)  # it closes when the worker has answered
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
        self._provider = self._progress_text = ""
        self._timer = gobject.timeout_add(STEP_MS, self._on_step)

    def run(self):
        self._dialog.show()
        self._session.ask_plan()
        placed = None
        while placed is None:
            response = self._dialog.run()
            if response in _CANCEL_RESPONSES:
                raise CancelError("Cancelled.")
            if response == _ENTER_KEY:
                self._enter_key()
            elif response == _SEND:
                placed = self._work()
        return placed

    def destroy(self):
        gobject.source_remove(self._timer)
        self._dialog.destroy()
        _process_events()

    def _work(self):
        try:
            return self._session.work()
        except venice_errors.Detached as detached:
            self._show_detached(detached)
            raise CancelError("Cancelled.")

    def _on_step(self):
        self._session.step()
        return True

    def _on_response(self, _dialog, response):
        if response in _CANCEL_RESPONSES:
            self._session.cancel()

    # What the session has to show

    def show_plan(self, text):
        plan = self._session.plan
        self._plan.set_text(text)
        self._reset_gimpfu_progress()
        if plan is not None:  # otherwise what was shown last can still be sent, once there is a worker again
            self._provider = plan["provider"]
            self._send_button.set_sensitive(plan["key"])
            if plan["key"]:
                self._send_button.grab_focus()  # otherwise Return means Cancel

    def show_problem(self, problem):
        self._error.set_property("visible", problem is not None)
        self._key_button.set_property("visible", problem is not None and problem.wants_key)
        if problem is None:
            self._send_button.set_sensitive(self._session.plan is not None)  # a key has just been entered
            return
        text = problem.text
        if problem.kind == venice_session.NO_KEY:
            text += NO_KEY_NEEDED
            self._key_button.grab_focus()
        self._error.set_markup("<b>%s</b>" % escape(text))

    def show_progress(self, text, share):
        if text != self._progress_text:
            self._progress_text = text
            self._progress.set_text(text)
            self._reset_gimpfu_progress()
        if share is None:
            self._progress.pulse()
        else:
            self._progress.set_fraction(share)

    def set_busy(self, busy):
        self._send_button.set_sensitive(not busy)
        self._progress.set_property("visible", busy)

    def refresh(self):
        """Do nothing: there are no lists of what the service offers."""

    def ask_whether_to_wait(self):
        """Detach from the worker immediately; the question follows."""
        self._session.leave()

    def wait(self):
        gtk.main_iteration(True)

    def _reset_gimpfu_progress(self):
        """Reset GIMP's progress bar, which would otherwise name the last exported file."""
        gimp.progress_init(host2.to_gimp(self._task.title))

    def _show_detached(self, detached):
        """Say that the worker continues on its own, and let the user stop it for good."""
        box = gtk.MessageDialog(
            self._dialog,
            gtk.DIALOG_MODAL,
            gtk.MESSAGE_INFO,
            gtk.BUTTONS_NONE,
            venice_texts.ALREADY_SENT,
        )
        box.format_secondary_text(detached.message)
        box.add_button("_Stop and Discard", _STOP)
        box.add_button(gtk.STOCK_CLOSE, gtk.RESPONSE_CLOSE)
        box.set_default_response(gtk.RESPONSE_CLOSE)
        if box.run() == _STOP:
            self._link.stop()
        box.destroy()

    def _enter_key(self):
        """Ask for the key and have the worker store it; GIMP never sees it."""
        box = gtk.Dialog("API Key for %s" % self._provider, self._dialog, gtk.DIALOG_MODAL)
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
            key = {"provider": self._provider, "key": typed, "use": False}
            self._session.pause_for(lambda: self._link.call("configure", key))


def _label():
    label = gtk.Label()
    label.set_line_wrap(True)
    label.set_selectable(True)
    label.set_can_focus(False)
    label.set_alignment(0.0, 0.5)
    label.set_size_request(_WIDTH, -1)
    return label


def _active_window():
    """Return gimpfu's window, for ours to be above it."""
    return next((window for window in gtk.window_list_toplevels() if window.is_active()), None)


def _process_events():
    while gtk.events_pending():
        gtk.main_iteration(False)
