"""Windows' Data Protection API, offline: master keys, and the blobs that they protect.

A blob names its master key by a GUID. The master key lies in a file of that name, in the folder of
its account's SID, encrypted with a key made from the account's password (or NT hash) and the SID;
in a domain a copy beside it is encrypted with the domain's public key. Both carry an HMAC, so that
what opens is certain. The derivation resembles PBKDF2, but feeds what was combined so far, not the
last digest, into the next round.

Sources: Burzstein and Picod, "Recovering Windows secrets and EFS certificates offline" (2010);
passcape.com, "DPAPI secrets"; the structures in impacket's `dpapi.py`, with whose test vectors this
is tested. Not read: CREDHIST (earlier passwords), keys of the system account, smart cards.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_pem_private_key,
)

from triage.errors import ParseError
from triage.formats import aes
from triage.formats.md4 import nt_hash

PROVIDER: Final = bytes.fromhex("01000000d08c9ddf0115d1118c7a00c04fc297eb")
"""What every blob begins with: version 1 and the GUID of the provider."""

_3DES, _AES256 = 0x6603, 0x6610
_SHA1, _HMAC, _SHA512 = 0x8004, 0x8009, 0x800E
_HASHES: Final = {_SHA1: "sha1", _SHA512: "sha512"}
_MASTER_HASHES: Final = {_SHA1: "sha1", _HMAC: "sha1", _SHA512: "sha512"}
_SIZES: Final = {_3DES: (24, 8), _AES256: (32, 16)}  # key, vector
_MASTER_KEY = 64
_MOST_ROUNDS = 1 << 20
_LONGEST = 1 << 20  # bytes of a file or blob
_PVK = bytes.fromhex("1ef1b5b0")


class _Stream:
    def __init__(self, data: bytes) -> None:
        if len(data) > _LONGEST:
            raise ParseError("longer than DPAPI makes it")
        self._data, self.at = data, 0

    def take(self, length: int) -> bytes:
        if length > len(self._data) - self.at:
            raise ParseError("cut off")
        self.at += length
        return self._data[self.at - length : self.at]

    def number(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def field(self) -> bytes:
        return self.take(self.number())


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterKeyFile:
    """A file of `Protect/<SID>/<GUID>`."""

    guid: UUID
    salt: bytes
    rounds: int
    hash_algorithm: int
    cipher: int
    sealed: bytes = field(repr=False)
    domain: bytes | None = field(repr=False)  # the copy for the domain's key

    @property
    def cost(self) -> int:
        """Roughly the microseconds of one try with one password: three keys are made of it."""
        blocks = 2 if self.cipher == _3DES else 1
        return 3 * 3 * blocks * self.rounds + 10_000


def read_master_key(data: bytes) -> MasterKeyFile:
    """Read a master key file. Raises ParseError."""
    stream = _Stream(data)
    if stream.number() not in {1, 2}:
        raise ParseError("not a master key file")
    stream.take(8)
    try:
        guid = UUID(stream.take(72).decode("utf-16-le").rstrip("\0"))
    except (UnicodeDecodeError, ValueError) as error:
        raise ParseError("not a master key file") from error
    stream.take(12)
    lengths = struct.unpack("<4Q", stream.take(32))
    key = _Stream(stream.take(min(lengths[0], _LONGEST)))
    stream.take(min(lengths[1], _LONGEST))
    stream.take(min(lengths[2], _LONGEST))
    domain = stream.take(min(lengths[3], _LONGEST)) or None
    key.number()  # version
    salt, rounds, hash_algorithm, cipher = key.take(16), key.number(), key.number(), key.number()
    sealed = key.take(lengths[0] - key.at)
    if not 1 <= rounds <= _MOST_ROUNDS or cipher not in _SIZES:
        raise ParseError("a master key of an unknown kind")
    if hash_algorithm not in _MASTER_HASHES:
        raise ParseError("a master key of an unknown kind")
    return MasterKeyFile(
        guid=guid,
        salt=salt,
        rounds=rounds,
        hash_algorithm=hash_algorithm,
        cipher=cipher,
        sealed=sealed,
        domain=domain,
    )


def open_with_password(file: MasterKeyFile, sid: str, password: str) -> bytes | None:
    """Return the master key, 64 bytes; None when the password is another."""
    sha1 = hashlib.sha1(
        password.encode("utf-16-le", "surrogatepass"), usedforsecurity=False
    ).digest()
    found = open_with_key(file, _of_account(sha1, sid))
    return found if found is not None else open_with_nt_hash(file, sid, nt_hash(password))


def open_with_nt_hash(file: MasterKeyFile, sid: str, digest: bytes) -> bytes | None:
    """Return the master key of a domain account, also of a protected user; None if it is not."""
    wide = sid.encode("utf-16-le")
    strong = hashlib.pbkdf2_hmac("sha256", digest, wide, 10_000)
    strong = hashlib.pbkdf2_hmac("sha256", strong, wide, 1)[:16]
    for secret in (digest, strong):
        found = open_with_key(file, _of_account(secret, sid))
        if found is not None:
            return found
    return None


def _of_account(secret: bytes, sid: str) -> bytes:
    return hmac.digest(secret, f"{sid}\0".encode("utf-16-le"), "sha1")


def open_with_key(file: MasterKeyFile, key: bytes) -> bytes | None:
    """Return the master key that a 20-byte key opens, None when its HMAC does not fit."""
    name = _MASTER_HASHES[file.hash_algorithm]
    size, vector = _SIZES[file.cipher]
    made = _derived(key, file.salt, size + vector, file.rounds, name)
    try:
        plain = _decrypted(file.cipher, made[:size], made[size:], file.sealed)
    except ParseError:
        return None
    length = hashlib.new(name, usedforsecurity=False).digest_size
    salt, expected, found = plain[:16], plain[16 : 16 + length], plain[-_MASTER_KEY:]
    if len(plain) < 16 + length + _MASTER_KEY:
        return None
    proof = hmac.digest(hmac.digest(key, salt, name), found, name)
    return found if hmac.compare_digest(proof, expected) else None


def _derived(key: bytes, salt: bytes, length: int, rounds: int, name: str) -> bytes:
    made, block = b"", 0
    while len(made) < length:
        block += 1
        mixed = hmac.digest(key, salt + block.to_bytes(4, "big"), name)
        number = int.from_bytes(mixed, "big")
        for _ in range(rounds - 1):
            number ^= int.from_bytes(hmac.digest(key, mixed, name), "big")
            mixed = number.to_bytes(len(mixed), "big")
        made += mixed
    return made[:length]


def _decrypted(cipher: int, key: bytes, vector: bytes, data: bytes) -> bytes:
    if cipher == _AES256:
        return aes.cbc(key, vector, data)
    try:
        decryptor = Cipher(TripleDES(key), CBC(vector)).decryptor()
        return decryptor.update(data) + decryptor.finalize()
    except ValueError as error:
        raise ParseError("not whole blocks") from error


def read_backup_key(data: bytes) -> RSAPrivateKey:
    """Read a domain's backup key: PVK, a PRIVATEKEYBLOB, PEM or DER. Raises ParseError."""
    try:
        if b"-----BEGIN" in data[:64]:
            key = load_pem_private_key(data, None)
        elif data[:1] == b"\x30":
            key = load_der_private_key(data, None)
        else:
            key = _of_blob(data[24:] if data.startswith(_PVK) else data)
    except (ValueError, TypeError) as error:
        raise ParseError("not a private key that can be read") from error
    if not isinstance(key, RSAPrivateKey):
        raise ParseError("not an RSA key")
    return key


def _of_blob(data: bytes) -> RSAPrivateKey:
    stream = _Stream(data)
    head = stream.take(8)
    if head[0] != 7 or stream.take(4) != b"RSA2":  # noqa: PLR2004 - PRIVATEKEYBLOB
        raise ParseError("not a private key")
    bits, exponent = stream.number(), stream.number()
    if bits not in {512, 1024, 2048, 4096}:
        raise ParseError("not a private key")
    modulus, p, q = (int.from_bytes(stream.take(bits // size), "little") for size in (8, 16, 16))
    stream.take(3 * (bits // 16))
    private = int.from_bytes(stream.take(bits // 8), "little")
    return RSAPrivateNumbers(
        p=p,
        q=q,
        d=private,
        dmp1=rsa_crt_dmp1(private, p),
        dmq1=rsa_crt_dmq1(private, q),
        iqmp=rsa_crt_iqmp(p, q),
        public_numbers=RSAPublicNumbers(exponent, modulus),
    ).private_key()


def open_with_backup_key(file: MasterKeyFile, key: RSAPrivateKey) -> bytes | None:
    """Return the master key from the copy for the domain, None when there is none that fits."""
    if file.domain is None:
        return None
    stream = _Stream(file.domain)
    try:
        stream.number()  # version
        length, _ = stream.number(), stream.number()
        stream.take(16)
        sealed = stream.take(length)
        plain = _Stream(key.decrypt(sealed[::-1], PKCS1v15()))
        size, _ = plain.number(), plain.number()
        found = plain.take(size)
    except (ParseError, ValueError):
        return None
    return found if len(found) == _MASTER_KEY else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """What `CryptProtectData` made."""

    master_key: UUID
    description: str
    cipher: int
    hash_algorithm: int
    salt: bytes
    proof_salt: bytes
    sealed: bytes = field(repr=False)
    signed: bytes = field(repr=False)
    signature: bytes

    def opened(self, master_key: bytes, entropy: bytes = b"") -> bytes | None:
        """Return the content, None when its signature is not of this master key."""
        name = _HASHES[self.hash_algorithm]
        key = hashlib.sha1(master_key, usedforsecurity=False).digest()
        session = hmac.digest(key, self.salt + entropy, name)
        size, vector = _SIZES[self.cipher]
        if not self._is_signed(key, entropy, name):
            return None
        try:
            plain = _decrypted(
                self.cipher, _stretched(session, size, name), bytes(vector), self.sealed
            )
        except ParseError:
            return None
        return plain[: -plain[-1]] if plain and 1 <= plain[-1] <= vector else None

    def _is_signed(self, key: bytes, entropy: bytes, name: str) -> bool:
        """Whether the signature holds, as Windows 7 and later make it or as earlier ones did."""
        block = hashlib.new(name, usedforsecurity=False).block_size
        padded = key.ljust(block, b"\0")
        inner = hashlib.new(name, bytes(byte ^ 0x36 for byte in padded), usedforsecurity=False)
        inner.update(self.proof_salt)
        outer = hashlib.new(name, bytes(byte ^ 0x5C for byte in padded), usedforsecurity=False)
        outer.update(inner.digest() + entropy + self.signed)
        plain = hmac.digest(key, self.proof_salt + entropy + self.signed, name)
        return any(hmac.compare_digest(made, self.signature) for made in (outer.digest(), plain))


def _stretched(session: bytes, size: int, name: str) -> bytes:
    """Return a key of this size; Windows makes a longer one of SHA-1 like `CryptDeriveKey`."""
    if len(session) >= size:
        return session[:size]
    padded = session.ljust(64, b"\0")
    halves = (
        hashlib.new(name, bytes(byte ^ pad for byte in padded), usedforsecurity=False).digest()
        for pad in (0x36, 0x5C)
    )
    return b"".join(halves)[:size]


def read_blob(data: bytes) -> Blob:
    """Read a blob, from its first byte; what follows it is passed over. Raises ParseError."""
    stream = _Stream(data)
    if stream.take(len(PROVIDER)) != PROVIDER:
        raise ParseError("not a blob of DPAPI")
    start = stream.at
    stream.number()  # version of the master key
    master_key = UUID(bytes_le=stream.take(16))
    stream.number()  # flags
    description = stream.field().decode("utf-16-le", "replace").rstrip("\0")
    cipher, _ = stream.number(), stream.number()
    salt = stream.field()
    stream.field()  # a key that is never there
    hash_algorithm, _ = stream.number(), stream.number()
    proof_salt, sealed = stream.field(), stream.field()
    end = stream.at
    signature = stream.field()
    if cipher not in _SIZES or hash_algorithm not in _HASHES:
        raise ParseError("a blob of an unknown kind")
    return Blob(
        master_key=master_key,
        description=description,
        cipher=cipher,
        hash_algorithm=hash_algorithm,
        salt=salt,
        proof_salt=proof_salt,
        sealed=sealed,
        signed=data[start:end],
        signature=signature,
    )
