from __future__ import annotations

from pathlib import Path

import pytest

from plugins.darknet.i2p import java_tunnels, keys, names, router, tunnels
from tests.plugins.conftest import Extract
from triage.api import DarknetClient, DarknetIdentity, ParseError, Sensitivity

DATA = Path(__file__).parents[2] / "formats/data/i2p"
INFO = (DATA / "router.info").read_bytes()
KEYS = (DATA / "my-site.dat").read_bytes()
ADDRESS = "tenfkfhxy2tvnj6puacahy22iopp6q554tgmqdx55j7uenssl4aa.b32.i2p"


def test_router_of_i2pd(extract: Extract) -> None:
    found = extract(router, {"/d/router.info": INFO, "/d/i2pd.conf": b"port = 1\n"})
    (client,), (identity,) = found.of(DarknetClient), found.of(DarknetIdentity)
    assert (client.application, client.version) == ("i2pd", "0.9.57")
    assert client.network_addresses == ("127.0.0.1:19999",)
    assert identity.has_secret_key is False
    assert identity.checks == ("i2p-signature",)


def test_changed_router_info_is_said(extract: Extract) -> None:
    found = extract(router, {"/d/router.info": INFO[:-1] + b"x"})
    assert len(found.problems) == 1
    assert found.of(DarknetIdentity)[0].checks == ()


def test_settings_alone(extract: Extract) -> None:
    config = b"router.firstInstalled=1714979289000\ni2np.udp.port=9\n"
    (client,) = extract(router, {"/d/router.config": config}).of(DarknetClient)
    assert (client.application, client.shows) == ("i2p", "present")
    assert client.times[0].utc == "2024-05-06T07:08:09Z"


@pytest.mark.parametrize(
    "files",
    [
        {"/d/router.config": b"baud=9600\n"},
        {"/d/i2pd.conf": b"\xff\xfe\x00\x00"},
        {"/d/router.config": b""},
    ],
)
def test_other_programs_settings(extract: Extract, files: dict[str, bytes]) -> None:
    assert extract(router, files).findings == []


@pytest.mark.parametrize("data", [b"", b"garbage" * 100, INFO[:500]])
def test_garbage_router_info(extract: Extract, data: bytes) -> None:
    with pytest.raises(ParseError):
        extract(router, {"/d/router.info": data})


def test_keys_are_secret(extract: Extract) -> None:
    (found,) = extract(
        keys, {"/x/i2pd/a.dat": KEYS, "/x/i2pd/b.dat": b"no", "/x/other/c.dat": KEYS}
    ).of(DarknetIdentity)
    assert (found.darknet_address, found.sensitivity) == (ADDRESS, Sensitivity.SECRET)
    assert keys.holds_secret


def test_tunnel_with_missing_and_broken_keys(extract: Extract) -> None:
    text = b"[a]\ntype=http\nkeys=gone.dat\n[b]\ntype=server\nkeys=bad.dat\n[c]\ntype=server\n"
    found = extract(tunnels, {"/d/i2pd/tunnels.conf": text, "/d/i2pd/bad.dat": b"bad"})
    assert [item.darknet_address for item in found.of(DarknetIdentity)] == [None, None]
    assert len(found.problems) == 1


def test_keys_in_the_system_folder(extract: Extract) -> None:
    text = b"[a]\ntype=http\nkeys=a.dat\nhost=127.0.0.1\nport=80\n"
    found = extract(tunnels, {"/etc/i2pd/tunnels.conf": text, "/var/lib/i2pd/a.dat": KEYS})
    assert found.of(DarknetIdentity)[0].darknet_address == ADDRESS


def test_many_tunnels_are_bounded(extract: Extract) -> None:
    text = b"[a]\ntype=client\ndestination=x.i2p\n" * 2000
    found = extract(tunnels, {"/d/i2pd/tunnels.conf": text})
    assert len(found.findings) == 1000
    assert len(found.problems) == 1


def test_old_java_tunnels(extract: Extract) -> None:
    text = (
        b"tunnel.0.name=page\ntunnel.0.type=httpserver\ntunnel.0.privKeyFile=k.dat\n"
        b"tunnel.1.type=client\ntunnel.1.targetDestination=irc.x.i2p\ntunnel.2.type=httpclient\n"
        b"tunnel.x.y=z\ntunnel.3\n"
    )
    found = extract(java_tunnels, {"/d/i2ptunnel.config": text, "/d/k.dat": KEYS})
    hosted, target = found.of(DarknetIdentity)
    assert (hosted.role, hosted.darknet_address, hosted.label) == ("hosted", ADDRESS, "page")
    assert (target.role, target.darknet_address) == ("target", "irc.x.i2p")


def test_names(extract: Extract) -> None:
    text = (
        b"a.i2p,"
        + ADDRESS[:52].encode()
        + b"\n#b.i2p,x\nc.i2p,short\nd.org,"
        + b"a" * 52
        + b"\n\xff"
    )
    found = extract(names, {"/d/addressbook/local.csv": text})
    assert [item.label for item in found.of(DarknetIdentity)] == ["a.i2p"]


def test_destinations_that_ship_are_said_to(extract: Extract) -> None:
    text = b"[IRC-ILITA]\ntype=client\ndestination=irc.ilita.i2p\nkeys=irc-keys.dat\n"
    (found,) = extract(tunnels, {"/etc/i2pd/tunnels.conf": text}).of(DarknetIdentity)
    assert (found.state, found.shows) == ("shipped with the program", "present")


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ("type=client\ntargetDestination=smtp.postman.i2p:25\nname=smtp.postman.i2p", True),
        (
            "type=httpserver\nspoofedHost=mysite.i2p\nname=I2P webserver\nprivKeyFile=eepPriv.dat",
            True,
        ),
        ("type=httpserver\nspoofedHost=mysite.i2p\nprivKeyFile=k.dat", False),
        ("type=client\ntargetDestination=shop.i2p:25\nname=smtp.postman.i2p", False),
    ],
)
def test_tunnels_that_come_with_java(extract: Extract, lines: str, *, state: bool) -> None:
    text = "\n".join(f"tunnel.3.{line}" for line in lines.splitlines()).encode()
    (found,) = extract(java_tunnels, {"/d/i2ptunnel.config": text, "/d/k.dat": KEYS}).of(
        DarknetIdentity
    )
    assert (found.state == "shipped with the program") is state
