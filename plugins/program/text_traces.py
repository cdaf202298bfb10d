"""Windows: starts noted by the compatibility assistant of Windows 11, and marks of downloads.

Written from dissect's and AboutDFIR's descriptions of `PcaAppLaunchDic.txt` and `PcaGeneralDb*.txt`
(Windows 11 22H2 and later; UTC), and from Microsoft's of the stream `Zone.Identifier`; tested with
files made by us. Tools that copy files out of NTFS write the stream as a file whose name has `:` or
the character U+F03A, which is how WSL and Samba write it.

References: https://aboutdfir.com/new-windows-11-pro-22h2-evidence-of-execution-artifact/ and
https://learn.microsoft.com/openspecs/windows_protocols/ms-fscc
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.api import Artifact, ProgramExecuted, ProgramPresent, extractor
from triage.formats.stamps import modified, utc_text

from . import _known

_LARGEST = 32 << 20  # bytes of one log
_LINES = 200_000
_MARK = 1 << 16  # bytes of a stream that are read
_WHEN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,7})?")
# Pictures and documents are marked by the ten thousand: only what can hold a program is asked for.
_KINDS = "{exe,msi,msix,zip,7z,rar,xz,gz,bz2,tar,iso,img,dmg,apk,appimage,jar}"
_STREAM = re.compile("[:\uf03a]Zone\\.Identifier$", re.IGNORECASE)


@extractor(
    name="program.windows.pca",
    paths=(
        # Windows 11 22H2 and later
        "Windows/appcompat/pca/PcaAppLaunchDic.txt",
        "Windows/appcompat/pca/PcaGeneralDb[01].txt",
    ),
    yields=(ProgramExecuted,),
)
def pca(artifact: Artifact) -> Iterator[ProgramExecuted]:
    """List starts of listed programs from Explorer, with their last times."""
    launches = artifact.entry.name.casefold().startswith("pcaapp")
    encoding = "cp1252" if launches else "utf-16-le"
    for number, line in enumerate(artifact.text(_LARGEST, encoding).splitlines()[:_LINES]):
        cells = line.split("|")
        if len(cells) < 2 + (not launches):
            continue
        path, when = (cells[0], cells[1]) if launches else (cells[2], cells[0])
        known = _known.PROGRAMS.path(path)
        if known is None or not _WHEN.fullmatch(when.strip()):
            continue
        yield _known.executed(
            known,
            "pca",
            path[:1000],
            locator=f"line {number + 1}",
            times=utc_text("last_executed" if launches else "executed", when.strip()),
            on_disk=_known.on_disk(artifact, path),
        )


@extractor(
    name="program.windows.mark-of-the-web",
    paths=(
        # Windows XP SP2 and later, NTFS: a stream of the file; and as copying tools name it
        f"**/*.{_KINDS}:Zone.Identifier",
        f"**/*.{_KINDS}\uf03aZone.Identifier",
    ),
    yields=(ProgramPresent,),
)
def mark(artifact: Artifact) -> Iterator[ProgramPresent]:
    """Tell from where a listed program or installer was downloaded."""
    name = _STREAM.sub("", artifact.entry.name)
    known = _known.PROGRAMS.file(name)
    if known is None:
        return
    fields = dict(
        line.split("=", 1)
        for line in artifact.head(_MARK).decode("utf-8", "replace").splitlines()
        if "=" in line
    )
    yield _known.present(
        known,
        "mark-of-the-web",
        name,
        locator=f"zone {fields.get('ZoneId', '?')[:10]}",
        times=modified("file_modified", artifact),
        url=fields.get("HostUrl", "")[:2000] or None,
        referrer=fields.get("ReferrerUrl", "")[:2000] or None,
    )
