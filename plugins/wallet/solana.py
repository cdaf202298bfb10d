"""Solana's command line: key files and the configuration that names one.

Written from the documentation of the Solana CLI; no file of a real installation was at hand. A key
file is a JSON list of 64 numbers, the private key and then the public one, in clear: that the
second belongs to the first is checked. Phantom and other extensions are not read here.

References: https://docs.anza.xyz/cli/wallets/file-system
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    HeaderPattern,
    Protection,
    Shows,
    WalletAddress,
    WalletFile,
    WalletSecret,
    extractor,
)
from triage.formats import base58, key_checks

from . import _found

_LIMIT = 4096
_NUMBERS = re.compile(r"\s*\[\s*\d{1,3}(?:\s*,\s*\d{1,3}){63}\s*\]\s*")
_KEYPAIR = re.compile(r"(?m)^keypair_path:\s*['\"]?([^'\"\n]{1,1000}?)['\"]?\s*$")
_URL = re.compile(r"(?m)^json_rpc_url:\s*['\"]?([^'\"\n]{1,500}?)['\"]?\s*$")


@extractor(
    name="wallet.solana.key",
    paths=(
        "**/.config/solana/*.json",  # the default key, `id.json`, on each system
        "**/*keypair*.json",  # what `solana-keygen new -o` is usually told
    ),
    content=(
        HeaderPattern(rb"\[\s{0,4}\d{1,3}(?:\s{0,4},\s{0,4}\d{1,3}){63}\s{0,4}\]", first=b"["),
    ),
    yields=(WalletFile, WalletAddress, WalletSecret),
    holds_secret=True,
)
def key(artifact: Artifact) -> Iterator[WalletFile | WalletAddress | WalletSecret]:
    """Read a key file of Solana: its address, and that the private key stands in clear."""
    if artifact.entry.size > _LIMIT:
        return
    content = artifact.text(_LIMIT)
    if not _NUMBERS.fullmatch(content):
        return
    numbers = [int(part) for part in re.findall(r"\d+", content)]
    if max(numbers) > 0xFF:  # noqa: PLR2004 - bytes
        return
    public = base58.encode(bytes(numbers[32:]))
    verdict = key_checks.solana_numbers(content.strip().strip("[]"))
    if verdict is None:
        return
    yield WalletFile(
        shows=Shows.PRESENT,
        confidence=Confidence.CONFIRMED,
        checks=("ed25519",),
        protection=Protection.PLAIN,
        software="solana-cli",
        coins=("SOL",),
        wallet_type="key file",
        addresses=1,
        holds_secret=True,
    )
    yield _found.address("SOL", public, role="own", checks=("ed25519",))
    yield _found.secret(
        "private-keys", "whole file", content.strip(), "1 key", coin="SOL", checks=("ed25519",)
    )


@extractor(
    name="wallet.solana.settings",
    paths=("**/.config/solana/cli/config.yml",),  # each system
    yields=(WalletFile,),
)
def settings(artifact: Artifact) -> Iterator[WalletFile]:
    """Read which key file the command line uses, and through which server."""
    content = artifact.text(1 << 16)
    named, url = _KEYPAIR.search(content), _URL.search(content)
    if named is None:
        return
    found = artifact.resolve(named[1])
    yield WalletFile(
        shows=Shows.USED,
        confidence=Confidence.PROBABLE,
        locator="keypair_path",
        software="solana-cli",
        coins=("SOL",),
        state="named",
        named=named[1],
        path=found.path if found else None,
        server=url[1] if url else None,
    )
