"""Keys and messages of our writer, read back, and their signatures checked."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from triage.formats import armor, openpgp, openpgp_keys
from triage.training.tree import Inventor, moment
from triage.training.writers.openpgp import Key, armored

KEY = Key(
    inventor=Inventor("tests"),
    user_id="Alice Training <alice@post.example>",
    created=moment("2024-05-06T07:08:09"),
)


def test_the_certificate_comes_back() -> None:
    (found,) = openpgp_keys.certificates(openpgp.packets(KEY.public()))
    assert isinstance(found, openpgp_keys.Certificate)
    assert found.key.fingerprint == KEY.fingerprint
    assert found.user_ids == (KEY.user_id,)


def test_the_self_signature_is_valid() -> None:
    primary, user_id, signature, *_ = [packet.body for packet in openpgp.packets(KEY.public())]
    hashed = 6 + int.from_bytes(signature[4:6], "big")
    about = b"\x99" + len(primary).to_bytes(2, "big") + primary
    about += b"\xb4" + len(user_id).to_bytes(4, "big") + user_id
    about += signature[:hashed] + b"\x04\xff" + hashed.to_bytes(4, "big")
    unhashed = int.from_bytes(signature[hashed : hashed + 2], "big")
    numbers, rest = b"", signature[hashed + unhashed + 4 :]  # behind two bytes of the digest
    for _ in range(2):
        length = (int.from_bytes(rest[:2], "big") + 7) // 8
        numbers += rest[2 : 2 + length].rjust(32, b"\0")
        rest = rest[2 + length :]
    point = primary[-32:]
    Ed25519PublicKey.from_public_bytes(point).verify(numbers, hashlib.sha256(about).digest())


def test_a_message_names_its_recipient() -> None:
    (block,) = armor.blocks(armored("MESSAGE", KEY.message("x", 300)))
    assert block.crc_ok
    found = openpgp.recipients(openpgp.packets(block.data))
    assert found is not None
    assert found.key_ids == (KEY.subkey_id,)


def test_the_secret_key_has_the_fingerprint_of_the_public_one() -> None:
    (block,) = armor.blocks(armored("PRIVATE KEY BLOCK", KEY.secret()))
    (found,) = openpgp_keys.certificates(openpgp.packets(block.data))
    assert isinstance(found, openpgp_keys.Certificate)
    assert found.key.fingerprint == KEY.fingerprint
