"""Tor: Tor Browser, the daemon of a server, an onion service."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from triage.training.artifacts.scene import Claim, Scene
from triage.training.tree import Fact
from triage.training.truth import Wanted
from triage.training.writers import tor_browser, tor_files
from triage.training.writers.mozilla import Bookmark, Visit
from triage.training.writers.tor_files import Guard

_RELEASES: Final = (  # Tor Browser, build of Gecko, tor
    ("14.0.4", "128.6.0_20250106120000/20250106120000", "0.4.8.13"),
    ("14.0.5", "128.7.0_20250203120000/20250203120000", "0.4.8.13"),
    ("14.0.7", "128.8.0_20250303120000/20250303120000", "0.4.8.14"),
)
_ASKED: Final = frozenset({"tor.client", "web.browser"})
_LINUX = ".local/share/torbrowser/tbb/x86_64/tor-browser"
_BINS: Final = ((245, 31), (275, 88), (315, 64), (385, 29), (565, 8))


def browser(scene: Scene) -> None:
    """Leave Tor Browser after some weeks of use: state of tor, guards, bookmarks.

    bookmarks: onion addresses, with or without a path, that stand in the toolbar.
    visits: addresses in the history, which only a browser that was told to keep it has.
    bridge: `true` when tor was told to use one.
    gives: path, version, last, bridge.
    """
    root = scene.below("Desktop/Tor Browser", _LINUX, "Tor Browser")
    bookmarks = scene.settings.strings("bookmarks", ())
    visits = scene.settings.strings("visits", ())
    bridged = scene.flag("bridge")
    version, gecko, tor = _RELEASES[scene.own.bytes("release", 1)[0] % len(_RELEASES)]
    windows = scene.family != "linux"
    bridge = tor_files.bridge(scene.own, "bridge", "192.0.2.44:9443")
    installed = scene.when - timedelta(days=23, minutes=17)
    described = tor_browser.Browser(
        root=root,
        host_root=_host(root, windows=windows, stick=scene.family == "none"),
        account=scene.owner.account,
        version=version,
        gecko=gecko,
        tor_version=tor,
        architecture="windows-x86_64" if windows else "linux-x86_64",
        abi="WINNT_x86_64-gcc3" if windows else "Linux_x86_64-gcc3",
        created=installed,
        first_use=installed + timedelta(seconds=71),
        last_run=scene.when,
        offset=scene.zone if windows else timedelta(0),
        valid_after=scene.when.replace(minute=0, second=0) - timedelta(hours=1),
        guards=_guards(scene),
        build_times=_BINS,
        abandoned=12,
        bridges=[bridge] if bridged else [],
        settings={"browser.privatebrowsing.autostart": False} if visits else {},
        bookmarks=[
            Bookmark(url=_url(address), title=_title(address), added=scene.minutes(2000 + number))
            for number, address in enumerate(bookmarks)
        ],
        visits=[
            Visit(url=_url(address), title=_title(address), when=scene.minutes(12 + 9 * number))
            for number, address in enumerate(visits)
        ],
    )
    tor_browser.install(scene.tree, scene.own, described)
    scene.claims.extend(_claim(fact, asked=_ASKED) for fact in scene.tree.facts)
    scene.call(
        path=f"/{root}",
        version=version,
        last=f"{scene.when:%Y-%m-%d %H:%M:%S} UTC",
        bridge=bridge.split()[1] if bridged else "none",
    )


def _claim(fact: Fact, *, asked: frozenset[str]) -> Claim:
    match: dict[str, Wanted] = {}
    for name, value in fact.value.items():
        if isinstance(value, str | int | bool):
            match[f"value.{name}"] = value
    match |= {f"times.{event}": stamp for event, stamp in fact.times.items()}
    main = fact.kind in asked or fact.kind in {"web.bookmark", "web.visit", "tor.bridge"}
    return Claim(kind=fact.kind, path=fact.path.lstrip("/"), match=match, main=main)


def _guards(scene: Scene) -> list[Guard]:
    return [
        Guard(
            label=f"guard {number}",
            nickname=f"TrainingGuard{number}",
            sampled=scene.when - timedelta(days=20 - number, hours=3),
            confirmed=scene.when - timedelta(days=18) if number == 1 else None,
            uses="17.250000",
        )
        for number in (1, 2)
    ]


def _host(root: str, *, windows: bool, stick: bool) -> str:
    if stick:
        return "E:\\" + root.replace("/", "\\")
    return "C:\\" + root.replace("/", "\\") if windows else f"/{root}"


def _url(address: str) -> str:
    return address if address.startswith("http") else f"http://{address}/"


def _title(address: str) -> str:
    host = address.removeprefix("https://").removeprefix("http://").partition("/")[0]
    return f"Training page {hashlib.sha256(host.encode()).hexdigest()[:4]}"


def service_keys(scene: Scene) -> None:
    """Leave the keys of an onion service, as somebody copies them.

    name: of the service, a value of the kind `onion`.
    clients: names of clients that may connect; none for everybody.
    gives: onion, path, clients, made.
    """
    folder = scene.folder or "hidden_service"
    _keys(scene, folder)


def service(scene: Scene) -> None:
    """Leave an onion service on a Linux server: its keys, torrc and the state of tor.

    name: of the service, a value of the kind `onion`.
    clients: names of clients that may connect; none for everybody.
    gives: onion, path, clients, made, last.
    """
    folder = "var/lib/tor/hidden_service"
    made = _keys(scene, folder)
    scene.file(
        "etc/tor/torrc",
        "DataDirectory /var/lib/tor\nSocksPort 9050\n"
        f"HiddenServiceDir /{folder}/\nHiddenServicePort 80 127.0.0.1:8080\n",
        made,
    )
    state = tor_files.state(
        scene.own,
        written=scene.when,
        offset=scene.zone,
        version="0.4.8.14",
        guards=_guards(scene)[:1],
        times=_BINS,
        abandoned=20,
    )
    scene.file("var/lib/tor/state", state)
    valid = scene.when.replace(minute=0, second=0) - timedelta(hours=1)
    scene.file("var/lib/tor/cached-microdesc-consensus", tor_files.consensus(valid))
    match: Mapping[str, Wanted] = {"times.last_written": f"{scene.when:%Y-%m-%dT%H:%M:%SZ}"}
    scene.claims.append(Claim(kind="tor.client", path="var/lib/tor/state", match=match, main=True))
    scene.call(last=f"{scene.when:%Y-%m-%d %H:%M:%S} UTC")


def _keys(scene: Scene, folder: str) -> datetime:
    """Leave the folder of a service and return when it was made."""
    label = scene.text("name")
    onion = f"{scene.inventor.onion(label)}.onion"
    clients = scene.settings.strings("clients", ())
    made = scene.when - timedelta(days=40, minutes=8)
    key = Ed25519PrivateKey.from_private_bytes(scene.inventor.bytes(label, 32))
    scene.file(f"{folder}/hostname", f"{onion}\n", made)
    public = b"== ed25519v1-public: type0 ==".ljust(32, b"\0") + key.public_key().public_bytes_raw()
    scene.file(f"{folder}/hs_ed25519_public_key", public, made)
    secret = b"== ed25519v1-secret: type0 ==".ljust(32, b"\0") + _expanded(key)
    scene.file(f"{folder}/hs_ed25519_secret_key", secret, made)
    for client in clients:
        line = f"descriptor:x25519:{scene.own.base32(client)}\n"
        scene.file(f"{folder}/authorized_clients/{client}.auth", line, made + timedelta(days=3))
    scene.shows("tor.onion-service", f"{folder}/hs_ed25519_public_key", main=True, onion=onion)
    scene.call(onion=onion, path=f"/{folder}", clients=str(len(clients)), made=f"{made:%Y-%m-%d}")
    return made


def _expanded(key: Ed25519PrivateKey) -> bytes:
    """Return the 64 bytes that tor keeps: SHA-512 of the seed, clamped (RFC 8032, 5.1.5)."""
    digest = bytearray(hashlib.sha512(key.private_bytes_raw()).digest())
    digest[0] &= 0xF8
    digest[31] = digest[31] & 0x7F | 0x40
    return bytes(digest)


MAKERS: Final = {"tor.browser": browser, "tor.service": service, "tor.service-keys": service_keys}
