"""Fixed words of the report: families, ladders, outcomes."""

from __future__ import annotations

from types import MappingProxyType

FAMILIES = MappingProxyType(
    {
        "tor": "Tor",
        "darknet": "Other anonymity networks",
        "web": "Browsers",
        "mail": "Mail and remailers",
        "pgp": "OpenPGP",
        "chat": "Chat",
        "wallet": "Cryptocurrency",
        "encryption": "Encryption",
        "vpn": "VPN",
        "indicator": "Indicators",
        "program": "Programs",
        "system": "Operating systems and accounts",
    }
)
"""First part of a kind → heading, in the order of the report."""

SHOWS = MappingProxyType(
    {
        "present": "it is there",
        "executed": "the program ran",
        "used": "it was used for what it is for",
        "destination": "with whom, or where",
        "credential": "a key or password that opens something lies here; its value is never shown",
    }
)

CONFIDENCE = MappingProxyType(
    {
        "confirmed": "structure and checksum hold",
        "probable": "the structure fits",
        "possible": "a pattern only",
    }
)

PROTECTION = MappingProxyType(
    {
        "plain": "in clear",
        "key_on_image": "encrypted, its key is on the image",
        "passcode": "encrypted with a passcode",
        "os_bound:dpapi": "bound to the Windows account (DPAPI)",
        "os_bound:keychain": "bound to the Apple keychain",
        "os_bound:keyring": "bound to the desktop keyring",
        "hw_keystore": "bound to the device’s hardware",
        "encrypted": "encrypted",
        "cloud_only": "content is with the provider",
        "damaged": "damaged",
    }
)

UNITS = MappingProxyType(
    {
        "s_unix": "s since 1970",
        "ms_unix": "ms since 1970",
        "us_unix": "µs since 1970",
        "ns_unix": "ns since 1970",
        "filetime": "100 ns since 1601",
        "cocoa": "s since 2001",
        "cocoa_ns": "ns since 2001",
        "webkit": "µs since 1601",
        "dos": "DOS date and time",
        "ole": "days since 1899-12-30",
        "days_unix": "days since 1970",
        "text": "as text",
    }
)

ZONES = MappingProxyType(
    {
        "utc": "UTC",
        "local": "local time of the machine, not converted",
        "unknown": "zone unknown, not converted",
    }
)

READ = MappingProxyType(
    {
        "complete": "whole",
        "partial": "in part",
        "bad_chunk": "across damaged chunks",
        "short": "shorter than declared",
    }
)

HASH_VERDICTS = MappingProxyType(
    {
        "match": "The media is what the imager recorded: every stored or expected hash matches. "
        "That does not show that the acquisition was right.",
        "mismatch": "The media is NOT what was acquired: a hash differs. Findings are about the "
        "bytes as they are now.",
        "no stored hash": "The image carries no hash to compare with, so nothing shows that it is "
        "what was acquired. The hashes below identify it from now on.",
        "not finished": "Hashing was not finished. `triage verify BUNDLE --against IMAGE` compares "
        "the files that were read.",
        "not selected": "Hashing was left out by an option.",
        "not applicable": "A folder has no media hash; each file that was read has its own.",
    }
)

COINS = MappingProxyType({"BTC": 8, "LTC": 8, "BCH": 8, "DOGE": 8, "DASH": 8, "XMR": 12})
"""Ticker → decimal places of the coin’s smallest unit."""
