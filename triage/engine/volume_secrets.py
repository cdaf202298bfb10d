"""What may open a locked volume: what was given, and what lies on the image itself.

Where people keep keys: Windows offers to save a recovery key as `BitLocker Recovery Key GUID.txt`
(the name in the language of the system) and a start-up key as `GUID.BEK`; libbde's documentation
has the form of both. Names are looked at in all readable volumes, and of the text files only those
whose name or place says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from triage.credentials import Credential, CredentialKind
from triage.engine.source import Source
from triage.errors import EvidenceError
from triage.evidence.index import Index
from triage.evidence.locks import Secret, SecretKind
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import walk
from triage.model import VolumeState

_KINDS: Final = {
    CredentialKind.VOLUME_PASSWORD: SecretKind.PASSWORD,
    CredentialKind.BITLOCKER_RECOVERY_KEY: SecretKind.RECOVERY_KEY,
    CredentialKind.KEY_FILE: SecretKind.KEY_FILE,
    CredentialKind.KEY: SecretKind.KEY,
}
_SHOWN: Final = {
    SecretKind.PASSWORD: "password",
    SecretKind.RECOVERY_KEY: "recovery key",
    SecretKind.KEY_FILE: "key file",
    SecretKind.KEY: "key",
}
_PATTERNS: Final = (
    "**/*.bek",  # Windows Vista to 11, start-up key
    "**/*bitlocker*.txt",  # Windows 7 to 11, in most languages
    "**/*recovery*key*.txt",
    "**/*wiederherstellungsschl*.txt",  # as German Windows 7 to 11 names it
    "**/etc/cryptsetup-keys.d/*.key",  # systemd 246 and later
    "**/crypto_keyfile.bin",  # Debian, Arch and others that boot from an encrypted volume
)
_LONGEST: Final = 1 << 20  # bytes of a file
_MOST: Final = 1000  # files
_RECOVERY: Final = re.compile(r"(?<!\d)\d{6}(?:-\d{6}){7}(?!\d)", re.ASCII)


def given(credentials: Iterable[Credential]) -> Iterator[Secret]:
    """Yield what of the credentials may open a volume: none that is bound to an extractor."""
    for one in credentials:
        kind = _KINDS.get(one.kind)
        if kind is not None and not (one.extractors or one.paths or one.accounts):
            yield Secret(kind=kind, value=one.value, origin=f"{_SHOWN[kind]}, {one}")


def found(source: Source, *, entries: int) -> Iterator[Secret]:
    """Yield what lies on the readable volumes; what cannot be read is passed over."""
    left = _MOST
    for number, volume in enumerate(source.volumes):
        if volume.state is not VolumeState.FILESYSTEM or volume.snapshot_of is not None:
            continue
        try:
            tree = source.tree(number)
            walked = walk(tree, PatternSet(_PATTERNS), max_entries=entries)
        except EvidenceError:
            continue
        index = Index(memoryview(walked.block), volume=volume.name)
        for match in walked.matches[:left]:
            left -= 1
            if index.is_directory(match.row) or index.size(match.row) > _LONGEST:
                continue
            try:
                reader = tree.open(index.address(match.row))
                data = reader.read_at(0, min(reader.size, _LONGEST))
            except EvidenceError:
                continue
            yield from _secrets(data, f"{volume.name}{index.path(match.row)}")


def _secrets(data: bytes, where: str) -> Iterator[Secret]:
    if not where.lower().endswith(".txt"):
        yield Secret(kind=SecretKind.KEY_FILE, value=data, origin=f"key file {where}")
        return
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = data.decode("utf-16" if wide else "utf-8", "replace")
    for key in dict.fromkeys(_RECOVERY.findall(text)):
        yield Secret(
            kind=SecretKind.RECOVERY_KEY, value=key.encode(), origin=f"recovery key in {where}"
        )
