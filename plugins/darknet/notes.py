"""Onion and I2P addresses in notes, link files and saved pages that people keep.

Written for plain text, Markdown, tables, rich text, saved web pages and the link files of Windows
(`.url`), macOS (`.webloc`) and Linux (`.desktop`), in the folders that people keep documents in;
tested with files made by a committed script. UTF-8, and UTF-16 with a byte order mark. A file with
more than a hundred addresses is a list, of which so many are told and none is called a destination.
Other files, and places outside of these folders, are searched by the profile `deep`.
Not read: office documents, archives, pictures.
References: https://spec.torproject.org/rend-spec-v3, https://geti2p.net/spec/b32encrypted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from triage.api import Artifact, IndicatorI2p, IndicatorOnion, Shows, extractor
from triage.formats.darknet_names import DarknetNames

_LIMIT = 8 << 20
_MANY = 100
_NOTES = "*.{txt,md}"
# Saved pages and tables come in thousands with what is downloaded, so not at any depth.
_OTHERS = "*.{csv,tsv,rtf,htm,html,url,webloc,desktop}"
_FOLDERS = "{Desktop,Documents,Downloads}"


@extractor(
    name="darknet.notes.addresses",
    paths=(
        # Windows Vista and later, Linux, macOS
        f"{{Users,home}}/*/{_FOLDERS}/**/{_NOTES}",
        f"{{Users,home}}/*/{_FOLDERS}/{_OTHERS}",
        f"{{Users,home}}/*/{_FOLDERS}/*/{_OTHERS}",
        f"{{Users,home}}/*/{_NOTES}",
        f"root/{_NOTES}",
        # Windows 2000 and XP
        "Documents and Settings/*/{Desktop,My Documents}/**/*.txt",
        f"Documents and Settings/*/{{Desktop,My Documents}}/{_OTHERS}",
        # Tails: the folder in the unlocked persistent storage
        f"Persistent/**/{_NOTES}",
        f"Persistent/{_OTHERS}",
        # Android: shared storage
        f"**/media/0/{{Documents,Download}}/**/{_NOTES}",
        f"**/media/0/{{Documents,Download}}/{_OTHERS}",
    ),
    yields=(IndicatorOnion, IndicatorI2p),
)
def addresses(artifact: Artifact) -> Iterator[IndicatorOnion | IndicatorI2p]:
    """List the onion and I2P addresses that a note or a link holds."""
    names = DarknetNames()
    names.add("note", artifact.head(_LIMIT).decode(_encoding(artifact), "replace"))
    found = list(names.findings())
    if len(found) <= _MANY:
        yield from found
        return
    for one in found[:_MANY]:
        yield replace(one, where=(f"list of {len(found)} addresses",), shows=Shows.PRESENT)


def _encoding(artifact: Artifact) -> str:
    mark = artifact.head(2)
    return "utf-16" if mark in {b"\xff\xfe", b"\xfe\xff"} else "utf-8"
