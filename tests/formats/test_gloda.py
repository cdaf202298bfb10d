from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from tests.formats.memory import Memory
from triage.errors import ParseError
from triage.formats import gloda
from triage.formats.sqlite import RowState, open_database

INDEX = (
    Path(__file__).parents[2] / "fixtures/mail/search_index/linux/tree/home/alice/.thunderbird"
    "/a1.default-release/global-messages-db.sqlite"
)


def test_reads_messages_with_the_log_and_removed_ones() -> None:
    log = INDEX.with_name(f"{INDEX.name}-wal").read_bytes()
    with open_database(Memory(INDEX.read_bytes()), wal=Memory(log)) as database:
        removed, logged, plain = gloda.messages(database)
    assert (removed.deleted, removed.folder) == (True, None)
    assert (logged.state, plain.state) == (RowState.WAL, RowState.LIVE)
    assert plain.mail.headers == (
        ("From", "Alice <alice@fixture.example>"),
        ("To", "bob@fixture.example"),
        ("Subject", "Grüße"),
        ("Message-ID", "<34@b.example>"),
    )


@pytest.mark.parametrize("length", [600, 2048])
def test_cut_short_is_an_error_of_ours(length: int) -> None:
    with (
        pytest.raises(ParseError),
        open_database(Memory(INDEX.read_bytes()[:length])) as database,
    ):
        list(gloda.messages(database))


def test_values_of_other_types_are_no_messages_with_text(tmp_path: Path) -> None:
    path = tmp_path / "index"
    connection = apsw.Connection(str(path))
    connection.execute(
        "CREATE TABLE folderLocations (id, folderURI);"
        "CREATE TABLE messages (id, folderID, date, headerMessageID, deleted);"
        "CREATE TABLE messagesText_content (docid, c0body, c1subject, c3author, c4recipients);"
        "INSERT INTO messagesText_content VALUES (1, x'ff', 5, NULL, 2.5);"
        "INSERT INTO messages VALUES (1, 'x', 'yesterday', x'00', 'no');"
    )
    connection.close()
    with open_database(Memory(path.read_bytes())) as database:
        (message,) = gloda.messages(database)
    assert (message.mail.texts, message.date, message.folder) == ((), None, None)
