"""What the settings of a Tor Browser profile (prefs.js) say.

Only settings that differ from the default are stored. Names and values: tor-browser's
`000-tor-browser.js`, `TorSettings.sys.mjs` and, before 11.5, tor-launcher's preferences.
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import Time, Unit
from triage.formats.mozilla import Prefs
from triage.formats.stamps import stamp

_SLIDER = ("browser.security_level.security_slider", "extensions.torbutton.security_slider")
_CUSTOM = ("browser.security_level.security_custom", "extensions.torbutton.security_custom")
_LEVELS = {4: "standard", 3: "medium-low", 2: "safer", 1: "safest"}
_VERSIONS = (
    "browser.startup.homepage_override.torbrowser.version",
    "extensions.lastTorBrowserVersion",
)
_TELLING = (  # names, or beginnings that end in a dot
    "browser.cache.disk.enable",
    "browser.download.dir",
    "browser.download.folderList",
    "browser.download.lastDir",
    "browser.download.useDownloadDir",
    "browser.privatebrowsing.autostart",
    "browser.security_level.",
    "browser.startup.homepage",
    "browser.startup.page",
    "doh-rollout.home-region",
    "extensions.torbutton.security_",
    "extensions.torlauncher.",
    "network.proxy.",
    "permissions.memory_only",
    "places.history.enabled",
    "privacy.clearOnShutdown.",
    "privacy.clearOnShutdown_v2.",
    "privacy.history.custom",
    "signon.rememberSignons",
    "torbrowser.settings.",
)
_NOT_TELLING = ("browser.startup.homepage_override.", "torbrowser.settings.bridges.bridge_strings.")
_PASSWORD = "torbrowser.settings.proxy.password"  # noqa: S105 - the name of a setting
_DEVICE = ("device-id", "driver-version")
_CLOCKS = {  # all in seconds since 1970
    "toolkit.startup.last_success": "started",
    "browser.startup.lastColdStartupCheck": "cold_started",
    "idle.lastDailyNotification": "idle_daily",
    "places.database.lastMaintenance": "database_maintained",
    "media.gmp-manager.lastCheck": "plugins_checked",
}
_TIMERS = "app.update.lastUpdateTime."
_BRIDGES = "torbrowser.settings.bridges."
_OLD_BRIDGES = "extensions.torlauncher.bridgedb_bridge."
_SOURCES = {0: "builtin", 1: "bridgedb", 2: "user"}
_MAX_SHOWN = 200
_LONGEST_VALUE = 500


def version(prefs: Prefs) -> str | None:
    """Return the version that the settings were last migrated to."""
    return next((value for name in _VERSIONS if isinstance(value := prefs.get(name), str)), None)


def security_level(prefs: Prefs) -> str:
    """Return `standard`, `safer` or `safest`; the default is not stored. `(custom)`: changed."""
    slider = next((prefs[name] for name in _SLIDER if name in prefs), 4)
    level = _LEVELS.get(slider, "unknown") if isinstance(slider, int) else "unknown"
    return f"{level} (custom)" if any(prefs.get(name) is True for name in _CUSTOM) else level


def history_kept(prefs: Prefs) -> bool:
    """Whether history persists: permanent private browsing, the default, is switched off."""
    return prefs.get("browser.privatebrowsing.autostart") is False


def deviations(prefs: Prefs) -> tuple[str, ...]:
    """Return the telling settings as `name=value`, by name, passwords withheld."""
    names = (
        name
        for name in sorted(prefs)
        if name.startswith(_TELLING) and not name.startswith(_NOT_TELLING)
    )
    return tuple(f"{name}={_shown(name, prefs)}" for name in names)[:_MAX_SHOWN]


def _shown(name: str, prefs: Prefs) -> str:
    if name == _PASSWORD:
        return "[withheld]"
    value = prefs[name]
    return str(value).lower() if isinstance(value, bool) else str(value)[:_LONGEST_VALUE]


def proxy_password(prefs: Prefs) -> str | None:
    """Return the password of the proxy that tor goes through, None without one."""
    value = prefs.get(_PASSWORD)
    return value if isinstance(value, str) and value else None


def device_ids(prefs: Prefs) -> tuple[str, ...]:
    """Return graphics device and driver, which tell one machine from another."""
    names = (name for name in sorted(prefs) if name.endswith(_DEVICE))
    return tuple(f"{name}={_shown(name, prefs)}" for name in names)[:_MAX_SHOWN]


def bridges_enabled(prefs: Prefs) -> bool | None:
    """Return whether the browser tells tor to use bridges; None when it does not say."""
    value = prefs.get(f"{_BRIDGES}enabled")
    return value if isinstance(value, bool) else None


def bridges(prefs: Prefs) -> Iterator[tuple[str, str, str]]:
    """Yield (setting, bridge line, source) of the bridges that were chosen."""
    number = prefs.get(f"{_BRIDGES}source")
    source = _SOURCES.get(number, "unknown") if isinstance(number, int) else "unknown"
    for name in sorted(prefs)[:10_000]:
        value = prefs[name]
        if not isinstance(value, str) or not value:
            continue
        if name.startswith(f"{_BRIDGES}bridge_strings."):
            yield name, value, source
        elif name.startswith(_OLD_BRIDGES):
            yield name, value, "bridgedb"


def clocks(prefs: Prefs) -> Iterator[Time]:
    """Yield when the browser ran, by what it did then; of its timers only the latest."""
    for name, event in _CLOCKS.items():
        value = prefs.get(name)
        if isinstance(value, int):
            yield from stamp(event, value, Unit.S_UNIX)
    timers = [
        value
        for name, value in prefs.items()
        if name.startswith(_TIMERS) and isinstance(value, int)
    ]
    if timers:
        yield from stamp("timer_ran", max(timers), Unit.S_UNIX)
