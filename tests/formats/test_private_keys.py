from __future__ import annotations

import base64
import zlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from triage.formats import base58, bech32
from triage.formats.private_keys import find_broken, find_secrets, is_secret_name

WIF = "5KN7MzqK5wt2TP1fQCYyHBtDrXdJuXbUzm4A9rKAteGu3Qi5CVR"  # from BIP-38
BIP38 = "6PRVWUbkzzsbcVac2qwfssoUJAN1Xhrg6bNk8J7Nzm5H7kxEbn2Nh2ZoGg"  # from BIP-38
XPRV = (  # from BIP-32
    "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGt"
    "RBeJgk33yuGBxrMPHi"
)
XPUB = (
    "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg"
    "7usUDFdp6W1EGMcet8"
)
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
ONION = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd"
LINE = "MIIEowIBAAKCAQEAsvI34FgiTK8+txBvmooNGpNwk23YTU51dwNZi5yha3W4lA/Q"
_SEED = bytes(range(32))
SOLANA = _SEED + Ed25519PrivateKey.from_private_bytes(_SEED).public_key().public_bytes_raw()


def _wif(version: int, *, compressed: bool = True) -> str:
    return base58.encode_check(bytes([version]) + bytes(range(1, 33)) + b"\x01" * compressed)


def _github(body: str) -> str:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    crc, text = zlib.crc32(body.encode()), ""
    for _ in range(6):
        crc, digit = divmod(crc, 62)
        text = digits[digit] + text
    return f"ghp_{body}{text}"


def _part(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


JWT = ".".join(map(_part, ('{"alg":"HS256","typ":"JWT"}', '{"sub":"1234567890"}', "signature")))
DISCORD = f"{_part('123456789012345678')}.GabcDE.{'aB3_' * 9}"
AGE = bech32.encode("age-secret-key-", bech32.ungroup(bytes(range(32)))).upper()


@pytest.mark.parametrize(
    ("secret", "kind", "checks"),
    [
        (WIF, "wif", ("base58check",)),
        *((_wif(version), "wif", ("base58check",)) for version in (0x80, 0xEF, 0xB0, 0x9E, 0xCC)),
        (_wif(0xB0, compressed=False), "wif", ("base58check",)),
        (BIP38, "bip38", ("base58check",)),
        (XPRV, "xprv", ("base58check",)),
        ("S6c56bnXQiBjk9mqSYE7ykVQ7NzrRy", "mini private key", ("sha256-byte",)),
        ("S4b3N3oGqDqR5jNuxEvDwf", "mini private key", ("sha256-byte",)),
        ("sn3nxiW7v8KXzPzAqzyHXbSSKNuN9", "ripple seed", ("base58check",)),
        (
            "SDJHRQF4GCMIIKAAAQ6IHY42X73FQFLHUULAPSKKD4DFDM7UXWWCRHBE",
            "stellar seed",
            ("crc16",),
        ),
        (base58.encode(SOLANA), "solana key", ("ed25519",)),
        (AGE, "age secret key", ("bech32",)),
        (AGE.lower(), "age secret key", ("bech32",)),
        (AGE[:-1] + "Q" * (AGE[-1] != "Q"), "age secret key", ()),
        (JWT, "jwt", ()),
        ("xoxb-1234567890-abcdefghijkl", "slack token", ()),
        ("xoxd-abc%2Fdef%2Babcdefgh", "slack token", ()),
        (DISCORD, "discord token", ()),
        ("mfa." + "aB3_" * 21, "discord token", ()),
        (_github("A1b2" * 7 + "xy"), "github token", ("crc32",)),
        ("gho_" + "A1b2" * 9, "github token", ()),
        ("glpat-" + "aB3x" * 5, "gitlab token", ()),
        ("syt_YWxpY2U_abcdefghijABCDEFGHIJ_a1b2c3", "matrix token", ()),
        ("AKIAIOSFODNN7EXAMPLE", "aws key id", ()),
        ("110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", "telegram bot token", ()),
        ("AIza" + "Sy0_-" * 7, "google api key", ()),
        ("sk_live_" + "aB3x" * 6, "stripe key", ()),
        (str(list(SOLANA))[1:-1], "solana key", ("ed25519",)),
    ],
)
def test_a_secret_is_found_where_it_stands(secret: str, kind: str, checks: tuple[str, ...]) -> None:
    for before, after in (("", ""), ("my key: ", "."), ('{"k": "', '"}'), ("a=1&k%3D", "&x")):
        text = before + secret + after
        spans = list(find_secrets(text))
        assert [(span.kind, span.checks) for span in spans] == [(kind, checks)], text
        assert text[spans[0].start : spans[0].end] == secret


@pytest.mark.parametrize(
    ("text", "secret", "kind"),
    [
        (f"{ONION}:descriptor:x25519:{'A2' * 26}\n", "A2" * 26, "tor onion-auth key"),
        (f"ED25519-V3:{'aB/+' * 21}aB== x", "aB/+" * 21 + "aB==", "tor onion-service key"),
        (
            "== ed25519v1-secret: type0 ==\0\0\0" + "\xfe" * 64 + "rest",
            "== ed25519v1-secret: type0 ==\0\0\0" + "\xfe" * 64,
            "tor onion-service key",
        ),
        (
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "aws secret key",
        ),
        (
            f"(dsa (p #00{'A' * 60}#)(q #{'B' * 40}#)(y #{'C' * 60}#)(x #{'D' * 40}#)))",
            "D" * 40,
            "otr private key",
        ),
        (
            f"(private-key (ecc (curve Ed25519)(q #40{'A' * 64}#)(d #{'B' * 64}#)))",
            "B" * 64,
            "gpg private key",
        ),
    ],
)
def test_only_the_secret_part_is_covered(text: str, secret: str, kind: str) -> None:
    (span,) = find_secrets(text)
    assert (span.kind, text[span.start : span.end]) == (kind, secret)


def test_a_bot_token_in_its_web_address() -> None:
    found = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
    text = f"https://api.telegram.org/bot{found}/getMe"
    (span,) = find_secrets(text)
    assert text[span.start : span.end] == found


def test_the_primes_of_rsa_are_secret_too() -> None:
    text = f"(rsa (n #{'1' * 64}#)(e #010001#)(d #{'2' * 64}#)(p #{'3' * 32}#)(q #{'4' * 32}#))"
    covered = [text[span.start] for span in find_secrets(text)]
    assert covered == ["2", "3", "4"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("PRIVATE KEY", "private key"),
        ("ENCRYPTED PRIVATE KEY", "private key"),
        ("RSA PRIVATE KEY", "rsa private key"),
        ("OPENSSH PRIVATE KEY", "openssh private key"),
        ("PGP PRIVATE KEY BLOCK", "pgp private key"),
    ],
)
def test_armoured_keys(name: str, kind: str) -> None:
    header = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB\n\n"
    block = f"-----BEGIN {name}-----\n{header}{LINE}\n{LINE}\nabcd=\n-----END {name}-----"
    text = f"before\n{block}\nafter\n{block}"
    spans = list(find_secrets(text))
    assert [span.kind for span in spans] == [kind, kind]
    assert text[: spans[0].start] == "before\n"
    assert text[spans[0].end : spans[1].start] == "\nafter\n"
    escaped = block.replace("\n", r"\n")
    assert [(span.start, span.end) for span in find_secrets(escaped)] == [(0, len(escaped))]


def test_a_cut_key_ends_where_its_lines_end() -> None:
    text = f"-----BEGIN RSA PRIVATE KEY-----\n{LINE}\n{LINE}\nand then some prose."
    (span,) = find_secrets(text)
    assert text[span.end :] == "\nand then some prose."
    (span,) = find_secrets(text.removesuffix("and then some prose.") + "abcd")
    assert span.end == len(text.removesuffix("and then some prose.") + "abcd")


def test_putty_keys() -> None:
    text = (
        "PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\nPublic-Lines: 1\n"
        f"{LINE}\nPrivate-Lines: 1\n{LINE}\nPrivate-MAC: {'ab' * 20}\nrest"
    )
    (span,) = find_secrets(text)
    assert (span.kind, text[span.end :]) == ("putty private key", "\nrest")


@pytest.mark.parametrize(
    "before",
    [
        "private key: ",
        '"seed": "',
        '"privateKey":"0x',
        "key=",
        '"key": "',
        "secret spend key: ",
        "Wallet private key (hex) = ",
        "PRAGMA key = \"x'",
        "my key: ",
    ],
)
def test_raw_hexadecimal_after_a_telling_word(before: str) -> None:
    text = f"{before}{DIGEST} and more"
    (span,) = find_secrets(text)
    assert span.kind == "hex key"
    assert text[span.start : span.end].removeprefix("0x") == DIGEST


@pytest.mark.parametrize(
    "text",
    [
        DIGEST,
        f"sha256: {DIGEST}",
        f"/files/9f/86/{DIGEST}.bin",
        f"public key: {DIGEST}",
        f"publicKey={DIGEST}",
        f"public view key: {DIGEST}",
        f"seed_hash: {DIGEST}",
        f"the file key {DIGEST}",
        f"key {DIGEST}",
        f"private key: {DIGEST}00",  # a size that no key has
        f"key: {DIGEST[:32]}",  # MD5
        f"keys.txt {DIGEST}  seed.txt {DIGEST}",
        XPUB,
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        "1AGNa15ZQXAZUgFiqJ2i7Z2DPU2J6hW62i",
        f"http://{ONION}.onion/",
        f"descriptor:x25519:{'A2' * 26}",  # the public half, as a service keeps it
        "the header -----BEGIN PRIVATE KEY----- in prose",
        'BEGIN = "-----BEGIN PRIVATE KEY-----"\nEND = "-----END PRIVATE KEY-----"',
        f"-----BEGIN PUBLIC KEY-----\n{LINE}\n-----END PUBLIC KEY-----",
        WIF[:-1] + "S",
        f"x{WIF}",
        BIP38[:-1] + "h",
        base58.encode_check(b"\x80" + bytes(32)),  # 0 is no key
        base58.encode_check(b"\x42" + bytes(range(1, 33))),
        base58.encode(SOLANA[:-1] + b"\0"),
        "eyJabcdefgh.ijklmnopq.rstuvwxyz",
        "Mabcdefghijklmnopqrstuvw.abcdef.abcdefghijklmnopqrstuvwxyz0",
        "12345678:abcdefghijklmnopqrstuvwxyzabcdefghi",  # no digit, no capital
        ", ".join(["300"] * 64),
        ", ".join(["7"] * 64),
        "",
        "\ud800" * 100,
    ],
)
def test_what_is_no_secret(text: str) -> None:
    assert list(find_secrets(text)) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("private_key", True),
        ("privkey", True),
        ("seed", True),
        ("view_key", True),
        ("master private key", True),
        ("key", False),
        ("sha256", False),
        ("public_key", False),
        ("seed_hash", False),
        ("x" * 1000, False),
    ],
)
def test_names_that_hold_keys(name: str, expected: bool) -> None:
    assert is_secret_name(name) is expected


@pytest.mark.parametrize(
    "text",
    [
        f"key\n{WIF[:20]}=\r\n{WIF[20:]}\nend",
        f"a <b>{WIF[:20]}</b> <i>{WIF[20:]}</i>",
        f"{WIF[:10]}\n  {WIF[10:30]}\n  {WIF[30:]}",
        f"x: {WIF[:20]}" + r"\n" + f"{WIF[20:]};",
    ],
)
def test_a_key_cut_by_line_breaks(text: str) -> None:
    (span,) = find_broken(text)
    assert span.kind == "wif"
    assert text[span.start : span.end].startswith(WIF[:10])
    assert text[span.start : span.end].endswith(WIF[40:])


def test_whole_lines_are_not_joined_into_keys() -> None:
    assert list(find_broken(f"{WIF}\n{XPUB}\n{DIGEST}\n" * 5)) == []


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ",
        "eyJ.",
        "xoxa-",
        "AGE-SECRET-KEY-1",
        "-----BEGIN PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{LINE}\n",
        "PuTTY-User-Key-File-2",
        "(x #",
        "1,",
        "a\n",
        "key: ",
        "M" * 24 + ".",
        "secret key ",
        "A: b\n",
    ],
)
def test_hostile_repetition_ends(piece: str) -> None:
    text = piece * (60_000 // len(piece))
    assert sum(1 for _ in find_secrets(text)) + sum(1 for _ in find_broken(text)) < len(text)


def test_the_samples_of_otr(samples: Path) -> None:
    path = samples / "chat" / "generated" / "pidgin" / ".purple" / "otr.private_key"
    assert [span.kind for span in find_secrets(path.read_text(encoding="utf-8"))] == [
        "otr private key",
    ]
