"""Hostile ISO 9660 from the image to the bundle: the run ends, says what it met, keeps the rest."""

from __future__ import annotations

import struct

import pytest

from tests.hostile.conftest import LOOP, Examine
from tests.hostile.fat import Fat
from tests.hostile.iso import SECTOR, Iso, both, record
from tests.hostile.tables import disk

SUSP = b"SP\x07\x01\xbe\xef\x00" + b"ER\x12\x01\x0a\x00\x00\x01RRIP_1991A"


def test_iso_directories_in_circles(examine: Examine) -> None:
    iso = Iso()
    one, two = iso.reserve(), iso.reserve()

    def to(name: bytes, extent: int) -> bytes:
        return record(name, extent=extent, size=2048, folder=True)

    below = iso.file(b"KNOWN2.TXT;1", b"below")
    first = iso.folder(b"ONE", [below, to(b"TWO", two)], at=one, up=one)
    iso.folder(b"TWO", [to(b"ONE", one), to(b"SELF", two)], at=two, up=one)
    kept = iso.file(b"KNOWN.TXT;1", b"kept")
    outcome = examine(iso.image([kept, first, to(b"ROOT", iso.reserve())]))
    assert outcome.known == {"kept", "below"}
    assert LOOP in {code for code, _ in outcome.noted}


SYSTEM_USE = {
    "a continuation far away": b"CE\x1c\x01" + both(1 << 31) * 3,
    "a length beyond its record": b"NM\xff\x01\x00abc",
    "a length of 0": b"NM\x00\x01\x00abc",
    "a name that climbs": b"NM\x11\x01\x00../../known1",
    "a name that speaks to the terminal": b"NM\x0b\x01\x00\x1b[2J\x07\n",
    "a link cut short": b"SL\xfa\x01\x00\x00\xffabc",
    "a mode cut short": b"PX\x04\x01",
}


@pytest.mark.parametrize("system", SYSTEM_USE.values(), ids=SYSTEM_USE)
def test_iso_system_use(examine: Examine, system: bytes) -> None:
    iso = Iso()
    evil = iso.file(b"A.TXT;1", b"evil", system=system)
    outcome = examine(iso.image([evil, iso.file(b"KNOWN.TXT;1", b"kept")], own=SUSP))
    assert outcome.known == {"kept"}


def test_iso_continuation_in_circles(examine: Examine) -> None:
    iso = Iso()
    place = iso.reserve()
    circle = b"CE\x1c\x01" + both(place) + both(0) + both(28)
    iso.store(circle, at=place)
    kept = iso.file(b"KNOWN.TXT;1", b"kept")
    evil = iso.file(b"Z.TXT;1", b"evil", system=circle)
    outcome = examine(iso.image([kept, evil], own=SUSP), silent_seconds=5)
    assert (outcome.code, outcome.known) == (3, {"kept"})


RECORDS = {
    "a file past the end of the disc": record(b"FAR", extent=1 << 31, size=100),
    "a file longer than the disc": record(b"HUGE", extent=20, size=0xFFFFFFFF),
    "a name longer than its record": bytes((34,)) + bytes(31) + b"\xff\x00",
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_iso_record_that_ends_a_directory_for_tsk(examine: Examine, record: bytes) -> None:
    iso = Iso()
    outcome = examine(iso.image([record, iso.file(b"KNOWN.TXT;1", b"kept")]))
    assert (outcome.code, outcome.known) == (3, {"kept"})


def test_iso_path_table_that_leads_nowhere_costs_nothing(examine: Examine) -> None:
    """TSK finds no directory, takes the root for the place of orphans, and waits for itself."""
    iso = Iso()
    image = bytearray(iso.image([iso.file(b"KNOWN.TXT;1", b"lost")]))
    for table in (18, 19):
        struct.pack_into("<I", image, table * SECTOR + 2, 0)
    sound = Fat(sectors=128)
    outcome = examine(
        disk(bytes(image), sound.image([sound.file("known.txt", b"sound")])), silent_seconds=1
    )
    assert (outcome.code, outcome.known) == (0, {"lost", "sound"})
