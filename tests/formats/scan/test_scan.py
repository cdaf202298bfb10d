"""The scan of bytes: what is found, where, in which encoding, and never what only looks so."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from triage.formats.addresses import CryptoAddress
from triage.formats.extended_keys import ExtendedKey
from triage.formats.onion import I2PAddress, OnionAddress
from triage.formats.scan import Hit, PgpMessage, Secret, scan, scan_blocks
from triage.formats.scan.literals import python_search

SEED = "pause trap forward tomorrow arm recall direct word hope symptom square awake"
TEXTS = {
    "p2pkh": "1AGNa15ZQXAZUgFiqJ2i7Z2DPU2J6hW62i",
    "p2wpkh": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "p2tr": "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    "ethereum": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "monero": "42ey1afDFnn4886T7196doS9GPMzexD9gXpsZJDwVjeRVdFCSoHnv7KPbBeGpzJBzHRCAs9UxqeoyFQ"
    "MYbqSWYTfJJQAWDm",
    "tron": "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8",
    "ripple": "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh",
    "cash": "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
    "byron": "Ae2tdPwUPEZFRbyhz3cpfC2CumGzNkFBN2L42rcUc2yjQpEkxDbkPodpMAi",
    "stellar": "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ",
    "xpub": "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsef"
    "D265TMg7usUDFdp6W1EGMcet8",
    "wif": "5KN7MzqK5wt2TP1fQCYyHBtDrXdJuXbUzm4A9rKAteGu3Qi5CVR",
    "bip38": "6PRVWUbkzzsbcVac2qwfssoUJAN1Xhrg6bNk8J7Nzm5H7kxEbn2Nh2ZoGg",
    "mini": "S4b3N3oGqDqR5jNuxEvDwf",
    "onion": "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion",
    "i2p": "some-name.i2p",
    "bitlocker": "000011-000022-000033-000044-000055-000066-000077-000088",
    "bip39": SEED,
}
ENCODINGS = {"ascii": "ascii", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be"}
PAGE = "\n".join(f"{name} = {text} ;" for name, text in TEXTS.items()) + "\n"


def found_text(hit: Hit) -> str:
    """Return what a hit found, as text."""
    match hit.what:
        case OnionAddress():
            return hit.what.host
        case I2PAddress():
            return hit.what.address
        case CryptoAddress() | ExtendedKey() | Secret():
            return hit.what.text
        case PgpMessage():
            return "PGP"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_finds_each_thing_where_it_stands(encoding: str) -> None:
    data = PAGE.encode(ENCODINGS[encoding])
    hits = scan(data)
    assert [found_text(hit) for hit in hits] == list(TEXTS.values())
    assert {hit.encoding for hit in hits} == {encoding}
    for hit, text in zip(hits, TEXTS.values(), strict=True):
        assert data[hit.start : hit.end].decode(ENCODINGS[encoding]) == text


def test_finds_utf16_at_odd_offsets() -> None:
    hits = scan(b"x" + PAGE.encode("utf-16-le"))
    assert [found_text(hit) for hit in hits] == list(TEXTS.values())


def test_python_finds_what_hyperscan_finds() -> None:
    data = PAGE.encode() + bytes(64) + PAGE.encode("utf-16-le")
    assert scan(data, search=python_search) == scan(data)


@pytest.mark.parametrize("size", [1, 1000, 262_144, 300_001])
def test_a_hit_across_a_border_is_found_once(size: int) -> None:
    page = PAGE.encode()
    step = 1000 if size == 1 else size
    data = b"." * (262_144 - len(page) // 2) + page + b"." * 1000 + page
    if size == 1:
        data, step = page, 1
    blocks = (data[at : at + step] for at in range(0, len(data), step))
    assert list(scan_blocks(blocks)) == scan(data)
    assert len(scan(data)) == len(TEXTS) * (1 if size == 1 else 2)


@pytest.mark.parametrize("name", ["p2pkh", "p2wpkh", "ethereum", "monero", "ripple", "xpub", "wif"])
def test_one_wrong_character_is_no_hit(name: str) -> None:
    text = TEXTS[name]
    wrong = text[:-3] + ("a" if text[-3] != "a" else "b") + text[-2:]
    assert scan(f" {wrong} ".encode()) == []


@pytest.mark.parametrize(
    "address",
    [
        "bc1qf375fttdtn8a3agsuqr2gkeu4zeukr2n5n8axc",
        "BC1QF375FTTDTN8A3AGSUQR2GKEU4ZEUKR2N5N8AXC",
    ],
)
def test_a_segwit_address_of_the_letters_of_base58_is_found(address: str) -> None:
    assert [found_text(hit) for hit in scan(f"pay {address}\r\n".encode())] == [address]


@pytest.mark.parametrize("before", ["A", "0", "%3"])
def test_a_longer_run_is_no_address(before: str) -> None:
    assert scan(f"{before}{TEXTS['p2pkh']}x".encode()) == []


@pytest.mark.parametrize(
    "noise",
    [
        b"true false " * 200,
        bytes(range(256)) * 64,
        b"<" * 5000,
        b"-----BEGIN PGP MESSAGE-----\n" * 300,
        b".onion.i2p" * 1000,
        b"1" * 5000,
        b"000000-" * 500,
        b"\\n" * 4000,
        "あ い う ".encode() * 400,
    ],
)
def test_nothing_in_noise(noise: bytes) -> None:
    assert [hit for hit in scan(noise) if not isinstance(hit.what, I2PAddress)] == []


def test_nothing_in_random_bytes() -> None:
    noise = random.Random(5)  # noqa: S311 - no secret: the same bytes each time
    assert scan(noise.randbytes(1 << 20)) == []


def layouts(words: list[str]) -> Iterator[str]:
    """Yield the ways in which people write seed phrases down."""
    yield " ".join(words)
    yield "\n".join(words)
    yield "\r\n".join(f"{number}. {word}" for number, word in enumerate(words, 1))
    yield ", ".join(words)
    yield json.dumps(words)
    yield "\\n".join(words)
    yield "<tr>" + "".join(f'<td class="word">{word}</td>' for word in words) + "</tr>"
    yield "&nbsp;".join(f"<b>{word}</b>" for word in words)
    yield " ".join(words).upper()


@pytest.mark.parametrize("layout", range(9))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_layouts_of_a_seed(layout: int, encoding: str) -> None:
    text = f"my wallet: {list(layouts(SEED.split()))[layout]} -- end"
    hits = [hit for hit in scan(text.encode(encoding)) if isinstance(hit.what, Secret)]
    assert [(hit.what.text, hit.what.words) for hit in hits] == [(SEED, 12)]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "supported"),
    [
        (f"seed phrase: {SEED}.", True),
        (f"first line\n{SEED}\nlast line", True),
        (" ".join(f"{number}. {word}" for number, word in enumerate(SEED.split(), 1)), True),
        (f"then he said {SEED} to them all in the yard", False),
        (f"my wallet has {SEED} abandon ability", False),  # goes on: a window of a longer run
    ],
)
def test_support_by_layout_and_words(text: str, *, supported: bool) -> None:
    hits = [hit.what for hit in scan(text.encode()) if isinstance(hit.what, Secret)]
    assert hits
    assert all(secret.supported is supported for secret in hits)


@pytest.mark.parametrize(
    ("words", "count"), [(SEED.split()[:-1], 11), ([*SEED.split()[:-1], "zoo"], 12)]
)
def test_near_misses_are_told_where_words_speak_for_them(words: list[str], count: int) -> None:
    text = f"recovery: {' '.join(words)}."
    (hit,) = scan(text.encode())
    assert isinstance(hit.what, Secret)
    assert (hit.what.words, hit.what.complete, hit.what.checks) == (count, False, ())
    assert scan(f"he said {' '.join(words)} there".encode()) == []


def test_a_secret_is_not_in_its_repr() -> None:
    assert SEED.split(maxsplit=1)[0] not in repr(scan(SEED.encode()))


def test_what_has_no_checksum_needs_a_word() -> None:
    key = "7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV"
    assert scan(f"x {key} y".encode()) == []
    (hit,) = scan(f"pubkey {key} y".encode())
    assert isinstance(hit.what, CryptoAddress)
    assert hit.what.checks == ()


@pytest.mark.parametrize("group", ["000012", "720896"])
def test_recovery_keys_must_divide(group: str) -> None:
    assert scan(TEXTS["bitlocker"].replace("000011", group).encode()) == []


def vectors(name: str) -> Any:
    """Return published vectors from the samples, or skip."""
    samples = os.environ.get("TRIAGE_SAMPLES")
    if not samples:
        pytest.skip("TRIAGE_SAMPLES does not name the folder of samples")
    return json.loads((Path(samples) / "vectors" / name).read_text("utf-8"))


def test_published_vectors_in_every_language() -> None:
    checked = 0
    for language, cases in vectors("bip39-vectors.json").items():
        if language in {"russian", "turkish"}:  # not lists of BIP-39
            continue
        for _, phrase, *_ in cases:
            words = phrase.split()
            if len(set(words)) < len(words) - 2:  # `abandon abandon …` is left out on purpose
                continue
            for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
                hits = scan(("\0" * 4 + "zz: " + "\n".join(words) + "\n.").encode(encoding))
                counts = [hit.what.words for hit in hits if isinstance(hit.what, Secret)]
                assert len(words) in counts, (language, encoding)
                checked += 1
    assert checked > 50


def test_published_shares() -> None:
    broken = ("invalid checksum", "insufficient length", "invalid master secret length")
    for title, shares, *_ in vectors("slip39-vectors.json"):
        for share in shares:
            found = [hit.what for hit in scan(share.encode()) if isinstance(hit.what, Secret)]
            proven = any(secret.kind == "slip39" and secret.bits for secret in found)
            assert proven is not any(reason in title for reason in broken), title
