"""What a task does and how to use it, in a window of its own."""

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gtk
from widgets import FittingBox, label

ABOUT = {
    "edit": (
        "Edit with Prompt",
        "Select what should change, describe the change in a few words (“remove the tree”), look at what "
        "will be sent and what it costs, and press Send. The result is a new layer above yours, in the same "
        "place, with a layer mask made from the selection. Your own layer stays as it is.",
        "Nothing selected: the whole layer is sent.",
        "Several layers selected: the lowest one is edited; the model sees the others as references.",
        "Selection: by default it is also sent as a mask. If a model paints the mask into the picture, "
        "choose “Limit result only”.",
        "Paint on the result's layer mask to show more or less of it: the layer covers the whole region that "
        "was sent.",
        "To go on from a result, choose “All visible layers” for “Sample layers”.",
    ),
    "cutout": (
        "Remove Background",
        "Cuts out the subject of the layer: as a new layer with your own pixels at full resolution, or as a "
        "copy of the layer with a layer mask that you can paint on. Your own layer is hidden, not changed.",
        "With a selection, only what is selected is cut out, and the layer stays visible.",
        "Defringe removes the old background's color from half-transparent edges.",
    ),
    "generate": (
        "Generate Layer",
        "Makes a new layer from a description. It covers the selection, or the canvas where nothing is "
        "selected, and is never stretched.",
        "The same seed gives similar results; -1 takes a new one each time.",
        "In GIMP 3.0 an image needs at least one layer before any plug-in can be used: add an empty one.",
    ),
    "upscale": (
        "Upscale Layer",
        "Makes the layer two or four times as wide and high, as a new image. The selection does not matter.",
        "Creativity 0 keeps to the picture. Higher values let the service invent texture.",
    ),
}
ALWAYS = (
    "Nothing leaves your computer before you press Send, and the price is shown first. A request that costs "
    "money is never sent twice. Keys, limits and services: Filters > Venice > Settings.",
)


def show_help(parent, action):
    """Shows it until it is closed and returns it; `parent` stays usable."""
    title, first, *points = ABOUT[action]
    dialog = Gtk.Dialog(title=f"Help: {title}", transient_for=parent, destroy_with_parent=True)
    dialog.add_button("_Close", Gtk.ResponseType.CLOSE)
    dialog.connect("response", lambda shown, _response: shown.destroy())
    area = dialog.get_content_area()
    area.set_border_width(12)
    box = FittingBox(dialog, area).box
    for text in (first, *(f"•  {point}" for point in points), *ALWAYS):
        paragraph = label(selectable=True, margin=6)
        paragraph.set_text(text)
        paragraph.set_width_chars(64)
        box.pack_start(paragraph, False, False, 0)
    dialog.show_all()
    dialog.get_widget_for_response(Gtk.ResponseType.CLOSE).grab_focus()
    return dialog
