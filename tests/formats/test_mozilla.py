from __future__ import annotations

import struct

import lz4.block
import pytest

from triage.errors import LimitError, ParseError
from triage.formats import mozilla
from triage.formats.mozilla import hsts, hsts_bin, ini, jsonlz4, mozlz4, prefs

PREFS = r"""// Mozilla User Preferences
/* If you make changes
   user_pref("in.comment", 1); */
# python style
user_pref("app.update.lastUpdateTime.x", 1708503300);
user_pref("bridges", "obfs4 1.2.3.4:443 \"q\" C:\\Users\\a\n");
user_pref( 'single' , 'it\'s' ) ; user_pref("same.line", true);
user_pref("off", false);
user_pref("negative", -1); // trailing
user_pref("path", "C:\\");
user_pref("raw", "\xc3\xa9 \xff");
user_pref("pair", "\ud83d\ude00 \u00e9");
user_pref("twice", 1);
user_pref("twice", 2);
pref("default", "x", sticky, locked);
user_pref("over lines", "a
b");
"""


def test_prefs() -> None:
    found = prefs("\ufeff" + PREFS)
    assert found == {
        "app.update.lastUpdateTime.x": 1708503300,
        "bridges": 'obfs4 1.2.3.4:443 "q" C:\\Users\\a\n',
        "single": "it's",
        "same.line": True,
        "off": False,
        "negative": -1,
        "path": "C:\\",
        "raw": "é \udcff",
        "pair": "😀 é",
        "twice": 2,
        "default": "x",
        "over lines": "a\nb",
    }
    assert found.skipped == 0


@pytest.mark.parametrize(
    "line",
    [
        'user_pref("a", 2147483648);',
        'user_pref("a", 1.5);',
        'user_pref("a", null);',
        'user_pref("a", [1]);',
        'user_pref("a" 1);',
        'user_pref("a", 1)',
        'user_pref("a", "b\\q");',
        'user_pref("a", "\\x00");',
        'user_pref("a", "\\u0000");',
        'user_pref("a", "\\ud83d");',
        'user_pref("a", "\\ude00\\ud83d");',
        'user_pref("a", "\\x4");',
        "user_pref('a\", 1);",
        "user_pref(a, 1);",
        "eval(1);",
        "junk \udcff\0",
        '"; user_pref("a", 1); //',
    ],
)
def test_hostile_lines_are_skipped_and_counted(line: str) -> None:
    found = prefs(f'user_pref("before", 1);\n{line}\nuser_pref("after", 2);\n')
    assert found == {"before": 1, "after": 2}
    assert found.skipped == 1


def test_a_setting_inside_a_string_is_not_a_setting() -> None:
    assert prefs("user_pref('a', 'x\nuser_pref(\"b\", 1);\n');") == {"a": 'x\nuser_pref("b", 1);\n'}


@pytest.mark.parametrize(
    "text",
    ['user_pref("a' * 20_000, "/*\n" * 50_000, "user_pref(" * 50_000, "\\" * 100_000, " " * 10**6],
)
def test_prefs_read_hostile_text_in_linear_time(text: str) -> None:
    assert prefs(text) == {}


def test_a_comment_without_an_end_hides_the_rest_as_in_the_browser() -> None:
    found = prefs('user_pref("a", 1);\n/* user_pref("b", 2);\nuser_pref("c", 3);')
    assert found == {"a": 1}
    assert found.skipped == 1


def test_prefs_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mozilla, "PREF_LIMIT", 3)
    with pytest.raises(LimitError):
        prefs("".join(f'user_pref("{n}", 1);\n' for n in range(4)))


def test_ini() -> None:
    text = (
        "\ufeffearly=1\n[Compatibility]\r\nLastVersion=115.8.0_20240213/x\r\n"
        "LastAppDir = C:\\Users\\a=b\\Browser \r\n; comment=1\n# other=2\nnonsense\n"
        "[Profile0]\nName=default\nName=last\n[Empty]\n[broken\n%(x)s=%(y)s\n"
    )
    assert ini(text) == {
        "": {"early": "1"},
        "Compatibility": {
            "LastVersion": "115.8.0_20240213/x",
            "LastAppDir": "C:\\Users\\a=b\\Browser",
        },
        "Profile0": {"Name": "last"},
        "Empty": {"%(x)s": "%(y)s"},
    }


def packed(content: bytes, *, size: int | None = None, magic: bytes = b"mozLz40\0") -> bytes:
    block: bytes = lz4.block.compress(content, store_size=False)
    return magic + struct.pack("<I", len(content) if size is None else size) + block


def test_jsonlz4() -> None:
    assert jsonlz4(packed(b'{"title": "x"}')) == {"title": "x"}
    assert mozlz4(packed(b"")) == b""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"mozLz40\0\1\0\0",
        packed(b"[1]", magic=b"mozLz41\0"),
        packed(b"[1]", size=2),
        packed(b"[1]", size=4),
        packed(b"[1]", size=100_000),
        b"mozLz40\0" + struct.pack("<I", 50) + b"\xff" * 40,
        packed(b"[1"),
        *[packed(b"[1, 2, 3]")[:cut] for cut in range(8, 21)],
    ],
)
def test_damaged_jsonlz4(data: bytes) -> None:
    with pytest.raises(ParseError):
        jsonlz4(data)


def test_jsonlz4_is_bounded() -> None:
    with pytest.raises(LimitError):
        jsonlz4(packed(bytes(100_000)), limit=99_999)


def test_site_states_as_text() -> None:
    found = hsts(
        "example.org:HSTS\t3\t19774\t1740039300123,1,1,2\n"
        "\n"
        "shop.example^partitionKey=%28https%2Ca.example%29:HSTS\t1\t19775\t1740039300123,1,0\n"
        "pins.example:HPKP\t1\t17000\t1494603034103,1,1,AAAA=\n"
        "odd.example:HSTS\t1\t1\tnonsense\n"
        "bad line\n"
        "x:HSTS\t70000\t1\t1,1,1\n"
        "x:HSTS\t-1\t1\t1,1,1\n"
        "\t1\t1\t1,1,1\n"
    )
    assert found.skipped == 4
    first, second, pins, odd = found.sites
    assert (first.host, first.attributes, first.kind, first.score) == ("example.org", "", "HSTS", 3)
    assert (first.last_accessed, first.expires, first.state) == (19774, 1740039300123, 1)
    assert first.subdomains
    assert (second.host, second.position) == ("shop.example", 1)
    assert second.attributes == "partitionKey=%28https%2Ca.example%29"
    assert pins.kind == "HPKP"
    assert (odd.expires, odd.state, odd.subdomains) == (None, None, None)


def slot(key: bytes, value: bytes, *, score: int = 1, day: int = 19774) -> bytes:
    """Return one slot of the binary file with its checksum."""
    body = struct.pack(">HH256s24s", score, day, key, value)
    checksum = 0
    for word in struct.unpack(">142H", body):
        checksum ^= word
    return struct.pack(">H", checksum) + body


def test_site_states_as_slots() -> None:
    good = slot(b"example.org", b"1740039300123,1,1", score=3)
    damaged = bytearray(slot(b"changed.example", b"1,1,1"))
    damaged[10] ^= 1
    other = slot("ünï^partitionKey=x".encode(), b"1740039300123,3,0")
    found = hsts_bin(good + bytes(286) + bytes(damaged) + other + good[:100])
    assert found.skipped == 2
    first, second = found.sites
    assert (first.host, first.kind, first.score, first.last_accessed) == (
        "example.org",
        "HSTS",
        3,
        19774,
    )
    assert (first.expires, first.state, first.subdomains) == (1740039300123, 1, True)
    assert (second.host, second.attributes, second.state) == ("ünï", "partitionKey=x", 3)
    assert second.position == 3


def test_site_states_of_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hsts_bin(b"") == ((), 0)
    assert hsts_bin(bytes(10_000)) == ((), 0)
    assert hsts_bin(bytes(range(1, 255)) * 40).sites == ()
    monkeypatch.setattr(mozilla, "SITE_LIMIT", 3)
    with pytest.raises(LimitError):
        hsts("a\n" * 4)
