"""Tickers of the coins that `triage.formats` names."""

from __future__ import annotations

from typing import Final

_TICKERS: Final = {
    "bitcoin": "BTC",
    "bitcoin-cash": "BCH",
    "litecoin": "LTC",
    "dogecoin": "DOGE",
    "dash": "DASH",
    "zcash": "ZEC",
    "ethereum": "ETH",
    "monero": "XMR",
    "ripple": "XRP",
    "tron": "TRX",
    "cardano": "ADA",
    "solana": "SOL",
    "stellar": "XLM",
}


def ticker(coin: str) -> str:
    """Return the ticker of a coin that `triage.formats` names, else the name."""
    return _TICKERS.get(coin, coin)
