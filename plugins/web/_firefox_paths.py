"""Where browsers of the Firefox family keep profiles, and which browser a path belongs to."""

from __future__ import annotations

_PROFILES = (
    # Firefox and ESR, Windows (also from the Store) and macOS
    "**/Firefox/Profiles/*",
    # Firefox and ESR, Linux: distribution, Snap, Flatpak
    "**/.mozilla/firefox/*",
    # Firefox 147 and later, Linux; not tested
    "**/.config/mozilla/firefox/*",
    # what `Refresh Firefox` leaves on the desktop
    "**/Old Firefox Data/*",
    # LibreWolf, Windows and macOS; Linux and Flatpak
    "**/librewolf/Profiles/*",
    "**/.librewolf/*",
    # Waterfox, Windows and macOS; Linux
    "**/Waterfox/Profiles/*",
    "**/.waterfox/*",
    # Mullvad Browser: portable and Flatpak, installed on Windows and macOS, Linux packages
    "**/MullvadBrowser*/**/*.default*",
    "**/.mullvad-browser/**/*.default*",
    # Floorp and Zen; not tested
    "**/Floorp/Profiles/*",
    "**/.floorp/*",
    "**/zen/Profiles/*",
    "**/.zen/*",
    # Android, the part of Gecko: Firefox (Fenix), Focus, Klar; builds by others
    "**/org.mozilla.{f,klar,rocket}*/files/mozilla/*.default*",
    "**/{us.spotco.fennec_dos,org.ironfoxoss.ironfox*}/files/mozilla/*.default*",
)
PLACES_ON_ANDROID = (
    # Firefox for Android 79 and later (Fenix); builds by others
    "**/org.mozilla.{f,klar}*/files/places.sqlite",
    "**/{us.spotco.fennec_dos,org.ironfoxoss.ironfox*}/files/places.sqlite",
)
_BROWSERS = (  # part of the folded path → browser
    ("mullvad", "mullvad-browser"),
    ("/librewolf/", "librewolf"),
    ("/.librewolf/", "librewolf"),
    ("/waterfox/", "waterfox"),
    ("/.waterfox/", "waterfox"),
    ("/floorp/", "floorp"),
    ("/.floorp/", "floorp"),
    ("/zen/", "zen"),
    ("/.zen/", "zen"),
    ("/us.spotco.", "mull"),
    ("/org.ironfoxoss.", "ironfox"),
    ("/org.mozilla.focus", "firefox-focus"),
    ("/org.mozilla.klar", "firefox-klar"),
)
# Read by the extractors of Tor Browser: bookmarks that Tails keeps in its persistent storage.
_TAILS = "/home/amnesia/.mozilla/firefox/bookmarks/"


def profile_files(*names: str) -> tuple[str, ...]:
    """Return the patterns of files in a profile."""
    return tuple(f"{folder}/{name}" for name in names for folder in _PROFILES)


def browser_of(path: str) -> str:
    """Return the browser that a path belongs to."""
    folded = path.casefold()
    return next((name for part, name in _BROWSERS if part in folded), "firefox")


def of_tor_browser(path: str) -> bool:
    """Whether a file belongs to Tor Browser or Tails, whose own extractors read it."""
    folded = path.casefold()
    return folded.startswith(_TAILS) or "/torbrowser/" in folded or "/.tor-browser" in folded
