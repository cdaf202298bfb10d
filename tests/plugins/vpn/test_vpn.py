from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from plugins.vpn.openvpn import log
from plugins.vpn.openvpn import profile as openvpn
from plugins.vpn.providers import mullvad, mullvad_log, nord, nord_settings, proton
from plugins.vpn.wireguard import network_manager, sealed
from plugins.vpn.wireguard import profile as wireguard
from tests.plugins.conftest import Extract
from triage.api import Extractor, ParseError, Sensitivity, VpnClient

TREE = Path(__file__).parents[3] / "fixtures/vpn/profiles/linux/tree"
OVPN = (TREE / "home/alice/Downloads/work.ovpn").read_text()
CONF = (TREE / "home/alice/Downloads/mullvad-fixture.conf").read_text()
PATHS: list[tuple[Extractor, str]] = [
    (openvpn, "/a/x.ovpn"),
    (log, "/var/log/openvpn/x.log"),
    (wireguard, "/etc/wireguard/wg0.conf"),
    (sealed, "/a/WireGuard/Configurations/x.conf.dpapi"),
    (network_manager, "/etc/NetworkManager/system-connections/x"),
    (mullvad, "/etc/mullvad-vpn/device.json"),
    (mullvad_log, "/var/log/mullvad-vpn/daemon.log"),
    (proton, "/a/ProtonVPN/Logs/x.txt"),
    (nord, "/a/NordVPN/logs/app-x.nwl"),
    (nord_settings, "/a/NordVPN/NordVPN.exe_a/1/user.config"),
]


@pytest.mark.parametrize(("extractor", "path"), PATHS, ids=lambda item: str(item)[:40])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\xff" * 500,
        b"{",
        b"[" * 4000,
        b'{"logged_in": 7}',
        b"[Interface\n]=\n[]\n[.]\n==\n",
        b"<cert>\n" * 500,
        b"remote\n" * 30_000,
        b"[2024-99-99 99:99:99\n" * 500,
    ],
)
def test_garbage(extract: Extract, extractor: Extractor, path: str, data: bytes) -> None:
    with contextlib.suppress(ParseError):
        for finding in extract(extractor, {path: data}).findings:
            assert finding.sensitivity is not Sensitivity.SECRET


def one(extract: Extract, extractor: Extractor, path: str, text: str) -> VpnClient:
    (found,) = extract(extractor, {path: text.encode()}).of(VpnClient)
    assert isinstance(found, VpnClient)
    return found


def test_openvpn_names_kinds_of_secrets_and_shows_none(extract: Extract) -> None:
    text = OVPN + "<auth-user-pass>\nalice\nswordfish\n</auth-user-pass>\n"
    found = one(extract, openvpn, "/x.ovpn", text)
    assert found.credentials == ("private key", "password")
    assert found.user_name == "alice"
    assert found.sensitivity is Sensitivity.SECRET
    assert "swordfish" not in repr(found)


def test_an_account_number_is_no_user_name(extract: Extract) -> None:
    text = "client\n<auth-user-pass>\n1234567812345678\nm\n</auth-user-pass>\n"
    found = one(extract, openvpn, "/x.ovpn", text)
    assert found.user_name is None
    assert "1234567812345678" not in repr(found)


@pytest.mark.parametrize(
    "pem", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_a_broken_certificate_costs_the_name_alone(extract: Extract, pem: str) -> None:
    found = one(extract, openvpn, "/x.ovpn", f"remote h 1\n<cert>\n{pem}\n</cert>\n")
    assert (found.user_name, found.servers) == (None, ("h:1",))


def test_key_in_another_file_and_connection_blocks(extract: Extract) -> None:
    text = "tls-client\nkey C:\\\\keys\\\\a.key\n<connection>\nremote a 2\n</connection>\n"
    found = one(extract, openvpn, "/x.ovpn", text)
    assert found.credentials == ("private key file C:\\\\keys\\\\a.key",)
    assert (found.servers, found.sensitivity) == (("a:2",), Sensitivity.PERSONAL)


def test_log_of_before_2_5(extract: Extract) -> None:
    text = (
        "Mon May  6 09:00:01 2024 OpenVPN 2.4.9 x86_64\n"
        "Mon May  6 09:00:03 2024 Initialization Sequence Completed\n"
    )
    found = one(extract, log, "/u/OpenVPN/log/work.log", text)
    assert (found.connections, found.version) == (1, "2.4.9")
    assert found.times[1].raw == "Mon May  6 09:00:03 2024"
    assert {(time.utc, time.zone) for time in found.times} == {(None, "local")}


def test_wireguard_computes_the_public_key(extract: Extract) -> None:
    found = one(extract, wireguard, "/home/a/Downloads/x.conf", CONF)
    secret = CONF.partition("PrivateKey = ")[2].partition("\n")[0]
    assert found.own_public_key
    assert secret not in repr(found)
    assert found.service == "Mullvad VPN"
    assert found.indicator_list == "vpn 2026-11-25"


@pytest.mark.parametrize("key", ["", "short", "A" * 43, "=" * 44])
def test_wireguard_with_a_bad_key(extract: Extract, key: str) -> None:
    text = f"[Interface]\nPrivateKey = {key}\n[Peer]\nEndpoint = h:1\n"
    found = one(extract, wireguard, "/etc/wireguard/wg0.conf", text)
    assert (found.own_public_key, found.credentials) == (None, ())


@pytest.mark.parametrize(
    "text", ["[Interface]\nAddress = 1\n", "[Peer]\nEndpoint = h:1\n", "x = y\n"]
)
def test_other_conf_files(extract: Extract, text: str) -> None:
    assert extract(wireguard, {"/home/a/Documents/x.conf": text.encode()}).findings == []


def test_wireless_networks_are_not_read_as_vpn(extract: Extract) -> None:
    text = "[connection]\ntype=wifi\n[wifi-security]\npsk=secret\n"
    path = "/etc/NetworkManager/system-connections/x.nmconnection"
    assert extract(network_manager, {path: text.encode()}).findings == []


@pytest.mark.parametrize("content", [{"logged_in": {"account_number": "1234567812345678"}}])
def test_account_number_is_sealed(extract: Extract, content: object) -> None:
    found = one(extract, mullvad, "/etc/mullvad-vpn/device.json", json.dumps(content))
    assert found.credentials == ("account number",)
    assert "1234567812345678" not in repr(found)
    assert mullvad.holds_secret


@pytest.mark.parametrize("content", [{}, [], {"logged_out": {}}, "1234", 7, {"a": {"b": "c"}}])
def test_mullvad_without_account(extract: Extract, content: object) -> None:
    path = "/etc/mullvad-vpn/account-history.json"
    assert extract(mullvad, {path: json.dumps(content).encode()}).findings == []


def test_one_finding_a_folder_of_logs(extract: Extract) -> None:
    line = b"2024-05-06T0%d:00:00Z | INFO\n"
    files = {f"/u/ProtonVPN/Logs/{n}.txt": line % n for n in (2, 1, 3)}
    (found,) = extract(proton, files).of(VpnClient)
    assert [time.utc for time in found.times] == ["2024-05-06T01:00:00Z", "2024-05-06T03:00:00Z"]
