from __future__ import annotations

import pytest

from triage.formats import mail
from triage.formats.mail import (
    KEPT,
    Message,
    addresses,
    date,
    decode_words,
    headers,
    messages,
    parse,
)


class Memory:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.reads = 0

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        self.reads += length
        return self.data[offset : offset + length]


def read(data: bytes) -> list[Message]:
    return list(messages(Memory(data)))


def one(number: int, body: bytes = b"text\n") -> bytes:
    return b"From - Mon Jan  1 00:00:00 2024\nSubject: %d\n\n%b\n" % (number, body)


def test_mbox_is_cut_at_from_lines_before_headers() -> None:
    parts = [
        one(1, b"From here on it is a sentence.\n\nFrom there as well\nnot a header\n"),
        one(2, b">From quoted\n"),
        one(3),
    ]
    found = read(b"".join(parts))
    assert [message.raw for message in found] == parts
    assert [message.offset for message in found] == [0, len(parts[0]), len(parts[0] + parts[1])]


def test_windows_line_ends() -> None:
    parts = [one(number).replace(b"\n", b"\r\n") for number in range(3)]
    assert [message.raw for message in read(b"".join(parts))] == parts


@pytest.mark.parametrize("block", [1100, 1101, 1500, 4096])
def test_separators_on_block_borders(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(mail, "_BLOCK", block)
    parts = [one(number, b"x" * (number * 37 % 701) + b"\n") for number in range(200)]
    data = b"".join(parts)
    reader = Memory(data)
    found = list(messages(reader))
    assert [message.raw for message in found] == parts
    assert sum(message.length for message in found) == len(data)
    assert reader.reads < len(data) + 5000, "read once"


def test_a_long_message_is_kept_in_part() -> None:
    found = read(one(1, b"y" * (KEPT + 10) + b"\n") + one(2))
    assert [len(message.raw) for message in found] == [KEPT, len(one(2))]
    assert found[0].length > KEPT


def test_single_message_and_emlx() -> None:
    body = b"From: a@example.org\nTo: b@example.org\n\nhello\n"
    assert read(body)[0].raw == body
    (found,) = read(b"%d\n" % len(body) + body + b"<?xml version='1.0'?><plist/>")
    assert (found.raw, found.offset) == (body, 3)
    (found,) = read(b"999999\n" + body)
    assert found.raw == body


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"From the desk of nobody\n\nDear all\n",
        b"// <!-- <mdb:mork:z v='1.4'/> -->\n",
        b"12\n34\n56\n",
        b"key: value\nother: thing\n",
        b"\x00" * 5000,
        b"<p>Subject: no</p>",
        b"From ",
    ],
)
def test_what_is_no_mail(data: bytes) -> None:
    assert read(data) == []


def test_headers_are_unfolded_and_decoded() -> None:
    found = parse(
        b"From x\nSUBJECT: =?utf-8?B?R3I=?=\n =?utf-8?Q?=C3=BC=C3=9Fe?=\n"
        b"Comments: one\n\ttwo\n\nbody\n"
    )
    assert found.get("Subject") == "Grüße"
    assert found.get("comments") == "one two"
    assert found.texts == ("body\n",)


@pytest.mark.parametrize(
    "value",
    [
        "=?nonsense-charset?B?QQ==?=",
        "=?utf-8?B?!!!?=",
        "=?utf-8?Q?",
        "=?idna?Q?a?=",
        "=?hex?B?QQ==?=",
    ],
)
def test_words_that_do_not_decode(value: str) -> None:
    assert isinstance(decode_words(value), str)


def test_parts() -> None:
    found = parse(
        b'Content-Type: multipart/mixed; boundary="b"\n\npreamble\n--b\n'
        b"Content-Type: text/plain; charset=iso-8859-1\n\nf\xfcr\n--b\n"
        b"Content-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\na=3Db\n--b\n"
        b"Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n"
        b"LS0tLS1CRUdJTiBQR1AgTUVTU0FHRS0tLS0t\n--b\n"
        b"Content-Type: image/png\n\nnot text\n--b\n"
        b"Content-Type: message/rfc822\n\nSubject: inner\n\nforwarded\n--b--\nepilogue\n"
    )
    assert [text.strip() for text in found.texts] == [
        "für",
        "a=b",
        "-----BEGIN PGP MESSAGE-----",
        "forwarded",
    ]


def test_nesting_and_many_parts_are_bounded() -> None:
    body = b"Content-Type: text/plain\n\nbottom\n"
    for depth in range(50):
        mark = b"b%d" % depth
        body = b'Content-Type: multipart/mixed; boundary="%b"\n\n--%b\n%b\n--%b--\n' % (
            mark,
            mark,
            body,
            mark,
        )
    assert parse(body).texts == ()
    many = b'Content-Type: multipart/mixed; boundary="b"\n\n' + b"--b\n\nx\n" * 5000
    assert len(parse(many).texts) <= mail.MAX_PARTS


def test_many_headers_are_bounded() -> None:
    assert len(parse(b"A: b\n" * 50_000 + b"\nbody").headers) == mail.MAX_HEADERS
    assert len(parse(b"A: b\n" + b" more\n" * 50_000).headers[0][1]) < 10_000


@pytest.mark.parametrize("data", [b"", b"\n", b"\xff" * 100, b"no colon here", b":\n:\n", b"From "])
def test_garbage(data: bytes) -> None:
    parse(data)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("Mon, 06 May 2024 09:08:09 +0200", 1714979289),
        ("Mon, 06 May 2024 07:08:09 GMT", 1714979289),
        ("Mon, 06 May 2024 07:08:09", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        ("Mon, 99 Foo 99999999999 99:99:99 +9999", None),
        ("x" * 300, None),
    ],
)
def test_date(value: str | None, seconds: int | None) -> None:
    assert date(value) == seconds


def test_addresses() -> None:
    value = '"A, B" <A@Example.org>, b@example.org (c), b@EXAMPLE.org, broken@, @broken'
    assert addresses(value) == ("a@example.org", "b@example.org")
    assert addresses("a@b.c," * 1000, limit=3) == ("a@b.c",)
    assert addresses(None) == ()


def test_headers_alone_are_those_of_the_whole_message() -> None:
    raw = b"From x\nSubject: =?utf-8?Q?=C3=BC?=\n b\nTo: c@example.org\n\nbody\n"
    assert headers(raw).headers == parse(raw).headers
    assert headers(raw).texts == ()
