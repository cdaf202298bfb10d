from __future__ import annotations

import hashlib

import pytest

from triage.errors import LimitError, ParseError
from triage.formats import openpgp
from triage.formats.openpgp import Packet, packets, recipients, signature
from triage.formats.openpgp_keys import Certificate, certificates, public_key

CREATED = 0x5F5E1000


def new(tag: int, body: bytes) -> bytes:
    return bytes((0xC0 | tag, 0xFF)) + len(body).to_bytes(4, "big") + body


def mpi(number: int) -> bytes:
    return number.bit_length().to_bytes(2, "big") + number.to_bytes(
        (number.bit_length() + 7) // 8, "big"
    )


def key_body(version: int = 4, algorithm: int = 1) -> bytes:
    numbers = mpi((1 << 1023) + 12345) + mpi(65537)
    start = bytes((version,)) + CREATED.to_bytes(4, "big")
    if version == 3:
        return start + (90).to_bytes(2, "big") + bytes((algorithm,)) + numbers
    if version == 4:
        return start + bytes((algorithm,)) + numbers
    return start + bytes((algorithm,)) + len(numbers).to_bytes(4, "big") + numbers


def test_old_and_new_headers_of_each_length() -> None:
    body = b"x" * 200
    data = (
        b"\xb4\xc8" + body  # old, one octet, tag 13
        + b"\xb5\x00\xc8" + body
        + b"\xb6\x00\x00\x00\xc8" + body
        + b"\xcd\x03abc"  # new, one octet
        + b"\xcd\xc0\x08" + body  # new, two octets
        + new(13, body)
    )  # fmt: skip
    found = list(packets(data))
    assert [len(packet.body) for packet in found] == [200, 200, 200, 3, 200, 200]
    assert {packet.tag for packet in found} == {13}
    assert all(packet.whole for packet in found)


def test_partial_lengths_of_data() -> None:
    (found,) = packets(b"\xd2" + b"\xe1ab" + b"\xe0c" + b"\x02de")
    assert found.body == b"abcde"
    assert found.whole


def test_partial_length_of_a_key_is_refused() -> None:
    with pytest.raises(ParseError):
        list(packets(b"\xc6\xe1ab\x01c"))


@pytest.mark.parametrize("cut", range(1, 12))
def test_cut_short(cut: int) -> None:
    data = new(13, b"abcdef")[:cut]
    found = list(packets(data))
    assert len(found) == 1
    assert found[0].whole == (cut == 12)


@pytest.mark.parametrize("data", [b"\x00", b"plain text", b"\xc0\x00", b"\x80\x00"])
def test_no_packet(data: bytes) -> None:
    with pytest.raises(ParseError):
        list(packets(data))


def test_endless_packets_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openpgp, "MAX_PACKETS", 10)
    with pytest.raises(LimitError):
        list(packets(b"\xca\x00" * 11))


@pytest.mark.parametrize(
    ("version", "digest", "id_end"),
    [(4, "sha1", True), (5, "sha256", False), (6, "sha256", False)],
)
def test_fingerprints(version: int, digest: str, id_end: bool) -> None:
    body = key_body(version)
    mark = {4: b"\x99" + len(body).to_bytes(2, "big")}.get(
        version, bytes((0x95 + version,)) + len(body).to_bytes(4, "big")
    )
    wanted = hashlib.new(digest, mark + body).hexdigest().upper()
    key = public_key(Packet(tag=6, body=body, offset=0))
    assert key.fingerprint == wanted
    assert key.key_id == (wanted[-16:] if id_end else wanted[:16])
    assert (key.algorithm, key.created, key.protection) == ("rsa1024", CREATED, None)


def test_version_3_as_pgp_2_made_it() -> None:
    key = public_key(Packet(tag=6, body=key_body(3), offset=0))
    modulus = ((1 << 1023) + 12345).to_bytes(128, "big")
    digest = hashlib.md5(modulus + (65537).to_bytes(3, "big"), usedforsecurity=False)
    assert key.fingerprint == digest.hexdigest().upper()
    assert key.key_id == modulus[-8:].hex().upper()
    assert key.expires == CREATED + 90 * 86400


@pytest.mark.parametrize(
    ("rest", "state", "card"),
    [
        (b"\x00" + b"\1" * 20, "plain", None),
        (b"\xfe\x09\x03\x08" + b"s" * 9 + b"\1" * 20, "encrypted", None),
        (b"\xff\x09\x03\x08" + b"s" * 9, "encrypted", None),
        (b"\x01" + b"i" * 8, "encrypted", None),
        (b"\xff\x00\x65\x00GNU\x01", "stub", None),
        (b"\xff\x00\x65\x00GNU\x02\x04\xd2\x76\x00\x01", "card", "D2760001"),
        (b"", "stub", None),
    ],
)
def test_protection_of_secret_keys(rest: bytes, state: str, card: str | None) -> None:
    key = public_key(Packet(tag=5, body=key_body() + rest, offset=0))
    assert (key.protection, key.card) == (state, card)


def test_native_curves() -> None:
    body = b"\x06" + CREATED.to_bytes(4, "big") + b"\x1b" + (32).to_bytes(4, "big") + b"k" * 32
    key = public_key(Packet(tag=6, body=body, offset=0))
    assert (key.algorithm, len(key.fingerprint)) == ("ed25519", 64)


@pytest.mark.parametrize("body", [b"", b"\x04", b"\x09" + b"x" * 20, key_body()[:40]])
def test_broken_keys(body: bytes) -> None:
    with pytest.raises(ParseError):
        public_key(Packet(tag=6, body=body, offset=7))


def self_signature(key_id: str, kind: int, lifetime: int = 0) -> bytes:
    hashed = b"\x05\x02" + (CREATED + 1).to_bytes(4, "big")
    if lifetime:
        hashed += b"\x05\x09" + lifetime.to_bytes(4, "big")
    unhashed = b"\x09\x10" + bytes.fromhex(key_id)
    return new(
        2,
        bytes((4, kind, 1, 8))
        + len(hashed).to_bytes(2, "big")
        + hashed
        + len(unhashed).to_bytes(2, "big")
        + unhashed
        + b"\0\0",
    )


def test_certificate_with_expiry_revocation_and_signers() -> None:
    key = public_key(Packet(tag=6, body=key_body(), offset=0))
    data = (
        new(6, key_body())
        + self_signature(key.key_id, 0x20)
        + new(13, b"Fixture \xff <a@example.org>")
        + self_signature(key.key_id, 0x13, 1000)
        + self_signature("00112233445566AA", 0x10)
        + new(14, key_body())
        + self_signature(key.key_id, 0x18, 500)
    )
    (found,) = certificates(packets(data))
    assert isinstance(found, Certificate)
    assert found.key.revoked
    assert found.key.expires == CREATED + 1000
    assert found.user_ids == ("Fixture \udcff <a@example.org>",)
    assert [sub.expires for sub in found.subkeys] == [CREATED + 500]
    assert found.signers == 1


def test_a_broken_key_does_not_hide_the_next() -> None:
    data = new(6, b"\x09broken") + new(13, b"x") + new(6, key_body()) + new(13, b"good")
    bad, good = certificates(packets(data))
    assert isinstance(bad, ParseError)
    assert isinstance(good, Certificate)
    assert good.user_ids == ("good",)


def test_what_was_read_before_garbage_stands() -> None:
    found = certificates(packets(new(6, key_body()) + b"garbage"))
    assert isinstance(next(found), Certificate)
    with pytest.raises(ParseError):
        next(found)


def test_recipients_known_hidden_and_by_password() -> None:
    data = (
        new(1, b"\x03" + bytes.fromhex("0123456789ABCDEF") + b"\x01xx")
        + new(1, b"\x03" + bytes(8) + b"\x01xx")
        + new(1, b"\x06\x21\x06" + b"f" * 32 + b"\x19xx")
        + new(3, b"\x04\x09")
        + b"\xd2\xff\x7f\xff\xff\xff"  # two gigabytes to come
    )
    found = recipients(packets(data))
    assert found is not None
    assert found.key_ids == ("0123456789ABCDEF", "6666666666666666")
    assert (found.hidden, found.passwords, found.data) == (1, 1, True)


@pytest.mark.parametrize("data", [new(11, b"literal"), new(6, key_body()), b"", b"text"])
def test_no_recipients(data: bytes) -> None:
    assert recipients(packets(data)) is None


@pytest.mark.parametrize("body", [b"", b"\x04", b"\x07abcdefgh", b"\x03\x05\x13"])
def test_broken_signatures(body: bytes) -> None:
    with pytest.raises(ParseError):
        signature(Packet(tag=2, body=body, offset=0))


def test_signature_with_lying_subpackets() -> None:
    body = bytes((4, 0x13, 1, 8)) + b"\x00\x08" + b"\xff\x7f\xff\xff\xff\x10ab" + b"\x00\x00"
    assert signature(Packet(tag=2, body=body, offset=0)).issuer is None
