"""Plan an edit of a picture, send it to an image API, and put the answer back to the pixel.

Nothing happens on import. The packages, in the order of a picture's way: `planning`, `providers`, `network`,
`records`, `fitting`, which `execution` runs in their order. `worker` serves GIMP, `cli` serves a terminal,
`sandbox` stands in for the service.
"""
