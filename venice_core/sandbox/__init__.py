"""A loopback server that behaves as the documented Venice image endpoints do, without any AI.

It answers honest, visible, repeatable changes (`pictures`) and drawings (`drawing`), refuses what the
service refuses (`schemas`, `catalogue`, `inputs`), and can be told to fail in every documented way
(`switches`). Beside Venice it speaks four dialects of OpenAI's image API (`dialects`), each under a base
URL of its own. Every answer carries `x-venice-sandbox: true`. It listens on 127.0.0.1 only and keeps no
key.

    with Sandbox() as sandbox:
        requests.post(sandbox.url + "/image/edit", ...)
        requests.post(sandbox.url_for("openai") + "/images/edits", ...)
"""

from venice_core.sandbox.openai.dialects import DIALECTS
from venice_core.sandbox.request_log import SeenFile, SeenRequest
from venice_core.sandbox.server import Sandbox
from venice_core.sandbox.switches import TABLE, Switches, parse_setting

__all__ = ["DIALECTS", "TABLE", "Sandbox", "SeenFile", "SeenRequest", "Switches", "parse_setting"]
