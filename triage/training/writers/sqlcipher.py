"""SQLCipher 4 with a raw key, run forwards: the same bytes each time.

The library draws a vector for each page at random; here it follows from the key. A page is AES-256
in CBC mode, then the vector and an HMAC-SHA512 over both and the page's number; the first 16 bytes
of the file are the salt. https://www.zetetic.net/sqlcipher/design/
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Sequence

import apsw
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from triage.training.writers.sqlite import Statement, frozen_database

_PAGE = 4096
_VECTOR, _MAC = 16, 64
_RESERVED = _VECTOR + _MAC
_SALT = 16


def encrypted(statements: Sequence[Statement], *, key: bytes, salt: bytes) -> bytes:
    """Return the database that these statements make, under a key of 32 bytes."""
    connection = apsw.Connection(":memory:")
    connection.execute(f"PRAGMA page_size={_PAGE}")
    connection.reserve_bytes("main", _RESERVED)
    for statement in statements:
        sql, values = (statement, ()) if isinstance(statement, str) else statement
        connection.execute(sql, tuple(values))
    plain = frozen_database(connection.serialize("main"))
    connection.close()
    mac_key = hashlib.pbkdf2_hmac("sha512", key, bytes(byte ^ 0x3A for byte in salt), 2, len(key))
    pages = range(len(plain) // _PAGE)
    return b"".join(
        _page(plain[_PAGE * n : _PAGE * (n + 1)], n + 1, key, mac_key, salt) for n in pages
    )


def _page(plain: bytes, number: int, key: bytes, mac_key: bytes, salt: bytes) -> bytes:
    head = _SALT if number == 1 else 0
    vector = hashlib.sha256(key + salt + struct.pack("<I", number)).digest()[:_VECTOR]
    cipher = Cipher(AES(key), CBC(vector)).encryptor()
    sealed = cipher.update(plain[head : _PAGE - _RESERVED]) + cipher.finalize() + vector
    mac = hmac.digest(mac_key, sealed + struct.pack("<I", number), "sha512")
    return salt[:head] + sealed + mac
