"""USB devices in a SYSTEM hive: the times and names that Windows keeps with each instance.

Format: https://learn.microsoft.com/windows-hardware/drivers/install/device-instance-ids and the
property set of `DEVPKEY_Device_InstallDate` and its neighbours (Windows 8 and later).
"""

from __future__ import annotations

import re
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
