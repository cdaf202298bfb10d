"""Programs for anonymous remailers: Mixmaster, YAMN, Mixminion, QuickSilver, OmniMix, aam2mail.

Written from Mixmaster 3.0 (`config.h`, `mixmaster.1`), YAMN (`config.go`, 2025), Mixminion
(`mixminionrc.5`), aam2mail, and OmniMix's tutorial; tested with folders made from those formats by
a committed script. Names alone are weak, so a folder counts with two of a program's files or one
whose content fits. Not read: the pseudonyms in `secrets.mix`, queued packets, secret keys. The
settings files of QuickSilver and OmniMix are not known to us: those programs are told by names.
References: https://github.com/crooks/mixmaster, https://github.com/crooks/yamn,
https://github.com/nmathewson/mixminion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    MailRemailerClient,
    Sensitivity,
    Shows,
    Time,
    Unit,
    Zone,
    extractor,
)
from triage.formats.mail import addresses
from triage.formats.times import rfc3339

_LIMIT = 8 << 20
_MAX_QUEUED = 10_000
_FILES = (  # the most telling first: the first that is there speaks for the folder
    "pubring.mix",
    "secring.mix",
    "secrets.mix",
    "nymsec.pgp",
    "mix.cfg",
    "yamn.yml",
    "mixrand.bin",
    "mlist2.txt",
    "type2.list",
    "type2.lis",
    "mlist.txt",
    "rlist.txt",
    "starex.txt",
)
_ALONE = frozenset({"pubring.mix", "mix.cfg", "yamn.yml"})
_ENTRY = re.compile(
    r"^[A-Za-z0-9._-]{1,40} [^\s@]{1,64}@[^\s@]{1,255} [0-9a-f]{32} \S{1,40} \S{1,80}"
    r"(?: \d{4}-\d\d-\d\d \d{4}-\d\d-\d\d)?[ \t]*\r?$",
    re.MULTILINE,
)
_SETTING = re.compile(
    r"^[ \t]{0,8}([A-Z][A-Z0-9_]{2,20})[ \t]{1,20}(\S[^\r\n]{0,200})", re.MULTILINE
)
_TELLING = frozenset(
    {
        "ADDRESS",
        "ALLPINGERSURL",
        "CHAIN",
        "COMPLAINTS",
        "MAILTONEWS",
        "MAXLAT",
        "MINREL",
        "MIXDIR",
        "NAME",
        "NUMCOPIES",
        "RELFINAL",
        "REMAIL",
        "REMAILERADDR",
        "REMAILERNAME",
        "SENDMAIL",
        "SMTPRELAY",
        "SMTPUSERNAME",
    }
)
_YAML = re.compile(
    r"^[ \t]{0,8}(name|address|chain|numcopies|sendmail|smtprelay|username|enable|proxy)"
    r"[ \t]{0,4}:[ \t]{1,8}(\S[^\r\n]{0,200})",
    re.MULTILINE | re.IGNORECASE,
)
_QUICKSILVER = ("quicksilver.exe", "qsl.exe", "quicksilverlite.exe")


@extractor(
    name="mail.remailer.mixmaster",
    paths=(
        # Mixmaster 2.9 and 3, Unix `~/Mix`, Debian `/var/lib/mixmaster`, any folder on Windows;
        # QuickSilver and OmniMix keep the same files
        "**/{pubring,secring,secrets}.mix",
        "**/{mix.cfg,mixrand.bin,nymsec.pgp}",
        "**/{type2.list,type2.lis,mlist.txt,rlist.txt,starex.txt}",
        # YAMN 0.1 and later, any system
        "**/{yamn.yml,mlist2.txt}",
    ),
    yields=(MailRemailerClient,),
    holds_secret=True,
)
def mixmaster(artifact: Artifact) -> Iterator[MailRemailerClient]:
    """Read a folder of Mixmaster or YAMN: role, settings, remailers it knew, last run."""
    files = {name: found for name in _FILES if (found := artifact.sibling(name))}
    if next(iter(files), None) != artifact.entry.name.casefold():
        return
    ring = files.get("pubring.mix")
    remailers = len(_ENTRY.findall(ring.text(_LIMIT))) if ring else None
    settings, address = _settings(files)
    sound = len(files) >= 2 or bool(remailers) or bool(settings)  # noqa: PLR2004 - see above
    if not sound or not (_ALONE & files.keys() or len(files) >= 2):  # noqa: PLR2004
        return
    yield MailRemailerClient(
        application=_application(artifact, files),
        directory=artifact.path.rpartition("/")[0] or "/",
        files=tuple(files),
        settings=settings,
        remailers=remailers,
        queued=_queued(artifact),
        pseudonyms="secrets.mix" in files or "nymsec.pgp" in files,
        operates="secring.mix" in files,
        mail_address=address,
        shows=Shows.EXECUTED if "mixrand.bin" in files else Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        times=(
            *_modified("seed_written", files.get("mixrand.bin")),
            *_modified("key_ring_written", ring),
            *_modified("statistics_written", files.get("mlist2.txt") or files.get("mlist.txt")),
        ),
    )


@extractor(
    name="mail.remailer.mixminion",
    paths=(
        # Mixminion 0.0.3 and later, Unix and Windows
        "**/{.mixminionrc,mixminionrc}",
        "**/.mixminion/{cache,dir,dir.gz,lock}",
        "**/.mixminion/keys/{keyring,keyring.txt}",
        "**/.mixminion/surbs/log",
        # its server
        "**/mixminiond.conf",
    ),
    yields=(MailRemailerClient,),
    holds_secret=True,
)
def mixminion(artifact: Artifact) -> Iterator[MailRemailerClient]:
    """Read what Mixminion left: configuration, key ring, queue."""
    names = ("cache", "dir", "dir.gz", "lock", "keys/keyring", "keys/keyring.txt", "surbs/log")
    folded = artifact.path.casefold()
    home = artifact.path[: folded.rindex("/.mixminion/") + 11] if "/.mixminion/" in folded else None
    if home is None:
        text = artifact.text(_LIMIT)
        if not re.search(r"^\[(User|Host|DirectoryServers|Security|Server)\]", text, re.MULTILINE):
            return
        server = artifact.entry.name.casefold() == "mixminiond.conf"
        surb = re.search(r"^SURBAddress[ \t]*[:=][ \t]*(.{1,200})", text, re.MULTILINE)
        yield MailRemailerClient(
            application="mixminion",
            directory=artifact.path.rpartition("/")[0] or "/",
            files=(artifact.entry.name,),
            operates=server,
            mail_address=next(iter(addresses(surb[1])), None) if surb else None,
            shows=Shows.PRESENT,
            confidence=Confidence.PROBABLE,
        )
        return
    files = {name: found for name in names if (found := artifact.resolve(f"{home}/{name}"))}
    first = next(iter(files.values()), None)
    if first is None or first.path != artifact.path:
        return
    yield MailRemailerClient(
        application="mixminion",
        directory=home,
        files=tuple(files),
        queued=_count(artifact, "queue/msg_*"),
        pseudonyms="keys/keyring" in files or "keys/keyring.txt" in files,
        shows=Shows.EXECUTED,
        confidence=Confidence.PROBABLE if len(files) > 1 else Confidence.POSSIBLE,
        times=_modified("last_written", first),
    )


@extractor(
    name="mail.remailer.aam2mail",
    paths=(
        # aam2mail, Unix: configuration, and the passphrases that mark one's own messages
        "**/.aam2mailrc",
        "**/aam2mail/etc/subject_{plain,hsub,esub}",
    ),
    yields=(MailRemailerClient,),
    holds_secret=True,
)
def aam2mail(artifact: Artifact) -> Iterator[MailRemailerClient]:
    """Report that a reader of alt.anonymous.messages is set up; its passphrases are counted."""
    name = artifact.entry.name.casefold()
    lines = [line for line in artifact.text(_LIMIT).splitlines() if line.strip()]
    secret = name in {"subject_hsub", "subject_esub"} and bool(lines)
    if not lines:
        return
    yield MailRemailerClient(
        application="aam2mail",
        directory=artifact.path.rpartition("/")[0] or "/",
        files=(artifact.entry.name,),
        settings=(f"{name} {len(lines)} lines",),
        pseudonyms=secret or None,
        shows=Shows.CREDENTIAL if secret else Shows.PRESENT,
        confidence=Confidence.POSSIBLE,
        sensitivity=Sensitivity.SECRET if secret else Sensitivity.PERSONAL,
        secret="\n".join(lines[:1000]) if secret else None,
    )


@extractor(
    name="mail.remailer.programs",
    paths=(
        # QuickSilver 1 and QuickSilver Lite, Windows
        "**/{QuickSilver,QuickSilverLite,QSL}.exe",
        # OmniMix, Windows
        "**/OmniMix*.exe",
        "**/dat/cyp_capa.txt",
    ),
    yields=(MailRemailerClient,),
)
def programs(artifact: Artifact) -> Iterator[MailRemailerClient]:
    """Name remailer programs for Windows that are told by their files alone."""
    name = artifact.entry.name.casefold()
    folder = artifact.path.rpartition("/")[0] or "/"
    mix = any(artifact.sibling(other) for other in _FILES[:6]) or "/omnimix" in folder.casefold()
    if name.endswith(".exe") and artifact.head(2) != b"MZ":
        return
    if name == "cyp_capa.txt" and not mix:
        return
    yield MailRemailerClient(
        application="quicksilver" if name in _QUICKSILVER else "omnimix",
        directory=folder,
        files=(artifact.entry.name,),
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE if mix else Confidence.POSSIBLE,
    )


def _application(artifact: Artifact, files: dict[str, Artifact]) -> str:
    if "yamn.yml" in files or "mlist2.txt" in files:
        return "yamn"
    if any(artifact.sibling(name) for name in _QUICKSILVER):
        return "quicksilver"
    return "omnimix" if "/omnimix" in artifact.path.casefold() else "mixmaster"


def _settings(files: dict[str, Artifact]) -> tuple[tuple[str, ...], str | None]:
    """Return telling settings, without passwords, and the own address."""
    found: list[tuple[str, str]] = []
    if "mix.cfg" in files:
        found += _SETTING.findall(files["mix.cfg"].text(_LIMIT))
        found = [(name, value) for name, value in found if name in _TELLING]
    if "yamn.yml" in files:
        found += _YAML.findall(files["yamn.yml"].text(_LIMIT))
    own = (value for name, value in found if name.upper() in {"ADDRESS", "REMAILERADDR"})
    address = next((one for value in own for one in addresses(value)), None)
    shown = dict.fromkeys(f"{name} {value.strip()}" for name, value in found[:100])
    return tuple(shown), address


def _queued(artifact: Artifact) -> int | None:
    return _count(artifact, "pool/*") if artifact.folder("pool") else None


def _count(artifact: Artifact, pattern: str) -> int:
    count = 0
    for _ in artifact.find(pattern):
        count += 1
        if count >= _MAX_QUEUED:
            break
    return count


def _modified(event: str, artifact: Artifact | None) -> tuple[Time, ...]:
    """Return the modification time of a file, nanoseconds since 1970 as the file system has it."""
    found = artifact.entry.times if artifact else None
    if found is None or found.modified is None:
        return ()
    zone = Zone.UTC if found.zone == "utc" else Zone.LOCAL
    text = rfc3339(found.modified) if zone is Zone.UTC else None
    return (Time(event=event, utc=text, raw=str(found.modified), unit=Unit.NS_UNIX, zone=zone),)
