"""What a machine met: storage and phones plugged in, networks, logons, steps of its clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from triage.findings.base import Finding, Interpretation


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemUsb(Finding):
    """A storage device, phone or camera that was connected over USB."""

    kind: ClassVar[str] = "system.usb"
    identity: ClassVar[tuple[str, ...]] = ("device", "serial", "trace")
    title: ClassVar[str] = "USB storage and phones"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="A device that gave these ids and this serial number was connected to this machine.",
        does_not_mean="What was copied, or where the device is now; a serial number made up by "
        "the system names only a socket.",
        other_explanations="A device lent or borrowed; two devices of one maker with one number.",
        next_steps="Look for the device. Compare its serial number and volume with exhibits, "
        "shortcuts and shell bags that name the same volume.",
    )

    device: str  # maker and product as the device gave them
    vendor_id: str | None = None  # four hexadecimal digits
    product_id: str | None = None
    serial: str | None = None  # None: it gave none
    device_class: str  # storage, phone, other
    trace: str  # usbstor, usb, mount-points, emdmgmt, portable-devices, setup-log, kernel-log …
    drive: str | None = None  # letter that it had last
    volume_name: str | None = None  # label, or what a person called the phone
    volume_serial: str | None = None  # of its file system, `5EED-0001`, as shortcuts name it too
    imei: str | None = None  # of a phone
    phone_number: str | None = None
    connections: int | None = None  # that a log shows

    def summary(self) -> str:
        """Class, device and serial number."""
        serial = f", serial number {self.serial}" if self.serial else ", without a serial number"
        drive = f", drive {self.drive}" if self.drive else ""
        return f"{self.device_class} {self.device}{serial}{drive}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemNetwork(Finding):
    """A network that the machine has joined or knows how to join."""

    kind: ClassVar[str] = "system.network"
    identity: ClassVar[tuple[str, ...]] = ("network", "gateway")
    title: ClassVar[str] = "Networks"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The system keeps this network, and was on it where a time says so.",
        does_not_mean="Where the machine was: names of networks are not unique.",
        other_explanations="A network copied from another machine, or set up and never reached.",
        next_steps="The address of the gateway or access point can place the machine; ask the "
        "operator of the network for its logs.",
    )

    network: str  # name, SSID
    network_type: str | None = None  # wireless, wired, mobile, vpn
    gateway: str | None = None  # hardware address, `aa:bb:cc:dd:ee:ff`
    domain: str | None = None  # DNS suffix that the network gave
    credential_kept: bool | None = None  # whether a key lies in the same place; never shown

    def summary(self) -> str:
        """Name, kind and gateway."""
        kind = f"{self.network_type} " if self.network_type else ""
        gateway = f", gateway {self.gateway}" if self.gateway else ""
        return f"{kind}network “{self.network}”{gateway}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemLogon(Finding):
    """Logons of one account that the system noted, by way and origin."""

    kind: ClassVar[str] = "system.logon"
    identity: ClassVar[tuple[str, ...]] = ("account_name", "terminal", "origin", "trace")
    title: ClassVar[str] = "Logons"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="Somebody who had this account's password or key logged on at these times.",
        does_not_mean="Who it was; automatic logons need nobody.",
        other_explanations="Automatic logon, a shared account, remote access by a third person.",
        next_steps="Compare with other records of where people were.",
    )

    account_name: str
    terminal: str | None = None  # `:0` at the screen, `pts/0` in a window or over the network
    origin: str | None = None  # host or address it came from
    trace: str  # wtmp, btmp, lastlog
    logons: int  # counted
    failed: bool = False

    def summary(self) -> str:
        """Account, how often, from where."""
        what = "failed logon" if self.failed else "logon"
        what += "s" if self.logons != 1 else ""
        origin = f" from {self.origin}" if self.origin else ""
        return f"{self.logons:,} {what} of {self.account_name}{origin} ({self.trace})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemOnlineAccount(Finding):
    """An account at an online service that the system or one of its accounts is signed in to."""

    kind: ClassVar[str] = "system.online-account"
    identity: ClassVar[tuple[str, ...]] = ("service", "internet_name", "trace")
    title: ClassVar[str] = "Accounts at online services"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The system keeps this name of an account at an online service.",
        does_not_mean="That it is signed in now, or whose account it is.",
        other_explanations="Somebody else signed in on this machine; an account of an employer.",
        next_steps="Ask the service to preserve what it holds: files, backups and keys may lie "
        "there, and the times of its logons tell from where it was used.",
    )

    service: str  # Microsoft, OneDrive, Apple, google …
    internet_name: str
    full_name: str | None = None
    trace: str  # identity-store, device-join, onedrive, office, gnome-online-accounts …

    def summary(self) -> str:
        """Service and name."""
        return f"{self.service} account {self.internet_name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemClockChange(Finding):
    """A place where time runs backwards in something that only goes forward."""

    kind: ClassVar[str] = "system.clock-change"
    identity: ClassVar[tuple[str, ...]] = ("trace", "seconds")
    title: ClassVar[str] = "Steps of the clock"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="A record carries an earlier time than the one written before it.",
        does_not_mean="That somebody set the clock by hand, or which of the two times is right.",
        other_explanations="Synchronisation over the network, an empty battery, another system "
        "started on the same machine, a volume used in two machines.",
        next_steps="Read the times around it with care; compare with times that come from outside.",
    )

    trace: str
    seconds: int  # negative: backwards

    def summary(self) -> str:
        """How far."""
        way = "back" if self.seconds < 0 else "forward"
        return f"the clock went {way} by {abs(self.seconds):,} seconds ({self.trace})"
