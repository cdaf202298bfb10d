"""Tor data directories: state, cached network documents, onion credentials.

Written from tor 0.4.7 (`statefile.c`, `entrynodes.c`, `hs_client.c`) and tor(1), for tor 0.2.4 to
0.4.9 on Windows, Linux, macOS and Android; run over a data directory of Debian's tor 0.4.9.11,
where `lock` was seen to have the time of the last start and `state` that of the end.
Whoever brings its own tor (browsers, wallets, chat programs) leaves the same files, so the content
decides, not the path. Not read: the relays in a consensus, `pt_state/`, `keys/` of a relay.
References: https://spec.torproject.org/, tor `doc/state-contents.txt`, `doc/man/tor.1.txt`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    ParseError,
    Protection,
    Sensitivity,
    Shows,
    Time,
    TorClient,
    TorGuard,
    TorOnionAuth,
    extractor,
)
from triage.formats.onion import check as onion_check
from triage.formats.stamps import modified, utc_text

from ._bundles import BRAVE_WATCHED, SYSTEM_DATA, SYSTEM_TORRC, bundle_of
from ._containers import container_of, folder_of, root_of
from ._orbot import orbot_settings
from ._state import STATE_LIMIT, Guard, State, is_state, parse_state
from ._torrc import Option, absolute_paths, read_torrc, telling_settings

_HEAD = 4096
_CONSENSUS = ("cached-microdesc-consensus", "cached-consensus", "unverified-microdesc-consensus")
_CACHES = (*_CONSENSUS, "cached-certs")
_NEIGHBOURS = (*_CACHES, "cached-microdescs", "torrc-defaults")
_MAX_TORRCS = 50
_TIME_LINE = re.compile(r"^(valid-after|fresh-until|valid-until) ([0-9: -]{19})\r?$", re.MULTILINE)


@extractor(
    name="tor.data-directory.state",
    paths=(
        # Tor Browser 4 and later, Windows and Linux; torbrowser-launcher and Flatpak alike
        "**/Browser/TorBrowser/Data/Tor/state",
        # Tor Browser 6 and later, macOS
        "**/TorBrowser-Data/Tor/state",
        # tor daemon of Linux distributions and Tails; Debian's instances
        "var/lib/tor/state",
        "var/lib/tor-instances/*/state",
        # tor started by hand, Linux and macOS
        "**/.tor/state",
        # Tor Browser for Android 9 and later, Orbot: files/tor, tordata, app_tordata
        "**/org.torproject.*/**/state",
        # whatever brings its own tor or was renamed; the content decides
        "**/state",
        # what tor renames to `state` when it is written, seen after a crash or deleted
        "**/tor/state.tmp",
    ),
    yields=(TorClient, TorGuard),
)
def state(artifact: Artifact) -> Iterator[TorClient | TorGuard]:
    """Read a tor data directory: when tor last wrote its state, and its guards.

    A file of this name that is not tor's is passed over, unless tor's other files lie beside it.
    """
    if not is_state(_text(artifact.head(_HEAD))):
        if any(artifact.sibling(name) for name in _NEIGHBOURS):
            raise ParseError("among tor's files, but not a tor state file")
        return
    parsed = parse_state(artifact.text(STATE_LIMIT))
    if parsed.damaged_lines:
        lines = ", ".join(map(str, parsed.damaged_lines[:10]))
        artifact.problem(f"{len(parsed.damaged_lines)} damaged lines", locator=f"lines {lines}")
    if parsed.sums_agree is False:
        artifact.problem("circuit counts do not add up to the total")
    yield _client(artifact, parsed)
    for guard in parsed.guards:
        yield _guard(guard)


@extractor(
    name="tor.data-directory.caches",
    paths=(
        # tor 0.2.3 and later, any system: what a client downloads before its first circuit
        "**/cached-microdesc-consensus",
        "**/unverified-microdesc-consensus",
        # the same for a relay or an older client
        "**/cached-consensus",
        # keys of the directory authorities, tor 0.2.0 and later
        "**/cached-certs",
    ),
    yields=(TorClient,),
)
def caches(artifact: Artifact) -> Iterator[TorClient]:
    """Report a tor data directory known by cached network documents alone.

    One finding a folder, from the most telling document in it.
    """
    beside = artifact.sibling("state")
    if beside and is_state(_text(beside.head(_HEAD))):
        return
    name = artifact.entry.name.casefold()
    for better in _CACHES[: _CACHES.index(name)]:
        found = artifact.sibling(better)
        if found and _is_cache(better, _text(found.head(_HEAD))):
            return
    if not _is_cache(name, _text(artifact.head(_HEAD))):
        raise ParseError("not a network document of tor")
    yield _client(artifact, None)


@extractor(
    name="tor.onion-auth.credentials",
    paths=(
        # Tor Browser 9.5 and later with “remember this key”, desktop
        "**/onion-auth/*.auth_private",
        # Orbot 16 and later (`v3_client_auth`), any ClientOnionAuthDir of tor 0.3.5 and later
        "**/*.auth_private",
    ),
    yields=(TorOnionAuth,),
    holds_secret=True,
)
def credentials(artifact: Artifact) -> Iterator[TorOnionAuth]:
    """Read a stored credential for a client-authorised onion service.

    One line `<56 characters>:descriptor:x25519:<52 base32>` (rend-spec-v3, appendix G).
    """
    text = artifact.text(_HEAD).strip()
    parts = text.split(":")
    if len(parts) != 4 or parts[1].casefold() != "descriptor":  # noqa: PLR2004 - the four parts
        raise ParseError("not an onion service credential")
    address = onion_check(parts[0])
    if address is None or address.legacy:
        raise ParseError("credential for something that is no onion address")
    key = parts[3].strip()
    if not re.fullmatch(r"[A-Za-z2-7]{52}", key):
        artifact.problem("the key is not 52 characters of base32")
    yield TorOnionAuth(
        onion=address.address,
        key_type=parts[2].casefold()[:32],
        file_name=artifact.entry.name,
        shows=Shows.CREDENTIAL,
        confidence=Confidence.CONFIRMED,
        checks=address.checks,
        locator="line 1",
        protection=Protection.PLAIN,
        sensitivity=Sensitivity.SECRET,
        secret=key,
    )


def _client(artifact: Artifact, parsed: State | None) -> TorClient:
    """Put together what the files of one data directory say."""
    directory = folder_of(artifact)
    container = container_of(artifact, directory)
    document, dates = _consensus(artifact)
    valid_after = utc_text("consensus_valid_after", dates.get("valid-after"))
    options = _options(artifact, directory)
    times = (
        *(utc_text("last_written", parsed.last_written) if parsed else ()),
        *(_last_activity(parsed) if parsed else ()),
        *valid_after,
        *modified("control_cookie_written", _cookie(artifact)),
        *modified("lock_written", artifact.sibling("lock")),
    )
    paths = absolute_paths(options)
    settings = telling_settings(options)
    if bundle_of(directory) == "orbot":
        settings += orbot_settings(artifact)
    if parsed is None:
        return TorClient(
            directory=directory,
            bundled_with=bundle_of(directory),
            consensus_valid_after=valid_after[0].utc if valid_after else None,
            configured_paths=paths,
            settings=settings,
            container=container.name if container else None,
            shows=Shows.EXECUTED if document else Shows.PRESENT,
            confidence=Confidence.PROBABLE,
            times=times,
        )
    confirmed = sum(guard.confirmed for guard in parsed.guards)
    checks = ("circuit-build-times-sum",) if parsed.sums_agree else ()
    return TorClient(
        directory=directory,
        version=parsed.version,
        bundled_with=bundle_of(directory),
        circuits_measured=parsed.measured,
        circuits_abandoned=parsed.abandoned,
        minutes_since_activity=parsed.minutes_since_activity,
        dormant=parsed.dormant,
        utc_offset_minutes=parsed.utc_offset_minutes,
        guards_confirmed=confirmed,
        guards_sampled=len(parsed.guards),
        consensus_valid_after=valid_after[0].utc if valid_after else None,
        configured_paths=paths,
        settings=settings,
        container=container.name if container else None,
        shows=Shows.USED if parsed.measured or confirmed else Shows.EXECUTED,
        confidence=Confidence.CONFIRMED if checks else Confidence.PROBABLE,
        checks=checks,
        times=times,
    )


def _guard(guard: Guard) -> TorGuard:
    return TorGuard(
        fingerprint=guard.fingerprint,
        selection=guard.selection,
        nickname=guard.nickname,
        bridge_address=guard.bridge_address,
        confirmed=guard.confirmed,
        sampled_by=guard.sampled_by,
        use_attempts=guard.use_attempts,
        shows=Shows.DESTINATION if guard.confirmed else Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        locator=f"line {guard.line}",
        times=(
            *_between("sampled", guard.sampled_on, guard.set_back),
            *_between("confirmed", guard.confirmed_on, guard.set_back),
            *_between("unlisted", guard.unlisted_since, guard.unlisted_set_back),
        ),
    )


def _between(event: str, raw: str | None, days: int) -> tuple[Time, ...]:
    """Return the two ends of the span in which it happened; `days` 0: the later is unknown."""
    return (
        *utc_text(f"{event}_not_before", raw),
        *(utc_text(f"{event}_not_later_than", raw, minutes=days * 24 * 60) if days else ()),
    )


def _last_activity(parsed: State) -> tuple[Time, ...]:
    """Date the last request of a user; a dormant tor writes 0 minutes, which says nothing."""
    if parsed.minutes_since_activity is None or parsed.dormant:
        return ()
    return utc_text(
        "user_active_about", parsed.last_written, minutes=-parsed.minutes_since_activity
    )


def _consensus(artifact: Artifact) -> tuple[str | None, dict[str, str]]:
    """Return the name of the best consensus in the folder and the dates in its header."""
    for name in _CONSENSUS:
        found = artifact.sibling(name)
        if found:
            head = _text(found.head(_HEAD))
            if _is_cache(name, head):
                return name, dict(reversed(_TIME_LINE.findall(head)))
    return None, {}


def _is_cache(name: str, head: str) -> bool:
    """Whether the bytes begin like the network document that the name promises."""
    if name == "cached-certs":
        return head.startswith("dir-key-certificate-version ")
    return head.startswith("network-status-version ") and _TIME_LINE.search(head) is not None


def _options(artifact: Artifact, directory: str) -> tuple[Option, ...]:
    """Options of the torrc files that configure this data directory."""
    files: list[Artifact] = []
    for found in artifact.directory():
        name = found.entry.name.casefold()
        if name == "torrc" or name.startswith("torrc.orig."):
            files.append(found)
            if len(files) >= _MAX_TORRCS:
                break
    beside = artifact.resolve(f"{BRAVE_WATCHED}/torrc")
    files += [beside] if beside else []
    root = root_of(artifact)
    if directory.removeprefix(root).casefold() == SYSTEM_DATA:
        system = artifact.resolve(f"{root}{SYSTEM_TORRC}")
        files += [system] if system else []
    options: list[Option] = []
    for found in files:
        try:
            options += read_torrc(found, root)
        except ParseError as error:
            artifact.problem(error.message, locator=found.path)
    return tuple(options)


def _cookie(artifact: Artifact) -> Artifact | None:
    name = "control_auth_cookie"
    return artifact.sibling(name) or artifact.resolve(f"{BRAVE_WATCHED}/{name}")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
