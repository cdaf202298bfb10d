"""Where browsers of the Chromium family keep profiles, and which browser a path belongs to.

A user data folder holds `Local State` and one folder a profile: `Default`, `Profile 1`, …
"""

from __future__ import annotations

import re

_USER_DATA = (
    # Windows: Chrome, Edge, Brave, Vivaldi, Yandex, Chromium and others, with what Chrome kept of a
    # profile when it was updated
    "**/User Data",
    "**/User Data/Snapshots/*",
    # Linux: distribution, Snap (chromium, brave) and Flatpak (`config` without a dot)
    "**/{google-chrome*,chromium*,microsoft-edge*,vivaldi*,yandex-browser*}",
    # Linux and macOS
    "**/Brave-Browser*",
    # macOS
    "**/Application Support/{Google/Chrome*,Microsoft Edge*,Vivaldi*,Yandex/YandexBrowser*}",
    # Opera since 2023: Windows, Linux, macOS
    "**/Opera Software/Opera*",
    "**/.config/opera*",
    "**/com.operasoftware.Opera*",
    # Android: Chrome, Brave, Edge, Vivaldi; Samsung Internet; Opera; Yandex (not tested)
    "**/{app_chrome,app_sbrowser,app_opera,app_chromium}",
)
_PROFILES = (
    *(f"{folder}/*" for folder in _USER_DATA),
    # Opera before 2023 has one profile, the user data folder itself
    "**/Opera Software/Opera*",
    "**/.config/opera*",
    "**/com.operasoftware.Opera*",
    # Brave's Tor windows since 2020; before, `Tor Profile` stood among the profiles
    "**/Brave-Browser*/**/session_profiles/*",
)
_BROWSERS = (  # in the folded path → browser; the first one counts
    (re.compile(r"/tor profile(?:/|$)"), "brave-tor-window"),
    (re.compile(r"/brave-?browser|/com\.brave\.browser"), "brave"),
    (re.compile(r"/google/chrome|/google-chrome|/com\.android\.chrome|/com\.chrome\."), "chrome"),
    (re.compile(r"/microsoft/edge|/microsoft[- ]edge|/com\.microsoft\.emmx"), "edge"),
    (re.compile(r"/vivaldi|/com\.vivaldi\."), "vivaldi"),
    (re.compile(r"/opera|/com\.opera"), "opera"),
    (re.compile(r"/yandex|/com\.yandex\."), "yandex-browser"),
    (re.compile(r"/com\.sec\.android\.app\.sbrowser"), "samsung-internet"),
    (re.compile(r"/chromium"), "chromium"),
)


def profile_files(*names: str) -> tuple[str, ...]:
    """Return the patterns of files in a profile."""
    return tuple(f"{folder}/{name}" for name in names for folder in _PROFILES)


def browser_of(path: str) -> str:
    """Return the browser that a path belongs to; `chromium-based` when it is another one."""
    folded = path.casefold()
    return next((name for part, name in _BROWSERS if part.search(folded)), "chromium-based")
