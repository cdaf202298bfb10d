from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import defusedxml.ElementTree
import pytest

from tests.batch.made import crowd, finding, make_bundle
from triage.batch.graph import links_csv, links_graphml, links_json
from triage.batch.identifiers import TYPES, Identifier, identifiers, well_known
from triage.batch.links import MANY, Links, bundles_in, find_links
from triage.errors import BundleError
from triage.findings import KINDS
from triage.report.links import links_page

ONION = "a" * 55 + "d.onion"
KEY = "AB" * 20


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (
            "wallet.address",
            {"coin": "BTC", "crypto_address": "BC1QX", "role": "receive"},
            [Identifier("crypto-address", "BTC:bc1qx", "own")],
        ),
        (
            "wallet.address",
            {"coin": "BTC", "crypto_address": "1AbC", "role": "payee"},
            [Identifier("crypto-address", "BTC:1AbC", "other")],
        ),
        ("wallet.xpub", {"xpub": "xpub6X"}, [Identifier("xpub", "xpub6X", "own")]),
        ("wallet.file", {"fingerprint": None}, []),
        ("wallet.file", {"fingerprint": "DEADBEEF"}, [Identifier("wallet", "deadbeef", "own")]),
        ("tor.onion-service", {"onion": ONION}, [Identifier("onion", ONION, "own")]),
        ("tor.onion-service", {"onion": None}, []),
        ("indicator.onion", {"onion": f"www.{ONION}"}, [Identifier("onion", ONION, "other")]),
        (
            "darknet.identity",
            {"network": "tor", "darknet_address": ONION, "role": "hosted"},
            [Identifier("onion", ONION, "own")],
        ),
        (
            "darknet.identity",
            {"network": "i2p", "darknet_address": "x.b32.i2p", "role": "contact"},
            [Identifier("darknet", "i2p:x.b32.i2p", "other")],
        ),
        ("tor.bridge", {"source": "builtin", "address": "1.2.3.4:5"}, []),
        (
            "wallet.exchange",
            {"exchange": "Binance", "service_account": "40001234"},
            [Identifier("exchange-account", "binance:40001234", "own")],
        ),
        (
            "wallet.exchange",
            {"exchange": "Kraken", "service_account": "Bob@mail.example"},
            [Identifier("email", "bob@mail.example", "own")],
        ),
        ("wallet.exchange", {"exchange": "Kraken", "service_account": None}, []),
        (
            "tor.bridge",
            {"source": "user", "address": "1.2.3.4:5", "fingerprint": None},
            [Identifier("bridge", "1.2.3.4:5", "other")],
        ),
        (
            "pgp.key",
            {
                "fingerprint": KEY,
                "key_id": KEY[-16:],
                "subkeys": ["0123456789abcdef rsa4096"],
                "user_ids": ["Alice <Alice@Example.org>"],
                "secret_key": "protected",
            },
            [
                Identifier("pgp-key", KEY, "own"),
                Identifier("pgp-key-id", KEY[-16:], "own"),
                Identifier("pgp-key-id", "0123456789ABCDEF", "own"),
                Identifier("email", "alice@example.org", "own"),
            ],
        ),
        ("pgp.key", {"well_known": ["x"], "fingerprint": None}, []),
        (
            "chat.account",
            {"service": "xmpp", "identifier": "Bob@x.example/phone", "phone": "+43 660 1234567"},
            [
                Identifier("chat-account", "xmpp:bob@x.example", "own"),
                Identifier("phone", "+436601234567", "own"),
            ],
        ),
        (
            "chat.contact",
            {"service": "signal", "identifier": "u-1", "own_account": "me", "phone": "0660123456"},
            [
                Identifier("chat-account", "signal:u-1", "other"),
                Identifier("chat-account", "signal:me", "own"),
            ],
        ),
        (
            "system.usb",
            {"serial": "5EED0001", "volume_serial": "5EED-0001"},
            [
                Identifier("device", "usb:5EED0001", "own"),
                Identifier("volume", "5EED-0001", "other"),
            ],
        ),
        (
            "program.present",
            {"stored_on": "volume STICK, serial 5EED-0001, machine pc"},
            [Identifier("volume", "5EED-0001", "other")],
        ),
        ("program.present", {"stored_on": "volume STICK, serial 0000-0000"}, []),
        ("system.os", {"machine_id": "0" * 32}, []),
        (
            "system.os",
            {"machine_id": "0af1" * 8},
            [Identifier("device", f"machine:{'0af1' * 8}", "own")],
        ),
        ("web.bookmark", {"url": f"http://{ONION}/", "shipped": True}, []),
    ],
)
def test_identifiers_have_one_spelling_and_a_role(
    kind: str, value: dict[str, Any], expected: list[Identifier]
) -> None:
    assert list(identifiers({"kind": kind, "value": value})) == expected


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("odd", [None, 7, "x" * 5000, "@", ["\ud800", 3, None], {"a": []}])
def test_no_value_can_break_it(kind: str, odd: object) -> None:
    value = dict.fromkeys(KINDS[kind].value_fields(), odd)
    assert all(one.type in TYPES for one in identifiers({"kind": kind, "value": value}))


def test_what_everybody_may_have_is_known() -> None:
    assert well_known(Identifier("pgp-key", "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8", "other"))
    assert well_known(Identifier("email", "someone@dizum.com", "other"))
    assert well_known(Identifier("email", "noreply@shop.example", "other"))
    assert well_known(Identifier("email", "alice@shop.example", "other")) is None
    assert well_known(Identifier("onion", ONION, "other")) is None


def address(number: int, value: str, **more: Any) -> dict[str, Any]:
    return finding(number, "wallet.address", coin="BTC", crypto_address=value, role="own", **more)


@pytest.fixture
def links(tmp_path: Path) -> Links:
    shared_file = {
        "key": "e-1",
        "read": "complete",
        "size": 5000,
        "hashes": {"sha256": "cd" * 32},
    }
    small = {"key": "e-2", "read": "complete", "size": 3, "hashes": {"sha256": "ef" * 32}}
    uncited = {"key": "e-99", "read": "complete", "size": 5000, "hashes": {"sha256": "12" * 32}}
    for name, case in (("a", "1"), ("b", "2"), ("c", "2")):
        records = [
            address(1, f"1only-{name}", account="alice"),
            address(2, "1shared", account="alice"),
            finding(3, "pgp.key", fingerprint=KEY, key_id=KEY[-16:]),
        ]
        make_bundle(
            tmp_path / f"{name}.bundle",
            records[: 2 if name == "c" else 3],
            case=case,
            exhibit=name,
            files=[shared_file, small, uncited],
        )
    return find_links(bundles_in([tmp_path]))


def test_links_tell_where_and_as_what(links: Links) -> None:
    found = {link.type: link for link in links.links}
    assert set(found) == {"crypto-address", "pgp-key", "file"}
    shared = found["crypto-address"]
    assert (shared.value, shared.drives, shared.cases) == ("BTC:1shared", 3, ("1", "2"))
    assert [links.sources[place.source].exhibit for place in shared.places] == ["a", "b", "c"]
    assert shared.places[0].roles == ("own",)
    assert shared.places[0].accounts == ("alice (p2)",)
    assert shared.places[0].finding == f"f-{2:032x}"
    assert found["file"].value == "cd" * 32
    assert links.percent is None


def test_pairs_are_counted(links: Links) -> None:
    assert [(one, two, types.total()) for one, two, types in links.pairs()] == [
        (0, 1, 3),
        (0, 2, 2),
        (1, 2, 2),
    ]


def test_a_key_id_counts_when_a_message_names_it(tmp_path: Path) -> None:
    make_bundle(
        tmp_path / "a.bundle", [finding(1, "pgp.key", fingerprint=KEY, subkeys=["AA11 rsa"])]
    )
    make_bundle(tmp_path / "b.bundle", [finding(1, "pgp.message", recipient_keys=["AA11"])])
    (link,) = find_links(bundles_in([tmp_path])).links
    assert (link.type, link.value) == ("pgp-key-id", "AA11")


def test_two_bundles_of_one_image_are_one_drive(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_bundle(tmp_path / f"{name}.bundle", [address(1, "1x")], sha256="ab" * 32)
    result = find_links(bundles_in([tmp_path]))
    assert (result.drives, result.links) == (1, ())
    make_bundle(tmp_path / "c.bundle", [address(1, "1x")])
    (link,) = find_links(bundles_in([tmp_path])).links
    assert (link.drives, len(link.places)) == (2, 3)


def test_a_quick_bundle_gives_way_to_the_full_one(tmp_path: Path) -> None:
    for name in ("a.quick", "a", "b.quick"):
        make_bundle(tmp_path / f"{name}.bundle", [])
    assert [path.name for path in bundles_in([tmp_path])] == ["a.bundle", "b.quick.bundle"]


@pytest.mark.parametrize(("drives", "common"), [(MANY - 1, 0), (MANY, 1)])
def test_what_most_have_is_common_once_there_are_many(
    tmp_path: Path, drives: int, common: int
) -> None:
    crowd(tmp_path, drives, 4)
    result = find_links(bundles_in([tmp_path]), percent=99)
    assert result.suppressed.get("frequency", 0) == 2 * common  # the key, and the address of ten
    assert len(result.links) == 2 - 2 * common


def test_a_crowd_is_linked_by_what_only_some_share(tmp_path: Path) -> None:
    crowd(tmp_path, 40, 5)
    steps: list[int] = []
    result = find_links(bundles_in([tmp_path]), progress=steps.append)
    assert [(link.value, link.drives) for link in result.links] == [
        (f"BTC:bc1qshared{number}", 10) for number in range(4)
    ]
    assert result.suppressed == {"frequency": 1}
    assert steps == list(range(1, 81))


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    good = make_bundle(tmp_path / "a.bundle", [address(1, "1x")])
    odd = make_bundle(tmp_path / "b.bundle", [{"id": "f-1", "kind": "wallet.address"}])
    cut = make_bundle(tmp_path / "c.bundle", [address(1, "1x")])
    (cut / "data" / "findings.jsonl").write_bytes(b'{"id":')
    result = find_links([good, odd, cut, tmp_path / "none"])
    assert {Path(path).name for path, _ in result.unread} == {"b.bundle", "c.bundle", "none"}
    with pytest.raises(BundleError, match="none of these"):
        find_links([tmp_path / "none"])


def test_every_format_says_the_same(links: Links) -> None:
    rows = list(csv.DictReader(io.StringIO(links_csv(links).decode())))
    places = sum(len(link.places) for link in links.links)
    assert len(rows) == places
    document = json.loads(links_json(links))
    assert len(document["links"]) == len(links.links)
    graph = defusedxml.ElementTree.fromstring(links_graphml(links).decode())
    names = [element.tag.rpartition("}")[2] for element in graph.iter()]
    assert names.count("edge") == places
    assert names.count("node") == len(links.links) + len(links.sources)


HOSTILE = 'x"><script>\u202e\x00\x1b&]]>'


def test_hostile_values_stay_inert(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_bundle(
            tmp_path / f"{name}.bundle",
            [finding(1, "chat.account", account=HOSTILE, service=HOSTILE, identifier=HOSTILE)],
            case=HOSTILE,
            exhibit=HOSTILE,
        )
    result = find_links(bundles_in([tmp_path]))
    assert len(result.links) == 1
    defusedxml.ElementTree.fromstring(links_graphml(result).decode())
    page = links_page(result).decode()
    assert page == links_page(result).decode()
    for text in (page, links_csv(result).decode(), links_graphml(result).decode()):
        assert not {"\u202e", "\x00", "\x1b"} & set(text)
    assert "<script" not in page
    assert "<a " not in page
