"""Files that messages carried, where they lie on the image: what their content hashes to.

The hash of a file that is not encrypted is that in `files.jsonl`, by which it was exported.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any, Final

from triage.api import Artifact, EvidenceError, ParseError
from triage.formats import aes, secretstream

_ALL: Final = 256 << 20  # bytes of one store that are read for it
_EACH: Final = 64 << 20
_BLOCK: Final = 1 << 20
_KEYS: Final = 64
_IV: Final = 16
_MAC: Final = 32
_STREAM_KEY: Final = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)


@dataclass(slots=True)
class Hashes:
    """Hashes the attachments of one store, as many as its share of reading allows."""

    left: int = _ALL  # bytes

    def facts(self, file: Artifact | None) -> dict[str, Any]:
        """Return what a finding says of a file that stands there as it was sent."""
        return {"present": file is not None, "content_sha256": self._plain(file)}

    def opened(self, file: Artifact | None, keys: str, length: int | None) -> dict[str, Any]:
        """Return the same of a file that Signal Desktop encrypted; `keys` is its `localKey`.

        A vector, AES-256-CBC, HMAC-SHA256 of both; zeros behind the `length` bytes of content.
        Source: signalapp/Signal-Desktop, `app/attachments.node.ts`, version 2.
        """
        found: dict[str, Any] = {"present": file is not None, "content_sha256": None}
        try:
            both = base64.b64decode(keys, validate=True)
        except (binascii.Error, ValueError):
            return found
        if file is None or len(both) != _KEYS or not self._may(file):
            return found
        try:
            data = file.read(_EACH)
            body, mac = data[:-_MAC], data[-_MAC:]
            if hmac.compare_digest(hmac.digest(both[_KEYS // 2 :], body, "sha256"), mac):
                plain = aes.cbc(both[: _KEYS // 2], body[:_IV], body[_IV:])
                content = aes.unpadded(plain) if length is None else plain[:length]
                found["content_sha256"] = hashlib.sha256(content).hexdigest()
        except (ParseError, EvidenceError):
            return found
        return found

    def streamed(self, file: Artifact | None, key: str) -> dict[str, Any]:
        """Return the same of a file that Session encrypted; `key` is 64 hexadecimal digits.

        One message of libsodium's secretstream. Source: session-foundation/session-desktop,
        `ts/node/encrypt_attachment_buffer.ts`.
        """
        found: dict[str, Any] = {"present": file is not None, "content_sha256": None}
        if file is None or not _STREAM_KEY.fullmatch(key) or not self._may(file):
            return found
        try:
            plain = secretstream.only_message(file.read(_EACH), bytes.fromhex(key))
        except (ParseError, EvidenceError):
            return found
        return found | {"content_sha256": hashlib.sha256(plain).hexdigest()}

    def _plain(self, file: Artifact | None) -> str | None:
        if file is None or not self._may(file):
            return None
        digest = hashlib.sha256()
        try:
            reader = file.open()
            for offset in range(0, reader.size, _BLOCK):
                digest.update(reader.read_at(offset, min(_BLOCK, reader.size - offset)))
        except EvidenceError:
            return None
        return digest.hexdigest()

    def _may(self, file: Artifact) -> bool:
        size = file.entry.size
        if size > min(_EACH, self.left):
            return False
        self.left -= size
        return True
