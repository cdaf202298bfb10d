"""Exchange programs on Android phones, by the folders that they keep.

Which package is whose was written down from general knowledge in 2026 and not compared with the
store; tested with a tree made by us. One finding a folder of settings, with the time at which the
newest of them was written: that a program was installed and started, not that an account was
opened. Not read: the settings themselves, whose form no maker publishes and which hold tokens; iOS.

References: https://developer.android.com/training/data-storage
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from triage.api import Artifact, Confidence, Shows, WalletExchange, extractor
from triage.formats.stamps import modified

PACKAGES: Final = {
    "co.mona.android": "Crypto.com",
    "com.binance.dev": "Binance",
    "com.binance.us": "Binance.US",
    "com.bitfinex.mobileapp": "Bitfinex",
    "com.bitpanda.bitpanda": "Bitpanda",
    "com.bybit.app": "Bybit",
    "com.coinbase.android": "Coinbase",
    "com.gateio.gateio": "Gate",
    "com.gemini.android.app": "Gemini",
    "com.kraken.invest.app": "Kraken",
    "com.kraken.trade": "Kraken",
    "com.kubi.kucoin": "KuCoin",
    "com.mexcpro.client": "MEXC",
    "com.okinc.okex.gp": "OKX",
    "com.paxful.wallet": "Paxful",
    "net.bitstamp.app": "Bitstamp",
}


@extractor(
    name="wallet.exchange.app",
    paths=(
        # Android, every account of the phone
        *(f"**/data/data/{package}/shared_prefs/*.xml" for package in sorted(PACKAGES)),
        *(f"**/data/user/*/{package}/shared_prefs/*.xml" for package in sorted(PACKAGES)),
    ),
    yields=(WalletExchange,),
)
def apps(artifact: Artifact) -> Iterator[WalletExchange]:
    """Name the exchange whose program kept settings on a phone, and when it last wrote them."""
    settings = [one for one in artifact.directory() if one.entry.name.endswith(".xml")]
    if not settings or settings[0].path != artifact.path:
        return
    newest = max(settings, key=lambda one: one.entry.times.modified or 0)
    yield WalletExchange(
        shows=Shows.EXECUTED,
        confidence=Confidence.PROBABLE,
        checks=("package",),
        times=modified("last_written", newest),
        exchange=PACKAGES[artifact.path.split("/")[-3].casefold()],
        trace="app",
    )
