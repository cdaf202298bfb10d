r"""Windows: version, host name, time zone and accounts from the registry.

Written for Windows 2000 to 11, from the hives SOFTWARE, SYSTEM and SAM in `System32\config`, and
those that an upgrade left in `Windows.old`; homes then lie below it too. Tested with hives written
by us and with a SAM from plaso's test data. Transaction logs beside a hive are applied. Not read:
domain controllers (ntds.dit), cached domain logons, password hashes.
References: https://github.com/libyal/winreg-kb, [MS-SAMR] for the account control bits.
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
    Time,
    Unit,
    extractor,
)
from triage.formats.registry import Hive, Key, control_set, open_with_logs
from triage.formats.stamps import stamp

from ._sam import SamUser, aliases, machine_sid, users

_CURRENT = r"Microsoft\Windows NT\CurrentVersion"
_MAX_ACCOUNTS = 10_000
_MAX_PROBLEMS = 20
_FOR_SOFTWARE = frozenset({503, 504})  # DefaultAccount, WDAGUtilityAccount
_SERVICE_SIDS = re.compile(r"S-1-5-(?:18|19|20|80-.*|82-.*|83-.*|90-.*|96-.*)")
_SID = re.compile(r"(S-1-[0-9]{1,15}(?:-[0-9]{1,10}){1,15})(?:\.bak)?", re.IGNORECASE)
_DRIVE = re.compile(r"([A-Za-z]):(?=$|[\\/])")


@extractor(
    name="system.windows.software",
    paths=(
        # Windows XP and later; Windows 2000 in WINNT; what an upgrade put aside
        "{Windows,WINNT}/System32/config/SOFTWARE",
        "Windows.old*/{Windows,WINNT}/System32/config/SOFTWARE",
    ),
    yields=(SystemOs, SystemAccount),
)
def software(artifact: Artifact) -> Iterator[SystemOs | SystemAccount]:
    """Name the Windows, its host and owner, and profiles that the SAM does not know.

    `installed` is the time of the last feature upgrade; `shut_down` comes from the hive SYSTEM.
    """
    hive = open_with_logs(artifact)
    root = _root(artifact)
    current = hive.key(_CURRENT)
    if current is None:
        raise ParseError("a SOFTWARE hive without CurrentVersion")
    system = _beside(artifact, "SYSTEM")
    cryptography = hive.key(r"Microsoft\Cryptography")
    yield SystemOs(
        family="windows",
        name=_text(current, "ProductName"),
        version=_version(current),
        host_name=_host_name(system),
        root=root or "/",
        machine_id=_text(cryptography, "MachineGuid"),
        owner=_text(current, "RegisteredOwner"),
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        locator=_CURRENT,
        times=(
            *stamp("installed", _number(current, "InstallDate"), Unit.S_UNIX),
            *_shut_down(system),
        ),
    )
    sam = _beside(artifact, "SAM")
    machine = machine_sid(sam) if sam else None
    known = _known(sam, machine) if sam and machine else frozenset()
    for sid, profile in _profiles(hive):
        if sid in known:
            continue
        path = _text(profile, "ProfileImagePath")
        yield SystemAccount(
            account_id=sid,
            name=_last_part(path) or sid,
            home=_home(path, hive, root),
            for_software=_SERVICE_SIDS.fullmatch(sid) is not None,
            shows=Shows.PRESENT,
            confidence=Confidence.PROBABLE,
            locator=rf"{_CURRENT}\ProfileList\{profile.name}",
            times=_loaded(profile),
        )
    _report(artifact, hive)


@extractor(
    name="system.windows.system",
    paths=(
        # Windows XP and later; Windows 2000 in WINNT; what an upgrade put aside
        "{Windows,WINNT}/System32/config/SYSTEM",
        "Windows.old*/{Windows,WINNT}/System32/config/SYSTEM",
    ),
    yields=(SystemTimezone,),
)
def system(artifact: Artifact) -> Iterator[SystemTimezone]:
    """Name the time zone of the control set that Windows last ran with."""
    hive = open_with_logs(artifact)
    control = control_set(hive)
    key = control.key(r"Control\TimeZoneInformation") if control else None
    name = _text(key, "TimeZoneKeyName") or _text(key, "StandardName")
    if key is None or name is None:
        artifact.problem("no time zone in the current control set")
        return
    bias = _number(key, "Bias")
    yield SystemTimezone(
        zone_name=name,
        bias_minutes=None if bias is None else _signed(bias),
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        locator=r"Control\TimeZoneInformation",
    )
    _report(artifact, hive)


@extractor(
    name="system.windows.sam",
    paths=(
        # Windows XP and later; Windows 2000 in WINNT; what an upgrade put aside
        "{Windows,WINNT}/System32/config/SAM",
        "Windows.old*/{Windows,WINNT}/System32/config/SAM",
    ),
    yields=(SystemAccount,),
    holds_secret=True,
)
def sam(artifact: Artifact) -> Iterator[SystemAccount]:
    """List the local accounts of the SAM; homes come from the hive SOFTWARE beside it.

    `name_written` is when the account was made or renamed.
    """
    hive = open_with_logs(artifact)
    machine = machine_sid(hive)
    if machine is None:
        raise ParseError("a SAM hive without the machine's SID")
    root = _root(artifact)
    beside = _beside(artifact, "SOFTWARE")
    profiles = dict(_profiles(beside)) if beside else {}
    groups = aliases(hive)
    names = hive.key(r"SAM\Domains\Account\Users\Names")
    for count, user in enumerate(users(hive)):
        if count >= _MAX_ACCOUNTS:
            artifact.problem(f"more than {_MAX_ACCOUNTS} accounts")
            break
        if isinstance(user, str):
            artifact.problem("an account that cannot be read", locator=user)
            continue
        sid = f"{machine}-{user.rid}"
        profile = profiles.get(sid)
        path = _text(profile, "ProfileImagePath")
        named = names.key(user.name) if names else None
        yield SystemAccount(
            account_id=sid,
            name=user.name,
            home=_home(path, beside, root) if beside else None,
            full_name=user.full_name,
            can_log_in=not user.disabled,
            logon_count=user.logon_count,
            for_software=user.rid in _FOR_SOFTWARE,
            credential_state=_password_state(user),
            groups=tuple(sorted(groups.get(sid, ()))),
            internet_name=user.internet_name,
            shows=Shows.PRESENT,
            confidence=Confidence.PROBABLE,
            locator=rf"SAM\Domains\Account\Users\{user.rid:08X}",
            times=(
                *stamp("last_logon", user.last_logon, Unit.FILETIME),
                *stamp("password_set", user.password_set, Unit.FILETIME),
                *stamp("password_failed", user.password_failed, Unit.FILETIME),
                *(stamp("name_written", named.last_written, Unit.FILETIME) if named else ()),
                *(_loaded(profile) if profile else ()),
            ),
        )
    _report(artifact, hive)


def _root(artifact: Artifact) -> str:
    """Return the folder that stands for the system drive, empty for the volume's root."""
    return artifact.path.rsplit("/", 4)[0]


def _beside(artifact: Artifact, name: str) -> Hive | None:
    found = artifact.sibling(name)
    if found is None:
        return None
    try:
        return open_with_logs(found)
    except ParseError as error:
        artifact.problem(f"hive {name} beside it: {error.message}")
        return None


def _report(artifact: Artifact, hive: Hive) -> None:
    if hive.dirty:
        artifact.problem("the hive was being written: newer data may stand in its logs")
    for text in hive.problems[:_MAX_PROBLEMS]:
        artifact.problem(text)


def _text(key: Key | None, name: str) -> str | None:
    value = key.value(name) if key else None
    return (value.data.strip() or None) if value and isinstance(value.data, str) else None


def _number(key: Key | None, name: str) -> int | None:
    value = key.value(name) if key else None
    return value.data if value and isinstance(value.data, int) else None


def _signed(number: int) -> int:
    """Read an unsigned 32-bit number as the signed one that was stored."""
    return number - (1 << 32) if number >= 1 << 31 else number


def _version(current: Key) -> str | None:
    """Return `22H2 build 19045.5487`; older Windows has neither a release nor a revision."""
    label = _text(current, "DisplayVersion") or _text(current, "ReleaseId")
    label = label or _text(current, "CurrentVersion")
    build = _text(current, "CurrentBuildNumber") or _text(current, "CurrentBuild")
    revision = _number(current, "UBR")
    if build:
        build = f"build {build}" + (f".{revision}" if revision is not None else "")
    pack = _text(current, "CSDVersion")
    return " ".join(filter(None, (label, pack, build))) or None


def _host_name(system_hive: Hive | None) -> str | None:
    control = control_set(system_hive) if system_hive else None
    key = control.key(r"Control\ComputerName\ComputerName") if control else None
    return _text(key, "ComputerName")


def _shut_down(system_hive: Hive | None) -> tuple[Time, ...]:
    control = control_set(system_hive) if system_hive else None
    key = control.key(r"Control\Windows") if control else None
    value = key.value("ShutdownTime") if key else None
    if value is None or len(value.raw) != 8:  # noqa: PLR2004 - a FILETIME
        return ()
    return stamp("shut_down", int.from_bytes(value.raw, "little"), Unit.FILETIME)


def _known(sam_hive: Hive, machine: str) -> frozenset[str]:
    return frozenset(
        f"{machine}-{user.rid}" for user in users(sam_hive) if isinstance(user, SamUser)
    )


def _profiles(hive: Hive) -> Iterator[tuple[str, Key]]:
    """Yield (SID, key) of the profile list; `.bak` keys of damaged profiles after the others."""
    key = hive.key(rf"{_CURRENT}\ProfileList")
    seen: set[str] = set()
    keys = sorted(key.subkeys(), key=lambda child: child.name) if key else []
    for child in keys[:_MAX_ACCOUNTS]:
        found = _SID.fullmatch(child.name)
        sid = found.group(1).upper() if found else None
        if sid and sid not in seen:
            seen.add(sid)
            yield sid, child


def _home(path: str | None, hive: Hive, root: str) -> str | None:
    r"""Return the evidence path of `C:\Users\alice`; None on another drive or a network share."""
    if path is None:
        return None
    windows = _text(hive.key(_CURRENT), "SystemRoot") or r"C:\Windows"
    drive = _DRIVE.match(windows)
    system_drive = drive.group(0) if drive else "C:"
    for variable, value in (("%systemroot%", windows), ("%systemdrive%", system_drive)):
        if path.casefold().startswith(variable):
            path = value + path[len(variable) :]
    found = _DRIVE.match(path)
    if found is None or found.group(0).casefold() != system_drive.casefold():
        return None
    return root + path[2:].replace("\\", "/").rstrip("/")


def _last_part(path: str | None) -> str | None:
    return (path or "").replace("/", "\\").rstrip("\\").rpartition("\\")[2] or None


def _loaded(profile: Key) -> tuple[Time, ...]:
    """Return when the profile was last loaded: two halves of a FILETIME, Windows 10 and later."""
    high = _number(profile, "LocalProfileLoadTimeHigh")
    low = _number(profile, "LocalProfileLoadTimeLow")
    if high is None or low is None:
        return ()
    return stamp("profile_loaded", high << 32 | low, Unit.FILETIME)


def _password_state(user: SamUser) -> str | None:
    if user.has_password is None:
        return None
    return "set" if user.has_password else "empty"
