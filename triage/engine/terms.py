"""What an examiner brings to look for: keywords, lists of digests, YARA rules.

Keywords: one a line, UTF-8, `#` begins a comment. Digests: one a line, MD5, SHA-1 or SHA-256 in
hexadecimal, alone, as `sha256sum` writes them, or in the columns of NSRL's CSV; of several in a
line the longest counts. Rules: YARA's language, without `include`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from triage.errors import UsageError

if TYPE_CHECKING:
    from triage.engine.digest_lists import Digests
    from triage.profile import Profile

_LARGEST: Final = 4 << 30  # bytes of a list of digests
_LARGEST_TEXT: Final = 8 << 20
_MOST_KEYWORDS: Final = 10_000
_SHORTEST, _LONGEST = 3, 256  # characters of a keyword


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Everything that was brought. `origins` are the SHA-256 of the files, by option."""

    keywords: tuple[str, ...] = ()
    digests: dict[str, Digests] = field(default_factory=dict)  # by algorithm
    rules: str | None = None
    origins: dict[str, str] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        """Whether there is something to look for."""
        return bool(self.origins)

    @property
    def checks_files(self) -> bool:
        """Whether files must be read whole, beside the scan."""
        return bool(self.digests) or self.rules is not None


def load(keywords: Path | None, hashes: Path | None, yara: Path | None) -> Terms:
    """Read the files. Raises UsageError, which says what is wrong in which line."""
    origins: dict[str, str] = {}
    words: tuple[str, ...] = ()
    digests: dict[str, Digests] = {}
    rules = None
    if keywords is not None:
        data = _read(keywords, "--keywords", _LARGEST_TEXT, origins)
        words = parse_keywords(data)
    if hashes is not None:
        from triage.engine.digest_lists import parse_digests  # noqa: PLC0415 - most runs have none

        digests = parse_digests(_read(hashes, "--hashes", _LARGEST, origins))
    if yara is not None:
        rules = _text(_read(yara, "--yara", _LARGEST_TEXT, origins), "--yara")
    return Terms(keywords=words, digests=digests, rules=rules, origins=origins)


def refuse_unscanned(terms: Terms, profile: Profile) -> None:
    """Raise UsageError where a profile would look for none of the terms."""
    if terms.any and profile.scan == "none":
        raise UsageError("--keywords, --hashes and --yara need a profile that scans, such as deep")


def _read(path: Path, option: str, most: int, origins: dict[str, str]) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", where=option) from error
    if len(data) > most:
        raise UsageError(f"{path} is longer than {most} bytes", where=option)
    origins[option.removeprefix("--")] = hashlib.sha256(data).hexdigest()
    return data


def _text(data: bytes, option: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"is not UTF-8 at byte {error.start}", where=option) from None


def parse_keywords(data: bytes) -> tuple[str, ...]:
    """Return the keywords, each once. Raises UsageError."""
    found: dict[str, None] = {}
    for number, line in enumerate(_text(data, "--keywords").splitlines(), 1):
        word = line.strip()
        if not word or word.startswith("#"):
            continue
        if not _SHORTEST <= len(word) <= _LONGEST:
            text = f"line {number} has not {_SHORTEST} to {_LONGEST} characters"
            raise UsageError(text, where="--keywords")
        found[word] = None
    if not found:
        raise UsageError("holds no keyword", where="--keywords")
    if len(found) > _MOST_KEYWORDS:
        raise UsageError(f"holds more than {_MOST_KEYWORDS} keywords", where="--keywords")
    return tuple(found)
