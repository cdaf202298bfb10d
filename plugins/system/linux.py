"""Linux: the distribution, its accounts and its time zone.

Written from os-release(5), passwd(5), shadow(5) and localtime(5); for distributions with systemd
and those that keep to the same files. A root file system lies at `/`, at `@/` (btrfs of Ubuntu and
openSUSE) or in a container's `rootfs`. Homes on a volume of their own are named as the system
mounts them. Not read: LDAP and systemd-homed accounts, /etc/default, install logs.
References: https://man7.org/linux/man-pages/, https://www.freedesktop.org/software/systemd/man/.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    EntryType,
    EvidenceError,
    ParseError,
    Shows,
    SystemAccount,
    SystemOs,
    SystemTimezone,
    extractor,
)
from triage.formats.stamps import days_text

_SMALL = 1 << 20
_LARGEST_NAME = 256
_MAX_ACCOUNTS = 10_000
_RELEASES = ("etc/os-release", "usr/lib/os-release")
_ASSIGNMENT = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}")
_NO_SHELL = ("/nologin", "/false", "/sync", "/shutdown", "/halt")
_FIRST_PERSON, _FIRST_PERSON_ONCE, _NOBODY = 1000, 500, 65_534


@extractor(
    name="system.linux.release",
    paths=(
        # any distribution with systemd; often a link to the second
        "etc/os-release",
        "usr/lib/os-release",
        # btrfs subvolume of Ubuntu and openSUSE, containers of LXC and systemd-nspawn
        "@/{etc,usr/lib}/os-release",
        "**/rootfs/{etc,usr/lib}/os-release",
    ),
    yields=(SystemOs,),
)
def release(artifact: Artifact) -> Iterator[SystemOs]:
    """Name the distribution and the host from os-release and its neighbours."""
    root = _root(artifact, *_RELEASES)
    if not _first_release(artifact, root):
        return
    facts = _assignments(artifact.text(_SMALL))
    if not facts.keys() & {"ID", "NAME", "PRETTY_NAME"}:
        raise ParseError("not an os-release file")
    yield SystemOs(
        family="linux",
        name=facts.get("NAME") or facts.get("PRETTY_NAME") or facts.get("ID"),
        version=facts.get("VERSION") or facts.get("VERSION_ID") or facts.get("BUILD_ID"),
        host_name=_line(artifact, f"{root}/etc/hostname"),
        root=root or "/",
        machine_id=_line(artifact, f"{root}/etc/machine-id"),
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
    )


@extractor(
    name="system.linux.accounts",
    paths=(
        # any distribution
        "etc/passwd",
        "@/etc/passwd",
        "**/rootfs/etc/passwd",
    ),
    yields=(SystemAccount,),
    holds_secret=True,
)
def accounts(artifact: Artifact) -> Iterator[SystemAccount]:
    """List the accounts of passwd, with shadow and group where they lie beside it."""
    root = _root(artifact, "etc/passwd")
    passwords = {row[0]: row for row in _table(artifact.sibling("shadow"), 3)}
    group_names: dict[str, str] = {}
    members: defaultdict[str, set[str]] = defaultdict(set)
    for row in _table(artifact.sibling("group"), 4):
        group_names.setdefault(row[2], row[0])
        for member in row[3].split(","):
            members[member.strip()].add(row[0])
    for count, row in enumerate(_table(artifact, 7)):
        if count >= _MAX_ACCOUNTS:
            artifact.problem(f"more than {_MAX_ACCOUNTS} accounts")
            return
        name, _, number, group, full_name, home, shell = row[:7]
        if not number.isascii() or not number.isdecimal() or not name:
            artifact.problem("not a line of passwd", locator=f"account {count + 1}")
            continue
        shadow = passwords.get(name)
        service = _is_service(int(number), shell)
        groups = members[name] | ({group_names[group]} if group in group_names else set())
        yield SystemAccount(
            account_id=f"uid:{int(number)}",
            name=name,
            home=f"{root}{home}" if home.startswith("/") else None,
            full_name=full_name.partition(",")[0] or None,
            can_log_in=not shell.strip().endswith(_NO_SHELL),
            for_software=service,
            credential_state=_password_state(shadow[1]) if shadow else None,
            groups=tuple(sorted(groups)),
            shows=Shows.PRESENT,
            confidence=Confidence.PROBABLE,
            locator=f"account {count + 1}",
            times=days_text("password_set", shadow[2]) if shadow else (),
        )


@extractor(
    name="system.linux.timezone",
    paths=(
        # Debian and Ubuntu write the name here too
        "etc/timezone",
        # elsewhere the link etc/localtime alone tells; it is reached from these
        "etc/os-release",
        "usr/lib/os-release",
        "@/etc/{timezone,os-release}",
        "**/rootfs/etc/{timezone,os-release}",
    ),
    yields=(SystemTimezone,),
)
def timezone(artifact: Artifact) -> Iterator[SystemTimezone]:
    """Name the time zone from etc/timezone or the target of etc/localtime."""
    named = artifact.entry.name.casefold() == "timezone"
    root = _root(artifact, "etc/timezone", *_RELEASES)
    if named:
        zone = _zone(artifact.text(_SMALL).strip())
    elif _regular(artifact, f"{root}/etc/timezone") or not _first_release(artifact, root):
        return
    else:
        zone = _link_zone(artifact, f"{root}/etc/localtime")
    if zone is None:
        if named:
            raise ParseError("not the name of a time zone")
        return
    yield SystemTimezone(
        zone_name=zone,
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        locator=None if named else "target of etc/localtime",
    )


def _root(artifact: Artifact, *tails: str) -> str:
    """Return the path of the root file system, empty for the volume's own root."""
    path = artifact.path
    for tail in tails:
        if path.casefold().endswith(f"/{tail}"):
            return path[: -len(tail) - 1]
    return ""


def _regular(artifact: Artifact, path: str) -> Artifact | None:
    """Return a regular file at an absolute path; a link's content is only its target."""
    found = artifact.resolve(path)
    return found if found and found.entry.type is EntryType.FILE else None


def _first_release(artifact: Artifact, root: str) -> bool:
    """Whether this is the os-release to read: the one in usr/lib only without one in etc."""
    return artifact.path.casefold().endswith("/etc/os-release") or not _regular(
        artifact, f"{root}/etc/os-release"
    )


def _assignments(text: str) -> dict[str, str]:
    """Read `NAME="value"` lines, quoted as a shell does."""
    facts: dict[str, str] = {}
    for line in text.splitlines():
        found = _ASSIGNMENT.fullmatch(line.strip())
        if found:
            value = found.group(2).strip()
            if value[:1] in {'"', "'"} and value[-1:] == value[:1]:
                value = re.sub(r"\\(.)", r"\1", value[1:-1])
            facts.setdefault(found.group(1), value[:_LARGEST_NAME])
    return facts


def _line(artifact: Artifact, path: str) -> str | None:
    """Return the first line of a small file that is no comment."""
    found = _regular(artifact, path)
    if found is None:
        return None
    text = found.head(_LARGEST_NAME).decode("utf-8", "surrogateescape")
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not line.startswith("#")), None)


def _table(artifact: Artifact | None, columns: int) -> Iterator[list[str]]:
    """Yield the rows of a `:`-separated file that have the columns."""
    if artifact is None or artifact.entry.type is not EntryType.FILE:
        return
    for line in artifact.text(4 * _SMALL).splitlines():
        row = line.split(":")
        if len(row) >= columns and not line.startswith(("#", "+", "-")):
            yield row


def _is_service(number: int, shell: str) -> bool:
    """Tell accounts for software by number; old Red Hat began people at 500, with a shell."""
    if number == 0:
        return False
    if number >= _FIRST_PERSON:
        return number == _NOBODY
    return number < _FIRST_PERSON_ONCE or shell.strip().endswith(_NO_SHELL)


def _password_state(field: str) -> str:
    """Say what the second field of shadow holds: a hash, nothing, or a bar to logging in."""
    if not field:
        return "empty"
    return "locked" if field.startswith(("!", "*")) else "set"


def _zone(text: str) -> str | None:
    return text if len(text) <= _LARGEST_NAME and _ZONE.fullmatch(text) else None


def _link_zone(artifact: Artifact, path: str) -> str | None:
    """Return the zone that a link `…/zoneinfo/Europe/Vienna` names."""
    found = artifact.resolve(path)
    if found is None or found.entry.type is not EntryType.LINK:
        return None
    try:
        target = found.head(_LARGEST_NAME).decode("utf-8", "replace")
    except EvidenceError:  # logical sources do not give a link's target
        return None
    return _zone(target.strip("\0").partition("zoneinfo/")[2])
