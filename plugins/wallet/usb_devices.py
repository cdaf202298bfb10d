"""Hardware wallets that were plugged in: Windows' registry and log, logs of Linux and macOS.

Which ids are hardware wallets says the dated list `profiles/indicators/hardware-wallets.yaml`. Ids
are compared as numbers, so `VID_2C97&PID_0001`, `idVendor=2c97` and `ID 2c97:1` are the same.
Ledger tells the interfaces in the id: the second byte is made of bits. Written from Microsoft's
documentation of device instance ids and properties, from `setupapi.dev.log` of Windows 10 and from
the messages of Linux's `drivers/usb/core/hub.c`; tested with files made by us. Wall-clock times of
logs are local, so they are not converted; journals of systemd count in UTC. macOS names ids in text
only of devices with a disk (`USBMSC`, to 10.11): Coldcard's, Opendime. Not read: its unified logs.

References: https://github.com/INTERPOL-Innovation-Centre/HardwareWallets_DF_List and
https://learn.microsoft.com/windows-hardware/drivers/install/device-instance-ids
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from triage.api import Artifact, Confidence, Shows, Time, Unit, WalletDevice, Zone, extractor
from triage.formats.indicators import load
from triage.formats.journal import FieldValue, Journal
from triage.formats.registry import control_set, open_with_logs
from triage.formats.stamps import stamp
from triage.formats.usb_registry import IDS, device_times

DEVICES: Final = load("hardware-wallets")
_LOG = 64 << 20  # bytes of one log
_MOST = 10_000
_LEDGER = 0x2C97
_LEGACY = 0xFF  # below it a Ledger's id is that of an early application, without interfaces
_INTERFACES = ((1, "hid"), (2, "keyboard"), (4, "u2f"), (8, "ccid"), (16, "webusb"))


@dataclass(slots=True, kw_only=True)
class _Seen:
    """A device in a log."""

    vendor: int
    product: int
    serial: str | None = None
    count: int = 0
    first: str | None = None
    last: str | None = None
    place: str = ""


def _device(
    seen: _Seen, trace: str, *, times: tuple[Time, ...], connections: int | None
) -> WalletDevice | None:
    """Return a device, None when its ids are not those of a hardware wallet."""
    known = DEVICES.usb(seen.vendor, seen.product)
    if known is None:
        return None
    bits = seen.product & 0xFF if seen.vendor == _LEDGER and seen.product > _LEGACY else 0
    possible = known.category == "hardware-wallet-possible"
    return WalletDevice(
        shows=Shows.USED,
        confidence=Confidence.POSSIBLE if possible else Confidence.PROBABLE,
        checks=() if possible else ("usb ids",),
        locator=seen.place,
        times=times,
        device=known.note,
        vendor_id=f"{seen.vendor:04x}",
        product_id=f"{seen.product:04x}",
        serial=seen.serial,
        mode="bootloader" if known.category == "hardware-wallet-update" else None,
        interfaces=tuple(name for bit, name in _INTERFACES if bits & bit),
        trace=trace,
        connections=connections,
        indicator=str(DEVICES),
    )


@extractor(
    name="wallet.usb.registry",
    paths=(
        # Windows XP and later; what an upgrade put aside
        "{Windows,WINNT}/System32/config/SYSTEM",
        "Windows.old*/{Windows,WINNT}/System32/config/SYSTEM",
    ),
    yields=(WalletDevice,),
)
def registry(artifact: Artifact) -> Iterator[WalletDevice]:
    """List hardware wallets that Windows knows as devices, with their times."""
    hive = open_with_logs(artifact)
    control = control_set(hive)
    enumerated = control.key("Enum") if control else None
    for bus in ("USB", "USBSTOR", "HID"):
        kinds = enumerated.subkey(bus) if enumerated else None
        for _, kind in zip(range(_MOST), kinds.subkeys() if kinds else (), strict=False):
            ids = IDS.search(kind.name)
            if ids is None or DEVICES.usb(int(ids[1], 16), int(ids[2], 16)) is None:
                continue
            for _, instance in zip(range(_MOST), kind.subkeys(), strict=False):
                seen = _Seen(
                    vendor=int(ids[1], 16),
                    product=int(ids[2], 16),
                    # Windows makes up a serial number with `&` in its second place or later.
                    serial=None if "&" in instance.name else instance.name[:100],
                    place=rf"Enum\{bus}\{kind.name}\{instance.name}"[:300],
                )
                found = _device(seen, "registry", times=device_times(instance), connections=None)
                if found:
                    yield found


_SECTION = re.compile(
    r"(?i)^>>>  \[.{0,60}?- "
    r"((?:USB|HID|USBSTOR)\\VID_([0-9a-f]{4})&PID_([0-9a-f]{4})[^\]\r\n]{0,200})"
    r"\]\s{1,4}>>>  Section start (\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{3})",
    re.MULTILINE,
)


@extractor(
    name="wallet.usb.setupapi",
    paths=(
        # Windows Vista and later; `setupapi.dev.<date>.log` and `.log.old` are kept
        "{Windows,WINNT}/INF/setupapi.dev*.log*",
        "Windows.old*/{Windows,WINNT}/INF/setupapi.dev*.log*",
    ),
    yields=(WalletDevice,),
)
def setupapi(artifact: Artifact) -> Iterator[WalletDevice]:
    """List hardware wallets whose installation the log of Windows tells, in local time."""
    gathered = _Gathered()
    for found in _SECTION.finditer(artifact.text(_LOG)):
        serial = found[1].rpartition("\\")[2]
        gathered.add(
            int(found[2], 16),
            int(found[3], 16),
            serial if "&" not in serial else None,
            found[4],
            found[1],
        )
    yield from gathered.devices("setupapi-log")


_FOUND = re.compile(
    r"(?i)^(?P<when>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
    r"|\d{4}-\d\d-\d\dT[\d:.]{8,18}(?:Z|[+-]\d\d:?\d\d)?)"
    r" .{0,120}?usb (?P<port>[\d.-]{1,40}): New USB device found, idVendor=(?P<vendor>[0-9a-f]{4}),"
    r" idProduct=(?P<product>[0-9a-f]{4})",
    re.MULTILINE,
)
_SERIAL = re.compile(r"(?i)usb (?P<port>[\d.-]{1,40}): SerialNumber: (?P<serial>[^\r\n]{1,100})")
_MESSAGE = re.compile(
    r"(?i)usb (?P<port>[\d.-]{1,40}): New USB device found, idVendor=(?P<vendor>[0-9a-f]{4}),"
    r" idProduct=(?P<product>[0-9a-f]{4})"
)
_DISK = re.compile(  # macOS: serial number, vendor, product, revision
    r"(?i)^(?P<when>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) .{0,120}?USBMSC Identifier"
    r" \(non-unique\): (?P<serial>\S{1,60}) 0x(?P<vendor>[0-9a-f]{1,4})"
    r" 0x(?P<product>[0-9a-f]{1,4})",
    re.MULTILINE,
)
_MOMENT = 2_000_000  # microseconds between messages about one connection
_NEAR = 1500  # characters after the first message in which the others stand


@extractor(
    name="wallet.usb.kernel-log",
    paths=(
        # Debian and relatives; Fedora and relatives; older ones beside them, most compressed
        "var/log/{syslog,kern.log,messages}{,.1,.*.gz,-*}",
        # what other distributions and installers keep
        "var/log/{dmesg,dmesg.0,boot.log}",
        # macOS to 10.11
        "{private/,}var/log/{system,kernel}.log{,.*}",
    ),
    yields=(WalletDevice,),
)
def kernel_log(artifact: Artifact) -> Iterator[WalletDevice]:
    """List hardware wallets that messages of a kernel tell of, with their serial numbers."""
    text = _unpacked(artifact).decode("utf-8", "replace")
    gathered = _Gathered()
    for found in _FOUND.finditer(text):
        near = text[found.end() : found.end() + _NEAR]
        serials = (one for one in _SERIAL.finditer(near) if one["port"] == found["port"])
        serial = next(serials, None)
        gathered.add(
            int(found["vendor"], 16),
            int(found["product"], 16),
            serial["serial"].strip() if serial else None,
            found["when"],
            f"usb {found['port']}",
        )
    for found in _DISK.finditer(text):
        serial_ = found["serial"] if found["serial"].strip("0x") else None
        ids = int(found["vendor"], 16), int(found["product"], 16)
        gathered.add(*ids, serial_, found["when"], "USBMSC")
    yield from gathered.devices("kernel-log")


def _unpacked(artifact: Artifact) -> bytes:
    """Return a log, packed or not, as far as it goes."""
    data = artifact.head(_LOG)
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return zlib.decompressobj(31).decompress(data, _LOG)
    except zlib.error:
        artifact.problem("not whole: the log was packed and is damaged")
        return b""


@extractor(
    name="wallet.usb.journal",
    paths=(
        # systemd: kept over a restart, or since the last; `@` archived, `~` not closed
        "{var,run}/log/journal/*/*.journal{,~}",
    ),
    yields=(WalletDevice,),
)
def journal(artifact: Artifact) -> Iterator[WalletDevice]:
    """List hardware wallets that the kernel's messages in a journal of systemd tell of."""
    log = Journal(artifact.open())
    found = list(log.values(frozenset({"MESSAGE"}), containing=b"New USB device found"))
    if not found:
        return
    serials = [
        (match["port"], match["serial"].strip(), each)
        for each in log.values(frozenset({"MESSAGE"}), containing=b"SerialNumber: ")
        if (match := _SERIAL.match(each.value))
    ]
    for message in found[:_MOST]:
        match = _MESSAGE.match(message.value)
        if match is None:
            continue
        near = {
            serial
            for port, serial, told in serials
            if port == match["port"] and _together(told, message)
        }
        device = _device(
            _Seen(
                vendor=int(match["vendor"], 16),
                product=int(match["product"], 16),
                serial=near.pop() if len(near) == 1 else None,
                place=f"object at {message.offset}, usb {match['port']}",
            ),
            "journal",
            times=(
                *stamp("first_connected", message.first, "us_unix"),
                *(
                    stamp("last_connected", message.last, "us_unix")
                    if message.last != message.first
                    else ()
                ),
            ),
            connections=message.entries,
        )
        if device:
            yield device


def _together(one: FieldValue, other: FieldValue) -> bool:
    """Whether two messages came together at least once: the kernel writes one behind the other."""
    return abs(one.first - other.first) < _MOMENT or abs(one.last - other.last) < _MOMENT


@dataclass(slots=True)
class _Gathered:
    """Devices of one log, in the order of the log."""

    seen: dict[tuple[int, int, str | None], _Seen] = field(default_factory=dict)

    def add(self, vendor: int, product: int, serial: str | None, when: str, place: str) -> None:
        """Count one connection, if the ids are those of a hardware wallet."""
        if DEVICES.usb(vendor, product) is None or len(self.seen) >= _MOST:
            return
        one = self.seen.setdefault(
            (vendor, product, serial),
            _Seen(vendor=vendor, product=product, serial=serial, place=place[:300]),
        )
        one.count += 1
        one.first = one.first or when
        one.last = when

    def devices(self, trace: str) -> Iterator[WalletDevice]:
        """Yield what was gathered."""
        for one in self.seen.values():
            times = _logged("first_connected", one.first)
            if one.count > 1:
                times += _logged("last_connected", one.last)
            found = _device(one, trace, times=times, connections=one.count)
            if found:
                yield found


def _logged(event: str, when: str | None) -> tuple[Time, ...]:
    """Return a time of a log: UTC where the log tells the zone, else as it stands."""
    if when is None:
        return ()
    known = stamp(event, when, "text") if re.search(r"T.*(?:Z|[+-]\d\d:?\d\d)$", when) else ()
    return known or (Time(event=event, utc=None, raw=when, unit=Unit.TEXT, zone=Zone.LOCAL),)
