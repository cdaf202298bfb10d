"""The machine and its accounts: the context that every other finding is attributed by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from triage.findings.base import Finding, Interpretation


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemOs(Finding):
    """An installed operating system. `root` is where it lies in its volume, usually `/`."""

    kind: ClassVar[str] = "system.os"
    identity: ClassVar[tuple[str, ...]] = ("family", "root")
    title: ClassVar[str] = "Operating systems"
    context: ClassVar[bool] = True
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The configuration files of an operating system lie in this volume.",
        does_not_mean="That this system was started recently, or on this machine.",
        other_explanations="A restored backup, a cloned drive, a virtual machine's disk.",
        next_steps="Compare host name and install time with other exhibits and with papers.",
    )

    family: str  # windows, linux, macos, android
    name: str | None  # product name as the system has it: Windows 11 still says Windows 10
    version: str | None
    host_name: str | None
    root: str = "/"
    machine_id: str | None = None
    owner: str | None = None  # registered owner, free text

    def summary(self) -> str:
        """Name, version and host name."""
        product = " ".join(filter(None, (self.name or self.family, self.version)))
        host = f", host name {self.host_name}" if self.host_name else ""
        return f"operating system {product}{host}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemAccount(Finding):
    """An account of the operating system. `home` is a path in the account's own volume."""

    kind: ClassVar[str] = "system.account"
    identity: ClassVar[tuple[str, ...]] = ("account_id", "name")
    title: ClassVar[str] = "Accounts"
    context: ClassVar[bool] = True
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The operating system knows an account of this name and number.",
        does_not_mean="Who used it: an account is not a person.",
        other_explanations="Shared accounts, accounts made by software, a copied profile.",
        next_steps="Establish who knew the password and who had physical access, and when.",
    )

    account_id: str | None  # `S-1-5-21-…` or `uid:1000`; None when only a home folder shows it
    name: str
    home: str | None  # evidence path, `/Users/alice`
    full_name: str | None = None
    can_log_in: bool | None = None  # None: not told
    logon_count: int | None = None
    for_software: bool = False  # made for software, not for people
    credential_state: str | None = None  # password set, empty or locked; its hash is never shown
    groups: tuple[str, ...] = ()  # names, sorted
    internet_name: str | None = None  # name of an online account tied to it, an e-mail address

    def summary(self) -> str:
        """Name, number and home folder."""
        number = f" ({self.account_id})" if self.account_id else ""
        home = f", home {self.home}" if self.home else ""
        return f"account {self.name}{number}{home}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemTimezone(Finding):
    """The time zone that the system is set to now."""

    kind: ClassVar[str] = "system.timezone"
    identity: ClassVar[tuple[str, ...]] = ("zone_name",)
    title: ClassVar[str] = "Time zones"
    context: ClassVar[bool] = True
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The system is configured for this zone.",
        does_not_mean="That it was so configured at the time of any other finding.",
        other_explanations="Travel, a reset to defaults, a deliberate change.",
        next_steps="Compare with times that carry their own offset.",
    )

    zone_name: str  # `W. Europe Standard Time`, `Europe/Vienna`
    bias_minutes: int | None = None  # minutes to add to local time for UTC, as Windows stores it

    def summary(self) -> str:
        """Zone and offset."""
        bias = f", bias {self.bias_minutes} minutes" if self.bias_minutes is not None else ""
        return f"time zone {self.zone_name}{bias}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptionVolume(Finding):
    """A volume that is encrypted or otherwise closed to us."""

    kind: ClassVar[str] = "encryption.volume"
    identity: ClassVar[tuple[str, ...]] = ("scheme",)
    title: ClassVar[str] = "Locked, opened and unreadable volumes"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The bytes of this volume carry the header of an encryption or storage scheme.",
        does_not_mean="What is inside, or that somebody hides something: many systems encrypt.",
        other_explanations="Encryption by default of the maker, an employer's policy.",
        next_steps="Look for recovery keys on paper, in other exhibits and in accounts: BitLocker "
        "and LUKS are opened with what stands in the credentials file. If the machine is still "
        "running, do not switch it off before advice.",
    )

    scheme: str  # luks2, bitlocker, …
    state: str  # locked, opened (with a key that was at hand), unsupported, unknown
    length: int  # bytes
    details: dict[str, str]  # UUID, cipher … as the header has them
    label: str | None = None

    def summary(self) -> str:
        """Scheme, size and state."""
        label = f" “{self.label}”" if self.label else ""
        return f"{self.scheme} volume{label}, {self.length:,} bytes, {self.state}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptionContainer(Finding):
    """A file that holds, or may hold, an encrypted volume."""

    kind: ClassVar[str] = "encryption.container"
    identity: ClassVar[tuple[str, ...]] = ("scheme",)
    title: ClassVar[str] = "Container files"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The file has the header of an encrypted volume, or all of it that was looked at "
        "cannot be told from random bytes and its size is a whole number of sectors.",
        does_not_mean="Without a header: that it is a container of VeraCrypt or another program. "
        "Nothing in such a file says what it is.",
        other_explanations="An encrypted database, backup or archive of some program; a part of a "
        "well compressed file; a key file; a file made to fill or to wipe a disk.",
        next_steps="Look whether a program for containers is on the system, whether its lists of "
        "recent files name this one, and for the password in the other findings.",
    )

    scheme: str  # luks1, luks2; headerless: VeraCrypt and kin
    size: int  # bytes
    sampled_bytes: int | None = None  # how many of them were looked at
    chi_square: int | None = None  # of these; random bytes give 255 ± 23
    label: str | None = None

    def summary(self) -> str:
        """Scheme and size."""
        what = {"headerless": "without a header"}.get(self.scheme, self.scheme)
        return f"container file, {what}, {self.size:,} bytes"
