from __future__ import annotations

import pytest

from triage.formats.tor_circuits import circuits

GUARD, OTHER = "A" * 40, "B" * 40
EVENT = (
    f"650 CIRC 7 BUILT ${GUARD}~one,${OTHER} BUILD_FLAGS=NEED_CAPACITY PURPOSE=HS_CLIENT_REND "
    "HS_STATE=HSCR_JOINED REND_QUERY=abc TIME_CREATED=2024-05-06T07:08:09.123456 "
    'SOCKS_USERNAME="a \\"b\\"" SOCKS_PASSWORD="1"\r\n'
).encode()


def test_event_among_other_bytes() -> None:
    (found,) = circuits(b"\xff" * 5000 + EVENT + b"\0" * 100)
    assert (found.status, found.relays) == ("BUILT", (f"{GUARD} one", OTHER))
    assert (found.purpose, found.rendezvous) == ("HS_CLIENT_REND", "abc")
    assert (found.user_name, found.created) == ('a "b"', "2024-05-06T07:08:09.123456")
    assert found.offset == 5000 + EVENT.index(b"BUILT")


def test_neighbours_are_told_once_each() -> None:
    assert len(list(circuits(EVENT * 50))) == 50


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" TIME_CREATED=",
        b" TIME_CREATED=" * 20_000,
        b"BUILT " * 20_000 + b" TIME_CREATED=x",
        b"BUILT $" + b"A" * 39 + b" PURPOSE=GENERAL\0TIME_CREATED=1",
        EVENT.replace(b" TIME_CREATED", b"_TIME_CREATED"),
    ],
)
def test_near_misses_and_hostile_bytes(data: bytes) -> None:
    assert [found.relays for found in circuits(data) if found.relays] == []


def test_every_cut_is_survived() -> None:
    for length in range(0, len(EVENT), 7):
        assert len(list(circuits(EVENT[:length]))) <= 1
