from __future__ import annotations

import base64

import pytest

from triage.formats.armor import blocks, crc24

DATA = bytes(range(100))


def armored(kind: str, data: bytes = DATA, *, crc: bytes | None = None, end: bool = True) -> str:
    check = base64.b64encode((crc24(data)).to_bytes(3, "big") if crc is None else crc).decode()
    body = base64.encodebytes(data).decode()
    tail = f"-----END PGP {kind}-----\n" if end else ""
    return f"-----BEGIN PGP {kind}-----\nVersion: x 1\nComment: y\n\n{body}={check}\n{tail}"


def test_crc24_as_the_standard_has_it() -> None:
    assert crc24(b"") == 0xB704CE
    assert crc24(b"123456789") == 0x21CF02  # the catalogue's check value of CRC-24/OPENPGP


@pytest.mark.parametrize("kind", ["MESSAGE", "PUBLIC KEY BLOCK", "PRIVATE KEY BLOCK", "SIGNATURE"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_block(kind: str, newline: str) -> None:
    text = f"before\n{armored(kind)}after\n".replace("\n", newline)
    (found,) = blocks(text)
    assert (found.kind, found.data, found.line) == (kind, DATA, 2)
    assert found.headers == (("Version", "x 1"), ("Comment", "y"))
    assert found.crc_ok
    assert found.ended


def test_several_with_right_lines() -> None:
    text = "\n" + armored("MESSAGE") + "\n\n" + armored("PUBLIC KEY BLOCK")
    first, second = blocks(text)
    assert text.splitlines()[first.line - 1].startswith("-----BEGIN PGP MESSAGE")
    assert text.splitlines()[second.line - 1].startswith("-----BEGIN PGP PUBLIC")


def test_without_checksum_with_a_wrong_one_and_without_end() -> None:
    (found,) = blocks("-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n")
    assert found.crc_ok is None
    (found,) = blocks(armored("MESSAGE", crc=b"bad"))
    assert found.crc_ok is False
    (found,) = blocks(armored("MESSAGE", end=False))
    assert not found.ended
    assert found.data == DATA


def test_signed_text_is_followed_by_its_signature() -> None:
    text = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nhello\n" + armored("SIGNATURE")
    assert [block.kind for block in blocks(text)] == ["SIGNED MESSAGE", "SIGNATURE"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "> -----BEGIN PGP MESSAGE-----\n> AAAA\n",
        "see -----BEGIN PGP MESSAGE----- for more",
        "-----BEGIN PGP NONSENSE-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\n",
    ],
)
def test_near_misses(text: str) -> None:
    assert list(blocks(text)) == []


def test_a_block_cut_by_another_begins_anew() -> None:
    text = armored("MESSAGE", end=False) + armored("PUBLIC KEY BLOCK")
    first, second = blocks(text)
    assert not first.ended
    assert second.ended


def test_many_begins_stay_linear() -> None:
    text = "-----BEGIN PGP MESSAGE-----\n" * 20_000
    assert len(list(blocks(text))) == 10_000
