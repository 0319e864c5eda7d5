"""Plan an edit of a picture, send it to an image API, and put the result back to the pixel.

Nothing happens on import. The packages, in the order in which a picture passes through them: `planning`,
`providers`, `network`, `records`, `fitting`; `execution` runs them in this order. `worker` serves GIMP, `cli`
serves a terminal, and `sandbox` stands in for the service.
"""
