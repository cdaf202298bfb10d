"""Android: build, users and time zone.

Written for Android 4.2 to 14, for a file system extraction that begins at `/data` or at the root
of the phone, and for an image of the data partition. Android 12 and later may keep the user files
as binary XML (ABX): recognised, not read. Not read: accounts of apps (`accounts_ce.db`), profiles
of work. Tested with files written by us only.
Reference: AOSP `UserManagerService.java`, `system/core/init/persistent_properties.proto`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    ParseError,
    Shows,
    SystemAccount,
    SystemOs,
    SystemTimezone,
    Unit,
    extractor,
)
from triage.formats import xml
from triage.formats.stamps import stamp

_SMALL = 4 << 20
_ABX = b"ABX\0"
_PROPERTY = re.compile(r"([A-Za-z0-9._-]{1,128})=(.*)")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}")
_STORED_ZONE = re.compile(rb"\x0a\x14persist\.sys\.timezone\x12([\x01-\x40])")  # field 1, field 2
_MAX_PROPERTIES = 20_000


@extractor(
    name="system.android.build",
    paths=(
        # Android 1 to 14, system partition: alone, or under the root of the phone
        "build.prop",
        "**/system/build.prop",
    ),
    yields=(SystemOs, SystemTimezone),
)
def build(artifact: Artifact) -> Iterator[SystemOs | SystemTimezone]:
    """Name the device and its Android from build.prop."""
    facts: dict[str, str] = {}
    for line in artifact.text(_SMALL).splitlines():
        found = _PROPERTY.fullmatch(line.strip())
        if found and len(facts) < _MAX_PROPERTIES:
            facts.setdefault(found.group(1), found.group(2))
    release = facts.get("ro.build.version.release") or facts.get("ro.system.build.version.release")
    if release is None:
        return
    yield SystemOs(
        family="android",
        name=" ".join(filter(None, (_product(facts, "manufacturer"), _product(facts, "model"))))
        or None,
        version=" build ".join(filter(None, (release, facts.get("ro.build.display.id")))),
        host_name=None,
        root=artifact.path.rpartition("/")[0] or "/",
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        times=stamp("built", facts.get("ro.build.date.utc"), Unit.S_UNIX),
    )
    zone = facts.get("persist.sys.timezone")
    if zone and _ZONE.fullmatch(zone):
        yield SystemTimezone(zone_name=zone, shows=Shows.PRESENT, confidence=Confidence.PROBABLE)


@extractor(
    name="system.android.users",
    paths=(
        # Android 4.2 and later: image of the data partition, or under the root of the phone
        "system/users/[0-9]*.xml",
        "**/data/system/users/[0-9]*.xml",
    ),
    yields=(SystemAccount,),
)
def users(artifact: Artifact) -> Iterator[SystemAccount]:
    """Read one user of the phone; number 0 is the owner."""
    root = xml.parse(_plain(artifact), limit=_SMALL)
    number = root.get("id", "")
    if root.tag != "user" or not re.fullmatch(r"[0-9]{1,9}", number):
        raise ParseError("not a user of Android")
    data = artifact.path.rsplit("/", 3)[0]
    named = root.find("name")
    name = (named.text or "").strip() if named is not None else ""
    yield SystemAccount(
        account_id=f"user:{int(number)}",
        name=name or f"user {int(number)}",
        home=f"{data}/data" if int(number) == 0 else f"{data}/user/{int(number)}",
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        times=(
            *stamp("created", root.get("created"), Unit.MS_UNIX),
            *stamp("last_logon", root.get("lastLoggedIn"), Unit.MS_UNIX),
        ),
    )


@extractor(
    name="system.android.packages",
    paths=(
        # Android 1 and later: image of the data partition, or under the root of the phone
        "system/packages.xml",
        "**/data/system/packages.xml",
    ),
    yields=(SystemOs,),
)
def packages(artifact: Artifact) -> Iterator[SystemOs]:
    """Name the build that wrote the package list, for data without a system partition."""
    root = xml.parse(_plain(artifact))
    if root.tag != "packages":
        raise ParseError("not a package list of Android")
    for version in root.iter("version"):
        fingerprint = version.get("fingerprint", "")
        if version.get("volumeUuid") or not fingerprint:
            continue
        maker, _, rest = fingerprint.partition("/")
        yield SystemOs(
            family="android",
            name=f"{maker} {rest.partition('/')[0]}".strip() or None,
            version=f"SDK {version.get('sdkVersion')} build {fingerprint}",
            host_name=None,
            root=artifact.path.rsplit("/", 2)[0] or "/",
            shows=Shows.PRESENT,
            confidence=Confidence.PROBABLE,
            locator="version",
        )
        return


@extractor(
    name="system.android.timezone",
    paths=(
        # Android 9 and later: one file for all persistent properties
        "property/persistent_properties",
        "**/data/property/persistent_properties",
        # before: one file for each
        "property/persist.sys.timezone",
        "**/data/property/persist.sys.timezone",
    ),
    yields=(SystemTimezone,),
)
def timezone(artifact: Artifact) -> Iterator[SystemTimezone]:
    """Name the time zone from the persistent properties."""
    data = artifact.read(_SMALL)
    if artifact.entry.name.casefold() == "persistent_properties":
        found = _STORED_ZONE.search(data)
        if found is None:
            return
        data = data[found.end() : found.end() + found.group(1)[0]]
    zone = data.decode("ascii", "replace").strip("\0\r\n ")
    if not _ZONE.fullmatch(zone):
        raise ParseError("not the name of a time zone")
    yield SystemTimezone(zone_name=zone, shows=Shows.PRESENT, confidence=Confidence.PROBABLE)


def _plain(artifact: Artifact) -> bytes:
    data = artifact.read(xml.SIZE_LIMIT)
    if data.startswith(_ABX):
        raise ParseError("Android binary XML (ABX), which is not read")
    return data


def _product(facts: dict[str, str], name: str) -> str | None:
    return facts.get(f"ro.product.{name}") or facts.get(f"ro.product.system.{name}")
