"""A bounded reader of the literals that old wallets are made of, whole or cut off.

Electrum before 2.0 wrote `str()` of a Python dictionary and read it with `ast.literal_eval`, which
is not meant for hostile megabytes: it recurses, and a tree costs many times its text. This reads
dictionaries, lists, tuples, strings, numbers and the constants of Python and JSON without
recursion, and keeps what it has when the text ends early.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from triage.api import ParseError

DEPTH: Final = 64
VALUES: Final = 2_000_000
"""Most values and keys of one text."""

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<open>[\[{(])
      | (?P<close>[\]})])
      | (?P<comma>[,:])
      | [uUbB]?'(?P<single>(?:[^'\\\n]|\\.)*+)'
      | [uUbB]?"(?P<double>(?:[^"\\\n]|\\.)*+)"
      | (?P<number>-?\d{1,40}L?(?![\d.eE]))
      | (?P<float>-?\d{1,40}(?:\.\d{0,40})?(?:[eE][-+]?\d{1,4})?)
      | (?P<word>True|False|None|true|false|null)\b
    )""",
    re.VERBOSE,
)
_WORDS: Final = {
    "True": True,
    "true": True,
    "False": False,
    "false": False,
    "None": None,
    "null": None,
}
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_SIMPLE: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0", "\n": ""}
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_PAIRS: Final = {"{": "}", "[": "]", "(": ")"}
_LAST_CHAR = 0x10FFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """The value, whether the text ended before it did, and where it ended."""

    value: Any  # dict with text keys, list, str, int, bool, None; a float is its text
    complete: bool
    end: int


class _Open:
    """A dictionary or list that is being read."""

    def __init__(self, bracket: str) -> None:
        self.closing = _PAIRS[bracket]
        self.value: dict[str, Any] | list[Any] = {} if bracket == "{" else []
        self.key: str | None = None

    def add(self, value: Any) -> None:
        if isinstance(self.value, list):
            self.value.append(value)
        elif self.key is None:
            if isinstance(value, (dict, list)):
                raise ParseError("a key is not plain")
            self.key = str(value)
        else:
            self.value[self.key] = value
            self.key = None


def parse(text: str) -> Literal:
    """Read one literal from the beginning of the text.

    Keys become text, as they do in JSON. Raises ParseError when the text is no literal, is nested
    deeper than `DEPTH` or has more than `VALUES` values. A text that ends or turns to nonsense
    inside a dictionary or list gives what stood before, `complete` False.
    """
    stack: list[_Open] = []
    position = 0
    for _ in range(VALUES):
        token = _TOKEN.match(text, position)
        if token is None:
            if not stack:
                raise ParseError("not a literal")
            return Literal(value=_unwind(stack), complete=False, end=position)
        position = token.end()
        if token.lastgroup == "open":
            if len(stack) == DEPTH:
                raise ParseError("nested too deep")
            stack.append(_Open(token["open"]))
        elif token.lastgroup != "comma":
            value = _close(stack, token) if token.lastgroup == "close" else _scalar(token)
            if not stack:
                return Literal(value=value, complete=True, end=position)
            stack[-1].add(value)
    raise ParseError("more values than a wallet has")


def _close(stack: list[_Open], token: re.Match[str]) -> Any:
    if not stack or stack[-1].closing != token["close"]:
        raise ParseError("brackets do not match")
    return stack.pop().value


def _unwind(stack: list[_Open]) -> Any:
    """Close what is open, innermost first."""
    value: Any = stack.pop().value
    while stack:
        outer = stack.pop()
        if not isinstance(outer.value, dict) or outer.key is not None:
            outer.add(value)
        value = outer.value
    return value


def _scalar(token: re.Match[str]) -> Any:
    kind = token.lastgroup
    if kind == "number":
        return int(token["number"].rstrip("L"))
    if kind == "float":
        return token["float"]
    if kind == "word":
        return _WORDS[token["word"]]
    text = _ESCAPE.sub(_unescaped, token["single"] if kind == "single" else token["double"])
    return _SURROGATES.sub(_joined, text)


def _unescaped(escape: re.Match[str]) -> str:
    digits = escape[1] or escape[2] or escape[3]
    if digits is None:
        return _SIMPLE.get(escape[4], escape[4])
    code = int(digits, 16)
    return chr(code) if code <= _LAST_CHAR else "\ufffd"


def _joined(pair: re.Match[str]) -> str:
    high, low = map(ord, pair[0])
    return chr(0x10000 + ((high - 0xD800) << 10) + low - 0xDC00)
