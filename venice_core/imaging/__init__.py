"""Arrays in, arrays out: files, colors, alignment, seams. Knows no job, plan, path or service."""
