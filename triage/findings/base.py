"""What every finding has in common: the frame around a typed statement of what bytes say.

A new kind is one dataclass derived from `Finding`: its own fields, each with a unit in the
docstring, plus the class variables that give it a name, an identity and words.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, ClassVar


class Shows(StrEnum):
    """The ladder: how much a finding shows, from lying there to being used."""

    PRESENT = "present"  # it is there
    EXECUTED = "executed"  # the program ran
    USED = "used"  # it was used for what it is for
    DESTINATION = "destination"  # with whom or where
    CREDENTIAL = "credential"  # a key or password that opens something lies here


class Confidence(StrEnum):
    """How sure we are of the format; never of a person."""

    CONFIRMED = "confirmed"  # structure and checksum
    PROBABLE = "probable"  # structure fits
    POSSIBLE = "possible"  # pattern only


class Sensitivity(StrEnum):
    """How the finding must be handled."""

    PUBLIC = "public"
    PERSONAL = "personal"
    # The artifact holds a seed, key, token or password in usable form.
    SECRET = "secret"  # noqa: S105 - the name of a level, not a password


class Protection(StrEnum):
    """What stands between the bytes and their meaning."""

    PLAIN = "plain"
    KEY_ON_IMAGE = "key_on_image"
    PASSCODE = "passcode"
    DPAPI = "os_bound:dpapi"
    KEYCHAIN = "os_bound:keychain"
    KEYRING = "os_bound:keyring"
    HARDWARE = "hw_keystore"
    ENCRYPTED = "encrypted"
    CLOUD_ONLY = "cloud_only"
    DAMAGED = "damaged"


class RowState(StrEnum):
    """Where in a database a row stands."""

    LIVE = "live"
    WAL = "wal"
    JOURNAL = "journal"
    FREELIST = "freelist"
    SUPERSEDED = "superseded"


class Unit(StrEnum):
    """What a raw time counts, and from when."""

    S_UNIX = "s_unix"
    MS_UNIX = "ms_unix"
    US_UNIX = "us_unix"
    NS_UNIX = "ns_unix"
    FILETIME = "filetime"
    COCOA = "cocoa"
    COCOA_NS = "cocoa_ns"
    WEBKIT = "webkit"
    DOS = "dos"
    OLE = "ole"
    DAYS_UNIX = "days_unix"
    TEXT = "text"


class Zone(StrEnum):
    """The zone of a raw time: only `utc` is ever converted."""

    UTC = "utc"
    LOCAL = "local"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """One dated event. `utc` is RFC 3339 with Z, or None when the zone does not allow it."""

    event: str  # snake_case past participle: last_written, created, visited
    utc: str | None
    raw: str  # as it stands in the evidence
    unit: Unit
    zone: Zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpretation:
    """Fixed words about a kind, shown beside its findings."""

    means: str
    does_not_mean: str
    other_explanations: str
    next_steps: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One typed statement of what the bytes say. The engine adds where and by whom.

    `secret` carries the clear value of a credential to the sealed part of the bundle; it is never
    written anywhere else and is dropped when there is nobody to seal it to. `belongs_to` is the SID
    or `uid:N` that the bytes themselves name: it comes before the account that the path tells.
    """

    kind: ClassVar[str]
    identity: ClassVar[tuple[str, ...]]  # fields that make two findings the same one
    title: ClassVar[str]  # heading in the report, plural
    interpretation: ClassVar[Interpretation]
    context: ClassVar[bool] = False  # gathered in the first round, for others to build on

    shows: Shows
    confidence: Confidence
    locator: str | None = None  # position inside the artifact: `line 40`, `moz_places id 7`
    row: RowState | None = None
    times: tuple[Time, ...] = ()
    checks: tuple[str, ...] = ()
    protection: Protection | None = None
    sensitivity: Sensitivity = Sensitivity.PERSONAL
    secret: str | None = field(default=None, repr=False)
    belongs_to: str | None = None

    def summary(self) -> str:
        """One neutral line about the bytes; never about a person."""
        raise NotImplementedError

    @classmethod
    def value_fields(cls) -> tuple[str, ...]:
        """Names of the fields that this kind adds to the frame."""
        frame = {f.name for f in fields(Finding)}
        return tuple(f.name for f in fields(cls) if f.name not in frame)

    def value(self) -> dict[str, Any]:
        """Return the typed fields of this kind, without the frame."""
        return {name: getattr(self, name) for name in self.value_fields()}
