"""A Tails stick, told from its partition table alone.

Tails writes a GPT with a FAT32 partition named `Tails` and, once Persistent Storage is made, a LUKS
partition named `TailsData` of type 8DA63339-0007-60C0-C436-083AC8230908 (source: Tails, `tps` and
the persistence setup before it, Constants.pm). Neither name is used by anything else we know of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from triage.engine.results import Statement
from triage.findings import Confidence, DarknetClient, Protection, Sensitivity, Shows
from triage.model import Volume, VolumeState

_SYSTEM, _STORAGE = "Tails", "TailsData"


def tails(volumes: Iterable[Volume]) -> Iterator[Statement]:
    """Yield one statement for a Tails stick, on its system partition where there is one."""
    named = {volume.label: volume for volume in volumes if volume.table == "gpt" and volume.label}
    system, storage = named.get(_SYSTEM), named.get(_STORAGE)
    found = system or storage
    if found is None:
        return
    settings = ["persistent_storage=none"]
    if storage is not None:
        scheme = storage.scheme or storage.filesystem or "unrecognised"
        settings = [f"persistent_storage={storage.name}, {scheme}, {storage.length} bytes"]
    locked = storage is not None and storage.state is VolumeState.LOCKED
    yield Statement.of(
        DarknetClient(
            application="tails",
            directory=found.name,
            settings=tuple(settings),
            shows=Shows.PRESENT,
            confidence=Confidence.CONFIRMED if system and storage else Confidence.PROBABLE,
            checks=tuple(f"partition name {name}" for name in (_SYSTEM, _STORAGE) if name in named),
            protection=Protection.ENCRYPTED if locked else None,
            sensitivity=Sensitivity.PUBLIC,
            locator=f"offset {found.offset}",
        ),
        volume=found,
    )
