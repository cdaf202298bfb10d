from __future__ import annotations

import base64
import zlib

import pytest

from triage.formats import onion

SPEC = [  # the examples of tor's specification
    "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd",
    "sp3k262uwy4r2k3ycr5awluarykdpag6a7y33jxop4cs2lu5uz5sseqd",
    "xa4r2iadxm55fbnqgwwi5mymqdcofiu3w6rpbtqn7b2dyn7mgwj64jyd",
]
LABEL = SPEC[0]


@pytest.mark.parametrize("label", SPEC)
def test_an_address_and_its_key_go_both_ways(label: str) -> None:
    address = onion.check(label)
    assert address is not None
    assert (address.version, address.legacy, address.checks) == (3, False, ("onion-checksum",))
    assert address.public_key is not None
    assert onion.onion_address(address.public_key) == f"{label}.onion" == address.address


def test_a_key_of_another_size_has_no_address() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        onion.onion_address(bytes(31))


@pytest.mark.parametrize(
    ("text", "host"),
    [
        (f"{LABEL}.onion", f"{LABEL}.onion"),
        (f"{LABEL.upper()}.ONION", f"{LABEL}.onion"),
        (f"www.Shop-1.{LABEL}.onion", f"www.shop-1.{LABEL}.onion"),
        ("facebookcorewwwi.onion", "facebookcorewwwi.onion"),
    ],
)
def test_whole_hosts(text: str, host: str) -> None:
    address = onion.check(text)
    assert address is not None
    assert address.host == host
    assert address.legacy == (len(address.address) == 22)


@pytest.mark.parametrize(
    "text",
    [
        "",
        LABEL[:-1],
        LABEL[:-1] + "c",  # another version
        "a" + LABEL[1:],  # the checksum no longer fits
        f"x{LABEL}.onion",
        f"-.{LABEL}.onion",
        f"{LABEL}.onion.ws",
        f"{LABEL}.onions",
        "facebookcorewwwi",  # without .onion, 16 characters are nothing
        "facebookcorewww1.onion",
        "a." * 200 + f"{LABEL}.onion",
    ],
)
def test_what_is_no_onion_host(text: str) -> None:
    assert onion.check(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"see http://{LABEL}.onion/x", [(11, f"{LABEL}.onion")]),
        (f"({LABEL})", [(1, f"{LABEL}.onion")]),
        (f"u=http%3A%2F%2F{LABEL}.onion%2F", [(15, f"{LABEL}.onion")]),
        (f"..a.{LABEL}.onion.", [(2, f"a.{LABEL}.onion")]),
        (f"https://{LABEL}.onion.ws/", [(8, f"{LABEL}.onion")]),  # a Tor2web gateway
        (f"a{LABEL}.onion b{LABEL}c {LABEL}é", [(123, f"{LABEL}.onion")]),
        ("aaaaaaaaaaaaaaaa.onionx aaaaaaaaaaaaaaaa", []),
        (f"{SPEC[1]}\n{SPEC[2]}", [(0, f"{SPEC[1]}.onion"), (57, f"{SPEC[2]}.onion")]),
    ],
)
def test_finding_in_text(text: str, expected: list[tuple[int, str]]) -> None:
    found = [(offset, address.host) for offset, address in onion.find_onions(text)]
    assert found == expected
    for offset, host in found:
        assert text[offset:].lower().startswith(host.removesuffix(".onion"))


def _b33(flags: int = 0, key_type: int = 7, blinded: int = 11) -> str:
    data = bytearray([flags, key_type, blinded, *range(32)])
    mask = zlib.crc32(bytes(data[3:]))
    for place in range(3):
        data[place] ^= mask >> 8 * place & 0xFF
    return base64.b32encode(bytes(data)).decode().lower().rstrip("=")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("stats.i2p", "name"),
        ("A-b.Example.I2P", "name"),
        ("a" * 52 + ".b32.i2p", "b32"),
        ("www." + "a" * 52 + ".b32.i2p", "b32"),
        (_b33() + ".b32.i2p", "b33"),
        (_b33(flags=4) + ".b32.i2p", "b33"),
    ],
)
def test_i2p_hosts(text: str, kind: str) -> None:
    address = onion.check_i2p(text)
    assert address is not None
    assert (address.kind, address.address) == (kind, text.lower())
    assert address.checks == (("crc32",) if kind == "b33" else ())
    assert [a.address for _, a in onion.find_i2p(f"http://{text}/?")] == [text.lower()]


@pytest.mark.parametrize(
    "text",
    [
        "i2p",
        ".i2p",
        "-.i2p",
        "a" * 51 + ".b32.i2p",
        "1" * 52 + ".b32.i2p",
        "a" * 56 + ".b32.i2p",  # the checksum does not fit
        _b33(key_type=3) + ".b32.i2p",
        _b33(flags=8) + ".b32.i2p",
        "b32.i2p",
        "a" * 80 + ".i2p",
        "a.i2p.org",
    ],
)
def test_what_is_no_i2p_host(text: str) -> None:
    assert onion.check_i2p(text) is None
    assert list(onion.find_i2p(f" {text} ")) == []


@pytest.mark.parametrize("piece", ["a", "a.", ".onion", "a" * 16 + ".onion.", ".i2p", "%2F", "-"])
def test_hostile_repetition_ends(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    assert len(list(onion.find_onions(text))) + len(list(onion.find_i2p(text))) < len(text)
