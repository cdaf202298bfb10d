r"""USB storage and phones in other places of Windows: accounts, ReadyBoost, setup's log.

Written from libyal's winreg-kb and Microsoft's description of setup's log, Windows XP to 11; tested
with hives and logs made by us and with a log of Windows 10. `MountPoints2` of an account proves
that this account was logged on while the volume was there; the time is that of its key, the last
such occasion. `EMDMgmt` tells the number that a formatter gave the file system, which shortcuts and
an image of the stick have too; Windows writes it only where it would keep a ReadyBoost cache, so
not on machines with fast disks. Setup's log proves when the driver was installed: the first time
that the device was plugged into this Windows, or into another socket; its times are local and not
converted. Not read: volumes of which SYSTEM no longer has the GUID, network drives.

References: https://github.com/libyal/winreg-kb and
https://learn.microsoft.com/windows-hardware/drivers/install/setupapi-device-installation-log-entries
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.api import Artifact, Confidence, ParseError, Shows, SystemUsb, Time, extractor
from triage.formats.registry import Key, open_with_logs
from triage.formats.stamps import local_text, stamp
from triage.formats.usb_registry import UsbPath, usb_path

from ._mounted import Mounted, mounted

_MOST = 10_000
_LOG = 64 << 20  # bytes
_MOUNTS = r"Software\Microsoft\Windows\CurrentVersion\Explorer\MountPoints2"
_READY_BOOST = r"Microsoft\Windows NT\CurrentVersion\EMDMgmt"
_PORTABLE = r"Microsoft\Windows Portable Devices\Devices"
_HIVE = r"C:\{}\System32\config\SYSTEM"
_LABEL = re.compile(r"\}(?P<label>[^\\]{0,64})_(?P<number>\d{1,10})$")
_APPLE = "05ac"


@extractor(
    name="system.windows.mount-points",
    paths=(
        # Windows XP and later; what an upgrade put aside is not matched, as its SYSTEM lies aside
        "{Users,Documents and Settings}/*/NTUSER.DAT",
    ),
    yields=(SystemUsb,),
)
def mount_points(artifact: Artifact) -> Iterator[SystemUsb]:
    """List USB storage that was there while this account was logged on, by volume."""
    hive = open_with_logs(artifact)
    points = hive.key(_MOUNTS)
    known = _mounted(artifact) if points else None
    for key in _below(points) if known else ():
        path = known.volumes.get(key.name.casefold()) if known else None
        device = usb_path(path) if path else None
        if device is None or known is None:
            continue
        yield _usb(
            device,
            "mount-points",
            rf"MountPoints2\{key.name}",
            stamp("last_written", key.last_written, "filetime"),
            drive=known.drive(device.instance),
        )


def _mounted(artifact: Artifact) -> Mounted | None:
    for folder in ("Windows", "WINNT"):
        beside = artifact.resolve(_HIVE.format(folder))
        if beside is not None:
            try:
                return mounted(open_with_logs(beside))
            except ParseError as error:
                artifact.problem(f"hive SYSTEM: {error.message}")
    return None


@extractor(
    name="system.windows.known-volumes",
    paths=(
        # Windows Vista and later; what an upgrade put aside
        "Windows/System32/config/SOFTWARE",
        "Windows.old*/Windows/System32/config/SOFTWARE",
    ),
    yields=(SystemUsb,),
)
def known_volumes(artifact: Artifact) -> Iterator[SystemUsb]:
    """List USB storage and phones by the number of their volume, and by what they were called."""
    hive = open_with_logs(artifact)
    for key in _below(hive.key(_READY_BOOST)):
        device = usb_path(key.name)
        named = _LABEL.search(key.name)
        if device is None or named is None or int(named["number"]) >= 1 << 32:
            continue
        number = int(named["number"])
        tested = key.value("LastTestedTime")
        when = int.from_bytes(tested.raw, "little") if tested and len(tested.raw) == 8 else 0  # noqa: PLR2004 - a FILETIME
        yield _usb(
            device,
            "emdmgmt",
            rf"EMDMgmt\{key.name}",
            (
                *stamp("last_written", key.last_written, "filetime"),
                *stamp("last_tested", when, "filetime"),
            ),
            volume=named["label"],
            volume_serial=f"{number >> 16:04X}-{number & 0xFFFF:04X}",
        )
    for key in _below(hive.key(_PORTABLE)):
        device = usb_path(key.name)
        if device is None:
            continue
        value = key.value("FriendlyName")
        name = value.data.strip() if value and isinstance(value.data, str) else ""
        letter = name[:2].upper() if re.fullmatch(r"[A-Za-z]:\\?", name) else None
        yield _usb(
            device,
            "portable-devices",
            rf"Windows Portable Devices\Devices\{key.name}",
            stamp("last_written", key.last_written, "filetime"),
            drive=letter,
            volume=None if letter else name,
        )


_SECTION = re.compile(
    r">>>  \[Device Install \((?P<why>[^)]{1,80})\) - (?P<path>[^\]]{1,500})\]", re.IGNORECASE
)
_START = re.compile(r">>>  Section start (?P<when>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d)")
_OLD_SECTION = re.compile(r"\[(?P<when>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \d+\.\d+ Driver Install\]")
_OLD_DEVICE = re.compile(r'#I123 Doing full install of "(?P<path>[^"]{1,500})"')
_PHONE_DRIVERS = ("wpdmtp.inf", "winusb_mtp", "wudfwpdmtp", "usbaapl", "appleusb")


@extractor(
    name="system.windows.setup-log",
    paths=(
        # Windows Vista and later, with those put aside when full; XP
        "Windows/INF/setupapi.dev*.log",
        "Windows.old*/Windows/INF/setupapi.dev*.log",
        "{Windows,WINNT}/setupapi.log",
    ),
    yields=(SystemUsb,),
)
def setup_log(artifact: Artifact) -> Iterator[SystemUsb]:
    """List USB storage and phones of which the driver was installed; its times are local."""
    text = artifact.head(_LOG).decode("utf-8", "replace")
    seen: set[tuple[bool, str]] = set()
    path, when, line, phone = "", "", 0, False
    for number, content in enumerate(text.splitlines(), 1):
        if content.startswith((">>>  [", "[")):
            yield from _installed(path, when, line, seen, phone=phone)
            opened, old = _SECTION.match(content), _OLD_SECTION.match(content)
            path, when, line, phone = opened["path"] if opened else "", "", number, False
            when = old["when"] if old else ""
        elif start := _START.match(content):
            when = start["when"]
        elif device := _OLD_DEVICE.match(content):
            path = device["path"]
        elif path and not phone:
            folded = content.casefold()
            phone = any(driver in folded for driver in _PHONE_DRIVERS)
    yield from _installed(path, when, line, seen, phone=phone)


def _installed(
    path: str, when: str, line: int, seen: set[tuple[bool, str]], *, phone: bool
) -> Iterator[SystemUsb]:
    """Yield the device of a section, if it is one and the first of it."""
    device = usb_path(path)
    if device is None or not (device.storage or phone) or len(seen) >= _MOST:
        return
    key = (device.storage, device.instance)
    if key in seen or (device.vendor_id == _APPLE and device.serial is None):
        return  # parts of a device are installed each for itself
    seen.add(key)
    yield _usb(device, "setup-log", f"line {line}: {path}", local_text("first_installed", when))


def _usb(
    device: UsbPath,
    trace: str,
    place: str,
    times: tuple[Time, ...],
    *,
    drive: str | None = None,
    volume: str | None = None,
    volume_serial: str | None = None,
) -> SystemUsb:
    number = f"{device.vendor_id}:{device.product_id}"
    return SystemUsb(
        shows=Shows.USED,
        confidence=Confidence.PROBABLE,
        locator=place[:300],
        times=times,
        device=device.name or (volume or number)[:200],
        vendor_id=device.vendor_id,
        product_id=device.product_id,
        serial=device.serial,
        device_class="storage" if device.storage else "phone",
        trace=trace,
        drive=drive,
        volume_name=volume[:100] if volume else None,
        volume_serial=volume_serial,
    )


def _below(key: Key | None) -> Iterator[Key]:
    for _, child in zip(range(_MOST), key.subkeys() if key else (), strict=False):
        yield child
