from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from plugins.darknet.hyphanet import completed, friends, node, settings
from plugins.darknet.onionshare import settings as onionshare
from plugins.darknet.onionshare import tabs
from plugins.darknet.others import lokinet, zeronet
from plugins.darknet.ricochet import profile
from plugins.darknet.whonix import inside, machine
from tests.plugins.conftest import Extract
from triage.api import DarknetClient, DarknetIdentity, Extractor, ParseError, Sensitivity

TREES = Path(__file__).parents[3] / "fixtures/darknet"
TAB = json.loads(
    (TREES / "onionshare/linux/tree/home/alice/.config/onionshare/persistent/tab1.json").read_text()
)
PROFILE = json.loads(
    (
        TREES / "ricochet/windows/tree/Users/alice/AppData/Local/ricochet-refresh/ricochet.json"
    ).read_text()
)
PATHS: list[tuple[Extractor, str]] = [
    (onionshare, "/a/onionshare/onionshare.json"),
    (tabs, "/a/onionshare/persistent/x.json"),
    (profile, "/a/ricochet.json"),
    (settings, "/a/freenet.ini"),
    (node, "/a/Freenet/node-1"),
    (friends, "/a/Freenet/peers-1"),
    (completed, "/a/completed.list.downloads"),
    (machine, "/a/Whonix-x.vbox"),
    (machine, "/a/Whonix-x.ova"),
    (inside, "/etc/whonix_version"),
    (zeronet, "/a/users.json"),
    (lokinet, "/a/.lokinet/lokinet.ini"),
]


@pytest.mark.parametrize(("extractor", "path"), PATHS, ids=lambda item: str(item)[:40])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\xff" * 500,
        b"[]",
        b"{",
        b'{"users": 7, "identity": [], "onion": 3, "contacts": [1], "version": {}}',
        b"[" * 5000,
        b"<Machine " * 3000,
        b"End\n" * 3000,
        b"=\n==\n;=\n[\n]\n[]\n",
    ],
)
def test_garbage_gives_parse_errors_alone(
    extract: Extract, extractor: Extractor, path: str, data: bytes
) -> None:
    with contextlib.suppress(ParseError):
        extract(extractor, {path: data})


def saved(**changes: Any) -> dict[str, bytes]:
    return {"/a/onionshare/persistent/x.json": json.dumps({**TAB, **changes}).encode()}


def test_tab_shows_the_address_and_never_the_key(extract: Extract) -> None:
    (found,) = extract(tabs, saved()).of(DarknetIdentity)
    assert found.darknet_address == f"{TAB['general']['service_id']}.onion"
    assert found.shared_paths == ("/home/alice/papers/list.ods",)
    assert found.sensitivity is Sensitivity.SECRET
    assert TAB["onion"]["private_key"] not in repr(found)


def test_tab_whose_key_is_another_one(extract: Extract) -> None:
    other = next(iter(PROFILE["users"]))
    found = extract(tabs, saved(general={"service_id": other}))
    assert len(found.problems) == 1
    assert found.of(DarknetIdentity)[0].darknet_address == f"{TAB['general']['service_id']}.onion"


@pytest.mark.parametrize("key", [None, "", "!!!", "AAAA", 7, "ED25519-V3:" + "A" * 44])
def test_tab_without_a_good_key(extract: Extract, key: object) -> None:
    (found,) = extract(tabs, saved(onion={"private_key": key})).of(DarknetIdentity)
    assert found.darknet_address == f"{TAB['general']['service_id']}.onion"
    assert "address-from-key" not in found.checks


def test_password_in_settings_is_not_shown(extract: Extract) -> None:
    data = json.dumps({"version": "2.6", "connection_type": "x", "auth_password": "swordfish"})
    found = extract(onionshare, {"/a/onionshare/onionshare.json": data.encode()})
    assert "swordfish" not in repr(found.of(DarknetClient))


def test_contact_with_a_wrong_checksum_is_said(extract: Extract) -> None:
    users = {"a" * 56: {"nickname": "x", "type": "allowed"}, **PROFILE["users"]}
    data = json.dumps({**PROFILE, "users": users}).encode()
    found = extract(profile, {"/a/ricochet.json": data})
    assert len(found.problems) == 1
    assert len([item for item in found.of(DarknetIdentity) if item.role == "contact"]) == 2


def test_completed_lists_are_bounded(extract: Extract) -> None:
    found = extract(completed, {"/a/completed.list.uploads": b"x\n" * 30_000})
    assert len(found.findings) == 20_000
    assert len(found.problems) == 1


def test_whonix_marker_speaks_once(extract: Extract) -> None:
    files = {
        "/usr/share/anon-gw-base-files/gateway": b"",
        "/etc/whonix_version": b"17\n",
    }
    (found,) = extract(inside, files).of(DarknetClient)
    assert (found.version, found.settings) == ("17", ("role=gateway",))


def test_seed_of_zeronet_makes_the_file_secret(extract: Extract) -> None:
    users = b'{"1Address": {"master_seed": "5eed5eed"}}'
    (found,) = extract(zeronet, {"/a/users.json": users, "/a/sites.json": b"{"}).of(DarknetClient)
    assert found.sensitivity is Sensitivity.SECRET
    assert "5eed5eed" not in repr(found)
