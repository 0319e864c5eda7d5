"""Simulated edits whose truth is known: pictures, selections, models that move and tint, and measures."""
