"""What a volume is when TSK has no file system for it: locked, unsupported, or without structure.

Everything is told from bytes at fixed places. Sources: LUKS, its on-disk format specifications 1
and 2; BitLocker, libbde's format document; FileVault 2, libfvde's and util-linux `cs_fvault2.c`.
LUKS was checked against cryptsetup.
"""

from __future__ import annotations

import json
import struct
import uuid
from typing import Any

from triage.errors import ParseError
from triage.evidence import apfs, superblocks
from triage.evidence.superblocks import Recognised, View, found, guid_text, text, uuid_text
from triage.model import Reader, VolumeState
from triage.randomness import RANDOM, chi_square

_MAX_JSON = 4 << 20  # the largest LUKS2 header
_MAX_TEXT = 1 << 16
_SAMPLES = 64
_SAMPLE = 4096  # bytes of each
_ENOUGH = 16 * _SAMPLE  # for a statement about randomness


def recognise(reader: Reader, offset: int, length: int) -> Recognised | None:
    """Say what lies at `offset`; None when there is not a byte to look at."""
    return by_signature(reader, offset, length) or by_content(reader, offset, length)


def by_signature(reader: Reader, offset: int, length: int) -> Recognised | None:
    """Say what a known structure marks the volume as; None without one."""
    view = View(reader, offset, length)
    for probe in _PROBES:
        try:
            answer = probe(view)
        except (struct.error, IndexError):  # it goes on where the volume has ended
            continue
        if answer is not None:
            return answer
    return None


def by_content(reader: Reader, offset: int, length: int) -> Recognised | None:
    """Tell zeros and data without structure from anything else, by evenly spread samples."""
    view = View(reader, offset, length)
    last = max(0, length - _SAMPLE)
    places = sorted({last * number // (_SAMPLES - 1) // 512 * 512 for number in range(_SAMPLES)})
    samples = [sample for sample in (view.at(place, _SAMPLE) for place in places) if sample]
    looked_at = sum(map(len, samples))
    if not looked_at:
        return None
    details = {"sampled_bytes": str(looked_at)}
    if not any(map(any, samples)):
        return Recognised(
            state=VolumeState.EMPTY,
            scheme=None,
            words="zeros only, in the parts looked at",
            details=details,
        )
    if looked_at >= _ENOUGH and chi_square(samples) in RANDOM:
        return Recognised(
            state=VolumeState.UNKNOWN,
            scheme="random",
            words=f"no structure: these {length} bytes cannot be told from random data. Encrypted"
            " without a header (VeraCrypt, TrueCrypt, plain dm-crypt) or wiped with random data",
            details=details,
        )
    return Recognised(
        state=VolumeState.UNKNOWN,
        scheme=None,
        words="holds data without a structure that we know",
        details=details,
    )


def _luks(view: View) -> Recognised | None:
    head = view.at(0, 592)
    if head.startswith(b"LUKS\xba\xbe"):
        version = int.from_bytes(head[6:8], "big")
        return _luks1(head) if version == 1 else _luks2(view, head, 0)
    # LUKS2 specification 2.2: where the second header may stand, when the first is gone.
    for place in (0x4000 << shift for shift in range(9)):
        head = view.at(place, 592)
        if head.startswith(b"SKUL\xba\xbe"):
            return _luks2(view, head, place)
    return None


def _luks1(head: bytes) -> Recognised:
    slots = [struct.unpack_from(">I", head, 208 + 48 * slot)[0] for slot in range(8)]
    return found(
        VolumeState.LOCKED,
        "luks1",
        "encrypted with LUKS1: needs a passphrase or key file",
        uuid=text(head[168:208]),
        cipher=f"{text(head[8:40])}-{text(head[40:72])}",
        hash=text(head[72:104]),
        key_bits=8 * int.from_bytes(head[108:112], "big"),
        version=1,
        keyslots=slots.count(0x00AC71F3),
    )


def _luks2(view: View, head: bytes, place: int) -> Recognised:
    size = int.from_bytes(head[8:16], "big")
    raw = view.at(place + 4096, min(max(size - 4096, 0), _MAX_JSON)).split(b"\x00")[0]
    ciphers, kdfs, tokens = _luks2_json(raw)
    where = f" (first header destroyed, second one at {place})" if place else ""
    return found(
        VolumeState.LOCKED,
        "luks2",
        "encrypted with LUKS2: needs a passphrase, key file or token" + where,
        uuid=text(head[168:208]),
        label=text(head[24:72]),
        subsystem=text(head[208:256]),
        cipher=", ".join(ciphers),
        kdf=", ".join(kdfs),
        tokens=", ".join(tokens),
        version=int.from_bytes(head[6:8], "big"),
    )


def _luks2_json(raw: bytes) -> tuple[list[str], list[str], list[str]]:
    """Return ciphers, key derivations and token types from the JSON area; empty if damaged."""
    try:
        area = json.loads(raw)
    except (ValueError, RecursionError):
        return [], [], []

    def strings(part: str, *path: str) -> list[str]:
        values = set()
        items = area.get(part) if isinstance(area, dict) else None
        for item in items.values() if isinstance(items, dict) else ():
            value: Any = item
            for name in path:
                value = value.get(name) if isinstance(value, dict) else None
            if isinstance(value, str):
                values.add(value[:64])
        return sorted(values)[:16]

    return (
        strings("segments", "encryption"),
        strings("keyslots", "kdf", "type"),
        strings("tokens", "type"),
    )


_BITLOCKER_TO_GO = uuid.UUID("4967D63B-2E29-4AD8-8399-F6A339E3D001").bytes_le
_BITLOCKER_METHODS = {
    0x8000: "AES-CBC 128 with diffuser",
    0x8001: "AES-CBC 256 with diffuser",
    0x8002: "AES-CBC 128",
    0x8003: "AES-CBC 256",
    0x8004: "AES-XTS 128",
    0x8005: "AES-XTS 256",
}
_BITLOCKER_PROTECTORS = {
    0x0000: "clear key",
    0x0100: "TPM",
    0x0200: "startup key",
    0x0500: "TPM and PIN",
    0x0800: "recovery password",
    0x2000: "password",
}


def _bitlocker(view: View) -> Recognised | None:
    head = view.at(0, 512)
    if head[3:11] == b"-FVE-FS-":
        places, kind = struct.unpack_from("<3Q", head, 176), "fixed drive"
    elif head[3:11] == b"MSWIN4.1" and head[424:440] == _BITLOCKER_TO_GO:
        places, kind = struct.unpack_from("<3Q", head, 440), "To Go"
    else:
        return None
    details: dict[str, str | int] = {"variant": kind}
    for place in places:
        block = view.at(place, _MAX_TEXT)
        if block.startswith(b"-FVE-FS-"):
            details |= _bitlocker_metadata(block)
            break
    words = "encrypted with BitLocker: needs a password, recovery key or start-up key"
    if "clear key" in str(details.get("protectors", "")):
        words = "BitLocker, suspended: the key lies in clear on the volume"
    return found(VolumeState.LOCKED, "bitlocker", words, **details)


def _bitlocker_metadata(block: bytes) -> dict[str, str | int]:
    """Read the header (64 + 48 bytes) and the list of key protectors behind it (libbde)."""
    (size,) = struct.unpack_from("<I", block, 64)
    method = int.from_bytes(block[100:102], "little")
    protectors = []
    at, end = 112, min(64 + size, len(block))
    while at + 8 <= end:
        length, entry, value = struct.unpack_from("<HHH", block, at)
        if length < 8:  # noqa: PLR2004 - its own header
            break
        if (entry, value) == (2, 8) and length >= 36:  # noqa: PLR2004 - volume master key
            kind = int.from_bytes(block[at + 34 : at + 36], "little")
            protectors.append(_BITLOCKER_PROTECTORS.get(kind, f"0x{kind:04x}"))
        at += length
    return {
        "guid": guid_text(block[80:96]),
        "cipher": _BITLOCKER_METHODS.get(method, f"0x{method:04x}"),
        "version": int.from_bytes(block[10:12], "little"),
        "protectors": ", ".join(sorted(set(protectors))),
    }


def _core_storage(view: View) -> Recognised | None:
    head = view.at(0, 512)
    version, kind = struct.unpack_from("<HH", head, 8)
    if head[88:90] != b"CS" or version != 1 or kind != 0x10:  # noqa: PLR2004
        return None
    encrypted = head[172:176] == b"\x02\x00\x00\x00" and any(head[176:192])
    return found(
        VolumeState.LOCKED if encrypted else VolumeState.UNSUPPORTED,
        "corestorage",
        "Apple CoreStorage: FileVault 2, needs a password or recovery key"
        if encrypted
        else "Apple CoreStorage (Fusion or unencrypted), which is not read",
        uuid=uuid_text(head[304:320]),
        cipher="AES-XTS" if encrypted else "",
    )


def _apfs(view: View) -> Recognised | None:
    if view.at(apfs.MAGIC_AT, 4) != apfs.MAGIC:
        return None
    try:
        identifier, volumes = apfs.read_volumes(view.reader, view.offset)
    except ParseError as error:
        return found(VolumeState.UNSUPPORTED, apfs.SCHEME, error.message)
    encrypted = [volume.name for volume in volumes if volume.encrypted]
    listed = ", ".join(f"{volume.name} ({volume.uuid})" for volume in volumes)
    if encrypted:
        words = f"APFS container; encrypted: {', '.join(encrypted)}"
        state = VolumeState.LOCKED
    else:
        words, state = "APFS container, nothing encrypted by software", VolumeState.UNSUPPORTED
    return found(
        state, apfs.SCHEME, words, uuid=identifier, volumes=listed, encrypted=", ".join(encrypted)
    )


_PROBES = (_luks, _bitlocker, _core_storage, _apfs, *superblocks.PROBES)
