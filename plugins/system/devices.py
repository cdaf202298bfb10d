r"""USB storage and phones that were plugged in: the registry of Windows, the kernel's log of Linux.

Written from Microsoft's documentation of device instances and from the messages of Linux's USB
core and storage driver; tested with a hive and logs made by us. Drive letters come from
`MountedDevices`, names of phones and volumes from the portable devices. Times of logs without a
zone are local. Not read: logs of macOS.

References: https://learn.microsoft.com/windows-hardware/drivers/install/device-instance-ids and
https://github.com/torvalds/linux/blob/master/drivers/usb/core/hub.c
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from triage.api import Artifact, Confidence, Shows, SystemUsb, Time, extractor
from triage.formats.registry import Key, control_set, open_with_logs
from triage.formats.stamps import local_text, zoned_text
from triage.formats.usb_registry import IDS, device_times, serial_number, storage_name

from ._mounted import mounted

_MOST = 10_000
_PHONE_SERVICES = frozenset(
    {"wudfwpdmtp", "wudfrd", "winusb_mtp", "usbaapl", "usbaapl64", "wpdmtp"}
)
_LOG = 64 << 20  # bytes


@extractor(
    name="system.windows.usb",
    paths=(
        # Windows XP and later; what an upgrade put aside
        "{Windows,WINNT}/System32/config/SYSTEM",
        "Windows.old*/{Windows,WINNT}/System32/config/SYSTEM",
    ),
    yields=(SystemUsb,),
)
def windows_usb(artifact: Artifact) -> Iterator[SystemUsb]:
    """List USB storage and phones that Windows knows: serial number, drive, first and last time."""
    hive = open_with_logs(artifact)
    control = control_set(hive)
    enumerated = control.key("Enum") if control else None
    if enumerated is None:
        return
    drives = mounted(hive)
    names = _volume_names(enumerated)
    ids = {
        serial.casefold(): (found[1].lower(), found[2].lower())
        for kind, instance in _instances(enumerated, "USB")
        if (found := IDS.search(kind.name)) and (serial := serial_number(instance.name))
    }
    for kind, instance in _instances(enumerated, "USBSTOR"):
        serial = serial_number(instance.name)
        vendor, product = ids.get((serial or "").casefold(), (None, None))
        yield _device(
            _text(instance, "FriendlyName") or storage_name(kind.name),
            instance,
            rf"Enum\USBSTOR\{kind.name}\{instance.name}",
            device_class="storage",
            trace="usbstor",
            vendor=vendor,
            product=product,
            drive=drives.drive(instance.name),
            volume=_of(names, instance.name),
        )
    for kind, instance in _instances(enumerated, "USB"):
        found = IDS.search(kind.name)
        service = (_text(instance, "Service") or "").casefold()
        if found is None or service not in _PHONE_SERVICES:
            continue
        yield _device(
            _text(instance, "FriendlyName") or _described(instance) or kind.name,
            instance,
            rf"Enum\USB\{kind.name}\{instance.name}",
            device_class="phone",
            trace="usb",
            vendor=found[1].lower(),
            product=found[2].lower(),
            drive=None,
            volume=_of(names, instance.name),
        )


def _device(
    name: str,
    instance: Key,
    place: str,
    *,
    device_class: str,
    trace: str,
    vendor: str | None,
    product: str | None,
    drive: str | None,
    volume: str | None,
) -> SystemUsb:
    return SystemUsb(
        shows=Shows.USED,
        confidence=Confidence.PROBABLE,
        locator=place[:300],
        times=device_times(instance),
        device=name[:200],
        vendor_id=vendor,
        product_id=product,
        serial=serial_number(instance.name),
        device_class=device_class,
        trace=trace,
        drive=drive,
        volume_name=volume,
    )


def _instances(enumerated: Key, bus: str) -> Iterator[tuple[Key, Key]]:
    kinds = enumerated.subkey(bus)
    for _, kind in zip(range(_MOST), kinds.subkeys() if kinds else (), strict=False):
        for _, instance in zip(range(_MOST), kind.subkeys(), strict=False):
            yield kind, instance


def _volume_names(enumerated: Key) -> dict[str, str]:
    """Return, for the name of each portable device's key, what it was called."""
    found: dict[str, str] = {}
    for bus in ("SWD", "WpdBusEnumRoot"):
        below = enumerated.key(rf"{bus}\WPDBUSENUM" if bus == "SWD" else rf"{bus}\UMB")
        for _, instance in zip(range(_MOST), below.subkeys() if below else (), strict=False):
            name = _text(instance, "FriendlyName")
            if name:
                found[instance.name.casefold()] = name[:100]
    return found


def _of(texts: Mapping[str, str], instance: str) -> str | None:
    """Return what belongs to the text in which an instance's name stands between `#`."""
    wanted = f"#{instance.casefold()}#"
    return next((value for text, value in texts.items() if wanted in text), None)


def _described(instance: Key) -> str | None:
    """Return the description, without the reference to the driver's own file."""
    text = _text(instance, "DeviceDesc")
    return text.rpartition(";")[2] if text else None


def _text(key: Key, name: str) -> str | None:
    value = key.value(name)
    return (value.data.strip() or None) if value and isinstance(value.data, str) else None


_WHEN = (
    r"(?P<when>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
    r"|\d{4}-\d\d-\d\dT[\d:.]{8,18}(?:Z|[+-]\d\d:?\d\d)?)"
)
_MESSAGE = re.compile(
    _WHEN
    + r" .{0,160}?(?:usb|usb-storage) (?P<port>\d[\d.-]{1,40})(?::[\d.]{1,8})?: (?P<text>.{1,300})"
)
_NEW = re.compile(r"New USB device found, idVendor=([0-9a-f]{4}), idProduct=([0-9a-f]{4})")
_FIELDS = {"Product": "name", "Manufacturer": "maker", "SerialNumber": "serial"}
_NAMED = re.compile(r"(Product|Manufacturer|SerialNumber): (.{1,100})")


@dataclass(slots=True, kw_only=True)
class _Plugged:
    """A device from its first message on."""

    vendor: str
    product: str
    when: str
    line: int
    maker: str = ""
    name: str = ""
    serial: str | None = None
    storage: bool = False


@dataclass(slots=True)
class _Ports:
    """What is plugged in at each port, and the storage seen so far by its ids and number."""

    now: dict[str, _Plugged] = field(default_factory=dict)
    seen: dict[tuple[str, str, str | None], list[_Plugged]] = field(default_factory=dict)

    def read(self, found: re.Match[str], line: int) -> None:
        """Take in one message of the kernel."""
        port, message = found["port"], found["text"]
        if new := _NEW.match(message):
            self.now[port] = _Plugged(vendor=new[1], product=new[2], when=found["when"], line=line)
            return
        plugged = self.now.get(port)
        if plugged is None:
            return
        if named := _NAMED.match(message):
            setattr(plugged, _FIELDS[named[1]], named[2].strip())
        elif "Mass Storage device detected" in message and not plugged.storage:
            plugged.storage = True
            key = (plugged.vendor, plugged.product, plugged.serial)
            if key in self.seen or len(self.seen) < _MOST:
                self.seen.setdefault(key, []).append(plugged)


@extractor(
    name="system.linux.usb",
    paths=(
        # Debian and relatives; Fedora and relatives; older ones beside them
        "var/log/{syslog,kern.log,messages}{,.1}",
    ),
    yields=(SystemUsb,),
)
def linux_usb(artifact: Artifact) -> Iterator[SystemUsb]:
    """List USB storage that the messages of Linux tell of: serial number, first and last time."""
    ports = _Ports()
    text = artifact.head(_LOG).decode("utf-8", "replace")
    for number, line in enumerate(text.split("\n"), 1):
        found = _MESSAGE.match(line) if "usb" in line else None
        if found is not None:
            ports.read(found, number)
    for (vendor, product, serial), times in ports.seen.items():
        first, last = times[0], times[-1]
        events = [("last_connected", last)]
        if first is not last:
            events.insert(0, ("first_connected", first))
        yield SystemUsb(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            locator=f"line {first.line}",
            times=tuple(time for event, one in events for time in _logged(event, one.when)),
            device=f"{last.maker} {last.name}".strip() or f"{vendor}:{product}",
            vendor_id=vendor,
            product_id=product,
            serial=serial,
            device_class="storage",
            trace="kernel-log",
            connections=len(times),
        )


def _logged(event: str, when: str) -> tuple[Time, ...]:
    return zoned_text(event, when) if "T" in when else local_text(event, when)
