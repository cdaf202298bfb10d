from __future__ import annotations

import json
import random
import unicodedata
from itertools import pairwise
from pathlib import Path

import pytest

from triage.formats import mnemonic
from triage.formats.wordlists import LISTS, WordList, normal

BIP39 = "legal winner thank year wave sausage worth useful legal winner thank yellow"
PLAIN = "scheme spot photo card baby mountain device kick cradle pact join borrow"
SPANISH = "almíbar tibio superar vencer hacha peatón príncipe matar consejo polen vehículo odisea"
JAPANESE = (
    "なのか ひろい しなん まなぶ つぶす さがす おしゃれ かわく おいかける けさき かいとう さたん"
)
MONERO = (
    "velvet lymph giddy number token physics poetry unquoted nibs useful sabotage limits benches "
    "lifestyle eden nitrogen anvil fewest avoid batch vials washing fences goat unquoted"
)
AEZEED = (
    "absorb original enlist once climb erode kid thrive kitchen giant define tube "
    "orange leader harbor comfort olive fatal success suggest drink penalty chimney ritual"
)
SLIP39 = (
    "duckling enlarge academic academic agency result length solution fridge kidney coal piece "
    "deal husband erode duke ajar critical decision keyboard"
)
SLIP39_EXTENDABLE = (
    "testify swimming academic academic column loyalty smear include exotic bedroom exotic wrist "
    "lobe cover grief golden smart junior estimate learn"
)
POLYSEED = (
    "raven tail swear infant grief assist regular lamp duck valid someone little harsh puppy "
    "airport language"
)
ELECTRUM1 = "powerful random nobody notice nothing important anyway look away hidden message over"


@pytest.mark.parametrize(
    ("words", "kind", "language", "bits"),
    [
        (BIP39, "bip39", "english", 4),
        ("abandon " * 11 + "about", "bip39", "english", 4),
        ("abandon " * 17 + "agent", "bip39", "english", 6),
        ("zoo " * 23 + "vote", "bip39", "english", 8),
        (PLAIN.upper(), "bip39", "english", 4),
        ("ábaco " * 11 + "abierto", "bip39", "spanish", 4),
        ("abaco " * 11 + "abierto", "bip39", "spanish", 4),  # without its accent
        ("的 " * 11 + "在", "bip39", "chinese-simplified", 4),
        (
            "wild father tree among universe such mobile favorite target dynamic credit identify",
            "electrum",
            "english",
            12,
        ),
        (SPANISH, "electrum", "spanish", 8),
        (JAPANESE, "electrum", "japanese", 8),
        ("眼 悲 叛 改 节 跃 衡 响 疆 股 遂 冬", "electrum", "chinese-simplified", 12),
        (ELECTRUM1, "electrum1", "english", 0),
        (MONERO, "monero", "english", 4),
        (AEZEED, "aezeed", "english", 40),
        (SLIP39, "slip39", "english", 30),
        (SLIP39_EXTENDABLE, "slip39", "english", 30),
        (POLYSEED, "polyseed", "english", 11),
    ],
)
def test_published_phrases(words: str, kind: str, language: str, bits: int) -> None:
    found = mnemonic.check(words.split())
    assert found is not None
    assert (found.kind, found.language, found.bits) == (kind, language, bits)
    assert bool(found.checks) == bool(bits)
    assert found.words[0] not in repr(found)


@pytest.mark.parametrize("phrase", [PLAIN, MONERO, AEZEED, SLIP39, POLYSEED])
def test_another_order_is_no_phrase(phrase: str) -> None:
    words = phrase.split()
    words[2], words[5] = words[5], words[2]
    kind = mnemonic.check(phrase.split())
    assert kind is not None
    assert mnemonic.check(words, kind=kind.kind) is None


@pytest.mark.parametrize("words", [[], ["abandon"] * 11, ["abandon"] * 14, ["xyzzy"] * 12])
def test_what_is_no_phrase(words: list[str]) -> None:
    assert mnemonic.check(words) is None


def test_one_kind_alone_can_be_asked_about() -> None:
    assert mnemonic.check(ELECTRUM1.split(), kind="bip39") is None
    assert mnemonic.check(PLAIN.split(), kind="electrum") is None


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.upper(),
        PLAIN.title(),
        f"my wallet: {PLAIN}. keep it",
        PLAIN.replace(" ", "\n"),
        PLAIN.replace(" ", ", "),
        PLAIN.replace(" ", "+"),
        PLAIN.replace(" ", "%20"),
        PLAIN.replace(" ", "<br />"),
        PLAIN.replace(" ", "&nbsp;"),
        PLAIN.replace(" ", r"\n"),
        PLAIN.replace(" ", r"\u0020"),
        '["' + PLAIN.replace(" ", '", "') + '"]',
        "\n".join(f"{n:2}. {word}" for n, word in enumerate(PLAIN.split(), 1)),
        "<tr><td>1</td><td>" + PLAIN.replace(" ", '</td><td class="word list">') + "</td></tr>",
    ],
)
def test_a_phrase_is_found_however_it_is_written(text: str) -> None:
    (span,) = mnemonic.find_mnemonics(text)
    assert (span.kind, span.words) == ("bip39", tuple(PLAIN.split()))
    assert text[span.start : span.end].lower().startswith("scheme")
    assert text[span.start : span.end].lower().endswith("borrow")
    assert "scheme" not in repr(span)


@pytest.mark.parametrize("phrase", [SPANISH, JAPANESE, MONERO, AEZEED, SLIP39, ELECTRUM1])
def test_other_kinds_are_found_in_text(phrase: str) -> None:
    text = f"-- {phrase} --"
    (span,) = mnemonic.find_mnemonics(text)
    assert text[span.start : span.end] == phrase


def test_japanese_separators_and_composed_characters() -> None:
    phrase = unicodedata.normalize("NFC", JAPANESE).replace(" ", "\u3000")
    text = f"メモ: {phrase} おわり。"
    (span,) = mnemonic.find_mnemonics(text)
    assert (span.kind, span.language) == ("electrum", "japanese")


def test_two_phrases_in_one_text() -> None:
    text = f"one: {PLAIN}; zzz two: {SLIP39}"
    assert [span.kind for span in mnemonic.find_mnemonics(text)] == ["bip39", "slip39"]


@pytest.mark.parametrize(
    "text",
    [
        "true, false, " * 12,
        "abandon " * 11 + "about",  # the test vector of every library
        " ".join(PLAIN.split()[:11]),
        PLAIN.replace("mountain", "mountains"),
        PLAIN.replace("baby", "baby" + " -" * 40),  # too far apart
        PLAIN.replace("baby", "baby [secret: bip39, 12 words]"),
        "",
        "\ud800" * 60,
    ],
)
def test_what_is_not_taken_for_a_phrase(text: str) -> None:
    assert list(mnemonic.find_mnemonics(text)) == []


@pytest.mark.parametrize("words_of", LISTS, ids=lambda words_of: f"{words_of.scheme}")
def test_a_word_list_in_its_own_order_is_no_seed(words_of: WordList) -> None:
    assert list(mnemonic.find_mnemonics("\n".join(words_of.index))) == []


def test_a_group_covers_every_window_that_passes() -> None:
    """Which twelve of thirteen words are the seed is a guess, so a redaction covers them all."""
    chooser = random.Random(5)  # noqa: S311 - the same windows every time
    words = chooser.choices(list(LISTS[0].index), k=400)
    text = " ".join(words)
    groups = list(mnemonic.clusters(text))
    spans = [span for group in groups for span in group]
    assert len(spans) > len(list(mnemonic.find_mnemonics(text)))
    for group, after in pairwise(groups):
        assert max(span.end for span in group) <= min(span.start for span in after)
    for span, following in pairwise(mnemonic.find_mnemonics(text)):
        assert span.end <= following.start


@pytest.mark.parametrize(
    "piece",
    ["abandon ", "abandon ability ", "<", "<a ", "&", "&amp;", "\\n", "[secret: ", "a\u0301", "\n"],
)
def test_hostile_repetition_ends(piece: str) -> None:
    assert list(mnemonic.find_mnemonics(piece * (40_000 // len(piece)))) == []


def test_the_lists_are_whole() -> None:
    sizes = {"bip39": 2048, "slip39": 1024, "electrum1": 1626, "monero": 1626}
    assert len(LISTS) == 13
    for words_of in LISTS:
        assert len(words_of.index) == sizes[words_of.scheme], words_of.language
        assert all(word == normal(word) for word in words_of.index)


def test_the_samples_of_bip39(samples: Path) -> None:
    vectors = json.loads((samples / "vectors" / "bip39-vectors.json").read_text(encoding="utf-8"))
    official = {words_of.language for words_of in LISTS if words_of.scheme == "bip39"}
    checked = 0
    for name, cases in vectors.items():
        language = name.replace("_", "-")
        for _, phrase, *_ in cases:
            found = mnemonic.check(phrase.split(), kind="bip39")
            assert (found is not None) == (language in official), (language, phrase)
            checked += 1
    assert checked == 288


def test_the_samples_of_slip39(samples: Path) -> None:
    cases = json.loads((samples / "vectors" / "slip39-vectors.json").read_text(encoding="utf-8"))
    for name, phrases, secret, *_ in cases:
        kinds = [mnemonic.check(phrase.split()) for phrase in phrases]
        if secret:
            assert all(found and found.kind == "slip39" for found in kinds), name
        elif "invalid checksum" in name.lower():
            assert kinds == [None], name


def test_the_samples_of_our_wallets(samples: Path) -> None:
    path = samples / "wallets" / "generated" / "ground_truth.json"
    seeds = [
        wallet["seed"]
        for wallet in json.loads(path.read_text(encoding="utf-8")).values()
        if isinstance(wallet, dict) and isinstance(wallet.get("seed"), str)
    ]
    assert seeds
    for seed in seeds:
        found = mnemonic.check(seed.split())
        assert found is not None
        assert found.kind in {"electrum", "monero"}
