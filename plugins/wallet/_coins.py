"""The chains of Bitcoin Core and its forks: what tells them apart, and how they write addresses.

A wallet says which chain it belongs to by the hash of the first block, which ends the locator of
the best block it knew; else its addresses or the folder it lies in must tell. Sources:
`chainparams.cpp` of Bitcoin, Litecoin, Dogecoin, Dash and Zcash; the coin definitions of the
Trezor firmware (`common/defs/bitcoin`) for the others, of which no wallet was at hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from triage.api import ParseError
from triage.formats import base58, bech32

from ._bitcoin import hash160

_HASH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One network of one coin. `words` are parts of folder and file names, in small letters."""

    ticker: str
    software: str
    network: str  # mainnet, testnet, signet, regtest
    pubkey_version: bytes  # before the 20-byte hash of a public key
    script_version: bytes
    key_version: int  # of private keys in Wallet Import Format
    segwit: str | None = None  # human-readable part of bech32 addresses
    xpub_version: bytes = bytes.fromhex("0488b21e")
    genesis: str | None = None  # hash of the first block
    magic: bytes | None = None  # network magic, the application id of SQLite wallets
    words: tuple[str, ...] = ()

    def address(self, script: bytes) -> str | None:
        """Return the address of an output script, None when it has none on this chain."""
        if len(script) == 25 and script[:3] == b"\x76\xa9\x14" and script[23:] == b"\x88\xac":  # noqa: PLR2004
            return self.of_key_hash(script[3:23])
        if len(script) == 23 and script[:2] == b"\xa9\x14" and script[22:] == b"\x87":  # noqa: PLR2004
            return base58.encode_check(self.script_version + script[2:22])
        if len(script) in {35, 67} and script[0] == len(script) - 2 and script[-1] == 0xAC:  # noqa: PLR2004
            return self.of_key_hash(hash160(script[1:-1]))
        version, length = (script[0], script[1]) if len(script) > 3 else (-1, 0)  # noqa: PLR2004
        if self.segwit and length == len(script) - 2 and (version == 0 or 0x51 <= version <= 0x60):  # noqa: PLR2004
            try:
                return bech32.encode_segwit(self.segwit, version and version - 0x50, script[2:])
            except ParseError:
                return None
        return None

    def of_key_hash(self, digest: bytes) -> str:
        """Return the address of a public key's HASH160."""
        return base58.encode_check(self.pubkey_version + digest)

    def wif(self, key: bytes, *, compressed: bool) -> str:
        """Return 32 bytes of private key in Wallet Import Format."""
        return base58.encode_check(bytes([self.key_version]) + key + b"\x01" * compressed)


def _chain(  # one row of the table below
    ticker: str, software: str, versions: tuple[int, int, int], **more: object
) -> Chain:
    pubkey, script, key = versions
    fields = {"network": "mainnet", **more}
    return Chain(
        ticker=ticker,
        software=software,
        pubkey_version=pubkey.to_bytes(1 + (pubkey > 0xFF), "big"),  # noqa: PLR2004
        script_version=script.to_bytes(1 + (script > 0xFF), "big"),  # noqa: PLR2004
        key_version=key,
        **fields,  # type: ignore[arg-type]
    )


_TEST = bytes.fromhex("043587cf")
_BTC, _LTC = ("BTC", "bitcoin-core"), ("LTC", "litecoin-core")
_BTC_TEST, _LTC_TEST = (0x6F, 0xC4, 0xEF), (0x6F, 0x3A, 0xEF)

CHAINS: Final = (
    _chain(
        *_BTC,
        (0x00, 0x05, 0x80),
        segwit="bc",
        genesis="000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
        magic=bytes.fromhex("f9beb4d9"),
        words=("bitcoin",),
    ),
    _chain(
        *_BTC,
        _BTC_TEST,
        network="testnet",
        segwit="tb",
        xpub_version=_TEST,
        genesis="000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943",
        magic=bytes.fromhex("0b110907"),
    ),
    _chain(
        *_BTC,
        _BTC_TEST,
        network="testnet4",
        segwit="tb",
        xpub_version=_TEST,
        genesis="00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",
        magic=bytes.fromhex("1c163f28"),
    ),
    _chain(
        *_BTC,
        _BTC_TEST,
        network="signet",
        segwit="tb",
        xpub_version=_TEST,
        genesis="00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
        magic=bytes.fromhex("0a03cf40"),
    ),
    _chain(
        *_BTC,
        _BTC_TEST,
        network="regtest",
        segwit="bcrt",
        xpub_version=_TEST,
        genesis="0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
        magic=bytes.fromhex("fabfb5da"),
    ),
    _chain(
        *_LTC,
        (0x30, 0x32, 0xB0),
        segwit="ltc",
        genesis="12a765e31ffd4059bada1e25190f6e98c99d9714d334efa41a195a7e7e04bfe2",
        magic=bytes.fromhex("fbc0b6db"),
        words=("litecoin",),
    ),
    _chain(
        *_LTC,
        _LTC_TEST,
        network="testnet",
        segwit="tltc",
        xpub_version=_TEST,
        genesis="4966625a4b2851d9fdee139e56211a0d88575f59ed816ff5e6a63deb4e3e29a0",
        magic=bytes.fromhex("fdd2c8f1"),
    ),
    _chain(
        *_LTC,
        _LTC_TEST,
        network="regtest",
        segwit="rltc",
        xpub_version=_TEST,
        genesis="530827f38f93b43ed12af0b3ad25a288dc02ed74d6d7857862df51fc56c416f9",
    ),
    _chain(
        "DOGE",
        "dogecoin-core",
        (0x1E, 0x16, 0x9E),
        xpub_version=bytes.fromhex("02facafd"),
        genesis="1a91e3dace36e2be3bf030a65679fe821aa1d6ef92e7c9902eb318182c355691",
        magic=bytes.fromhex("c0c0c0c0"),
        words=("dogecoin",),
    ),
    _chain(
        "DASH",
        "dash-core",
        (0x4C, 0x10, 0xCC),
        genesis="00000ffd590b1485b3caadc19b22e6379c733355108f107a430458cdf3407ab6",
        magic=bytes.fromhex("bf0c6bbd"),
        words=("dashcore",),
    ),
    _chain(
        "ZEC",
        "zcashd",
        (0x1CB8, 0x1CBD, 0x80),
        genesis="00040fe8ec8471911baa1db1266ea15dd06b4a8a5c453883c000b031973dce08",
        words=("zcash",),
    ),
    _chain(
        "NMC",
        "namecoin-core",
        (0x34, 0x0D, 0xB4),
        segwit="nc",
        genesis="000000000062b72c5e2ceb45fbc8587e807c155b0da735e6483dfba2f0a9c770",
        words=("namecoin",),
    ),
    _chain(
        "PPC",
        "peercoin",
        (0x37, 0x75, 0xB7),
        segwit="pc",
        genesis="0000000032fe677166d54963b62a4677d8957e87c508eaa4fd7eb1c880cd27e3",
        words=("peercoin", "ppcoin"),
    ),
    _chain(
        "VTC",
        "vertcoin-core",
        (0x47, 0x05, 0x80),
        segwit="vtc",
        genesis="4d96a915f49d40b1e5c2844d1ee2dccb90013a990ccea12c492d22110489f0c4",
        words=("vertcoin",),
    ),
    _chain(
        "DGB",
        "digibyte-core",
        (0x1E, 0x3F, 0x80),
        segwit="dgb",
        genesis="7497ea1b465eb39f1c8f507bc877078fe016d6fcb6dfad3a64c98dcc6e1e8496",
        words=("digibyte",),
    ),
    _chain(
        "RVN",
        "ravencoin",
        (0x3C, 0x7A, 0x80),
        genesis="0000006b444bc2f2ffe627be9d9e7e7a0730000870ef6eb6da46c8eae389df90",
        words=("raven",),
    ),
    _chain(
        "PIVX",
        "pivx-core",
        (0x1E, 0x0D, 0xD4),
        xpub_version=bytes.fromhex("022d2533"),
        genesis="0000041e482b9b9691d98eefb48473405c0b8ec31b76df3797c74a78680ef818",
        words=("pivx",),
    ),
    _chain(
        "QTUM",
        "qtum-core",
        (0x3A, 0x32, 0x80),
        segwit="qc",
        genesis="000075aef83cf2853580f8ae8ce6f8c3096cfa21d98334d6e3f95e5582ed986c",
        words=("qtum",),
    ),
    _chain(
        "FIRO",
        "firo-core",
        (0x52, 0x07, 0xD2),
        genesis="4381deb85b1b2c9843c222944b616d997516dcbd6a964e1eaf0def0830695233",
        words=("firo", "zcoin"),
    ),
    _chain(
        "MONA",
        "monacoin-core",
        (0x32, 0x37, 0xB0),
        segwit="mona",
        genesis="ff9f1c0116d19de7c9963845e129f9ed1bfc0b376eb54fd7afa42e0d418c8bb6",
        words=("monacoin",),
    ),
)
"""Bitcoin first. The others in the order of what may be found."""

_BY_GENESIS: Final = {chain.genesis: chain for chain in CHAINS if chain.genesis}
_BY_MAGIC: Final = {chain.magic: chain for chain in CHAINS if chain.magic}
_NETWORK_FOLDERS: Final = {
    "testnet3": "testnet",
    "testnet": "testnet",
    "testnet4": "testnet4",
    "signet": "signet",
    "regtest": "regtest",
}
_WORDS = re.compile(r"[a-z0-9]+")


def by_genesis(block: bytes) -> Chain | None:
    """Return the chain that begins with this block (32 bytes as they are stored)."""
    return _BY_GENESIS.get(block[::-1].hex())


def by_magic(application_id: bytes) -> Chain | None:
    """Return the chain whose network magic this is."""
    return _BY_MAGIC.get(application_id)


def by_path(path: str) -> Chain | None:
    """Return the chain that a folder or file name on the path names, the last one that does."""
    found: Chain | None = None
    network = "mainnet"
    for part in path.casefold().split("/"):
        network = _NETWORK_FOLDERS.get(part, network) if found else "mainnet"
        names = _WORDS.findall(part)
        for chain in CHAINS:
            if any(name.startswith(word) for word in chain.words for name in names):
                found, network = chain, "mainnet"
    if found is None or network == "mainnet":
        return found
    return of(found.ticker, network) or found


def of(ticker: str, network: str) -> Chain | None:
    """Return the chain of a coin and a network."""
    for chain in CHAINS:
        if (chain.ticker, chain.network) == (ticker, network):
            return chain
    return None
