"""Draw a soft ellipse as the mask for a photograph: PHOTO MASK X Y WIDTH HEIGHT (the demo without GIMP)."""

import sys

from PIL import Image, ImageDraw, ImageFilter

photo, path = sys.argv[1:3]
x, y, width, height = map(int, sys.argv[3:])
with Image.open(photo) as image:
    mask = Image.new("L", image.size)
ImageDraw.Draw(mask).ellipse((x, y, x + width, y + height), fill=255)
mask.filter(ImageFilter.GaussianBlur(6)).save(path)
