"""Rectangles, extents, aspect ratios and affine maps."""
