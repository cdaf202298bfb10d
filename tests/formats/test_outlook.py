from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.formats.memory import Memory
from triage.errors import LimitError, ParseError
from triage.formats import outlook_store
from triage.formats.outlook import Letter, letters
from triage.formats.outlook_message import decoded, person

MAIL = Path(__file__).parents[2] / "fixtures/mail/outlook/windows/tree/Users"
STORE = (MAIL / "alice/Documents/Outlook Files/alice.pst").read_bytes()
SAVED = (MAIL / "bob/Desktop/RE question.msg").read_bytes()
PGP = Path(__file__).parents[2] / "fixtures/pgp/outlook/windows/tree/Users"


def read(data: bytes) -> tuple[list[Letter], list[str]]:
    problems: list[str] = []
    return list(letters(Memory(data), problems)), problems


def test_store_gives_what_stands_in_its_folders() -> None:
    (first, second, third), problems = read(STORE)
    assert problems == []
    assert first.place == "/Sent Items, item 2097188"
    assert (first.mail.get("From"), first.sent) == (
        "Alice <alice@fixture.example>",
        133594528890000000,
    )
    assert list(second.mail.all("Cc")) == ["Bob <bob@b.example>"]
    assert second.mail.texts[0].endswith("-----END REMAILER MESSAGE-----")
    # The header of the Internet comes before the properties.
    assert third.mail.get("Date") == "Mon, 06 May 2024 09:08:09 +0200"
    assert (list(third.mail.all("To")), third.sent) == (["alice@fixture.example"], None)


def test_saved_message_gives_the_one_attached_to_it() -> None:
    (outer, inner), _ = read(SAVED)
    assert (outer.place, outer.mail.get("Subject")) == ("message", "tonight")
    assert (inner.place, inner.mail.get("Subject")) == ("message, attachment 0", "remailer-key")
    assert inner.mail.get("To") == "mix@relay.fixture.example"


def test_attachments_that_are_text_or_mail_are_texts() -> None:
    (outer, _), _ = read((PGP / "bob/Desktop/key.msg").read_bytes())
    body, key, *mime = outer.mail.texts
    assert body == "see the attachments"
    assert key.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")
    assert any("-----BEGIN PGP MESSAGE-----" in text for text in mime)
    assert not any("\ufffd" in text for text in outer.mail.texts)


@pytest.mark.parametrize(
    "data",
    [b"", b"!BD", b"Pacific Standard Time", (MAIL / "bob/Documents/letter.msg").read_bytes()],
)
def test_other_files_have_no_messages(data: bytes) -> None:
    assert read(data) == ([], [])


@pytest.mark.parametrize("data", [b"!BDN", b"!BDN" + bytes(600), STORE[:564], STORE[:-512]])
def test_store_without_its_trees_is_refused(data: bytes) -> None:
    with pytest.raises(ParseError):
        read(data)


@pytest.mark.parametrize("data", [STORE, SAVED], ids=["store", "message"])
def test_damage_is_no_crash(data: bytes) -> None:
    choose = random.Random(7)  # noqa: S311 - to repeat it
    read_some = 0
    for _ in range(25):
        broken = bytearray(data)
        for _ in range(30):
            broken[choose.randrange(len(broken))] = choose.randrange(256)
        try:
            read_some += bool(read(bytes(broken))[0])
        except ParseError:
            continue
    assert read_some  # so not only the first bytes were tried


def test_damaged_message_is_a_problem_and_the_rest_is_read() -> None:
    kind = STORE.index("IPM.Note".encode("utf-16-le"))
    heap = STORE.rindex(b"\xec\xbc", 0, kind)  # of the first message's properties
    found, problems = read(STORE[:heap] + b"\0\0" + STORE[heap + 2 :])
    assert [letter.mail.get("Subject") for letter in found] == [None, "tonight"]
    assert len(problems) == 1


def test_more_items_than_the_limit_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlook_store, "ITEM_LIMIT", 2)
    with pytest.raises(LimitError):
        read(STORE)


@pytest.mark.parametrize(
    ("raw", "page", "text"),
    [
        (b"\xfc", 1252, "ü"),
        (b"\xc3\xbc", 65001, "ü"),
        (b"\xee", 28595, "ю"),
        (b"\xc0", 20866, "ю"),
        (b"\xfc", 99999, "ü"),
        (b"\xfc", None, "ü"),
        (b"\xff\xfe", 65001, "\ufffd\ufffd"),
    ],
)
def test_code_pages(raw: bytes, page: int | None, text: str) -> None:
    assert decoded(raw, page) == text


@pytest.mark.parametrize(
    ("name", "addresses", "shown"),
    [
        ("Bob", ("bob@b.example",), "Bob <bob@b.example>"),
        ("Bob", (None, "/o=First/cn=bob", "bob@b.example"), "Bob <bob@b.example>"),
        ("Bob", ("/o=First/cn=bob",), "Bob"),
        (None, ("/o=First/cn=bob",), "/o=First/cn=bob"),
        ("bob@b.example", ("bob@b.example",), "bob@b.example"),
        (None, (None,), None),
    ],
)
def test_person(name: str | None, addresses: tuple[str | None, ...], shown: str | None) -> None:
    assert person(name, *addresses) == shown
