"""Plan an edit of a picture, send it to an image API, and put the answer back to the pixel.

Nothing happens on import. The parts, from the request to the result: `job`, `plan`, `providers`,
`transport`, `fit`. `worker` serves GIMP, `cli` serves a terminal, `sandbox` stands in for the service.
"""
