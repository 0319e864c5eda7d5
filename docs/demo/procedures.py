"""Which of the procedures in `names` GIMP 3 has; `install.py` defines that list."""
# ruff: noqa: F821

from gi.repository import Gimp

for name in names:
    print("listed", name, Gimp.get_pdb().procedure_exists(name))
