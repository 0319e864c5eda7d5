"""Pieces that the windows are made of."""

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, GObject, Gtk


class ErrorBar:
    """A bar with a sentence, and buttons for what helps."""

    def __init__(self):
        self.widget = Gtk.InfoBar(message_type=Gtk.MessageType.ERROR, no_show_all=True)
        # Escape would end with the bar
        self.widget.connect("close", lambda bar: bar.get_toplevel().close())
        self._text = label(selectable=True)
        self._buttons = Gtk.Box(spacing=6, margin=12, margin_top=0)
        # not the bar's own place for buttons: that would leave the text a narrow column
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        box.pack_start(self._text, True, True, 0)
        box.pack_start(self._buttons, False, False, 0)
        self.widget.get_content_area().pack_start(box, True, True, 0)
        box.show()
        self._text.show()

    def add_button(self, text, action):
        button = Gtk.Button(label=text, use_underline=True)
        button.connect("clicked", lambda _button: action())
        self._buttons.pack_start(button, False, False, 0)
        button.show()

    def show(self, text, with_buttons=False):
        self._text.set_text(text)
        self._buttons.set_visible(with_buttons)
        self.widget.show()

    def hide(self):
        if self.widget.get_visible():
            self.widget.hide()
            shrink(self.widget.get_toplevel())


def add_choice(grid, row, text, config, name, default, labels):
    """A list bound to a text option: "" is the default, and other texts may be typed.

    `labels`: of which its label takes the width. Returns a function that takes what to offer: pairs of a
    value and what is shown for it.
    """
    combo = Gtk.ComboBoxText.new_with_entry()
    entry = combo.get_child()
    entry.set_placeholder_text(default)
    values = []

    def offer(offered):
        chosen = entry.get_text()
        values.clear()
        combo.remove_all()
        for value, shown in (("", default), *offered):
            values.append(value)
            combo.append_text(shown)
        entry.set_text(chosen)

    def picked(_combo):
        index = combo.get_active()
        if index >= 0:
            entry.set_text(values[index])

    combo.connect("changed", picked)
    flags = GObject.BindingFlags.BIDIRECTIONAL | GObject.BindingFlags.SYNC_CREATE
    config.bind_property(name, entry, "text", flags)
    named = mnemonic(text, entry)
    labels.add_widget(named)
    grid.attach(named, 0, row, 1, 1)
    combo.set_hexpand(True)
    grid.attach(combo, 1, row, 1, 1)
    grid.show_all()
    return offer


def form(*rows):
    """A grid of rows: a label's text, the widget that its underlined letter leads to, and what is shown.

    What is shown is that widget, or holds it. A label rests while its widget does.
    """
    grid = Gtk.Grid(row_spacing=6, column_spacing=6, border_width=12)
    for row, (text, widget, shown) in enumerate(rows):
        named = mnemonic(text, widget)
        widget.bind_property("sensitive", named, "sensitive", GObject.BindingFlags.SYNC_CREATE)
        grid.attach(named, 0, row, 1, 1)
        shown.set_hexpand(True)
        grid.attach(shown, 1, row, 1, 1)
    return grid


def mnemonic(text, widget):
    """A label whose underlined letter leads to `widget`."""
    made = Gtk.Label(label=text, use_underline=True, xalign=0.0)
    made.set_mnemonic_widget(widget)
    made.show()
    return made


def shrink(window):
    """To the height that it needs: it does not give back by itself what is gone."""
    window.resize(window.get_size().width, 1)


def stay_alive():
    """Lets windows react in the middle of a wait."""
    while Gtk.events_pending():
        Gtk.main_iteration_do(False)


def label(selectable=False):
    """A paragraph."""
    return Gtk.Label(xalign=0.0, wrap=True, max_width_chars=64, selectable=selectable, margin=12)


def make_prompt_large(widget, dialog):
    """Several lines, and Ctrl+Enter sends. Returns the text view in `widget`."""
    view = _find(widget, Gtk.TextView)
    frame = view.get_parent()
    if isinstance(frame, Gtk.ScrolledWindow):
        frame.set_shadow_type(Gtk.ShadowType.IN)
    view.set_wrap_mode(Gtk.WrapMode.WORD_CHAR)
    view.set_size_request(420, 84)

    def on_key(_view, event):
        enter = event.keyval in (Gdk.KEY_Return, Gdk.KEY_KP_Enter)
        if enter and event.state & Gdk.ModifierType.CONTROL_MASK:
            dialog.response(Gtk.ResponseType.OK)
            return True
        return False

    view.connect("key-press-event", on_key)
    return view


def _find(widget, kind):
    """The first widget of that kind in a tree of widgets."""
    if isinstance(widget, kind):
        return widget
    if isinstance(widget, Gtk.Container):
        for child in widget.get_children():
            found = _find(child, kind)
            if found is not None:
                return found
    return None
