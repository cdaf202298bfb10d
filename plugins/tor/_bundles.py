"""Who brings the tor of a data directory, told from its path."""

from __future__ import annotations

# Brave keeps torrc and cookie in `tor/watch` and the data in `tor/data`, by listings of users.
BRAVE_WATCHED, BRAVE_DATA = "../watch", "../data/state"
SYSTEM_DATA, SYSTEM_TORRC = "/var/lib/tor", "/etc/tor/torrc"
_BUNDLES = (  # part of the folded path → who brings this tor
    ("/torbrowser/", "tor-browser"),
    ("/torbrowser-data/", "tor-browser"),
    ("/.tor-browser", "tor-browser"),
    ("/org.torproject.torbrowser", "tor-browser"),
    ("/org.torproject.android/", "orbot"),
    ("/brave-browser", "brave"),
    ("/bravesoftware/", "brave"),
    ("/bisq", "bisq"),
    ("wasabi", "wasabi-wallet"),
    ("/.sparrow", "sparrow-wallet"),
    ("/feather", "feather-wallet"),
    ("/ricochet", "ricochet"),
    ("/onionshare", "onionshare"),
    ("/briar", "briar"),
    ("/cwtch", "cwtch"),
    ("/var/lib/tor/", "system"),
    ("/var/lib/tor-instances/", "system"),
)


def bundle_of(directory: str) -> str | None:
    """Return the name of the program or `system`, None when the path does not tell."""
    folded = f"{directory.casefold()}/"
    return next((name for part, name in _BUNDLES if part in folded), None)
