"""Onion services: keys against host names, ports, clients; secrets stay inside."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from plugins.tor.service import configuration, hostname, keys
from triage.api import ParseError, Sensitivity, Shows, TorOnionService
from triage.formats.onion import onion_address

Extract = Callable[..., Any]

PUBLIC = bytes(range(32))
ONION = onion_address(PUBLIC)
OTHER = onion_address(bytes(range(1, 33)))
PUBLIC_FILE = b"== ed25519v1-public: type0 ==\0\0\0" + PUBLIC
SECRET = bytes(range(100, 164))
SECRET_FILE = b"== ed25519v1-secret: type0 ==\0\0\0" + SECRET
PEM = b"-----BEGIN RSA PRIVATE KEY-----\nMIIC\n-----END RSA PRIVATE KEY-----\n"
HERE = "/var/lib/tor/shop"


def both(extract: Extract, tree: dict[str, bytes]) -> Any:
    """Both extractors over one directory: together they must yield one finding."""
    found, named = extract(keys, tree), extract(hostname, tree)
    found.findings += named.findings
    found.problems += named.problems
    return found


def service(**changes: bytes | None) -> dict[str, bytes]:
    files: dict[str, bytes | None] = {
        "hostname": f"{ONION}\n".encode(),
        "hs_ed25519_public_key": PUBLIC_FILE,
        "hs_ed25519_secret_key": SECRET_FILE,
        **changes,
    }
    return {f"{HERE}/{name}": data for name, data in files.items() if data is not None}


def test_whole_service(extract: Extract) -> None:
    tree = {
        **service(),
        f"{HERE}/authorized_clients/bob.auth": b"descriptor:x25519:" + b"A" * 52 + b"\n",
        f"{HERE}/authorized_clients/broken.auth": b"nothing",
        "/etc/tor/torrc": b"HiddenServiceDir /var/lib/tor/other/\nHiddenServicePort 1 127.0.0.1:1\n"
        b"HiddenServiceDir /var/lib/tor/shop/\nHiddenServiceVersion 3\n"
        b"HiddenServicePort 80 127.0.0.1:8080\n",
        "/etc/nginx/nginx.conf": b"",
        "/etc/nginx/sites-enabled/shop": b"server {\n  listen 127.0.0.1:8080;\n"
        b"  root /srv/shop; # here\n}\nserver {\n listen 80;\n root /srv/other;\n}\n",
    }
    found = both(extract, tree)
    assert found.problems == []
    (hosted,) = found.of(TorOnionService)
    assert hosted.onion == ONION
    assert hosted.directory == HERE
    assert hosted.hostname_matches is True
    assert hosted.ports == ("80 127.0.0.1:8080",)
    assert hosted.settings == ("HiddenServiceVersion 3",)
    assert hosted.authorized_clients == ("bob",)
    assert hosted.web_roots == ("/srv/shop",)
    assert hosted.shows is Shows.CREDENTIAL
    assert hosted.sensitivity is Sensitivity.SECRET
    assert hosted.checks == ("onion-checksum", "hostname-matches-key")


def test_secret_only_in_the_frame(extract: Extract) -> None:
    (hosted,) = both(extract, service()).findings
    encoded = base64.b64encode(SECRET).decode()
    assert hosted.secret == f"ed25519-v3:{encoded}"
    assert encoded not in repr(hosted)
    assert encoded not in str(hosted.value())


def test_address_from_the_key_wins_over_hostname(extract: Extract) -> None:
    found = both(extract, service(hostname=f"{OTHER}\n".encode()))
    (hosted,) = found.findings
    assert (hosted.onion, hosted.hostname_matches) == (ONION, False)
    assert found.problems == [f"hostname says {OTHER}, the public key gives {ONION}"]


@pytest.mark.parametrize(
    ("changes", "onion", "has_secret"),
    [
        ({"hs_ed25519_secret_key": None}, ONION, False),
        ({"hs_ed25519_secret_key": None, "hs_ed25519_public_key": None}, ONION, False),
        ({"hostname": None}, ONION, True),
        ({"hostname": None, "hs_ed25519_public_key": None}, None, True),
    ],
)
def test_partial_directories(
    extract: Extract, changes: dict[str, None], onion: str | None, has_secret: bool
) -> None:
    (hosted,) = both(extract, service(**changes)).findings
    assert (hosted.onion, hosted.has_secret_key) == (onion, has_secret)
    assert hosted.hostname_matches is (
        True if changes.keys() == {"hs_ed25519_secret_key"} else None
    )
    assert (hosted.sensitivity is Sensitivity.SECRET) is has_secret


def test_legacy_service(extract: Extract) -> None:
    tree = {"/x/hs/hostname": b"expyuzz4wqqyqhjn.onion\n", "/x/hs/private_key": PEM}
    (hosted,) = both(extract, tree).findings
    assert hosted.onion == "expyuzz4wqqyqhjn.onion"
    assert hosted.has_secret_key is True
    assert hosted.secret == PEM.decode().strip()
    assert hosted.checks == ()


def test_other_hostname_and_key_files(extract: Extract) -> None:
    tree = {
        "/etc/hostname": b"webserver\n",
        "/home/bob/hostname": b"expyuzz4wqqyqhjn\n",
        "/etc/ssl/private_key": PEM,
        "/srv/hostname": ONION[:50].encode(),
    }
    found = both(extract, tree)
    assert found.findings == []
    assert found.problems == []


@pytest.mark.parametrize("data", [b"", PUBLIC_FILE[:40], b"\0" * 64, PUBLIC_FILE + b"\0"])
def test_damaged_public_key(extract: Extract, data: bytes) -> None:
    with pytest.raises(ParseError):
        both(extract, {"/x/hs/hs_ed25519_public_key": data})


def test_configured_but_not_there(extract: Extract) -> None:
    torrc = (
        b"HiddenServiceDir /var/lib/tor/shop/\nHiddenServicePort 80\n"
        b"HiddenServiceDir /mnt/vault/hs\nHiddenServicePort 22 127.0.0.1:22\n"
        b"HiddenServicePort 80 unix:/run/web.sock\n"
    )
    (hosted,) = extract(configuration, {**service(), "/etc/tor/torrc": torrc}).findings
    assert hosted.directory == "/mnt/vault/hs"
    assert hosted.onion is None
    assert hosted.ports == ("22 127.0.0.1:22", "80 unix:/run/web.sock")
    assert hosted.locator == "line 3"
    assert hosted.has_secret_key is False


def test_windows_directory_in_torrc(extract: Extract) -> None:
    tor = "/Users/alice/Tor Browser/Browser/TorBrowser/Data/Tor"
    tree = {
        f"{tor}/hs/hostname": f"{ONION}\n".encode(),
        f"{tor}/torrc": rb'HiddenServiceDir "D:\\users\\Alice\\Tor Browser\\Browser\\TorBrowser'
        rb'\\Data\\Tor\\hs"' + b"\nHiddenServicePort 80 127.0.0.1:5000\n",
    }
    (hosted,) = both(extract, tree).findings
    assert hosted.ports == ("80 127.0.0.1:5000",)
    assert extract(configuration, tree).findings == []


DOCKER = "/var/lib/docker"
TORRC = b"HiddenServiceDir /var/lib/tor/shop/\nHiddenServicePort 80 127.0.0.1:8080\n"


def mount(name: str, place: str) -> bytes:
    return json.dumps({"MountPoints": {place: {"Name": name, "Destination": place}}}).encode()


@pytest.mark.parametrize(
    ("folder", "torrc", "name"),
    [
        ("overlay2/one/diff/var/lib/tor/shop", "overlay2/one/diff", "overlay2 one"),
        ("overlay2/one/diff/var/lib/tor/shop", "overlay2/two/diff", "overlay2 one"),
        ("volumes/keys/_data/shop", "overlay2/two/diff", "volume keys"),
    ],
)
def test_service_in_a_container(extract: Extract, folder: str, torrc: str, name: str) -> None:
    keys_at = {path.replace(HERE, f"{DOCKER}/{folder}"): data for path, data in service().items()}
    tree = {
        **keys_at,
        f"{DOCKER}/{torrc}/etc/tor/torrc": TORRC,
        f"{DOCKER}/containers/c1/config.v2.json": mount("keys", "/var/lib/tor"),
        f"{DOCKER}/containers/c2/config.v2.json": mount("other", "/srv"),
        "/etc/tor/torrc": b"HiddenServiceDir /var/lib/tor/shop/\nHiddenServicePort 1 127.0.0.1:1\n",
    }
    found = extract(keys, tree)
    (hosted,) = found.of(TorOnionService)
    assert (hosted.container, hosted.ports) == (name, ("80 127.0.0.1:8080",))
    assert found.problems == []


def test_damaged_settings_of_a_container_are_a_problem(extract: Extract) -> None:
    here = f"{DOCKER}/volumes/keys/_data"
    tree = {path.replace(HERE, here): data for path, data in service().items()}
    found = extract(keys, {**tree, f"{DOCKER}/containers/c1/config.v2.json": b"{"})
    assert found.of(TorOnionService)[0].container == "volume keys"
    assert len(found.problems) == 1


def test_torrc_that_no_one_would_look_for(extract: Extract) -> None:
    tree = {**service(), "/home/alice/tor/torrc": TORRC}
    (configured,) = extract(configuration, tree).of(TorOnionService)
    assert (configured.onion, configured.has_secret_key) == (ONION, True)
    assert configured.ports == ("80 127.0.0.1:8080",)
    assert extract(configuration, {**service(), "/etc/tor/torrc": TORRC}).findings == []


def test_blocks_of_included_files(extract: Extract) -> None:
    tree = {
        "/etc/tor/torrc": b"%include /etc/tor/torrc.d/*\n%include /srv/onions.conf\n",
        "/etc/tor/torrc.d/a": b"HiddenServiceDir /mnt/a\n",
        "/srv/onions.conf": b"HiddenServiceDir /mnt/b\n",
    }
    found = extract(configuration, tree).of(TorOnionService)
    assert sorted((item.directory, item.locator) for item in found) == [
        ("/mnt/a", "line 1"),
        ("/mnt/b", "line 1 of /srv/onions.conf"),
    ]


def test_httpd_sites_beside_its_configuration(extract: Extract) -> None:
    tree = {
        **service(),
        "/etc/tor/torrc": TORRC,
        "/etc/httpd/conf/httpd.conf": b"Listen 80\n",
        "/etc/httpd/conf.d/shop.conf": b"<VirtualHost 127.0.0.1:8080>\nDocumentRoot /srv/shop\n",
    }
    assert extract(keys, tree).of(TorOnionService)[0].web_roots == ("/srv/shop",)
