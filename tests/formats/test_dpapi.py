"""Master keys and blobs: of Windows (from impacket's tests), and made by an encoder of our own.

The encoder's output was read by impacket 0.13.1 once.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from triage.errors import ParseError
from triage.formats import dpapi
from triage.formats.md4 import md4, nt_hash

SID = "S-1-5-21-1455520393-2011455520-2019809541-1001"
GUID = UUID("3a43ac71-52d1-4b15-84cb-01a5e7f06350")
MASTER = hashlib.sha512(b"a master key").digest()

# fortra/impacket, tests/misc/test_dpapi.py: a key of the system account, 3DES of a credential
SYSTEM_FILE = bytes.fromhex(
    "020000000000000000000000650061003900350065006200610038002d0062006100300030002d0034006500"
    "310061002d0062003400330066002d0035003100650061003300300031003700310064003100310000000000"
    "0000000006000000b00000000000000090000000000000001400000000000000000000000000000002000000"
    "f42f61ea0c9647bf403819898452089ff84300000e80000010660000e2441dec11a6b6f03ffebba1e71473f7"
    "8da46a52b12caff7df9925ed6ac89d84050ad15cfe88ec50ece201e5a80eb198909ff8c781510f78859b96cf"
    "ade433c83a7f3fc19926b0280e6a196ef1b0b5e1b3c1ab426120da53f24e5989f8a7d3dde86ac444901401a6"
    "df6407f550d197ff27c91abb5c331250b5a7ce58c1f61fd0d656360df58e6f5b5faac639661aa89402000000"
    "bdc1f9592357353a2a3ebcf8cedc72bbf84300000e800000106600001231d67ec689fea9f6de6bd66a21e28d"
    "5405232df71deae5bf3ab63c6cb2cac08ad17456979d72b70de13afc2b61d05434161191dcdfb24aaac7ed02"
    "75f71eff9f936a559aff4be6301ba99d66bd8e07b1a325c73c7a4da97117f80551a3f0a75da9fcc37c4d2bb4"
    "3b5a9ef1684446ae0300000000000000000000000000000000000000"
)
SYSTEM_KEY = bytes.fromhex("458dc597034d8801fc6fe3b342817caabb81a0cb")
SYSTEM_MASTER = "682a9b8923ff4ca7ce0ef7e4cee061f0ff942cd31c7703ec60792740b2e7d0b1"
CREDENTIAL = bytes.fromhex(
    "01000000d08c9ddf0115d1118c7a00c04fc297eb0100000071ac433ad152154b84cb01a5e7f0635000000020"
    "3a00000045006e00740065007200700072006900730065002000430072006500640065006e00740069006100"
    "6c00200044006100740061000d000a00000003660000c0000000100000005887dbebc037d8efb5a39f692323"
    "214c0000000004800000a00000001000000092be1f37a580e5110a73086c72ecf7fca800000092594ccd3443"
    "d8e75bd8447dac9a5f0adce7f29a72841f438719b9e8799c074c443ef3d39701b0faf26ea3d9555fd36ed480"
    "a513b92413e20297b02ad6cfa11e19f19cea2e7471f3b4892a4cd2d5913b4437bdf01e468213b9659b9a8677"
    "30b2b7628fb609befb3e769f895310e3e70f7d3ad3dde3421863f7856ae4fb343d1e1897a12c2b69e58bdf6e"
    "38c53e9e7973516585fb0b01d820b2812a8ecd20af459f8ccb97899697dd14000000b7e525fd432a52f90d64"
    "0b7ff047e943f3d3708c"
)
CREDENTIAL_MASTER = bytes.fromhex(
    "4c4a398169cc9ecc6eae0e1a70ba1dc58bfec785c4b35bd1afdf2aeb06753bca"
    "0ea3491989cb626990973f8370fd576a46c0ce2a85d995a01af6d727ff41969c"
)
VPOL = bytes.fromhex(
    "01000000d08c9ddf0115d1118c7a00c04fc297eb010000005763a009f5f3cc4a9d08d8865aade4ac00000020"
    "00000000106600000001000020000000e50d4097334dcaddb1ca0c52b6aa4fc5439101d06cd68fce31af2117"
    "244c21c8000000000e8000000002000020000000d240680e8ed92456a879f3bebd8598b31b267bedb37878c6"
    "bac98ac073d45dea70000000887d8318c6c600bcfeebc4cbdefe693eab6fbab83d5c0a73b5db97b96c6e3842"
    "d9c9d43a949b377c945eda06e3da750c020c1b688bacb85723080c6dd5542bc06d2155d7669a4ff1c78bd19c"
    "8a6b2e5f6701503ed3d727e86ac4e4c7e4666078ff419323b584bc1796a565a06bd770fc40000000deb526f7"
    "6a5aac145ad2b5c3c90436b1b9412d7e1729e9dc627ef74a2b15a8e74ec5e50be386f8085c5d479e3b829ca2"
    "f3f873d97ddd00669775e3ef6605a49000000000"
)
VPOL_MASTER = bytes.fromhex(
    "dda7cb9077756f4a5ea6291d57d5e3d3e96765885777cd6e8575f337034dfa4e"
    "58eb1ec5c97a4d9915b70130b7776aea16dc14a9486319e1849355c097b99272"
)


def encrypted(key: bytes, vector: bytes, data: bytes) -> bytes:
    encryptor = Cipher(AES(key), CBC(vector)).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def master_key_file(
    secret: bytes, *, rounds: int = 5, domain: RSAPrivateKey | None = None
) -> bytes:
    """Encode a file as Windows 7 and later do: AES-256, SHA-512."""
    key = hmac.digest(secret, f"{SID}\0".encode("utf-16-le"), "sha1")
    salt, proof_salt = bytes(range(16)), bytes(range(16, 32))
    made = dpapi._derived(key, salt, 48, rounds, "sha512")
    proof = hmac.digest(hmac.digest(key, proof_salt, "sha512"), MASTER, "sha512")
    sealed = encrypted(made[:32], made[32:], proof_salt + proof + MASTER)
    body = struct.pack("<I16sIII", 2, salt, rounds, 0x800E, 0x6610) + sealed
    copy = b""
    if domain is not None:
        plain = struct.pack("<II", 64, 32) + MASTER + bytes(32)
        secret_data = domain.public_key().encrypt(plain, PKCS1v15())[::-1]
        copy = struct.pack("<III", 2, len(secret_data), 0) + bytes(16) + secret_data
    guid = str(GUID).encode("utf-16-le")
    head = struct.pack("<III72sIII4Q", 2, 0, 0, guid, 0, 0, 5, len(body), 0, 0, len(copy))
    return head + body + copy


def blob(content: bytes, *, master: bytes = MASTER, entropy: bytes = b"") -> bytes:
    """Encode a blob as Windows 7 and later do."""
    key = hashlib.sha1(master, usedforsecurity=False).digest()
    salt, proof_salt = bytes(range(32)), bytes(range(32, 64))
    session = hmac.digest(key, salt + entropy, "sha512")
    padding = 16 - len(content) % 16
    sealed = encrypted(session[:32], bytes(16), content + bytes([padding]) * padding)
    text = "x\0".encode("utf-16-le")
    body = struct.pack("<I16sII", 1, GUID.bytes_le, 0, len(text)) + text
    body += struct.pack("<III", 0x6610, 256, 32) + salt + struct.pack("<I", 0)
    body += struct.pack("<III", 0x800E, 512, 32) + proof_salt
    body += struct.pack("<I", len(sealed)) + sealed
    signature = hmac.digest(key, proof_salt + entropy + body, "sha512")
    return dpapi.PROVIDER + body + struct.pack("<I", len(signature)) + signature


@pytest.mark.parametrize(
    ("text", "digest"),
    [  # RFC 1320, section A.5
        (b"", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        (b"abc", "a448017aaf21d8525fc10ae87aa6729d"),
        (b"1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
    ],
)
def test_md4(text: bytes, digest: str) -> None:
    assert md4(text).hex() == digest


def test_the_nt_hash_of_a_password() -> None:
    assert nt_hash("password").hex() == "8846f7eaee8fb117ad06bdd830b7586c"


def test_a_master_key_of_windows() -> None:
    file = dpapi.read_master_key(SYSTEM_FILE)
    assert str(file.guid) == "ea95eba8-ba00-4e1a-b43f-51ea30171d11"
    found = dpapi.open_with_key(file, SYSTEM_KEY)
    assert found is not None
    assert found.hex().startswith(SYSTEM_MASTER)
    assert dpapi.open_with_key(file, bytes(20)) is None


def test_blobs_of_windows() -> None:
    found = dpapi.read_blob(CREDENTIAL)
    assert (found.master_key, found.description) == (GUID, "Enterprise Credential Data\r\n")
    content = found.opened(CREDENTIAL_MASTER)
    assert content is not None
    assert "david.bowie".encode("utf-16-le") in content
    policy = dpapi.read_blob(VPOL).opened(VPOL_MASTER)
    assert policy is not None
    assert bytes.fromhex("756ff73b0ee4980e2dd722fbcd0badb9") in policy
    assert found.opened(VPOL_MASTER) is None


def test_password_and_nt_hash_open_a_master_key() -> None:
    sha1 = hashlib.sha1("pässword".encode("utf-16-le"), usedforsecurity=False).digest()
    local = dpapi.read_master_key(master_key_file(sha1))
    assert dpapi.open_with_password(local, SID, "pässword") == MASTER
    assert dpapi.open_with_password(local, SID[:-1], "pässword") is None
    assert dpapi.open_with_nt_hash(local, SID, nt_hash("pässword")) is None
    domain = dpapi.read_master_key(master_key_file(nt_hash("pässword")))
    assert dpapi.open_with_password(domain, SID, "pässword") == MASTER
    assert dpapi.open_with_nt_hash(domain, SID, nt_hash("pässword")) == MASTER
    strong = hashlib.pbkdf2_hmac("sha256", nt_hash("p"), SID.encode("utf-16-le"), 10_000)
    strong = hashlib.pbkdf2_hmac("sha256", strong, SID.encode("utf-16-le"), 1)[:16]
    protected = dpapi.read_master_key(master_key_file(strong))
    assert dpapi.open_with_password(protected, SID, "p") == MASTER
    assert local.cost > 10_000


@pytest.fixture(scope="module")
def rsa() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def pvk(key: RSAPrivateKey) -> bytes:
    numbers = key.private_numbers()
    public = numbers.public_numbers

    def little(value: int, size: int) -> bytes:
        return value.to_bytes(size, "little")

    return (
        bytes.fromhex("1ef1b5b0")
        + bytes(20)
        + bytes.fromhex("0702000000a40000")
        + struct.pack("<4sII", b"RSA2", 2048, public.e)
        + little(public.n, 256)
        + b"".join(little(value, 128) for value in (numbers.p, numbers.q))
        + b"".join(little(value, 128) for value in (numbers.dmp1, numbers.dmq1, numbers.iqmp))
        + little(numbers.d, 256)
    )


def test_the_domain_s_backup_key_opens_the_copy_in_the_file(rsa: RSAPrivateKey) -> None:
    file = dpapi.read_master_key(master_key_file(b"unknown", domain=rsa))
    forms = [
        pvk(rsa),
        pvk(rsa)[24:],
        rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        rsa.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
    ]
    for form in forms:
        assert dpapi.open_with_backup_key(file, dpapi.read_backup_key(form)) == MASTER
    without = dpapi.read_master_key(master_key_file(b"unknown"))
    assert dpapi.open_with_backup_key(without, rsa) is None
    for bad in (b"", b"\x30", pvk(rsa)[:200], b"-----BEGIN PRIVATE KEY-----", bytes(2000)):
        with pytest.raises(ParseError):
            dpapi.read_backup_key(bad)


def test_a_blob_with_entropy() -> None:
    found = dpapi.read_blob(blob(b"content", entropy=b"salt") + b"more")
    assert found.opened(MASTER, b"salt") == b"content"
    assert found.opened(MASTER) is None
    assert dpapi.read_blob(blob(b"")).opened(MASTER) == b""


def test_what_is_cut_off_or_changed_opens_nothing() -> None:
    whole = blob(b"content")
    for length in range(0, len(whole), 5):
        with pytest.raises(ParseError):
            dpapi.read_blob(whole[:length])
    for place in range(24, len(whole), 7):
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        try:
            assert dpapi.read_blob(bytes(changed)).opened(MASTER) is None
        except ParseError:
            continue
    file = master_key_file(b"secret")
    for length in range(0, len(file), 9):
        with pytest.raises(ParseError):
            dpapi.read_master_key(file[:length])
    with pytest.raises(ParseError):
        dpapi.read_master_key(file[:96] + b"\xff" * 32 + file[128:])
    endless = file.replace(b"\5\0\0\0\x0e\x80", b"\xff\xff\xff\xff\x0e\x80")
    with pytest.raises(ParseError):
        dpapi.read_master_key(endless)
