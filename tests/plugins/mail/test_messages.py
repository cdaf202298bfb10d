from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from plugins.mail.messages import remailer
from tests.plugins.conftest import Extract
from triage.api import Confidence, IndicatorI2p, IndicatorOnion, MailRemailerMessage, Sensitivity
from triage.formats.onion import onion_address

FIXTURE = Path(__file__).parents[3] / "fixtures/mail/mailbox/linux/tree/home"
HEAD = "From: a@example.org\nTo: mix@relay.example\nDate: Mon, 06 May 2024 09:08:09 +0200\n\n"


def packet(data: bytes = b"x" * 100, *, length: int | None = None, digest: bytes = b"") -> str:
    check = base64.b64encode(digest or hashlib.md5(data, usedforsecurity=False).digest()).decode()
    body = base64.encodebytes(data).decode()
    size = len(data) if length is None else length
    return (
        f"-----BEGIN REMAILER MESSAGE-----\n{size}\n{check}\n{body}-----END REMAILER MESSAGE-----\n"
    )


def found(extract: Extract, text: str, path: str = "/x/one.eml") -> list[MailRemailerMessage]:
    return extract(remailer, {path: text.encode()}).of(MailRemailerMessage)


def test_packet_with_right_digest_is_confirmed(extract: Extract) -> None:
    (message,) = found(extract, HEAD + "::\nRemailer-Type: Mixmaster 3.0\n\n" + packet())
    assert message.confidence is Confidence.CONFIRMED
    assert (message.outgoing, message.software) == (True, "Mixmaster 3.0")
    assert message.remailer == "mix@relay.example"


def test_packet_with_wrong_digest_is_probable(extract: Extract) -> None:
    (message,) = found(extract, HEAD + packet(digest=b"0" * 16))
    assert (message.confidence, message.checks) == (Confidence.PROBABLE, ())


@pytest.mark.parametrize("size", [16, 32])
def test_digests_of_yamn(extract: Extract, size: int) -> None:
    data = b"y" * 50
    digest = hashlib.blake2b(data, digest_size=16).digest()
    if size == 32:
        digest = hashlib.blake2s(data, digest_size=16).digest()
    assert found(extract, HEAD + packet(data, digest=digest))[0].checks


@pytest.mark.parametrize(
    "body",
    [
        "> ::\n> Anon-To: x@example.org\n",
        "Hello,\n::\nAnon-To: x@example.org\n",
        "::\n\nAnon-To: x@example.org\n",
        "::\nFavourite-Colour: blue\n",
        ":: a line\nAnon-To: x@example.org\n",
        packet(length=99),
        "> " + packet().replace("\n", "\n> "),
        "\n".join("as I said" for _ in range(30)) + "\n" + packet(),
        "-----BEGIN REMAILER MESSAGE-----\nabc\n",
        "Comments: It was remailed automatically by anonymizing remailer software.\n",
        "Config: see below\nFrom: nobody\n",
        "remailer-help\n",
        "In the text: -----BEGIN TYPE III ANONYMOUS MESSAGE-----\n",
    ],
)
def test_what_only_speaks_of_remailers(extract: Extract, body: str) -> None:
    assert found(extract, HEAD.replace("mix@relay", "bob@home") + body) == []


def test_secrets_in_pseudo_headers_are_withheld(extract: Extract) -> None:
    (message,) = found(extract, HEAD + "::\nAnon-To: x@example.org\nEncrypt-Key: swordfish\n")
    assert message.directives == ("Anon-To: x@example.org", "Encrypt-Key: [withheld]")
    assert "swordfish" not in repr(message)
    assert message.sensitivity is Sensitivity.SECRET, "the folder is exported only encrypted"


def test_disclaimer_counts_in_a_header_alone(extract: Extract) -> None:
    text = "It was remailed\n automatically by anonymizing remailer software. <abuse@mix.example>"
    (message,) = found(extract, f"From: nobody@mix.example\nComments: {text}\n\nhi\n")
    assert (message.outgoing, message.remailer) == (False, "abuse@mix.example")


@pytest.mark.parametrize(
    ("sender", "to", "outgoing"),
    [
        ("nobody@dizum.com", "a@example.org", False),
        ("a@example.org", "remailer@dizum.com", True),
    ],
)
def test_listed_address_alone_is_possible(
    extract: Extract, sender: str, to: str, outgoing: bool
) -> None:
    (message,) = found(extract, f"From: {sender}\nTo: {to}\nSubject: x\n\nhi\n")
    assert (message.outgoing, message.confidence) == (outgoing, Confidence.POSSIBLE)
    assert message.indicator_list


@pytest.mark.parametrize("address", ["info@dizum.com", "remailer@dizum.com.example", "dizum.com"])
def test_other_addresses_are_not(extract: Extract, address: str) -> None:
    assert found(extract, f"From: {address}\nTo: a@example.org\n\nhi\n") == []


def test_request_needs_an_address_of_a_remailer(extract: Extract) -> None:
    head = "From: a@example.org\nTo: {}\nSubject: remailer-key\n\n"
    assert found(extract, head.format("mixmaster@example.org"))[0].forms == ("remailer-request",)
    assert found(extract, head.format("bob@example.org")) == []


def test_truncated_and_hostile(extract: Extract) -> None:
    data = (FIXTURE / "alice/mail/sent").read_bytes()
    for cut in range(1, 3000, 97):
        extract(remailer, {"/x/sent.mbox": data[:-cut]})
    lines = "-----BEGIN REMAILER MESSAGE-----\n1\n" + "A" * 22 + "==\n" + "AAAA\n" * 60_000
    assert found(extract, HEAD + lines) == []
    assert found(extract, HEAD + "::\n" + "Anon-To: x\n" * 50_000)[0].directives


def test_expunged(extract: Extract) -> None:
    head = "X-Mozilla-Status: {}\n" + HEAD
    for status, wanted in (("0009", True), ("0001", False), ("zz", None)):
        (message,) = found(extract, head.format(status) + "::\nAnon-To: x@example.org\n")
        assert message.expunged is wanted


def test_darknet_addresses_in_decoded_bodies(extract: Extract) -> None:
    onion = onion_address(bytes(range(32)))
    body = base64.b64encode(f"<a href='http://{onion}/'>x</a> http://stats.i2p".encode())
    mail = (
        b"From: a@b.example\nContent-Type: text/html\nContent-Transfer-Encoding: base64\n\n" + body
    )
    found = extract(remailer, {"/home/a/Mail/inbox/1": mail})  # a folder of MH
    assert found.of(MailRemailerMessage) == []
    assert [item.onion for item in found.of(IndicatorOnion)] == [onion]
    assert [item.i2p for item in found.of(IndicatorI2p)] == ["stats.i2p"]
