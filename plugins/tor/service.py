"""Onion services: key directories, and torrc blocks whose directory is not there.

Written from tor 0.4.7 (`src/feature/hs/hs_service.c`, `src/lib/crypt_ops/crypto_ed25519.c`) and
rend-spec-v3; run over a service made by Debian's tor 0.4.9.11. The older 16-character services
(tor before 0.4.6, 2021) are recognised by `hostname` and `private_key`. A secret key is reported,
never shown. A torrc is followed into what it includes and to the folders that it names, also in the
layers and volumes of containers (Docker, Podman, containerd, LXC; layouts from their documentation,
not yet from a real host). Not read: keys of Arti, Onionbalance configuration, web servers that
listen on a Unix socket. Web roots are looked up for nginx and Apache in the same file system only.
Reference: https://spec.torproject.org/rend-spec/.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass

from triage.api import (
    Artifact,
    Confidence,
    Header,
    ParseError,
    Protection,
    Sensitivity,
    Shows,
    TorOnionService,
    extractor,
)
from triage.formats.onion import OnionAddress, onion_address
from triage.formats.onion import check as onion_check

from ._containers import Container, container_of, folder_of
from ._torrc import ServiceBlock, read_torrc, same_directory, service_blocks
from ._webroots import web_roots

_PUBLIC = b"== ed25519v1-public: type0 ==\0\0\0"
_SECRET = b"== ed25519v1-secret: type0 ==\0\0\0"
_PUBLIC_LENGTH, _SECRET_LENGTH = 64, 96
_RSA = b"-----BEGIN RSA PRIVATE KEY-----"
_SMALL = 8192
_ANCHORS = ("hs_ed25519_public_key", "hs_ed25519_secret_key", "private_key", "hostname")
_BESIDE = ("../torrc", "../../torrc")
_SYSTEM = (
    "/etc/tor/torrc",
    "/usr/local/etc/tor/torrc",
    "/opt/homebrew/etc/tor/torrc",
)
_MAX_CLIENTS = 1000
_MAX_TORRCS = 50
# Included files that the patterns below match, so that their blocks are read there.
_READ_BY_ITSELF = re.compile(r"/etc/tor/torrc\.d/|/\.?torrc$")


@extractor(
    name="tor.onion-service.keys",
    paths=(
        # tor 0.3.2 and later, any system
        "**/hs_ed25519_public_key",
        "**/hs_ed25519_secret_key",
        # tor before 0.4.6: RSA key of a 16-character address; many programs use this name
        "**/private_key",
    ),
    content=(
        Header(b"== ed25519v1-secret: type0 =="),  # tor 0.3.2 and later
        Header(b"== ed25519v1-public: type0 =="),
    ),
    yields=(TorOnionService,),
    holds_secret=True,
)
def keys(artifact: Artifact) -> Iterator[TorOnionService]:
    """Read an onion service's key directory: address, keys, ports, clients.

    One finding a directory, made from the public key where there is one.
    """
    name = _kind(artifact)
    found = _directory(artifact)
    if name.startswith("hs_ed25519_") and name not in found.sound:
        raise ParseError("not a key of an onion service")
    if found.sound[:1] == (name,):
        yield _service(artifact, found)


@extractor(
    name="tor.onion-service.hostname",
    paths=(
        # any version; the content decides, for Linux keeps its own name in `etc/hostname`
        "**/hostname",
    ),
    yields=(TorOnionService,),
)
def hostname(artifact: Artifact) -> Iterator[TorOnionService]:
    """Read an onion service's address where its keys are gone."""
    found = _directory(artifact)
    if found.sound == ("hostname",):
        yield _service(artifact, found)


@extractor(
    name="tor.onion-service.configuration",
    paths=(
        # tor daemon: Debian and Fedora, included parts, FreeBSD and Homebrew
        "etc/tor/torrc",
        "etc/tor/torrc.d/*",
        "etc/tor/instances/*/torrc",
        "**/etc/tor/torrc",
        # Tor Browser and tor started by hand
        "**/torrc",
        "**/.torrc",
    ),
    yields=(TorOnionService,),
    holds_secret=True,
)
def configuration(artifact: Artifact) -> Iterator[TorOnionService]:
    """List onion services of a torrc that their directories do not lead to.

    Their directory is not in this volume, or the torrc lies where no one would look for it.
    """
    container = container_of(artifact, folder_of(artifact))
    root = container.root if container else ""
    for block in service_blocks(read_torrc(artifact, root)):
        base = block.directory.replace("\\", "/").rstrip("/")
        if not base or _READ_BY_ITSELF.search(block.file):
            continue
        found = _named_directory(artifact, f"{root}{base}" if base.startswith("/") else base)
        if found is not None and _leads_to(found, artifact):
            continue  # the reader of the keys comes to this torrc by itself
        keys = _directory(found) if found else None
        yield TorOnionService(
            onion=_address(keys) if keys else None,
            directory=block.directory,
            ports=block.ports,
            has_secret_key=keys is not None and keys.has_secret,
            settings=block.settings,
            web_roots=web_roots(artifact, block.ports, root),
            container=container.name if container else None,
            shows=Shows.PRESENT,
            confidence=Confidence.PROBABLE,
            locator=block.place,
        )


def _leads_to(directory: Artifact, torrc: Artifact) -> bool:
    candidates = _torrcs(directory, container_of(directory, folder_of(directory)))
    return any(found.path == torrc.path for found, _ in candidates)


def _named_directory(artifact: Artifact, base: str) -> Artifact | None:
    """Return a file of the service directory that a torrc names, None when it is not here."""
    places = (artifact.resolve(f"{base}/{name}") for name in _ANCHORS)
    return next((found for found in places if found), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Directory:
    """The files of a service directory, and which of them are what their name says."""

    sound: tuple[str, ...]  # the most telling first
    public: bytes | None
    secret: bytes | None  # expanded key, 64 bytes
    rsa: bytes | None
    hostname: OnionAddress | None

    @property
    def has_secret(self) -> bool:
        """Whether a secret key is there."""
        return self.secret is not None or self.rsa is not None


def _address(found: _Directory) -> str | None:
    if found.public:
        return onion_address(found.public)
    return found.hostname.address if found.hostname else None


def _kind(artifact: Artifact) -> str:
    """Return which file of a key directory it is: by its name, or a renamed one by its header."""
    name = artifact.entry.name.casefold()
    if name not in _ANCHORS:
        head = artifact.head(_SMALL)
        for header, anchor in ((_PUBLIC, _ANCHORS[0]), (_SECRET, _ANCHORS[1])):
            if head.startswith(header):
                return anchor
    return name


def _directory(artifact: Artifact) -> _Directory:
    name = _kind(artifact)
    files = {name: artifact}
    for other in _ANCHORS:
        found = artifact.sibling(other) if other != name else None
        if found:
            files[other] = found
    data = {kind: found.head(_SMALL) for kind, found in files.items()}
    public = _body(data.get("hs_ed25519_public_key"), _PUBLIC, _PUBLIC_LENGTH)
    secret = _body(data.get("hs_ed25519_secret_key"), _SECRET, _SECRET_LENGTH)
    named = onion_check(data.get("hostname", b"").decode("ascii", "replace").strip())
    rsa = data.get("private_key", b"").strip()
    legacy = named is not None and named.legacy and rsa.startswith(_RSA)
    sound = (public is not None, secret is not None, legacy, named is not None)
    return _Directory(
        sound=tuple(kind for kind, good in zip(_ANCHORS, sound, strict=True) if good),
        public=public,
        secret=secret,
        rsa=rsa if legacy else None,
        hostname=named,
    )


def _service(artifact: Artifact, found: _Directory) -> TorOnionService:
    derived = onion_address(found.public) if found.public else None
    named = found.hostname.address if found.hostname else None
    matches = derived == named if derived and named else None
    if matches is False:
        artifact.problem(f"hostname says {named}, the public key gives {derived}")
    folder = folder_of(artifact)
    container = container_of(artifact, folder)
    blocks = list(_blocks(artifact, folder, container))
    ports = tuple(dict.fromkeys(port for block in blocks for port in block.ports))
    has_secret = found.has_secret
    checks = found.hostname.checks if found.hostname else ()
    return TorOnionService(
        onion=derived or named,
        directory=folder,
        ports=ports,
        has_secret_key=has_secret,
        hostname_matches=matches,
        authorized_clients=_clients(artifact),
        web_roots=web_roots(artifact, ports, container.root if container else ""),
        container=container.name if container else None,
        settings=tuple(dict.fromkeys(item for block in blocks for item in block.settings)),
        shows=Shows.CREDENTIAL if has_secret else Shows.PRESENT,
        confidence=Confidence.CONFIRMED if derived or checks else Confidence.PROBABLE,
        checks=(*checks, *(("hostname-matches-key",) if matches else ())),
        protection=Protection.PLAIN if has_secret else None,
        sensitivity=Sensitivity.SECRET if has_secret else Sensitivity.PERSONAL,
        secret=_secret_text(found),
    )


def _body(data: bytes | None, header: bytes, length: int) -> bytes | None:
    """Return what follows the header of a key file, None when it is no such file."""
    if data is None or len(data) != length or not data.startswith(header):
        return None
    return data[len(header) :]


def _secret_text(found: _Directory) -> str | None:
    """Return the key as text for the sealed part: base64 of 64 bytes, or the PEM block."""
    if found.secret is not None:
        return f"ed25519-v3:{base64.b64encode(found.secret).decode('ascii')}"
    return found.rsa.decode("ascii", "replace") if found.rsa is not None else None


def _blocks(artifact: Artifact, folder: str, container: Container | None) -> Iterator[ServiceBlock]:
    """Yield the blocks of torrc files that name this directory."""
    for torrc, root in _torrcs(artifact, container):
        inside = container is not None and (root or torrc.path.startswith(f"{container.top}/"))
        names = container.inside if container and inside else (folder,)
        for block in service_blocks(read_torrc(torrc, root)):
            if any(same_directory(block.directory, name) for name in names):
                yield block


def _torrcs(artifact: Artifact, container: Container | None) -> Iterator[tuple[Artifact, str]]:
    """Yield the torrc files that may name a service directory, and what is `/` to each."""
    own = container.root if container else ""
    places = [(place, own) for place in (*_BESIDE, *(f"{own}{system}" for system in _SYSTEM))]
    seen: set[str] = set()
    for place, root in places:
        found = artifact.resolve(place)
        for torrc in (found, *found.find("{torrc.d,instances/*}/*")) if found else ():
            if torrc.path not in seen and len(seen) < _MAX_TORRCS:
                seen.add(torrc.path)
                yield torrc, root
    for layers in container.layers if container else ():
        for torrc in artifact.find(f"{layers}/etc/tor/torrc"):
            if torrc.path not in seen and len(seen) < _MAX_TORRCS:
                seen.add(torrc.path)
                yield torrc, torrc.path.removesuffix("/etc/tor/torrc")


def _clients(artifact: Artifact) -> tuple[str, ...]:
    """Return the names that the operator gave to authorised clients, sorted."""
    names: list[str] = []
    for found in artifact.find("authorized_clients/*.auth"):
        if len(names) >= _MAX_CLIENTS:
            artifact.problem(f"more than {_MAX_CLIENTS} authorised clients")
            break
        if re.match(rb"descriptor:x25519:[A-Za-z2-7]{52}", found.head(128)):
            names.append(found.entry.name.rpartition(".")[0])
    return tuple(names)
