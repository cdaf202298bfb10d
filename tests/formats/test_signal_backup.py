"""Backups of Signal on Android: what opens them, rows without SQL, damage."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from triage.errors import ParseError
from triage.formats import signal_backup
from triage.formats.signal_backup import Backup, Keys, header_of, keys_of, opens, read

CASE = Path(__file__).parents[2] / "fixtures/chat/signal_android/opened/tree/data/media"
NAME = "Signal/Backups/signal-2024-06-01-09-00-00.backup"
DIGITS = "111112222233333444445555566666"


class Memory:
    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        return len(self._data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]


@pytest.fixture(scope="module", params=[("10", DIGITS), ("0", DIGITS[::-1])], ids=["v0", "v1"])
def made(request: pytest.FixtureRequest) -> tuple[bytes, Keys]:
    """Return a backup and its keys, which cost a quarter of a second."""
    user, digits = request.param
    data = (CASE / user / NAME).read_bytes()
    spaced = " ".join(digits[at : at + 5] for at in range(0, 30, 5))
    return data, keys_of(spaced, header_of(data[: signal_backup.HEADER]))


def opened(data: bytes, keys: Keys) -> Backup:
    return read(Memory(data), header_of(data[:512]), keys, tables={"recipient", "sms", "message"})


def test_every_frame_is_read(made: tuple[bytes, Keys]) -> None:
    data, keys = made
    assert opens(Memory(data), header_of(data[:512]), keys)
    backup = opened(data, keys)
    assert (backup.whole, backup.problem, backup.version) == (True, None, 200)
    assert len(list(backup.rows("recipient"))) in (1, 3)
    assert list(backup.rows("thread")) == []  # was not asked for
    old = backup.columns.get("sms")
    table, column = ("sms", "address") if old else ("message", "from_recipient_id")
    assert column in backup.columns[table]
    assert next(backup.rows(table)).values["body"] in ("hello bob", "hello alice")


def test_the_content_of_an_attachment_is_hashed() -> None:
    data = (CASE / "0" / NAME).read_bytes()
    keys = keys_of(DIGITS[::-1], header_of(data[:512]))
    (found,) = opened(data, keys).attachments.values()
    assert found.sha256 == hashlib.sha256(b"not a real picture").hexdigest()
    assert found.length == len(b"not a real picture")


def test_other_digits_open_nothing(made: tuple[bytes, Keys]) -> None:
    data, keys = made
    other = Keys(cipher=keys.mac, mac=keys.cipher)
    assert not opens(Memory(data), header_of(data[:512]), other)


def test_damage_ends_the_reading_and_is_said(made: tuple[bytes, Keys]) -> None:
    data, keys = made
    for broken in (data[:-1], data[:-30], data[:-25] + b"\xff" + data[-24:], data + b"\0\0"):
        backup = opened(broken, keys)
        assert backup.problem is not None or backup.whole
        assert next(backup.rows("recipient"), None) is not None
    assert opened(data[:-1], keys).problem is not None
    start = header_of(data[:512]).offset
    assert opened(data[:start], keys).problem is None  # no frame at all
    assert opened(data[: start + 2], keys).problem is not None


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\0\0\0\0",
        b"\xff\xff\xff\xff" + bytes(60),
        b"\0\0\0\x04\x0a\x02\x0a\x00",  # no vector
        b"\0\0\0\x16\x0a\x14\x0a\x10" + bytes(16) + b"\x18\x07",  # version 7
        b"not a backup at all, but a text",
    ],
)
def test_what_is_no_backup(head: bytes) -> None:
    with pytest.raises(ParseError):
        header_of(head)


@pytest.mark.parametrize(
    ("inner", "columns"),
    [
        ("_id INTEGER PRIMARY KEY, body TEXT", ("_id", "body")),
        ("a TEXT DEFAULT 'x,y', b INT CHECK (b IN (1,2)), UNIQUE (a, b)", ("a", "b")),
        ('"a b", `c`, FOREIGN KEY (c) REFERENCES t(c)', ("a", "c")),
        ("", ()),
        ("((((", ()),
    ],
)
def test_columns_of_a_table(inner: str, columns: tuple[str, ...]) -> None:
    assert tuple(signal_backup._columns(inner)) == columns
