r"""Text from evidence, made safe for a terminal.

A name on a suspect's disk may hold escape sequences that retitle the window, hide lines or answer
on the examiner's behalf, and bidirectional controls that show `exe.fdp` as `pdf.exe`. Whatever is
not printable, and every format character, is shown as `\u{…}`.
"""

from __future__ import annotations

import unicodedata


def safe(text: object, *, newlines: bool = False) -> str:
    r"""Return text with control, format, surrogate and separator characters as `\u{…}`."""
    value = str(text)
    if value.isascii() and value.isprintable():
        return value
    return "".join(
        char
        if char == " " or (newlines and char == "\n") or _printable(char)
        else f"\\u{{{ord(char):x}}}"
        for char in value
    )


def _printable(char: str) -> bool:
    return char.isprintable() and unicodedata.category(char) != "Cf"
