"""The window that adds a provider: a service with an OpenAI-compatible images API."""

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
import venice_errors
from gi.repository import GimpUi, Gtk
from widgets import FittingBox, Notice, form, ignore_wheel, label

SOME_ADDRESS, NO_MODEL = "https://example.com/v1", "the server's default"
WORKS_LIKE = {
    "openai": "OpenAI (mask, pixel sizes)",
    "grok-relay": "a relay for grok-3-image (aspect ratios, one image)",
    "gpt-image-relay": "a relay for gpt-image-1 (several images, no mask)",
    "self-hosted": "your own server (mask, pixel sizes)",
}


def run_new_provider(link, parent):
    """Show the window; return the name of the new provider, or None."""
    window = _ProviderWindow(link, parent)
    try:
        return window.run()
    finally:
        window.destroy()


class _ProviderWindow:
    def __init__(self, link, parent):
        self._link = link
        self._dialog = GimpUi.Dialog(title="New Provider", role="venice", transient_for=parent, modal=True)
        self._dialog.add_button("_Cancel", Gtk.ResponseType.CANCEL)
        self._dialog.add_button("A_dd", Gtk.ResponseType.OK)
        self._dialog.set_default_response(Gtk.ResponseType.OK)
        self._name = Gtk.Entry(activates_default=True, placeholder_text="such as my-server")
        self._works_like = Gtk.ComboBoxText()
        status = link.call("status", {"provider": "sandbox"})
        self._taken = status["providers"]
        for base in status["bases"]:
            self._works_like.append(base, WORKS_LIKE.get(base, base))
        self._works_like.set_active_id("self-hosted")
        self._address = Gtk.Entry(activates_default=True, width_chars=44, placeholder_text=SOME_ADDRESS)
        self._model = Gtk.Entry(activates_default=True, placeholder_text=NO_MODEL)
        fitting = FittingBox(self._dialog, self._dialog.get_content_area())
        self._error = Notice(fitting.fit)
        grid = form(
            ("_Name:", self._name, self._name),
            ("_Works like:", self._works_like, self._works_like),
            ("_Address:", self._address, self._address),
            ("_Model:", self._model, self._model),
        )
        for widget, text in (
            (self._name, "A name of your choice: lowercase letters, digits, and hyphens"),
            (self._works_like, "The service whose request format it uses"),
            (self._address, "Its address, up to but not including /images/edits"),
            (self._model, "The model to use when none is chosen"),
        ):
            widget.set_tooltip_text(text)
        note = label()
        note.set_text("For more options, edit the settings file (see docs/providers.md).")
        for widget in (grid, note, self._error.widget):
            fitting.box.pack_start(widget, False, False, 0)
        fitting.box.show_all()
        ignore_wheel(fitting.box)

    def run(self):
        while self._dialog.run() == Gtk.ResponseType.OK:
            try:
                name, entries = self._chosen()
                self._link.call("profile", {"provider": name, "entries": entries})
                return name
            except (ValueError, venice_errors.LinkError) as error:
                self._error.show(str(error))
        return None

    def destroy(self):
        self._dialog.destroy()

    def _chosen(self):
        """Return the name and the profile's entries. Raises ValueError for a taken name or no address."""
        name, address, model = (w.get_text().strip() for w in (self._name, self._address, self._model))
        if name in self._taken:
            raise ValueError(f"A provider named “{name}” already exists: choose another name.")
        if not address:
            raise ValueError(f"Enter an address, such as {SOME_ADDRESS}.")
        entries = {"based_on": self._works_like.get_active_id(), "base_url": address}
        return name, dict(entries, model=model) if model else entries
