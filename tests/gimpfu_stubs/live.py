# -*- coding: utf-8 -*-
"""A real GIMP 2.10 as the backend of `gimp`: every call goes to its procedure database.

Its Script-Fu server is spoken to: "G", the length of the script (16 bit, big-endian), the script; it answers
"G", a byte that is not 0 for an error, the length of the text, the text. Runs on Python 2.7 and 3.
"""

from __future__ import unicode_literals

import socket
import struct

import gimpenums

_ARRAYS = (
    gimpenums.PDB_INT32ARRAY,
    gimpenums.PDB_INT16ARRAY,
    gimpenums.PDB_INT8ARRAY,
    gimpenums.PDB_FLOATARRAY,
)
_LONGEST = 0xFFFF
_TCP_QUICKACK = 12  # Linux; Python 2.7 has no name for it


class Live(object):
    """`address`: host and port of the Script-Fu server."""

    def __init__(self, address):
        self._socket = socket.create_connection(address)
        self._signatures = {}

    def close(self):
        self._socket.close()

    def names(self, pattern):
        quoted = " ".join(['"%s"' % pattern] + ['".*"'] * 6)
        return self.ask("(gimp-procedural-db-query %s)" % quoted)[1]

    def signature(self, name):
        """(params, return values), each (type, name, description); None where there is no such procedure."""
        if name not in self._signatures:
            self._signatures[name] = self._look_up(name)
        return self._signatures[name]

    def call(self, name, values):
        """The return values. Raises RuntimeError with GIMP's words."""
        params, returned = self.signature(name)
        given = [_written(value, param[0]) for value, param in zip(values, params)]
        found = self.ask("(%s %s)" % (name, " ".join(given)))
        return found if returned else []

    def ask(self, script):
        """What a script's value is: numbers, texts, lists. Raises RuntimeError."""
        data = script.encode("utf-8")
        if len(data) > _LONGEST:
            raise ValueError("The Script-Fu server takes %d bytes at most." % _LONGEST)
        self._socket.sendall(b"G" + struct.pack(b">H", len(data)) + data)
        # The server writes its answer in parts, and waits for the first to be acknowledged: some 40 ms.
        self._socket.setsockopt(socket.IPPROTO_TCP, _TCP_QUICKACK, 1)
        head = bytearray(self._read(4))
        text = self._read(head[2] * 256 + head[3]).decode("utf-8")
        if head[1]:
            raise RuntimeError(text.strip().encode("utf-8") if str is bytes else text.strip())
        return _Reader(text).value()

    def _read(self, size):
        data = b""
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            if not part:
                raise EOFError("GIMP is gone")
            data += part
        return data

    def _look_up(self, name):
        if self.ask('(gimp-procedural-db-proc-exists "%s")' % name) != [1]:
            return None
        params, returned = self.ask('(gimp-procedural-db-proc-info "%s")' % name)[-2:]
        args = [self.ask('(gimp-procedural-db-proc-arg "%s" %d)' % (name, i)) for i in range(params)]
        vals = [self.ask('(gimp-procedural-db-proc-val "%s" %d)' % (name, i)) for i in range(returned)]
        return [tuple(arg) for arg in args], [tuple(val) for val in vals]


def _written(value, kind):
    if kind == gimpenums.PDB_STRING:
        return _quoted("" if value is None else value)
    if kind == gimpenums.PDB_STRINGARRAY:
        return "(list %s)" % " ".join(map(_quoted, value))
    if kind in _ARRAYS:
        return "#(%s)" % " ".join(map(repr, value))
    if kind == gimpenums.PDB_PARASITE:
        name, flags, data = value
        return "(list %s %d %s)" % (_quoted(name), flags, _quoted(data.decode("ascii")))
    return repr(value)


def _quoted(text):
    for plain, written in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t")):
        text = text.replace(plain, written)
    return '"%s"' % text


class _Reader(object):
    """Reads what Script-Fu prints of a value."""

    def __init__(self, text):
        self._text = text
        self._at = 0

    def value(self):
        self._skip_space()
        first = self._text[self._at : self._at + 1]
        if first == '"':
            return self._string()
        if first == "(" or self._text.startswith("#(", self._at):
            return self._list()
        word = self._word()
        if word in ("#t", "#f"):
            return word == "#t"
        try:
            return int(word)
        except ValueError:
            return float(word)

    def _skip_space(self):
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1

    def _word(self):
        start = self._at
        while self._at < len(self._text) and self._text[self._at] not in ' ()"\n':
            self._at += 1
        return self._text[start : self._at]

    def _list(self):
        self._at = self._text.index("(", self._at) + 1
        found = []
        while True:
            self._skip_space()
            if self._text[self._at] == ")":
                self._at += 1
                return found
            found.append(self.value())

    def _string(self):
        found = []
        self._at += 1
        while self._text[self._at] != '"':
            if self._text[self._at] == "\\":
                self._at += 1
                found.append(
                    {"n": "\n", "t": "\t", "r": "\r"}.get(self._text[self._at], self._text[self._at])
                )
            else:
                found.append(self._text[self._at])
            self._at += 1
        self._at += 1
        return "".join(found)
