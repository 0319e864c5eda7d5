"""An edit and a cutout in GIMP 3. `install.py --demo` defines paths, ellipse and prompt before it."""
# ruff: noqa: F821

from gi.repository import Gegl, Gimp, Gio

Gegl.init(None)
quiet = Gimp.RunMode.NONINTERACTIVE


def call(name, drawable, **arguments):
    procedure = Gimp.get_pdb().lookup_procedure(name)
    config = procedure.create_config()
    config.set_property("run-mode", quiet)
    config.set_property("image", image)
    config.set_core_object_array("drawables", [drawable])
    for key, value in arguments.items():
        config.set_property(key, value)
    result = procedure.run(config)
    if result.index(0) != Gimp.PDBStatusType.SUCCESS:
        raise RuntimeError(Gimp.get_pdb().get_last_error())
    return result.get_core_object_array(1)


def save(path):
    Gimp.file_save(quiet, image, Gio.File.new_for_path(path), None)


image = Gimp.file_load(quiet, Gio.File.new_for_path(before))
photo = image.get_layers()[0]
image.select_ellipse(Gimp.ChannelOps.REPLACE, *ellipse)
Gimp.Selection.feather(image, 12)
edited = call("plug-in-venice-edit", photo, prompt=prompt)
save(after)
Gimp.Selection.none(image)
cut_out = call("plug-in-venice-remove-background", photo)
for layer in [photo, *edited]:
    layer.set_visible(False)
save(cutout)
for layer in [photo, *edited]:
    layer.set_visible(True)
for layer in cut_out:
    layer.set_visible(False)
save(layers)
print("demo", "done")
