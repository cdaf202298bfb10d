"""Sparrow: wallets in H2 databases, settings, the log.

Written from `DbPersistence.java` and `Config.java` of Sparrow (1.x, 2.x) and from the header of
H2's MVStore, tested with databases that H2 2.1 made with Sparrow's columns; no wallet of a real
installation was at hand. H2's pages are not parsed: from a database in clear are taken the extended
keys and seeds that stand in it as text, old versions of a page included. An encrypted one says
nothing. Renamed ones are not recognised: H2's header is that of any program's database.

References: https://github.com/sparrowwallet/sparrow and https://h2database.com/html/mvstore.html
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

from triage.api import (
    Artifact,
    Confidence,
    Header,
    HeaderPattern,
    Protection,
    Shows,
    Time,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletXpub,
    extractor,
)
from triage.formats import extended_keys, mnemonic
from triage.formats.stamps import stamp

from . import _found
from ._shapes import mapping, read, sequence, text

_DATA: Final = (
    "**/.sparrow",  # Linux and macOS
    "**/AppData/Roaming/Sparrow",  # Windows
)
_LIMIT = 64 << 20
_H2 = b"H:2,"
_ENCRYPTED_H2 = b"H2encrypt\n"
_MAGIC = b"SPRW1"
_HEADER = re.compile(rb"H:2,[^\n]{0,300}?\bcreated:([0-9a-f]{8,12})\b[^\n]{0,200}\n")
_CHUNK = re.compile(rb"chunk:[0-9a-f]{1,8},[^\n]{0,200}?\btime:([0-9a-f]{1,12}),version:")
_XPRV = re.compile(rb"[xyzYZtuvUV]prv[1-9A-HJ-NP-Za-km-z]{107}")
_ORIGIN = re.compile(rb"(?:([0-9a-f]{8})[^a-z/]{0,4})?(m(?:/\d{1,10}['h]?){1,8})")
_WORDS = re.compile(rb"(?:[a-z]{3,8} ){11,23}[a-z]{3,8}")
_NEAR = 400  # bytes around a key that may say how it was derived
_LATEST = 253_402_300_799_999  # milliseconds, the end of the year 9999
_MOST = 1000

_Finding = WalletFile | WalletXpub | WalletAddress | WalletSecret


@extractor(
    name="wallet.sparrow.wallet",
    paths=(
        *(f"{folder}/**/*.mv.db" for folder in _DATA),  # since 1.5; backups and networks below
        *(f"{folder}/**/wallets/**/*" for folder in _DATA),  # before 1.5: JSON, plain or sealed
        "**/*sparrow*.mv.db",  # copies under a telling name
    ),
    content=(
        HeaderPattern(rb"H2.{0,4000}SPRW1", first=b"H2"),  # a sealed database
        Header(b"U1BSVz"),  # a sealed file: base64 of the same mark
    ),
    yields=(WalletFile, WalletXpub, WalletSecret),
    holds_secret=True,
)
def wallets(artifact: Artifact) -> Iterator[_Finding]:
    """Read a Sparrow wallet: keys in clear, or that it is encrypted."""
    head = artifact.head(8192)
    if head.startswith(_ENCRYPTED_H2) or _MAGIC in head[:4096] or _is_sealed_json(head):
        yield _file(artifact, state="file-encrypted")
    elif head.startswith(_H2):
        yield from _of_database(artifact)
    elif head.lstrip().startswith(b"{"):
        yield from _of_json(artifact)


def _is_sealed_json(head: bytes) -> bool:
    """Whether the text is base64 of what begins with Sparrow's mark."""
    try:
        return base64.b64decode(head[:8], validate=True).startswith(_MAGIC)
    except binascii.Error:
        return False


def _file(
    artifact: Artifact,
    *,
    state: str = "plain",
    keys: list[WalletXpub] | None = None,
    times: tuple[Time, ...] = (),
    holds_secret: bool = False,
) -> WalletFile:
    sealed = state == "file-encrypted"
    name = artifact.entry.name.removesuffix(".mv.db")
    network = next(
        (
            part
            for part in ("testnet", "testnet4", "regtest", "signet")
            if f"/{part}/" in artifact.path
        ),
        "mainnet",
    )
    return WalletFile(
        shows=Shows.PRESENT,
        confidence=Confidence.CONFIRMED if keys else Confidence.PROBABLE,
        checks=("base58check",) if keys else (),
        times=times,
        protection=Protection.ENCRYPTED if sealed else Protection.PLAIN,
        software="sparrow",
        coins=("BTC",),
        network=network,
        label=name,
        state=state,
        fingerprint=next((key.fingerprint for key in keys or () if key.fingerprint), None),
        script_types=tuple(sorted({key.script_type for key in keys or () if key.script_type})),
        holds_secret=holds_secret,
        needed_to_open="the wallet password" if sealed else None,
        kdf="argon2" if sealed else None,
    )


def _of_database(artifact: Artifact) -> Iterator[_Finding]:
    data = artifact.read(_LIMIT)
    keys, secrets = list(_keys(data)), list(_secrets(data))
    yield _file(artifact, keys=keys, times=_times(data), holds_secret=bool(secrets))
    yield from keys
    yield from secrets


def _times(data: bytes) -> tuple[Time, ...]:
    """Return when the database was made, and when its last chunk was written."""
    header = _HEADER.search(data, 0, 8192)
    if header is None:
        return ()
    created = int(header[1], 16)
    ages = [int(found[1], 16) for found in _CHUNK.finditer(data)]
    times = stamp("created", created, "ms_unix")
    if ages and created + max(ages) <= _LATEST:
        times += stamp("last_written", created + max(ages), "ms_unix")
    return times


def _keys(data: bytes) -> Iterator[WalletXpub]:
    for count, (position, key) in enumerate(_found.xpubs_in(data)):
        if count == _MOST:
            return
        before = data[max(0, position - _NEAR) : position]
        fingerprint, path = next(reversed(_ORIGIN.findall(before)), (b"", b""))
        made = _found.xpub(
            "BTC",
            key.text,
            place=f"byte {position}",
            derivation=path.decode("ascii") or None,
            fingerprint=fingerprint.decode("ascii") or None,
        )
        if made:
            yield made


def _secrets(data: bytes) -> Iterator[WalletSecret]:
    seen: set[str] = set()
    for found in _WORDS.finditer(data):
        for kind, words in _phrases(found[0].decode("ascii")):
            if words not in seen and len(seen) < _MOST:
                seen.add(words)
                yield _found.secret(
                    f"{kind}-seed",
                    f"byte {found.start()}",
                    words,
                    _found.counted(len(words.split()), "word"),
                    coin="BTC",
                    checks=(f"{kind}-checksum",),
                )
    for found in _XPRV.finditer(data):
        key = extended_keys.classify(found[0].decode("ascii"))
        if key and key.private and key.text not in seen and len(seen) < _MOST:
            seen.add(key.text)
            yield _found.secret(
                "xprv",
                f"byte {found.start()}",
                key.text,
                f"{len(key.text)} characters",
                coin="BTC",
                checks=key.checks,
            )


def _phrases(run: str) -> Iterator[tuple[str, str]]:
    """Yield kind and words of the seeds in a run of words.

    H2 writes the length before a text, which may look like one more letter of it.
    """
    for text_ in (run, run[1:]):
        whole = mnemonic.check(text_.split())
        if whole is not None and whole.bits:
            yield whole.kind, " ".join(whole.words)
            return
    for text_ in (run, run[1:]):
        for span in mnemonic.find_mnemonics(text_):
            yield span.kind, " ".join(span.words)


def _of_json(artifact: Artifact) -> Iterator[_Finding]:
    """Read the JSON of versions before 1.5."""
    data = mapping(read(artifact))
    stores = [mapping(each) for each in sequence(data.get("keystores"))[:100]]
    if not stores:
        return
    keys, secrets = [], []
    for position, store in enumerate(stores):
        public = mapping(store.get("keyDerivation"))
        key = text(store.get("extendedPublicKey"))
        made = _found.xpub(
            "BTC",
            key or "",
            place=f"keystores[{position}]",
            derivation=text(public.get("derivationPath")),
            fingerprint=text(public.get("masterFingerprint")),
            label=text(store.get("label")),
        )
        if made:
            keys.append(made)
        words = text(mapping(store.get("seed")).get("mnemonicString"))
        if words:
            known = mnemonic.check(words.split())
            secrets.append(
                _found.secret(
                    f"{known.kind}-seed" if known else "seed",
                    f"keystores[{position}].seed",
                    words,
                    _found.counted(len(words.split()), "word"),
                    coin="BTC",
                    checks=known.checks if known else (),
                )
            )
    yield _file(artifact, keys=keys, holds_secret=bool(secrets))
    yield from keys
    yield from secrets


@extractor(
    name="wallet.sparrow.settings",
    paths=tuple(f"{folder}/config" for folder in _DATA),  # every version
    yields=(WalletFile,),
)
def settings(artifact: Artifact) -> Iterator[WalletFile]:
    """Read Sparrow's settings: wallets opened lately, server and proxy."""
    data = mapping(read(artifact, 1 << 20))
    server = (
        data.get("electrumServer") or data.get("publicElectrumServer") or data.get("coreServer")
    )
    server = text(server) or text(mapping(server).get("url"))
    proxy = text(data.get("proxyServer")) if data.get("useProxy") is True else None
    recent = [each for each in sequence(data.get("recentWalletFiles"))[:_MOST] if text(each)]
    if not {"recentWalletFiles", "serverType", "mode"} & data.keys():
        return
    for position, path in enumerate(recent or [None]):
        found = artifact.resolve(path) if path else None
        yield WalletFile(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            locator=f"recentWalletFiles[{position}]" if path else "server",
            software="sparrow",
            coins=("BTC",),
            state="named" if path else "trace",
            named=path,
            path=found.path if found else None,
            server=server,
            proxy=proxy,
        )
