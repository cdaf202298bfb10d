"""WireGuard: configurations of wg-quick, the Windows program and NetworkManager.

Written from wg-quick(8), wg(8), wireguard-windows and nm-settings-keyfile(5), for Linux, BSD, macOS
and Windows; tested with files made from those formats by a committed script. The own public key is
computed from the secret key, which is never shown. Not read: `*.conf.dpapi` of Windows (they are
encrypted for the machine and only named), `log.bin`, the keychain of macOS.
References: https://www.wireguard.com/, wg-quick(8).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

# The library imports its backend at first use, which a locked worker cannot do any more.
import cryptography.hazmat.backends.openssl.backend  # noqa: F401
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from triage.api import (
    Artifact,
    Confidence,
    Protection,
    Sensitivity,
    Shows,
    VpnClient,
    extractor,
)
from triage.formats.stamps import modified

from ._service import service

_LIMIT = 1 << 20
_HEAD = 64 << 10
_MAX_LINES = 20_000
_MAX_PEERS = 200
_KEY = re.compile(r"[A-Za-z0-9+/]{43}=")
_DPAPI = bytes.fromhex("01000000d08c9ddf0115d1118c7a00c04fc297eb")


@extractor(
    name="vpn.wireguard.profile",
    paths=(
        # wg-quick: Linux, BSD and Homebrew
        "**/etc/wireguard/*.conf",
        # configurations as providers hand them out
        "**/wg*.conf",
        "{Users,home}/*/{Desktop,Documents,Downloads}/**/*.conf",
        # wireguard-windows, before it encrypts them
        "**/WireGuard/Data/Configurations/*.conf",
    ),
    yields=(VpnClient,),
    holds_secret=True,
)
def profile(artifact: Artifact) -> Iterator[VpnClient]:
    """Read a WireGuard configuration: peers, addresses, whether keys lie in it."""
    if b"[interface]" not in artifact.head(_HEAD).lower():
        return
    sections = list(_sections(artifact.text(_LIMIT)))
    own = next((values for name, values in sections if name == "interface"), None)
    peers = [values for name, values in sections if name == "peer"][:_MAX_PEERS]
    if own is None or not ("privatekey" in own or peers):
        return
    yield _client(
        artifact,
        secret=own.get("privatekey"),
        peers=[
            (peer.get("publickey"), peer.get("endpoint"), "presharedkey" in peer) for peer in peers
        ],
        addresses=own.get("address", ""),
        settings=tuple(
            f"{name} {own[name]}" for name in ("dns", "listenport", "table") if own.get(name)
        ),
    )


@extractor(
    name="vpn.wireguard.sealed",
    paths=(
        # wireguard-windows 0.1 and later, in Program Files; older ones in the system's profile
        "**/WireGuard/{Data/,}Configurations/*.conf.dpapi",
    ),
    yields=(VpnClient,),
    holds_secret=True,
)
def sealed(artifact: Artifact) -> Iterator[VpnClient]:
    """Name a WireGuard configuration that Windows has encrypted for the machine."""
    if artifact.head(len(_DPAPI)) != _DPAPI:
        return
    yield VpnClient(
        application="wireguard",
        profile=artifact.path,
        credentials=("encrypted configuration",),
        shows=Shows.PRESENT,
        confidence=Confidence.CONFIRMED,
        checks=("dpapi-provider",),
        protection=Protection.DPAPI,
        times=modified("last_written", artifact),
    )


@extractor(
    name="vpn.wireguard.network-manager",
    paths=(
        # NetworkManager 1.16 and later, Linux; without a suffix before 1.20
        "etc/NetworkManager/system-connections/*",
        "run/NetworkManager/system-connections/*",
    ),
    yields=(VpnClient,),
    holds_secret=True,
)
def network_manager(artifact: Artifact) -> Iterator[VpnClient]:
    """Read a VPN connection of NetworkManager; other connections are passed over."""
    sections = list(_sections(artifact.text(_LIMIT)))
    named = {name.partition(".")[0]: values for name, values in reversed(sections)}
    connection = named.get("connection", {})
    kind = connection.get("type")
    if kind == "wireguard":
        own = named.get("wireguard", {})
        peers = [
            (name.partition(".")[2], values.get("endpoint"), "preshared-key" in values)
            for name, values in sections
            if name.startswith("wireguard-peer.")
        ]
        yield _client(
            artifact,
            secret=own.get("private-key"),
            peers=[(key, end, shared) for key, end, shared in peers[:_MAX_PEERS]],
            addresses=named.get("ipv4", {}).get("address1", ""),
            settings=tuple(f"id {connection['id']}" for _ in (0,) if connection.get("id")),
        )
    elif kind == "vpn":
        values = named.get("vpn", {})
        secrets = named.get("vpn-secrets", {})
        remote = values.get("remote") or values.get("gateway")
        servers = tuple(part.strip()[:255] for part in (remote or "").split(",") if part.strip())
        known = service(servers)
        yield VpnClient(
            application=values.get("service-type", "vpn").rpartition(".")[2][:40],
            profile=artifact.path,
            servers=servers[:_MAX_PEERS],
            user_name=values.get("username") or values.get("user"),
            credentials=("password",) if secrets else (),
            settings=tuple(f"id {connection['id']}" for _ in (0,) if connection.get("id")),
            service=known[0],
            indicator_list=known[1],
            shows=Shows.CREDENTIAL if secrets else Shows.PRESENT,
            confidence=Confidence.PROBABLE,
            protection=Protection.PLAIN if secrets else None,
            sensitivity=Sensitivity.SECRET if secrets else Sensitivity.PERSONAL,
            times=modified("last_written", artifact),
        )


def _client(
    artifact: Artifact,
    *,
    secret: str | None,
    peers: list[tuple[str | None, str | None, bool]],
    addresses: str,
    settings: tuple[str, ...],
) -> VpnClient:
    servers = tuple(dict.fromkeys(end[:255] for _, end, _ in peers if end))
    has_key = secret is not None and _KEY.fullmatch(secret) is not None
    shared = any(found for _, _, found in peers)
    kinds = (*(("private key",) if has_key else ()), *(("preshared key",) if shared else ()))
    known = service(servers)
    return VpnClient(
        application="wireguard",
        profile=artifact.path,
        servers=servers,
        public_keys=tuple(dict.fromkeys(key for key, _, _ in peers if key and _KEY.fullmatch(key))),
        own_public_key=_public(secret) if has_key and secret else None,
        tunnel_addresses=tuple(part.strip()[:80] for part in addresses.split(",") if part.strip())[
            :20
        ],
        credentials=kinds,
        settings=settings,
        service=known[0],
        indicator_list=known[1],
        shows=Shows.CREDENTIAL if kinds else Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        protection=Protection.PLAIN if kinds else None,
        sensitivity=Sensitivity.SECRET if kinds else Sensitivity.PERSONAL,
        times=modified("last_written", artifact),
    )


def _public(secret: str) -> str | None:
    try:
        key = X25519PrivateKey.from_private_bytes(base64.b64decode(secret))
    except (ValueError, binascii.Error):
        return None
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def _sections(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (name, values) of sections, repeated ones too; names of values in small letters."""
    name, values = "", dict[str, str]()
    for raw in text.splitlines()[:_MAX_LINES]:
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            if name:
                yield name, values
            section = line[1:-1]
            # NetworkManager writes the key of a peer into the name: its case counts.
            name = section if "." in section else section.casefold()
            values = {}
        elif "=" in line and line[0] not in "#;":
            key, _, value = line.partition("=")
            values.setdefault(key.strip().casefold(), value.partition("#")[0].strip()[:1000])
    if name:
        yield name, values
