"""The window for the provider and its key."""

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
import venice_link
from gi.repository import GimpUi, Gtk
from widgets import ErrorBar, label, mnemonic, stay_alive

BINARY = "venice"


def run_settings(link):
    """Shows the settings; True when they were stored."""
    GimpUi.init(BINARY)
    window = _SettingsWindow(link)
    try:
        return window.run()
    finally:
        window.destroy()


def status_of(link, wish, action="edit"):
    """The worker's status for a provider; the sandbox's where there is none of that name (any more)."""
    try:
        return link.call("status", {"provider": wish, "action": action})
    except venice_link.LinkError:
        return link.call("status", {"provider": "sandbox", "action": action})


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
        self._limit = Gtk.Entry(width_chars=12, activates_default=True, placeholder_text="no limit")
        if status["daily_limit"] is not None:
            self._limit.set_text(f"{status['daily_limit']:g}")
        self._note = label()
        self._account = label(selectable=True)
        self._error = ErrorBar()
        rows = (
            ("_Provider:", self._provider),
            ("API _key:", self._key),
            ("Spend at most a _day, in US dollars:", self._limit),
        )
        for row, (text, widget) in enumerate(rows):
            grid.attach(mnemonic(text, widget), 0, row, 1, 1)
            widget.set_hexpand(True)
            grid.attach(widget, 1, row, 1, 1)
        area = self._dialog.get_content_area()
        test = Gtk.Button(label="_Test Connection", use_underline=True, halign=Gtk.Align.START, margin=12)
        test.connect("clicked", lambda _button: self._test())
        self._grid, self._test_button, self._closing = grid, test, False
        self._dialog.connect("response", self._on_response)
        for widget in (grid, self._note, test, self._account, self._error.widget):
            area.pack_start(widget, False, False, 0)
        self._account.set_text(_spending(status))
        area.show_all()
        self._on_provider(self._provider)

    def run(self):
        while self._dialog.run() == Gtk.ResponseType.OK:
            try:
                self._link.call("configure", self._chosen())
                return True
            except (ValueError, venice_link.LinkError) as error:
                self._error.show(str(error))
        return False

    def destroy(self):
        self._dialog.destroy()

    def _chosen(self):
        """Raises ValueError for a limit that is no amount."""
        params = {"provider": self._provider.get_active_id()}
        if self._key.get_text().strip():
            params["key"] = self._key.get_text().strip()
        limit = self._limit.get_text().strip().lstrip("$").replace(",", ".")
        try:
            params["daily_limit"] = float(limit) if limit else None
        except ValueError:
            raise ValueError("The limit must be an amount of US dollars, or empty for none.") from None
        return params

    def _test(self):
        """Asks the service about the key, as it stands in the window; that costs nothing."""
        self._error.hide()
        self._account.set_text("Asking the service…")
        params = {"provider": self._provider.get_active_id(), "key": self._key.get_text().strip()}
        self._set_busy(True)  # one call at a time
        try:
            account = self._link.call("account", params, self._on_test_wait, 0.05)
            self._account.set_text(_described(account))
        except venice_link.LinkError as error:
            self._account.set_text("")
            self._error.show(str(error))
        self._set_busy(False)

    def _on_test_wait(self, _message):
        stay_alive()
        if self._closing:
            raise venice_link.LinkError("The test was given up.", "cancelled")

    def _on_response(self, _dialog, response):
        self._closing = response != Gtk.ResponseType.OK

    def _set_busy(self, busy):
        for widget in (self._grid, self._test_button):
            widget.set_sensitive(not busy)
        self._dialog.set_response_sensitive(Gtk.ResponseType.OK, not busy)

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


def _spending(status):
    spent = status["spent_today"]
    if not spent["requests"]:
        return "Nothing was spent today."
    unknown = f", and {spent['unpriced']} at a price that is not known" if spent["unpriced"] else ""
    return f"Today: {spent['requests']} requests for at most ${spent['usd']:.2f}{unknown}."


def _described(account):
    balances = [
        f"{account[name]:.2f} {unit}"
        for name, unit in (("usd", "US dollars"), ("diem", "DIEM"))
        if account[name] is not None
    ]
    balance = f" Balance: {' and '.join(balances)}." if balances else ""
    access = "" if account["permitted"] else " The service does not give it access at present."
    return f"The key works.{access}{balance}"
