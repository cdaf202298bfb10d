"""Coinomi on Android: the transactions that it received, by the names of empty files.

Written from what the UROCK forensics handbook publishes; no phone was at hand. The program leaves
an empty file a transaction, `cache/<16 digits>/<coin>.<network>/<id>`, whose time is when it was
made. The wallet itself is read by `bitcoinj`.

References: https://github.com/UROCK-AILAB/forensics-handbook, crypto/02-artifacts/mobile
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from triage.api import Artifact, Confidence, Shows, WalletTransaction, extractor
from triage.formats.stamps import modified

_ID = re.compile(r"[0-9a-f]{64}")
_TICKERS: Final = {
    "bitcoin": "BTC",
    "bitcoincash": "BCH",
    "dash": "DASH",
    "dogecoin": "DOGE",
    "ethereum": "ETH",
    "litecoin": "LTC",
    "zcash": "ZEC",
}


@extractor(
    name="wallet.coinomi.received",
    paths=("**/com.coinomi.wallet/cache/*/*.*/*",),  # Android, seen in 2021
    yields=(WalletTransaction,),
)
def received(artifact: Artifact) -> Iterator[WalletTransaction]:
    """Name a transaction by the empty file that Coinomi left for it."""
    name = artifact.entry.name.casefold()
    if not _ID.fullmatch(name):
        return
    coin = artifact.path.split("/")[-2].partition(".")[0].casefold()
    yield WalletTransaction(
        shows=Shows.USED,
        confidence=Confidence.PROBABLE,
        times=modified("received", artifact),
        coin=_TICKERS.get(coin, coin[:40]),
        txid=name,
    )
