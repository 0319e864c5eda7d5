"""What a procedure returns: its new layers, or what went wrong."""

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, GLib
from host import preserve_selection


def values_with_layers(image, layers):
    """Return a procedure's return values that hold `layers`.

    PyGObject cannot put an array of objects into a value. So GIMP makes it: the layers are selected
    for the moment of one call whose own return values have just this form. It returns them in the
    reverse of the order in which they were selected.
    """
    with preserve_selection(image):
        image.set_selected_layers(layers[::-1])
        procedure = Gimp.get_pdb().lookup_procedure("gimp-image-get-selected-layers")
        config = procedure.create_config()
        config.set_property("image", image)
        return procedure.run(config)


def failure(procedure, message):
    """Return the values that carry an error's sentence."""
    error = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), message, 0)
    return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, error)
