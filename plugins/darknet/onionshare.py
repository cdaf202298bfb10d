"""OnionShare: settings, and saved tabs with their onion addresses and shared files.

Written from OnionShare 2.6 (`settings.py`, `mode_settings.py`, `common.py` of onionshare_cli) for
Windows, Linux (also Flatpak and Snap) and macOS; tested with files made from its defaults by a
committed script. A saved tab holds the secret key of its onion service; the address is computed
from it and compared. Not read: files that were received, logs.
References: https://docs.onionshare.org/, https://github.com/onionshare/onionshare.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    DarknetClient,
    DarknetIdentity,
    ParseError,
    Protection,
    Sensitivity,
    Shows,
    extractor,
)
from triage.formats import json
from triage.formats.onion import check
from triage.formats.stamps import modified, stamp

from ._onion import address_of

_LIMIT = 4 << 20
_TELLING = (
    "connection_type",
    "auto_connect",
    "bridges_enabled",
    "bridges_type",
    "bridges_builtin_pt",
    "locale",
)
_MODES = ("share", "receive", "website", "chat")
_MAX_PATHS = 200


@extractor(
    name="darknet.onionshare.settings",
    paths=(
        # OnionShare 1 and later: `%APPDATA%`, `~/Library/Application Support`, `~/.config`;
        # Flatpak and Snap keep the same folder deeper
        "**/onionshare/onionshare.json",
    ),
    yields=(DarknetClient,),
    holds_secret=True,
)
def settings(artifact: Artifact) -> Iterator[DarknetClient]:
    """Read OnionShare's settings: version, how it reaches Tor, saved tabs."""
    content = json.parse(artifact.read(_LIMIT))
    if not isinstance(content, dict) or not {"version", "connection_type"} & content.keys():
        raise ParseError("not the settings of OnionShare")
    tabs = content.get("persistent_tabs")
    told = [f"{key}={content[key]}" for key in _TELLING if _plain(content.get(key))]
    if isinstance(tabs, list):
        told.append(f"persistent_tabs={len(tabs)}")
    version = content.get("version")
    folder = content.get("data_dir")
    yield DarknetClient(
        application="onionshare",
        directory=artifact.path.rpartition("/")[0] or "/",
        version=str(version)[:40] if version else None,
        settings=tuple(text[:200] for text in told),
        shared_paths=(folder,) if isinstance(folder, str) else (),
        shows=Shows.EXECUTED,
        confidence=Confidence.PROBABLE,
        times=(
            *stamp("update_checked", content.get("autoupdate_timestamp"), "s_unix"),
            *modified("last_written", artifact),
        ),
    )


@extractor(
    name="darknet.onionshare.tabs",
    paths=(
        # OnionShare 2.2 and later: one file for each tab that was saved
        "**/onionshare/persistent/*.json",
    ),
    yields=(DarknetIdentity,),
    holds_secret=True,
)
def tabs(artifact: Artifact) -> Iterator[DarknetIdentity]:
    """Read a saved tab: its onion address, what it shares, whether its secret key is there."""
    content = json.parse(artifact.read(_LIMIT))
    if not isinstance(content, dict) or not {"onion", "persistent"} & content.keys():
        raise ParseError("not a saved tab of OnionShare")
    onion, general = _mapping(content, "onion"), _mapping(content, "general")
    mode = _mapping(content, "persistent").get("mode")
    mode = mode if mode in _MODES else None
    key = onion.get("private_key")
    derived = _derived(key)
    named = check(str(general.get("service_id") or ""))
    if derived and named and named.address != derived:
        artifact.problem(f"service_id says {named.address}, the secret key gives {derived}")
    has_key = isinstance(key, str) and bool(key)
    address = derived or (named.address if named else None)
    checks = named.checks if named else ()
    title = general.get("title")
    yield DarknetIdentity(
        application="onionshare",
        network="tor",
        darknet_address=address,
        role="hosted",
        label=title[:200] if isinstance(title, str) and title else None,
        has_secret_key=has_key,
        state=f"{mode or 'unknown'}, {'public' if general.get('public') else 'with client key'}",
        shared_paths=_paths(content, str(mode)),
        shows=Shows.CREDENTIAL if has_key else Shows.PRESENT,
        confidence=Confidence.CONFIRMED if derived or checks else Confidence.PROBABLE,
        checks=(*checks, *(("address-from-key",) if derived else ())),
        protection=Protection.PLAIN if has_key else None,
        sensitivity=Sensitivity.SECRET if has_key else Sensitivity.PERSONAL,
        secret=key if isinstance(key, str) and key else None,
        times=modified("last_written", artifact),
    )


def _derived(key: json.Json) -> str | None:
    """Return the address of a key as tor's control port gives it: base64 of 64 bytes."""
    if not isinstance(key, str):
        return None
    try:
        return address_of(base64.b64decode(key.rpartition(":")[2], validate=True))
    except (binascii.Error, ValueError):
        return None


def _paths(content: dict[str, json.Json], mode: str) -> tuple[str, ...]:
    """Return the paths of that machine that the tab shares, or receives into."""
    part = _mapping(content, mode)
    names = part.get("filenames")
    found = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    folder = part.get("data_dir")
    if mode == "receive" and isinstance(folder, str):
        found.append(folder)
    return tuple(found[:_MAX_PATHS])


def _mapping(content: dict[str, json.Json], key: str) -> dict[str, json.Json]:
    value = content.get(key)
    return value if isinstance(value, dict) else {}


def _plain(value: json.Json) -> bool:
    return isinstance(value, str | int | bool) and value != ""
