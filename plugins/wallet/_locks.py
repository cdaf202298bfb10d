"""Lines that hashcat and john take, one for each kind of locked wallet.

The forms are those of the modules that read them: hashcat 11300, 12700, 13400, 15200, 15600, 15700,
16300, 16600, 21700, 21800, 22500, 22700, 27700, 29800; john's formats bitcoin, blockchain,
ethereum, electrum, KeePass, multibit, monero. Only as much of a store goes into a line as a
password is tried against.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from triage.api import Lock
from triage.formats.kdf import Kdf, Pbkdf2, Scrypt

_BLOCK = 16
_AES = bytes.fromhex("31c1f2e6bf714350be5805216afc5aff")  # the only cipher of early KDBX
_BIE_WHOLE = 16_384  # bytes; of a longer file the first 1,024 of the text are enough
_BIE_TEXT = slice(37, -32)


def bitcoin_core(sealed: bytes, salt: bytes, rounds: int) -> Lock | None:
    """Return the line of a master key: its last two blocks tell whether a password fits."""
    if len(sealed) != 3 * _BLOCK:
        return None
    text, salted = sealed[-2 * _BLOCK :].hex(), salt.hex()
    line = f"$bitcoin${len(text)}${text}${len(salted)}${salted}${rounds}$2$00$2$00"
    return Lock(line=line, hashcat=11300, john="bitcoin")


def electrum_value(kind: str, value: str, place: str) -> Lock | None:
    """Return the line of a seed of 1.x, an extended key, or a private key in a keystore."""
    number = {"seed": 1, "xprv": 2, "keypairs": 3}.get(kind)
    raw = _base64(value)
    if number is None or len(raw) < 2 * _BLOCK or len(raw) % _BLOCK:
        return None
    vector, block = raw[:_BLOCK], raw[_BLOCK : 2 * _BLOCK]
    if kind == "keypairs":  # its end is known: what fills the last block
        vector, block = raw[-2 * _BLOCK : -_BLOCK], raw[-_BLOCK:]
    line = f"$electrum${number}*{vector.hex()}*{block.hex()}"
    return Lock(line=line, hashcat=16600, john="electrum", place=place)


def electrum_file(data: bytes) -> Lock | None:
    """Return the line of a file that is encrypted as a whole with the user's password."""
    raw = _base64(data)
    if not raw.startswith(b"BIE1") or len(raw) <= 37 + 32:
        return None
    point, text, mac = raw[4:37].hex(), raw[_BIE_TEXT], raw[-32:].hex()
    if len(raw) > _BIE_WHOLE:
        line = f"$electrum$5*{point}*{text[:1024].hex()}*{mac}"
        return Lock(line=line, hashcat=21800, john="electrum")
    return Lock(line=f"$electrum$4*{point}*{text.hex()}*{mac}", hashcat=21700, john="electrum")


def ethereum(kdf: Kdf | None, crypto: dict[str, Any]) -> Lock | None:
    """Return the line of a key file of version 3."""
    sealed, mac = str(crypto.get("ciphertext")), str(crypto.get("mac"))
    if not _is_hex(sealed) or not _is_hex(mac):
        return None
    match kdf:
        case Scrypt():
            line = f"s*{kdf.n}*{kdf.r}*{kdf.p}*{kdf.salt.hex()}*{sealed}*{mac}"
            return Lock(line=f"$ethereum${line}", hashcat=15700, john="ethereum")
        case Pbkdf2():
            line = f"p*{kdf.rounds}*{kdf.salt.hex()}*{sealed}*{mac}"
            return Lock(line=f"$ethereum${line}", hashcat=15600, john="ethereum")
        case _:
            return None


def ethereum_presale(data: dict[str, Any]) -> Lock | None:
    """Return the line of a file of the presale."""
    parts = [str(data.get(name)) for name in ("encseed", "ethaddr", "bkp")]
    if not all(map(_is_hex, parts)):
        return None
    return Lock(line=f"$ethereum$w*{'*'.join(parts)}", hashcat=16300, john="ethereum")


def bitcoinj(scrypt: Scrypt, sealed: bytes, *, software: str) -> Lock | None:
    """Return the line of a private key: its last two blocks tell whether a password fits."""
    if len(sealed) != 3 * _BLOCK:
        return None
    numbers = f"{scrypt.n}*{scrypt.r}*{scrypt.p}*{scrypt.salt.hex()}"
    if software == "bisq":
        line = f"$bisq$3*{numbers}*{sealed[-2 * _BLOCK :].hex()}"
        return Lock(line=line, hashcat=29800, john=None)
    line = f"$multibit$3*{numbers}*{sealed[-2 * _BLOCK :].hex()}"
    return Lock(line=line, hashcat=27700, john="multibit")


def multibit_backup(raw: bytes) -> Lock | None:
    """Return the line of a key backup of MultiBit Classic, from the bytes behind `Salted__`."""
    salt, text = raw[8:16], raw[16:48]
    if len(text) != 2 * _BLOCK:
        return None
    line = f"$multibit$1*{salt.hex()}*{text.hex()}"
    return Lock(line=line, hashcat=22500, john="multibit")


def multibit_hd(data: bytes) -> Lock | None:
    """Return the line of a wallet of MultiBit HD: the vector and first block of either version."""
    if len(data) < 2 * _BLOCK:
        return None
    first, second = data[:_BLOCK].hex(), data[_BLOCK : 2 * _BLOCK].hex()
    return Lock(line=f"$multibit$2*{first}*{second}*{first}", hashcat=22700, john="multibit")


def blockchain(payload: bytes, rounds: int | None) -> Lock | None:
    """Return the line of a backup; `rounds` is None before version 2."""
    raw = _base64(payload)
    if len(raw) < 2 * _BLOCK or len(raw) % _BLOCK:
        return None
    if rounds is None:
        line = f"$blockchain${len(raw)}${raw.hex()}"
        return Lock(line=line, hashcat=12700, john="blockchain")
    line = f"$blockchain$v2${rounds}${len(raw)}${raw.hex()}"
    return Lock(line=line, hashcat=15200, john="blockchain")


def keepass(head: bytes) -> Lock | None:
    """Return the line of a KDBX 3 database from its first bytes, for a password without key file.

    Behind twelve bytes stand fields (number, length of two bytes, content); after the last one, 0,
    the content begins, whose first block must decrypt to the field 9.
    """
    fields: dict[int, bytes] = {}
    at = 12
    while at + 3 <= len(head) and 0 not in fields:
        size = int.from_bytes(head[at + 1 : at + 3], "little")
        fields[head[at]] = head[at + 3 : at + 3 + size]
        at += 3 + size
    text = head[at : at + 2 * _BLOCK]
    sizes = {4: 32, 5: 32, 6: 8, 7: 16, 9: 32}
    if any(len(fields.get(number, b"")) != size for number, size in sizes.items()):
        return None
    if 0 not in fields or fields.get(2) != _AES or len(text) != 2 * _BLOCK:
        return None
    rounds = int.from_bytes(fields[6], "little")
    seeds = "*".join(fields[number].hex() for number in (4, 5, 7, 9))
    line = f"$keepass$*2*{rounds}*{at}*{seeds}*{text.hex()}"
    return Lock(line=line, hashcat=13400, john="KeePass")


def monero(data: bytes) -> Lock:
    """Return the line of a `.keys` file, which hashcat cannot read."""
    return Lock(line=f"$monero$0*{data.hex()}", hashcat=None, john="monero")


def _is_hex(text: str) -> bool:
    try:
        return bool(bytes.fromhex(text)) and text.isalnum()
    except ValueError:
        return False


def _base64(data: bytes | str) -> bytes:
    try:
        compact = b"".join((data.encode() if isinstance(data, str) else data).split())
        return base64.b64decode(compact, validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return b""
