from __future__ import annotations

import base64
import json
import random
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from triage.errors import ParseError
from triage.redaction import DEEPEST, redact, redact_value

SEED = "scheme spot photo card baby mountain device kick cradle pact join borrow"
SEED_LINES = SEED.replace(" ", "\n")
SEED_MARK = "[secret: bip39, 12 words]"
WIF = "5KN7MzqK5wt2TP1fQCYyHBtDrXdJuXbUzm4A9rKAteGu3Qi5CVR"
XPRV = (
    "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGt"
    "RBeJgk33yuGBxrMPHi"
)
XPUB = (
    "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg"
    "7usUDFdp6W1EGMcet8"
)
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
JAPANESE = (
    "なのか ひろい しなん まなぶ つぶす さがす おしゃれ かわく おいかける けさき かいとう さたん"
)
PLAIN = [
    "",
    "Der schnelle braune Fuchs springt über den faulen Hund und dann noch einmal zurück.",
    "the quick brown fox jumps over the lazy dog and then it will come home again to sleep",
    "/Users/alice/AppData/Roaming/Mozilla/Firefox/Profiles/abcdefgh.default-release/places.sqlite",
    "https://example.org/search?q=how%20to%20store%20a%20secret%20key&lang=en%2Dgb",
    DIGEST,
    f"sha256 {DIGEST}",
    f"md5 {DIGEST[:32]}, sha1 {DIGEST[:40]}",
    XPUB,
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "1AGNa15ZQXAZUgFiqJ2i7Z2DPU2J6hW62i",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion",
    "2C13F664 97A84623 215624A1 BA4A2C1A 13E0A546",
    "S-1-5-21-1004336348-1177238915-682003330-512",
    "%%%2%zz%41",
    "100 % of 20 %20",
    "\udc80\udcff not utf-8 \udcfe",
]


@pytest.mark.parametrize("text", PLAIN)
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    assert redact(text) is text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SEED, SEED_MARK),
        (SEED.upper(), SEED_MARK),
        (f"backup: {SEED}.", f"backup: {SEED_MARK}."),
        (SEED.replace(" ", "\n"), SEED_MARK),
        (SEED.replace(" ", "<br>"), SEED_MARK),
        (f"q={quote(SEED)}&x=1", f"q={SEED_MARK}&x=1"),
        (f"q={quote(SEED.replace(' ', ', '))}&x=%20", f"q={SEED_MARK}&x=%20"),
        (f"q={quote(SEED_LINES)}", f"q={SEED_MARK}"),
        (f"q={quote(quote(quote(SEED_LINES)))}%20", f"q={SEED_MARK}%20"),
        (quote(JAPANESE), "[secret: electrum, 12 words]"),
        (f"é %C3%A9 {WIF} %C3%A9", "é %C3%A9 [secret: wif] %C3%A9"),
        (f"k%3D{WIF}%26x", "k%3D[secret: wif]%26x"),
        (f"{WIF[:20]}%0D%0A{WIF[20:]}%20", "[secret: wif]%20"),
        (f"{XPRV}\n{XPUB}", f"[secret: xprv]\n{XPUB}"),
        (f"{XPRV[:60]}\n{XPRV[60:]}", "[secret: xprv]"),
        (f"{SEED} {DIGEST} {WIF}", f"{SEED_MARK} {DIGEST} [secret: wif]"),
        (
            "-----BEGIN%20PRIVATE%20KEY-----%0A" + "A" * 64 + "%0A-----END%20PRIVATE%20KEY-----%0A",
            "[secret: private key]%0A",
        ),
        (f"private key: {DIGEST}", "private key: [secret: hex key]"),
        (f"\udc80{WIF}\udc81", "\udc80[secret: wif]\udc81"),
    ],
)
def test_a_secret_is_replaced(text: str, expected: str) -> None:
    assert redact(text) == expected
    assert redact(expected) == expected


def test_what_follows_a_mark_is_not_taken_for_its_key() -> None:
    text = f"secret: {WIF} {DIGEST}\n{WIF}{DIGEST[:10]} seed {SEED}: {DIGEST}"
    once = redact(text)
    assert once.count(DIGEST) == 2
    assert redact(once) == once


def test_twice_is_once_for_any_mixture() -> None:
    chooser = random.Random(7)  # noqa: S311 - the same texts every time
    words = [
        *SEED.split(),
        "secret",
        "key:",
        "seed",
        DIGEST,
        WIF,
        XPRV,
        XPUB,
        "%20",
        "\n",
        "<b>",
        ":",
    ]
    words += ["[secret: wif]", SEED_MARK, SEED, quote(SEED), "-----BEGIN PRIVATE KEY-----", "word"]
    for _ in range(300):
        text = chooser.choice(["", " "]).join(chooser.choices([*words, " ", " "], k=40))
        once = redact(text)
        assert redact(once) == once, text


def test_a_secret_survives_no_surroundings() -> None:
    chooser = random.Random(8)  # noqa: S311 - the same texts every time
    around = [
        "",
        " ",
        "\n",
        '"',
        "x ",
        " 1. ",
        "%20",
        "<p>",
        "é",
        "\udc80",
        "[",
        "]",
        "&#32;",
        "\\n",
        "=",
    ]
    for secret, trace in ((SEED, "mountain"), (WIF, WIF), (XPRV, XPRV)):
        for _ in range(200):
            text = "".join(chooser.choices(around, k=3)) + " " + secret
            text += " " + "".join(chooser.choices(around, k=3))
            assert trace not in redact(text), text
            assert trace not in redact(quote(text, errors="surrogateescape")), text


def test_values_are_walked_keys_included() -> None:
    value: dict[str, Any] = {
        "n": 1,
        "none": None,
        "yes": True,
        "list": [SEED, (WIF, DIGEST)],
        WIF: {"deep": {SEED: XPUB}},
        "bytes": b"\x00\xff" + WIF.encode(),
        "key": DIGEST,
        "sha256": DIGEST,
        "private_key": DIGEST,
    }
    assert redact_value(value) == {
        "n": 1,
        "none": None,
        "yes": True,
        "list": [SEED_MARK, ("[secret: wif]", DIGEST)],
        "[secret: wif]": {"deep": {SEED_MARK: XPUB}},
        "bytes": b"\x00\xff[secret: wif]",
        "key": DIGEST,
        "sha256": DIGEST,
        "private_key": "[secret: hex key]",
    }


def test_keys_that_become_equal_are_numbered() -> None:
    value = {WIF: 1, f"{WIF}": 1, SEED: 2, SEED.upper(): 3, SEED.title(): 4}
    assert redact_value(value) == {
        "[secret: wif]": 1,
        SEED_MARK: 2,
        f"{SEED_MARK} #2": 3,
        f"{SEED_MARK} #3": 4,
    }


def test_a_raw_twin_repeats_no_secret() -> None:
    raw = b"\xff" + SEED.encode()
    value = redact_value({"path": "x", "path_raw": base64.b64encode(raw).decode()})
    assert base64.b64decode(value["path_raw"]) == b"\xff" + SEED_MARK.encode()
    harmless = {"path_raw": base64.b64encode(b"\xff/tmp").decode(), "odd_raw": "not base64!"}
    assert redact_value(harmless) == harmless


def test_enums_and_sets_keep_their_meaning() -> None:
    class Shows(StrEnum):
        PRESENT = "present"

    assert redact_value([Shows.PRESENT, {WIF}]) == [Shows.PRESENT, {"[secret: wif]"}]


def test_depth_is_bounded() -> None:
    value: Any = "x"
    for _ in range(DEEPEST):
        value = [value]
    assert redact_value(value) == value
    with pytest.raises(ParseError, match="nested"):
        redact_value([value])


@pytest.mark.parametrize("value", [object(), [object()], {"a": 1 + 2j}, Path("x")])
def test_what_is_not_understood_does_not_pass(value: object) -> None:
    with pytest.raises(TypeError):
        redact_value(value)


@pytest.mark.parametrize(
    "piece", ["%41", "%2541", "%252541", "<", "\n", "a\n", "key: ", "[secret: ", "abandon ", "%"]
)
def test_hostile_repetition_ends(piece: str) -> None:
    text = piece * (30_000 // len(piece))
    assert redact(text) == text


def test_the_samples_wallets_keep_nothing(samples: Path) -> None:
    wallets = json.loads(
        (samples / "wallets" / "generated" / "ground_truth.json").read_text(encoding="utf-8")
    )
    seeds = [
        wallet["seed"]
        for wallet in wallets.values()
        if isinstance(wallet, dict) and isinstance(wallet.get("seed"), str)
    ]
    assert seeds
    written = json.dumps(redact_value(wallets))
    assert not [seed for seed in seeds if seed in written]
    for name in ("client_2_0_4_seeded", "client_2_3_2_importedkeys", "client_2_8_3_seeded"):
        text = (samples / "wallets" / "electrum-tests" / name).read_text(encoding="utf-8")
        clean = redact(text)
        assert "[secret: " in clean
        assert "xprv" not in clean.replace('"xprv":', "").replace("[secret: xprv]", "")
        assert redact(clean) == clean
