"""What a password opens in a container of Exodus (`secure-container`, version 0).

Behind the checksum stand 256 bytes: salt (32), n, r, p of scrypt (4 each, big-endian), the cipher's
name (32), then vector (12), tag (16) and text (32) of the blob's key, then vector and tag of the
blob: AES-256-GCM twice. The blob is padded (four bytes of length before it) and may be deflated.
Source: the `secure-container` and `secure-container-file` packages; hashcat, module 28200.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass, field

from triage.api import Artifact, Credential, Lock, ParseError
from triage.formats import aes
from triage.formats.kdf import Scrypt

from ._serial import Stream

_METADATA = 0x100
_BLOB = 0x200
_INFLATED = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """The encrypted parts of a container."""

    kdf: Scrypt
    key_vector: bytes
    key_tag: bytes
    key: bytes = field(repr=False)
    vector: bytes
    tag: bytes
    blob: bytes = field(repr=False)

    @property
    def lock(self) -> Lock:
        """What a password is tried against elsewhere."""
        parts = (self.kdf.salt, self.key_vector, self.key, self.key_tag)
        text = ":".join(base64.b64encode(part).decode("ascii") for part in parts)
        line = f"EXODUS:{self.kdf.n}:{self.kdf.r}:{self.kdf.p}:{text}"
        return Lock(line=line, hashcat=28200, john=None)

    def opened(self, password: bytes) -> bytes | None:
        """Return the content, None with another password."""
        try:
            outer = self.kdf.derive(password, 32)
            key = aes.gcm(outer, self.key_vector, self.key + self.key_tag)
            return _unpacked(aes.gcm(key, self.vector, self.blob + self.tag))
        except ParseError:
            return None


def read(data: bytes) -> Container | None:
    """Read a container; None when its parts are not there or its parameters none."""
    stream = Stream(data[_METADATA:])
    try:
        salt = stream.take(32)
        n, r, p = (int.from_bytes(stream.take(4), "big") for _ in range(3))
        stream.take(32)
        key_vector, key_tag, key = stream.take(12), stream.take(16), stream.take(32)
        vector, tag = stream.take(12), stream.take(16)
        kdf = Scrypt(salt=salt, n=n, r=r, p=p)
    except ParseError:
        return None
    size = int.from_bytes(data[_BLOB : _BLOB + 4], "big")
    return Container(
        kdf=kdf,
        key_vector=key_vector,
        key_tag=key_tag,
        key=key,
        vector=vector,
        tag=tag,
        blob=data[_BLOB + 4 : _BLOB + 4 + size],
    )


def open_container(artifact: Artifact, container: Container) -> tuple[Credential, bytes] | None:
    """Return which password fits and the content."""
    for password in artifact.passwords(cost=container.kdf.cost):
        content = container.opened(password.value)
        if content is not None:
            return password, content
    return None


def _unpacked(data: bytes) -> bytes:
    size = int.from_bytes(data[:4], "big")
    content = data[4 : 4 + size] if 0 < size <= len(data) - 4 else data
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return zlib.decompressobj(31).decompress(content, _INFLATED)
    except zlib.error:
        return content
