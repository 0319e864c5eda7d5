"""The window for the provider and its key."""

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
import venice_link
from gi.repository import GimpUi, Gtk
from widgets import ErrorBar, label, mnemonic

BINARY = "venice"


def run_settings(link):
    """Shows the settings; True when they were stored."""
    GimpUi.init(BINARY)
    window = _SettingsWindow(link)
    try:
        return window.run()
    finally:
        window.destroy()


def status_of(link, wish):
    """The worker's status for a provider; the sandbox's where there is none of that name (any more)."""
    try:
        return link.call("status", {"provider": wish})
    except venice_link.LinkError:
        return link.call("status", {"provider": "sandbox"})


class _SettingsWindow:
    def __init__(self, link):
        self._link = link
        status = status_of(link, "")
        self._dialog = GimpUi.Dialog(title="Venice Settings", role=BINARY)
        self._dialog.add_button("_Cancel", Gtk.ResponseType.CANCEL)
        self._dialog.add_button("_Save", Gtk.ResponseType.OK)
        self._dialog.set_default_response(Gtk.ResponseType.OK)
        grid = Gtk.Grid(row_spacing=6, column_spacing=6, border_width=12)
        self._provider = Gtk.ComboBoxText()
        for name in status["providers"]:
            self._provider.append(name, name)
        self._provider.set_active_id(status["provider"])
        self._provider.connect("changed", self._on_provider)
        self._key = Gtk.Entry(visibility=False, width_chars=44, activates_default=True)
        self._key.set_input_purpose(Gtk.InputPurpose.PASSWORD)
        self._note = label()
        self._error = ErrorBar()
        for row, (text, widget) in enumerate((("_Provider:", self._provider), ("API _key:", self._key))):
            grid.attach(mnemonic(text, widget), 0, row, 1, 1)
            widget.set_hexpand(True)
            grid.attach(widget, 1, row, 1, 1)
        area = self._dialog.get_content_area()
        for widget in (grid, self._note, self._error.widget):
            area.pack_start(widget, False, False, 0)
        area.show_all()
        self._on_provider(self._provider)

    def run(self):
        while self._dialog.run() == Gtk.ResponseType.OK:
            params = {"provider": self._provider.get_active_id()}
            if self._key.get_text().strip():
                params["key"] = self._key.get_text().strip()
            try:
                self._link.call("configure", params)
                return True
            except venice_link.LinkError as error:
                self._error.show(str(error))
        return False

    def destroy(self):
        self._dialog.destroy()

    def _on_provider(self, combo):
        name = combo.get_active_id()
        try:
            status = self._link.call("status", {"provider": name})
        except venice_link.LinkError as error:
            self._error.show(str(error))
            return
        self._key.set_sensitive(name != "sandbox")
        if name == "sandbox":
            note = "The sandbox runs on this machine, needs no key and costs nothing. It only recolours."
        elif status["key"]:
            kept = {"environment": "environment", "keyring": "system's keyring", "file": "settings folder"}
            note = f"A key is set ({kept[status['key_source']]}). Leave the field empty to keep it."
        else:
            note = "No key is set. It is kept in the system's keyring, or else in a file only you can read."
        self._note.set_text(note)
