"""Jobs on disk, and what was spent on them."""
