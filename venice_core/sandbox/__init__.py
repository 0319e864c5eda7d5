"""A loopback server that behaves like the documented Venice image endpoints, without any AI.

It responds with plain, visible, repeatable changes (`picture_effects`) and drawings (`drawings`), refuses
what the service refuses (`schemas`, `catalogue`, `inputs`), and can be made to fail in every documented way
(`switches`). In addition to Venice it speaks four dialects of OpenAI's image API (`dialects`), each under its
own base URL. Every response has the header `x-venice-sandbox: true`. It listens on 127.0.0.1 only and stores
no key.

    with Sandbox() as sandbox:
        requests.post(sandbox.url + "/image/edit", ...) requests.post(sandbox.url_for("openai") +
        "/images/edits", ...)
"""

from venice_core.sandbox.openai.dialects import DIALECTS
from venice_core.sandbox.request_log import SeenFile, SeenRequest
from venice_core.sandbox.server import Sandbox
from venice_core.sandbox.switches import TABLE, Switches, parse_setting

__all__ = ["DIALECTS", "TABLE", "Sandbox", "SeenFile", "SeenRequest", "Switches", "parse_setting"]
