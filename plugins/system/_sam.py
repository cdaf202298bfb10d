r"""The account database of Windows: the binary values F and V, and the aliases' C.

F and V stand in `SAM\Domains\Account\Users\<RID>`. F is fixed: last logon at 8, password set at
24, last wrong password at 40 (FILETIME), RID at 48, account control bits at 56 (u16), logon count
at 66 (u16). V begins with entries of (offset, length, extra), u32, offsets counted from 0xCC:
entry 1 is the name, 2 the full name, 14 the NT hash. C of an alias: offset and length of its name
at 0x10, offset of the members' SIDs at 0x28 and their number at 0x30, counted from 0x34.
References: libsamdb's and RegRipper's description of the SAM, [MS-SAMR] 2.2.1.12 for the bits.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from triage.formats import security_id
from triage.formats.registry import Hive, Key

_F_LENGTH = 68
_V_DATA = 0xCC
_V_ENTRY = struct.Struct("<III")
_NAME, _FULL_NAME, _COMMENT, _NT_HASH = 1, 2, 3, 14
_EMPTY_HASHES = frozenset({0, 4, 24})  # no entry, header alone, header alone in the AES form
_DISABLED = 0x0001
_C_DATA = 0x34
_LARGEST_TEXT = 1024
_MAX_MEMBERS = 1000
_USERS = r"SAM\Domains\Account\Users"


@dataclass(frozen=True, slots=True, kw_only=True)
class SamUser:
    """A local account. Times are FILETIME, 0 when not set."""

    rid: int
    name: str
    full_name: str | None
    internet_name: str | None
    last_logon: int
    password_set: int
    password_failed: int
    disabled: bool
    logon_count: int
    has_password: bool | None


def machine_sid(sam: Hive) -> str | None:
    """Return the SID that the local accounts' numbers are appended to."""
    key = sam.key(r"SAM\Domains\Account")
    value = key.value("V") if key else None
    if value is None or len(value.raw) < 12:  # noqa: PLR2004 - three sub-authorities at the end
        return None
    return "S-1-5-21-" + "-".join(str(part) for part in struct.unpack("<III", value.raw[-12:]))


def users(sam: Hive) -> Iterator[SamUser | str]:
    """Yield the accounts in the order of the hive; a text names one that cannot be read."""
    key = sam.key(_USERS)
    for child in key.subkeys() if key else ():
        if child.name.casefold() == "names":
            continue
        user = _user(child)
        yield user or child.name


def aliases(sam: Hive) -> dict[str, set[str]]:
    """Return the local groups that each SID is a member of."""
    found: dict[str, set[str]] = {}
    for domain in ("Builtin", "Account"):
        key = sam.key(rf"SAM\Domains\{domain}\Aliases")
        for child in key.subkeys() if key else ():
            value = child.value("C")
            name, members = _alias(value.raw) if value else (None, ())
            for sid in members if name else ():
                found.setdefault(sid, set()).add(name or "")
    return found


def _user(key: Key) -> SamUser | None:
    fixed, variable = key.value("F"), key.value("V")
    if fixed is None or variable is None or len(fixed.raw) < _F_LENGTH:
        return None
    f, v = fixed.raw, variable.raw
    name = _text(v, _NAME)
    if not name:
        return None
    (bits, logons) = struct.unpack_from("<H8xH", f, 56)
    online = key.value("InternetUserName")
    return SamUser(
        rid=int.from_bytes(f[48:52], "little"),
        name=name,
        full_name=_text(v, _FULL_NAME),
        internet_name=_utf16(online.raw[:_LARGEST_TEXT]) if online else None,
        last_logon=_filetime(f, 8),
        password_set=_filetime(f, 24),
        password_failed=_filetime(f, 40),
        disabled=bool(bits & _DISABLED),
        logon_count=logons,
        has_password=_has_password(v),
    )


def _filetime(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 8], "little")


def _entry(v: bytes, index: int) -> tuple[int, int] | None:
    """Return (offset, length) of an entry of V, None when it lies outside."""
    if len(v) < _V_DATA:
        return None
    offset, length, _ = _V_ENTRY.unpack_from(v, index * _V_ENTRY.size)
    if _V_DATA + offset + length > len(v):
        return None
    return _V_DATA + offset, length


def _text(v: bytes, index: int) -> str | None:
    place = _entry(v, index)
    if place is None:
        return None
    start, length = place
    return _utf16(v[start : start + min(length, _LARGEST_TEXT)])


def _has_password(v: bytes) -> bool | None:
    place = _entry(v, _NT_HASH)
    return None if place is None else place[1] not in _EMPTY_HASHES


def _utf16(data: bytes) -> str | None:
    text = data[: len(data) & ~1].decode("utf-16-le", "replace").partition("\0")[0]
    return text or None


def _alias(c: bytes) -> tuple[str | None, tuple[str, ...]]:
    """Return the name and the members' SIDs of a local group."""
    if len(c) < _C_DATA:
        return None, ()
    name_at, name_length = struct.unpack_from("<II", c, 0x10)
    at, _, count = struct.unpack_from("<III", c, 0x28)
    start = _C_DATA + name_at
    name = _utf16(c[start : start + min(name_length, _LARGEST_TEXT)])
    members: list[str] = []
    at += _C_DATA
    for _ in range(min(count, _MAX_MEMBERS)):
        sid, at = security_id.read(c, at)
        if sid is None:
            break
        members.append(sid)
    return name, tuple(members)
