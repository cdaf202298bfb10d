"""What a password opens in Bither: private keys and seeds, like those of bitcoinj.

A value is `text/vector/salt` in hexadecimal: AES-256-CBC under scrypt of the password in UTF-16
(big-endian). A byte of flags may stand before a salt. Source: bither-desktop-java,
`EncryptedData.java`, `KeyCrypterScrypt.java`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from triage.api import Credential, ParseError
from triage.formats import aes
from triage.formats.kdf import Scrypt
from triage.formats.sqlite import Value

_SALT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """An encrypted value."""

    text: bytes = field(repr=False)
    vector: bytes
    kdf: Scrypt

    def opened(self, password: Credential) -> bytes | None:
        """Return the value, None when the padding says that it is another password's."""
        key = self.kdf.derive(password.text.encode("utf-16-be"), 32)
        try:
            return aes.cbc_padded(key, self.vector, self.text)
        except ParseError:
            return None


def sealed(value: Value) -> Sealed | None:
    """Read an encrypted value, None when it is none."""
    try:
        text, vector, salt = map(bytes.fromhex, str(value).split("/"))
    except ValueError:
        return None
    return Sealed(text=text, vector=vector, kdf=Scrypt(salt=salt[-_SALT:], n=1 << 14, r=8, p=1))
