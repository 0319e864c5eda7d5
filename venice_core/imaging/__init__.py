"""Image processing: arrays in, arrays out.

The modules here know nothing of jobs, plans, paths or services.
"""
