"""Whether two runs have the same credentials, without keeping them.

A resumed run must have the credentials of the run that it continues. What the journal keeps for
this is a salted scrypt digest of all of them, cut to 16 bits. A whole digest would let whoever
finds an abandoned `.partial` try passwords against it; with 16 bits one wrong guess in 65,536 fits
as well as the truth, so that a list of millions leaves hundreds. A change of the file by mistake is
still noticed, all but once in 65,536 times.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from triage.canonical import encode
from triage.credentials.model import Credential

SALT_BYTES: Final = 16
_KEPT: Final = 2  # bytes
_N, _R, _P = 1 << 14, 8, 1  # 16 MiB


def proof(credentials: Iterable[Credential], salt: bytes) -> str:
    """Return 4 hex digits that the same credentials give again under the same salt."""
    content = encode(
        [
            [
                given.number,
                given.kind.value,
                given.value.hex(),
                list(given.extractors),
                list(given.paths),
                list(given.accounts),
            ]
            for given in credentials
        ]
    )
    return hashlib.scrypt(content, salt=salt, n=_N, r=_R, p=_P, dklen=32)[:_KEPT].hex()
