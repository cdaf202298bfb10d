"""Private keys and session tokens in text: where they stand and of what kind, never what for.

Where a format has a checksum it is tested, and what fails it is left alone unless its prefix
alone gives it away (`AGE-SECRET-KEY-1`, `ghp_`). A raw hexadecimal key looks like any SHA-256, so
it needs a word before it (`private key: …`). Sources: the formats' own specifications; BIP-38;
tor's `hs_service.c` and its client authorisation files; GitHub's note on token formats (CRC-32 in
base 62); the shapes of other tokens are their makers' published prefixes.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

from triage.formats import key_checks as checks
from triage.formats.key_checks import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A secret at `text[start:end]`; `checks` is empty when only its shape and prefix fit."""

    start: int
    end: int
    kind: str
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    """A pattern whose group 1, or whole match, is secret. `trigger` must be in the text."""

    kind: str
    trigger: str
    pattern: re.Pattern[str]
    check: Callable[[str], Verdict | None] = checks.shape_only


def _alone(first: str) -> str:
    """Match `first` where nothing that could be part of a token stands before it.

    The look-behind comes after the literal, which lets the engine search for the literal itself;
    that it comes at all keeps the search linear (`eyJeyJeyJ…`).
    """
    return rf"{first}(?:(?<![A-Za-z0-9_-]{first})|(?<=%[0-9A-Fa-f]{{2}}{first}))"


_DONE = r"(?![A-Za-z0-9_-])"

_TOKENS = tuple(
    _Token(kind=kind, trigger=trigger, pattern=re.compile(pattern), check=check)
    for kind, trigger, pattern, check in (
        (
            "age secret key",
            "-1",
            r"(?i:AGE-SECRET-KEY-1)[02-9ac-hj-np-zAC-HJ-NP-Z]{40,64}",
            checks.age,
        ),
        (
            "tor onion-auth key",
            ":x25519:",
            r"(?i:[a-z2-7]{56}(?:\.onion)?:descriptor:x25519:([a-z2-7]{52}))(?![A-Za-z2-7])",
            checks.shape_only,
        ),
        (
            "tor onion-service key",
            "ed25519v1-secret",
            r"(?s)== ed25519v1-secret: type0 ==.{0,67}",
            checks.shape_only,
        ),
        (
            "tor onion-service key",
            "ED25519-V3:",
            r"ED25519-V3:([A-Za-z0-9+/]{86}(?:==)?)(?![A-Za-z0-9+/])",
            checks.shape_only,
        ),
        (
            "jwt",
            "eyJ",
            _alone(r"eyJ") + r"[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]*+",
            checks.jwt,
        ),
        ("slack token", "xo", _alone(r"xox") + r"[a-z]-[A-Za-z0-9%/+=_-]{10,}+", checks.shape_only),
        ("slack token", "xapp-", _alone(r"xapp-") + r"[A-Za-z0-9-]{20,}+", checks.shape_only),
        (
            "discord token",
            ".",
            _alone(r"[MNO]")
            + r"[A-Za-z0-9_-]{22,30}\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,45}"
            + _DONE,
            checks.discord,
        ),
        (
            "discord token",
            "mfa.",
            _alone(r"mfa\.") + r"[A-Za-z0-9_-]{80,90}" + _DONE,
            checks.shape_only,
        ),
        (
            "github token",
            "gh",
            _alone(r"gh") + r"[oprsu]_[A-Za-z0-9]{36,255}" + _DONE,
            checks.github,
        ),
        (
            "github token",
            "github_pat_",
            _alone(r"github_pat_") + r"[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
            checks.shape_only,
        ),
        (
            "gitlab token",
            "glpat-",
            _alone(r"glpat-") + r"[A-Za-z0-9_-]{20,100}(?:\.[A-Za-z0-9_-]{2,40}){0,2}",
            checks.shape_only,
        ),
        (
            "matrix token",
            "syt_",
            rf"{_alone('syt_')}[A-Za-z0-9]{{1,255}}_[A-Za-z]{{20}}_[A-Za-z0-9]{{6}}{_DONE}",
            checks.shape_only,
        ),
        (
            "aws key id",
            "A",
            _alone("A") + r"(?:KIA|SIA)[A-Z2-7]{16}(?![A-Za-z0-9])",
            checks.shape_only,
        ),
        (
            "aws secret key",
            "ecret",
            r"(?i:secret_?(?:access_?)?key[\"']?\s?[:=]\s?[\"']?)([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
            checks.mixed,
        ),
        (
            "telegram bot token",
            ":",
            rf"[0-9](?<![0-9][0-9])[0-9]{{7,9}}:(?:AA[A-Za-z0-9_-]{{32,34}}|[A-Za-z0-9_-]{{35}}){_DONE}",
            checks.mixed,
        ),
        (
            "google api key",
            "AIza",
            _alone(r"AIza") + r"[A-Za-z0-9_-]{35}" + _DONE,
            checks.shape_only,
        ),
        ("google token", "ya29.", _alone(r"ya29\.") + r"[A-Za-z0-9_-]{20,}+", checks.shape_only),
        (
            "stripe key",
            "k_live_",
            _alone(r"[rs]k_live_") + r"[A-Za-z0-9]{16,255}" + _DONE,
            checks.shape_only,
        ),
    )
)

_LONG_RUN = re.compile(r"[A-Za-z0-9_-]{20}")
_NUMBERS = 63  # commas between 64 numbers


def _is_plausible(text: str) -> bool:
    """Whether a closer look is due: each kind has a run of 20 characters or one of these literals.

    Nearly every text ends here; `in` is many times faster than an alternation.
    """
    return (
        _LONG_RUN.search(text) is not None
        or "ecret" in text
        or "25519" in text
        or "xox" in text
        or "PRIVATE KEY" in text
        or text.count(",") >= _NUMBERS
    )


_RUN = re.compile(r"%[0-9A-Fa-f]{2}|([0-9A-Za-z]{22,})")
_LONGEST_RUN = 130
_MD5_DIGITS = 32  # so short, "key: …" is too weak a sign
_ALNUM = string.ascii_letters + string.digits


def find_secrets(text: str) -> Iterator[Span]:
    """Yield the private keys and tokens of a text, in order, never overlapping; linear time."""
    if not _is_plausible(text):
        return
    spans = [*_runs(text), *_tokens(text), *_blocks(text)]
    if "#" in text:
        spans += _s_expressions(text)
    if text.count(",") >= _NUMBERS:
        spans += _number_lists(text)
    spans.sort(key=lambda span: (span.start, -span.end))
    end = 0
    for span in spans:
        if span.start >= end:
            yield span
            end = span.end


def _runs(text: str) -> Iterator[Span]:
    """Keys that are one unbroken run of letters and digits."""
    for found in _RUN.finditer(text):
        run = found[1]
        if run is None or len(run) > _LONGEST_RUN:
            continue
        start, end = found.span(1)
        verify = checks.BY_LENGTH.get(len(run))
        verdict = verify(run) if verify else None
        if verdict is not None:
            yield Span(start=start, end=end, kind=verdict.kind, checks=verdict.checks)
        elif len(run) >= _MD5_DIGITS and _is_hex_key(text, start, end):
            yield Span(start=start, end=end, kind="hex key")


_BREAK = re.compile(
    # `=` ends a line of quoted-printable
    r"[ \t]{0,8}(?:(?:=?\r?\n|\\r\\n|\\n|<[^<>]{0,200}>)[ \t]{0,8}){1,4}"
)
_PIECES = 6


def find_broken(text: str) -> Iterator[Span]:
    """Yield keys that line breaks or tags cut into at most six pieces; only with a checksum.

    Spans may overlap those of `find_secrets`.
    """
    breaks = [found.span() for found in _BREAK.finditer(text)]
    starts = [0, *(end for _, end in breaks)]
    ends = [*(start for start, _ in breaks), len(text)]
    for first in range(len(breaks)):
        head = text[max(starts[first], ends[first] - _LONGEST_RUN) : ends[first]]
        key = head[len(head.rstrip(_ALNUM)) :]
        start = ends[first] - len(key)
        if not key:
            continue
        for piece in range(first + 1, min(first + _PIECES, len(starts))):
            whole = text[starts[piece] : min(ends[piece], starts[piece] + _LONGEST_RUN)]
            tail = whole[: len(whole) - len(whole.lstrip(_ALNUM))]
            key += tail
            if len(key) in checks.BREAKABLE:
                verdict = checks.BY_LENGTH[len(key)](key)
                if verdict is not None:
                    end = starts[piece] + len(tail)
                    yield Span(start=start, end=end, kind=verdict.kind, checks=verdict.checks)
                    break
            if tail != whole or len(key) > _LONGEST_RUN:
                break


def _tokens(text: str) -> Iterator[Span]:
    for token in _TOKENS:
        if token.trigger not in text:
            continue
        for found in token.pattern.finditer(text):
            group = 1 if token.pattern.groups else 0
            verdict = token.check(found[group])
            if verdict is not None:
                yield Span(
                    start=found.start(group),
                    end=found.end(group),
                    kind=token.kind,
                    checks=verdict.checks,
                )


_HEX = re.compile(r"(?:0x)?(?:[0-9A-Fa-f]{32}){1,4}")
_QUALIFIED = (
    r"(?:priv(?:ate)?|secret|seed|master|spend|view|wallet|enc(?:ryption)?|sign(?:ing)?"
    r"|db|database|sqlcipher|cipher|raw|hex|aes|api|account)"
)
_STRONG = (
    r"(?:(?:(?:priv(?:ate)?|secret|seed|spend|master)[ _-]?)"
    rf"(?:{_QUALIFIED}[ _-]?){{0,2}}(?:keys?|hex|entropy)?"
    rf"|(?:{_QUALIFIED}[ _-]?){{1,3}}keys?|entropy)"
)
_SECRET_NAME = re.compile(_STRONG, re.IGNORECASE)
# "key" alone says little ("key <hash>"), so it must be followed by a colon or an equals sign.
_BEFORE_HEX = re.compile(
    rf"(?:(?<![A-Za-z0-9]){_STRONG}(?: ?\([a-z ]{{1,12}}\)| hex| is)?"
    r"[\"'`]?\s{0,4}(?:[:=]|=>|:=)?"
    r"|(?P<bare>(?<![A-Za-z0-9_ -])\s?|\b(?:my|the|this|new|old|pragma) )keys?[\"'`]?\s{0,4}[:=])"
    r"\s{0,4}[\"'`]?(?:x'|hex:)?\Z",
    re.IGNORECASE,
)
_PUBLIC = re.compile(r"pub(?:lic)?[ _-]?\Z", re.IGNORECASE)
_LOOK_BACK = 64


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a key when its value is raw hexadecimal."""
    return len(name) <= _LOOK_BACK and bool(_SECRET_NAME.fullmatch(name))


def is_hex_key(text: str) -> bool:
    """Whether a text is, whole, 16, 32, 48 or 64 bytes in hexadecimal: a key or a digest."""
    return bool(_HEX.fullmatch(text))


def _is_hex_key(text: str, start: int, end: int) -> bool:
    """Whether the hexadecimal at `start` follows a word that makes it a key."""
    if not _HEX.fullmatch(text, start, end):
        return False
    floor = max(0, start - _LOOK_BACK)
    before = _BEFORE_HEX.search(text, floor, start)
    if before is None or _PUBLIC.search(text, floor, before.start()):
        return False
    return end - start > _MD5_DIGITS or before["bare"] is None


_BEGIN = re.compile(
    r"-{4,5} ?BEGIN ([A-Z0-9 ]{0,40}?)PRIVATE KEY(?: BLOCK)? ?-{4,5}"
    r"|(PuTTY-User-Key-File-\d)|(---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----)"
)
_END = re.compile(
    r"-{4,5} ?END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}|Private-MAC: ?[0-9a-f]{0,64}"
)
_BODY = re.compile(
    r"(?:(?:\s|\\[nr])*+[A-Z][A-Za-z-]{2,20}: [^\n\\]{1,200}(?=\n|\\n|\r))*+"
    r"(?:(?:\s|\\[nr]|<br ?/?>)*+[A-Za-z0-9+/=]{20,}+)++"
    r"(?:(?:\s|\\[nr])*+[A-Za-z0-9+/=]{1,19}+(?=\s*+\Z))?"
)
_KEY_DATA = re.compile(r"[A-Za-z0-9+/=]{20}")
_LONGEST_BLOCK = 65536


def _blocks(text: str) -> Iterator[Span]:
    """Armoured private keys, from the BEGIN line to the END line or as far as the body goes."""
    if "BEGIN " not in text and "PuTTY-" not in text:
        return
    begins = [*_BEGIN.finditer(text)]
    ends = [*_END.finditer(text)]
    number = done = 0
    for begin, after in zip_longest(begins, begins[1:]):
        limit = after.start() if after else len(text)
        while number < len(ends) and ends[number].start() < begin.end():
            number += 1
        if begin.start() < done:
            continue
        last = ends[number] if number < len(ends) and ends[number].end() <= limit else None
        if last is None or last.end() - begin.end() > _LONGEST_BLOCK:
            last = _BODY.match(text, begin.end(), min(limit, begin.end() + _LONGEST_BLOCK))
        elif not _KEY_DATA.search(text, begin.end(), last.start()):
            continue  # source code that names both lines
        if last is not None:
            done = last.end()
            yield Span(start=begin.start(), end=done, kind=_block_kind(begin))


def _block_kind(begin: re.Match[str]) -> str:
    if begin[2]:
        return "putty private key"
    name = (begin[1] or "").strip().lower()
    return (
        f"{name} private key" if name in {"openssh", "pgp", "rsa", "ec", "dsa"} else "private key"
    )


_S_EXPRESSION = re.compile(
    r"\((?:(rsa|dsa|ecc|elg)\b|([xdupq])\s{0,4}#([0-9A-Fa-f\s]{16,8192})#\s{0,4}\))"
)


def _s_expressions(text: str) -> Iterator[Span]:
    """Secret numbers of libgcrypt keys (OTR, GnuPG): x, d, u; p and q are secret in RSA alone."""
    algorithm = ""
    for found in _S_EXPRESSION.finditer(text):
        algorithm = found[1] or algorithm
        if found[3] and (found[2] in "xdu" or algorithm == "rsa"):
            kind = "otr private key" if found[2] == "x" else "gpg private key"
            yield Span(start=found.start(3), end=found.end(3), kind=kind)


_NUMBER_LIST = re.compile(r"(?<![\d,])\d{1,3}(?:,\s?\d{1,3}){63}(?!,?\s?\d)")


def _number_lists(text: str) -> Iterator[Span]:
    """Find Solana key files: 64 numbers, the last 32 the public key of the first 32."""
    for found in _NUMBER_LIST.finditer(text):
        if checks.solana_numbers(found[0]) is not None:
            yield Span(start=found.start(), end=found.end(), kind="solana key", checks=("ed25519",))
