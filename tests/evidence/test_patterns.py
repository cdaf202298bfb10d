from __future__ import annotations

import random

import pytest

from triage.errors import UsageError
from triage.evidence.patterns import PatternSet, Step, expand


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a", ["a"]),
        ("{a,b}/c", ["a/c", "b/c"]),
        ("{a,b}{c,d}", ["ac", "ad", "bc", "bd"]),
        ("x{a{1,2},b}y", ["xa1y", "xa2y", "xby"]),
        ("{a,}", ["a", ""]),
        ("{a}", ["a"]),
        ("*.{html,htm,txt}", ["*.html", "*.htm", "*.txt"]),
    ],
)
def test_braces_stand_for_alternatives(pattern: str, expected: list[str]) -> None:
    assert list(expand(pattern)) == expected


@pytest.mark.parametrize("pattern", ["{a,b", "a}", "{a,{b}", "{a}}", "{1,2}" * 9])
def test_braces_must_be_balanced_and_few(pattern: str) -> None:
    with pytest.raises(UsageError):
        list(expand(pattern))


@pytest.mark.parametrize(
    "pattern", ["", "/", "a//b", "**", "a/**", "a/**/", "[a", "[!]]", "[z-a]", "{a,}"]
)
def test_patterns_that_mean_nothing_are_refused(pattern: str) -> None:
    with pytest.raises(UsageError):
        PatternSet([pattern])


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("a/b", "/a/b", True),
        ("a/b", "/A/B", True),
        ("/a/b", "/a/b", True),
        ("a/b", "/a/b/c", False),
        ("a/b", "/x/a/b", False),
        ("**/b", "/b", True),
        ("**/b", "/x/y/z/b", True),
        ("**/a/b", "/a/x/a/b", True),
        ("**/a/**/b", "/a/b", True),
        ("**/a/**/b", "/x/a/y/z/b", True),
        ("**/a/**/b", "/a/a/a/c", False),
        ("a/**/b", "/a/x/y/b", True),
        ("a/**/b", "/x/a/b", False),
        ("a/*/b", "/a/x/b", True),
        ("a/*/b", "/a/b", False),
        ("a/*/b", "/a/x/y/b", False),
        ("*.txt", "/.TXT", True),
        ("*.txt", "/txt", False),
        ("a**b", "/axxb", True),
        ("wallet*.dat*", "/Wallet.dat", True),
        ("?.txt", "/a.txt", True),
        ("?.txt", "/.txt", False),
        ("?.txt", "/ab.txt", False),
        ("[0-9]*.xml", "/7z.xml", True),
        ("[0-9]*.xml", "/z7.xml", False),
        ("[!a]x", "/bx", True),
        ("[!a]x", "/ax", False),
        ("[^a]x", "/bx", True),
        ("[]]x", "/]x", True),
        ("[a[&~|b]x", "/[x", True),
        ("[A-C]x", "/bX", True),
        ("a.b", "/aXb", False),
        ("a(b)+", "/a(b)+", True),
        ("straße", "/STRASSE", True),
        ("ΣΊΣΥΦΟΣ", "/σίσυφος", True),
        ("*.txt", "/line\nbreak.txt", True),
        ("a?b", "/a\nb", True),
        ("*\udcff", "/x\udcff", True),
    ],
)
def test_a_pattern_matches_whole_paths_in_any_case(pattern: str, path: str, expected: bool) -> None:
    assert (PatternSet([pattern]).matches(path) == (0,)) is expected


def test_a_slash_at_the_end_asks_for_folders() -> None:
    patterns = PatternSet(["**/chats/", "**/chats"])
    assert patterns.matches("/a/Chats", folder=True) == (0,)
    assert patterns.matches("/a/Chats") == (1,)


def test_numbers_are_positions_and_each_stands_once() -> None:
    patterns = PatternSet(["nothing", "**/{x,*}.log", "a/*"])
    assert patterns.matches("/a/x.log") == (1, 2)


def test_no_pattern_matches_nothing() -> None:
    patterns = PatternSet([])
    assert patterns.matches("/a") == ()
    assert patterns.step(PatternSet.ROOT, "a") == (PatternSet.DEAD, (), ())


def test_nothing_below_a_dead_state() -> None:
    patterns = PatternSet(["a/b"])
    below, _, _ = patterns.step(PatternSet.ROOT, "x")
    assert below == PatternSet.DEAD
    assert patterns.step(below, "b") == (PatternSet.DEAD, (), ())
    assert patterns.onward(below) == PatternSet.DEAD
    assert list(patterns.search(below, "b/")) == []


GLOBS = [
    "**/state",
    "**/*.log",
    "**/*wallet*.dat",
    "**/?x",
    "**/im.pidgin*/accounts.xml",
    "**/[!a]b",
    "**/[+-9]z",
    "**/wallet*",
    "**/wallet.d*",
    "**/{wallet.dat,wallet,wallets}",
    "**/*wal*.d*",
    "a/*/b",
    "x/[0-9]*",
    "**/*a*",
    "**/y*z",
    "Größe/*",
]


@pytest.mark.parametrize("long", [1, 1 << 16], ids=["long", "short"])
@pytest.mark.parametrize("chosen", [GLOBS, GLOBS[:13], GLOBS[:9], GLOBS[:2], ["*"], ["state"], []])
def test_search_agrees_with_step(
    chosen: list[str], long: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triage.evidence.patterns._LONG", long)
    chance = random.Random(3)  # noqa: S311 - the same names every time
    patterns = PatternSet(chosen)
    pieces = ["a", "b", "x", ".log", "wallet", ".dat", "state", "z", "0", "GRÖSSE", "im.pidgin"]
    pieces += ["\n", "y", "ß", "\udc80", "A", "-"]
    states = {PatternSet.ROOT}
    for _ in range(12):
        names = ["".join(chance.choices(pieces, k=chance.randrange(1, 4))) for _ in range(60)]
        names += ["state", "a", "b", "ab"]
        for state in tuple(states):
            expected = [patterns.step(state, name) for name in names]
            found: list[Step] = [(patterns.onward(state), (), ())] * len(names)
            for position, step in patterns.search(state, "".join(f"{name}/" for name in names)):
                found[position] = step
            assert found == expected
            states.update(below for below, _, _ in expected)


def test_search_does_not_read_across_names() -> None:
    patterns = PatternSet(["a[!b]c", "a?c", "a*c"])
    found = dict(patterns.search(PatternSet.ROOT, "a/c/axc/"))
    assert {position for position, (_, files, _) in found.items() if files} == {2}


def test_names_beyond_the_memory_of_a_state_still_match(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.evidence.patterns._MAX_MEMO", 2)
    patterns = PatternSet(["*.x"])
    assert all(patterns.matches(f"/{number}.x") == (0,) for number in range(10))
