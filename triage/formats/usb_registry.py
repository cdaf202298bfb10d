"""USB devices as Windows names them: in the registry, in paths of devices, in setup's log.

Format: https://learn.microsoft.com/windows-hardware/drivers/install/device-instance-ids and the
property set of `DEVPKEY_Device_InstallDate` and its neighbours (Windows 8 and later).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType

from triage.findings import Time
from triage.formats.registry import Key
from triage.formats.stamps import stamp

IDS = re.compile(r"(?i)VID_([0-9a-f]{4})&PID_([0-9a-f]{4})")
"""Vendor and product in the name of a device's key."""

_PROPERTIES = MappingProxyType(
    {
        "0064": "installed",
        "0065": "first_installed",
        "0066": "last_arrived",
        "0067": "last_removed",
    }
)
_PROPERTY_SET = r"Properties\{83da6326-97a6-4088-9453-a1923f573b29}"
_FILETIME = 8  # bytes
_STORAGE = re.compile(r"(?i)(?P<type>\w+)&Ven_(?P<maker>[^&]*)&Prod_(?P<product>[^&]*)")
_PATH = re.compile(
    r"(?i)(?P<bus>USBSTOR|USB)[#\\](?P<kind>[^#\\]{1,200})[#\\](?P<instance>[^#\\]{1,200})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbPath:
    """A device in a path: its name, None where only numbers are given, and what tells it apart."""

    storage: bool
    name: str | None
    vendor_id: str | None
    product_id: str | None
    serial: str | None
    instance: str  # as Windows has it, folded: the same device in another place


def usb_path(text: str) -> UsbPath | None:
    r"""Return the device that a path names, `…USBSTOR#Disk&Ven_…#SERIAL&0#{…}` or with `\`."""
    found = _PATH.search(text)
    if found is None:
        return None
    storage = found["bus"].upper() == "USBSTOR"
    ids = IDS.search(found["kind"])
    if not storage and ids is None:
        return None
    return UsbPath(
        storage=storage,
        name=storage_name(found["kind"]) if storage else None,
        vendor_id=ids[1].lower() if ids else None,
        product_id=ids[2].lower() if ids else None,
        serial=serial_number(found["instance"]),
        instance=found["instance"].casefold(),
    )


def storage_name(kind: str) -> str:
    """Return maker and product of `Disk&Ven_Maker&Prod_Product&Rev_1.00`."""
    found = _STORAGE.match(kind)
    if found is None:
        return kind[:200]
    return f"{found['maker']} {found['product']}".replace("_", " ").strip()[:200] or kind[:200]


def device_times(instance: Key) -> tuple[Time, ...]:
    """Return when a device was installed, came and went, and when its key was written."""
    times = stamp("last_written", instance.last_written, "filetime")
    for number, event in _PROPERTIES.items():
        key = instance.key(rf"{_PROPERTY_SET}\{number}")
        value = key.value("") if key else None
        if value and len(value.raw) == _FILETIME:
            times += stamp(event, int.from_bytes(value.raw, "little"), "filetime")
    return times


def serial_number(name: str) -> str | None:
    """Return the serial number in an instance's name, None where Windows made it up.

    Windows puts `&` into what it makes up, in its second place; of storage it adds `&0` behind.
    """
    serial = re.sub(r"&\d+$", "", name)
    return None if "&" in serial or not serial else serial[:100]
