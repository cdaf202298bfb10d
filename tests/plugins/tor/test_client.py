"""Tor data directories: what the bytes say, and what must yield nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plugins.tor.client import caches, credentials, state
from plugins.tor.configuration import torrc
from triage.api import Confidence, ParseError, Sensitivity, Shows, TorBridge, TorClient, TorGuard
from triage.formats.onion import onion_address

Extract = Callable[..., Any]

DIRECTORY = "/Users/alice/Desktop/Tor Browser/Browser/TorBrowser/Data/Tor"
FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"
OTHER = "89ABCDEF0123456789ABCDEF0123456789ABCDEF"
STATE = f"""# Tor state file last generated on 2024-02-21 15:15:00 local time
# Other times below are in UTC
# You *do not* need to edit this file.

CircuitBuildAbandonedCount 2
CircuitBuildTimeBin 275 5
CircuitBuildTimeBin 325 3
Dormant 0
Guard in=default rsa_id={FINGERPRINT} nickname=one sampled_on=2024-02-10T03:00:00 sampled_idx=0 \
sampled_by=0.4.8.9 listed=1 confirmed_on=2024-02-12T05:06:07 confirmed_idx=0 pb_use_attempts=3.5
Guard in=bridges rsa_id={OTHER} bridge_addr=192.0.2.7:443 sampled_on=2024-02-11T00:00:00 listed=1
LastWritten 2024-02-21 08:15:00
MinutesSinceUserActivity 15
TorVersion Tor 0.4.8.10
TotalBuildTimes 10
"""
LEGACY = f"""# Tor state file last generated on 2014-07-20 13:05:10 local time
EntryGuard one {FINGERPRINT} DirCache
EntryGuardAddedBy {FINGERPRINT} 0.2.4.10-alpha-dev 2014-07-11 01:18:47
EntryGuardUnlistedSince 2014-07-19 00:00:00
EntryGuard two {OTHER}
LastWritten 2014-07-20 20:05:10
TorVersion Tor 0.2.4.10-alpha-dev (git-8be6058d8f31e578)
"""
CONSENSUS = b"""network-status-version 3 microdesc
vote-status consensus
consensus-method 33
valid-after 2024-02-21 08:00:00
fresh-until 2024-02-21 09:00:00
valid-until 2024-02-21 11:00:00
"""
ONION = onion_address(bytes(range(32)))
KEY = "A" * 52


def test_state_tells_when_and_how_much(extract: Extract) -> None:
    found = extract(state, {f"{DIRECTORY}/state": STATE.encode()})
    assert found.problems == []
    (client,) = found.of(TorClient)
    assert client.directory == DIRECTORY
    assert client.bundled_with == "tor-browser"
    assert client.version == "Tor 0.4.8.10"
    assert (client.circuits_measured, client.circuits_abandoned) == (10, 2)
    assert client.utc_offset_minutes == 7 * 60
    assert (client.guards_sampled, client.guards_confirmed) == (2, 1)
    assert client.dormant is False
    assert client.checks == ("circuit-build-times-sum",)
    assert client.confidence is Confidence.CONFIRMED
    assert client.shows is Shows.USED
    assert {time.event: time.utc for time in client.times} == {
        "last_written": "2024-02-21T08:15:00Z",
        "user_active_about": "2024-02-21T08:00:00Z",
    }


def test_guard_dates_are_spans(extract: Extract) -> None:
    found = extract(state, {f"{DIRECTORY}/state": STATE.encode()})
    first, second = found.of(TorGuard)
    assert (first.fingerprint, first.nickname, first.confirmed) == (FINGERPRINT, "one", True)
    assert first.use_attempts == "3.5"
    assert [time.event for time in first.times] == [
        "sampled_not_before",
        "sampled_not_later_than",
        "confirmed_not_before",
        "confirmed_not_later_than",
    ]
    assert first.times[2].utc == "2024-02-12T05:06:07Z"
    assert first.times[3].utc == "2024-02-24T05:06:07Z"
    assert first.shows is Shows.DESTINATION
    assert (second.selection, second.bridge_address) == ("bridges", "192.0.2.7:443")
    assert second.shows is Shows.PRESENT


def test_older_guard_lines(extract: Extract) -> None:
    found = extract(state, {"/var/lib/tor/state": LEGACY.encode()})
    assert found.problems == []
    first, second = found.of(TorGuard)
    assert (first.nickname, first.sampled_by, first.confirmed) == (
        "one",
        "0.2.4.10-alpha-dev",
        True,
    )
    assert [(time.event, time.utc) for time in first.times] == [
        ("sampled_not_before", "2014-07-11T01:18:47Z"),
        ("sampled_not_later_than", "2014-08-10T01:18:47Z"),
        ("unlisted_not_before", "2014-07-19T00:00:00Z"),
    ]
    assert (second.nickname, second.times) == ("two", ())
    (client,) = found.of(TorClient)
    assert client.utc_offset_minutes == -7 * 60
    assert client.bundled_with == "system"
    assert client.checks == ()


@pytest.mark.parametrize(
    ("local", "offset"),
    [
        ("2024-02-21 08:15:00", None),  # tor ran with TZ=UTC, or there: not told
        ("2024-02-21 09:00:00", 45),
        ("2024-02-21 08:16:00", None),  # no zone is one minute off
        ("2024-02-25 08:15:00", None),
        ("2024-99-21 08:15:00", None),
    ],
)
def test_offset(extract: Extract, local: str, offset: int | None) -> None:
    text = STATE.replace("2024-02-21 15:15:00", local)
    (client,) = extract(state, {"/home/bob/.tor/state": text.encode()}).of(TorClient)
    assert client.utc_offset_minutes == offset


def test_dormant_has_no_last_activity(extract: Extract) -> None:
    text = STATE.replace("Dormant 0", "Dormant 1").replace("Activity 15", "Activity 0")
    (client,) = extract(state, {"/x/tor/state": text.encode()}).of(TorClient)
    assert client.dormant is True
    assert [time.event for time in client.times] == ["last_written"]


def test_counts_that_do_not_add_up(extract: Extract) -> None:
    text = STATE.replace("CircuitBuildTimeBin 325 3", "CircuitBuildTimeBin 325 4")
    found = extract(state, {"/x/tor/state": text.encode()})
    assert found.problems == ["circuit counts do not add up to the total"]
    assert found.of(TorClient)[0].checks == ()


def test_neighbours_add_clock_paths_and_settings(extract: Extract) -> None:
    found = extract(
        state,
        {
            f"{DIRECTORY}/state": STATE.encode(),
            f"{DIRECTORY}/cached-microdesc-consensus": CONSENSUS,
            f"{DIRECTORY}/lock": b"",
            f"{DIRECTORY}/control_auth_cookie": b"\1" * 32,
            f"{DIRECTORY}/torrc": b"DataDirectory E:\\Tools\\Tor\r\n"
            b"Socks5Proxy 192.0.2.9:1080\r\nSocks5ProxyPassword hunter2\r\nUseBridges 1\r\n",
            f"{DIRECTORY}/torrc.orig.1": b"ClientOnionAuthDir C:\\Users\\alice\\auth\n",
        },
    )
    (client,) = found.of(TorClient)
    assert client.consensus_valid_after == "2024-02-21T08:00:00Z"
    assert client.configured_paths == ("E:\\Tools\\Tor", "C:\\Users\\alice\\auth")
    assert client.settings == (
        "Socks5Proxy 192.0.2.9:1080",
        "Socks5ProxyPassword [withheld]",
        "UseBridges 1",
    )
    events = {time.event: time.utc for time in client.times}
    assert events["consensus_valid_after"] == "2024-02-21T08:00:00Z"
    assert events["lock_written"] == "2023-11-14T22:13:20Z"
    assert "control_cookie_written" in events
    assert "hunter2" not in repr(found)


def test_system_tor_takes_the_system_torrc(extract: Extract) -> None:
    tree = {"/var/lib/tor/state": LEGACY.encode(), "/etc/tor/torrc": b"ExitNodes {at}\n"}
    assert extract(state, tree).of(TorClient)[0].settings == ("ExitNodes {at}",)


def test_orbot_names_the_apps_it_routes(extract: Extract) -> None:
    preferences = (
        b'<map><string name="PrefTord">com.example.notes|</string>'
        b'<boolean name="pref_or" value="true"/><string name="other">x</string>'
        b'<string name="pref_proxy_password">hunter2</string></map>'
    )
    folder = "/data/data/org.torproject.android"
    place = f"{folder}/shared_prefs/org.torproject.android_preferences.xml"
    tree = {f"{folder}/app_tordata/state": STATE.encode(), place: preferences}
    (client,) = extract(state, tree).of(TorClient)
    assert client.bundled_with == "orbot"
    assert client.settings == (
        "PrefTord com.example.notes|",
        "pref_or true",
        "pref_proxy_password [withheld]",
    )
    found = extract(state, {**tree, place: b"<map>"})
    assert found.of(TorClient)[0].settings == ()
    assert found.problems == [f"{place}: not well-formed XML"]


def test_never_bootstrapped(extract: Extract) -> None:
    text = (
        "# Tor state file last generated on 2026-11-25 18:28:00 local time\n"
        "# Other times below are in UTC\n\nDormant 0\nLastWritten 2026-11-25 09:28:00\n"
        "TorVersion Tor 0.4.9.11\n"
    )
    (client,) = extract(state, {"/x/y/state": text.encode()}).findings
    assert client.shows is Shows.EXECUTED
    assert client.utc_offset_minutes == 9 * 60
    assert client.circuits_measured is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 4096,
        b"state\n",
        b"TorVersion Tor 0.4\n",
        b"LastWritten 2024-01-01 00:00:00\n",
        b'{"version": 1}',
        bytes(range(256)) * 40,
    ],
)
def test_other_state_files_yield_nothing(extract: Extract, data: bytes) -> None:
    found = extract(state, {"/var/lib/dbus/state": data, "/x/tor/state": data})
    assert found.findings == []
    assert found.problems == []


def test_damaged_state_among_tor_files(extract: Extract) -> None:
    tree = {"/x/tor/state": b"\0" * 300, "/x/tor/cached-certs": b""}
    with pytest.raises(ParseError):
        extract(state, tree)


def test_truncation_never_breaks(extract: Extract) -> None:
    for end in range(0, len(STATE), 7):
        extract(state, {"/x/y/state": STATE[:end].encode()})
        extract(state, {"/x/y/state": LEGACY[:end].encode()})


def test_hostile_lines(extract: Extract) -> None:
    text = STATE + "\n".join(
        [
            "Guard",
            "Guard in=default rsa_id=short",
            "CircuitBuildTimeBin 275 " + "9" * 400,
            "EntryGuard nick nofingerprint",
            "EntryGuardAddedBy " + OTHER,
            "TotalBuildTimes -5",
            "MinutesSinceUserActivity 99999999999999999999",
        ]
    )
    found = extract(state, {"/x/y/state": text.encode()})
    assert len(found.of(TorGuard)) == 2
    assert found.problems == ["lines 15, 16, 17, 18, 19: 5 damaged lines"]


def test_activity_before_the_calendar(extract: Extract) -> None:
    text = STATE.replace("Activity 15", "Activity 999999999").replace("2024-02-21", "0001-01-01")
    (client, *_) = extract(state, {"/x/y/state": text.encode()}).findings
    assert "user_active_about" not in [time.event for time in client.times]


def test_too_many_guards(extract: Extract) -> None:
    line = f"Guard in=default rsa_id={FINGERPRINT}\n"
    with pytest.raises(ParseError, match="guards"):
        extract(state, {"/x/y/state": (STATE + line * 6000).encode()})


@pytest.mark.parametrize(
    ("name", "data", "shows"),
    [
        ("cached-microdesc-consensus", CONSENSUS, Shows.EXECUTED),
        ("cached-consensus", CONSENSUS, Shows.EXECUTED),
        ("unverified-microdesc-consensus", CONSENSUS, Shows.EXECUTED),
        ("cached-certs", b"dir-key-certificate-version 3\n", Shows.PRESENT),
    ],
)
def test_directory_known_by_its_caches(
    extract: Extract, name: str, data: bytes, shows: Shows
) -> None:
    (client,) = extract(caches, {f"/opt/x/{name}": data}).findings
    assert client.directory == "/opt/x"
    assert client.shows is shows
    assert client.version is None


def test_one_client_a_directory(extract: Extract) -> None:
    certs = b"dir-key-certificate-version 3\n"
    both = {"/x/cached-microdesc-consensus": CONSENSUS, "/x/cached-certs": certs}
    assert len(extract(caches, both).findings) == 1
    assert extract(caches, {**both, "/x/state": STATE.encode()}).findings == []
    damaged = {**both, "/x/state": b"\0\0"}
    assert len(extract(caches, damaged).findings) == 1


@pytest.mark.parametrize("data", [b"", b"\0" * 100, CONSENSUS[:40], b"random"])
def test_damaged_caches(extract: Extract, data: bytes) -> None:
    with pytest.raises(ParseError):
        extract(caches, {"/x/cached-microdesc-consensus": data})


def test_bridges(extract: Extract) -> None:
    text = (
        "UseBridges 1\n"
        f"Bridge obfs4 192.0.2.3:9001 {FINGERPRINT} cert=abc iat-mode=0\n"
        "bridge [2001:db8::1]:443\n"
        "Bridge scramblesuit 192.0.2.4:1 password=OPENSESAME\n"
        "Bridge nonsense\n# Bridge 192.0.2.99:1\n"
    )
    found = extract(torrc, {"/etc/tor/torrc": text.encode()})
    first, second, third = found.of(TorBridge)
    assert (first.transport, first.address, first.fingerprint) == (
        "obfs4",
        "192.0.2.3:9001",
        FINGERPRINT,
    )
    assert first.enabled is True
    assert (second.transport, second.address) == (None, "[2001:db8::1]:443")
    assert third.line == "scramblesuit 192.0.2.4:1 password=[withheld]"
    assert (third.sensitivity, third.secret) == (Sensitivity.SECRET, "OPENSESAME")
    assert "OPENSESAME" not in repr(third)
    assert found.problems == ["line 5: not a bridge line"]


@pytest.mark.parametrize(
    "text",
    ["", "hello world\n", "bridge over troubled water\n\0", "\\\n" * 1000, "a\\\n" * 100_000],
)
def test_torrc_near_misses(extract: Extract, text: str) -> None:
    assert extract(torrc, {"/x/torrc": text.encode()}).findings == []


def test_torrc_joins_lines_and_unquotes(extract: Extract) -> None:
    text = 'Log notice file "/a b"\nBridge obfs4 \\\n# between\n192.0.2.3:1 \\\nx=1\nUseBridges 0\n'
    found = extract(torrc, {"/x/torrc": text.encode()})
    (bridge,) = found.of(TorBridge)
    assert found.of(TorClient)[0].settings == ("UseBridges 0",)
    assert (bridge.line, bridge.locator) == ("obfs4 192.0.2.3:1 x=1", "line 2")
    assert bridge.enabled is False


def test_included_files_are_read_where_the_torrc_points(extract: Extract) -> None:
    tree = {
        "/home/a/torrc": b"%include /srv/conf/*.conf\n%include extra\n"
        b"%include more/\n%include gone\n",
        "/srv/conf/one.conf": b"Bridge 192.0.2.1:1\n%include /srv/conf/one.conf\n",
        "/srv/conf/.hidden.conf": b"Bridge 192.0.2.9:9\n",
        "/home/a/extra": b"Bridge 192.0.2.2:2\n",
        "/home/a/more/x": b"Bridge 192.0.2.3:3\nUseBridges 1\n",
    }
    found = extract(torrc, tree)
    assert [(bridge.address, bridge.locator) for bridge in found.of(TorBridge)] == [
        ("192.0.2.1:1", "line 1 of /srv/conf/one.conf"),
        ("192.0.2.2:2", "line 1 of /home/a/extra"),
        ("192.0.2.3:3", "line 1 of /home/a/more/x"),
    ]
    assert found.problems == []


def test_endless_includes_end(extract: Extract) -> None:
    tree = {f"/x/{n}": f"%include {n + 1}\n%include {n + 2}\n".encode() for n in range(40)}
    found = extract(torrc, {**tree, "/x/torrc": b"%include 0\nUseBridges 1\n"})
    assert len(found.of(TorClient)) == 1
    assert found.problems


@pytest.mark.parametrize(
    ("path", "data", "told"),
    [
        ("/home/a/torrc", {"/data/tor/state": LEGACY.encode()}, True),
        ("/data/tor/torrc", {"/data/tor/state": LEGACY.encode()}, False),
        ("/data/tor/torrc", {}, True),
    ],
)
def test_settings_no_data_directory_leads_to(
    extract: Extract, path: str, data: dict[str, bytes], told: bool
) -> None:
    text = b"DataDirectory /data/tor\nExitNodes {at}\nHTTPSProxyAuthenticator a:b\n"
    clients = extract(torrc, {path: text, **data}).of(TorClient)
    assert [(client.directory, client.settings) for client in clients] == (
        [("/data/tor", ("ExitNodes {at}", "HTTPSProxyAuthenticator [withheld]"))] if told else []
    )


def test_data_directory_in_a_layer_of_a_container(extract: Extract) -> None:
    layer = "/var/lib/docker/overlay2/abc/diff"
    tree = {
        f"{layer}/var/lib/tor/state": LEGACY.encode(),
        f"{layer}/etc/tor/torrc": b"ExitNodes {at}\n",
        "/etc/tor/torrc": b"ExitNodes {ch}\n",
    }
    (client,) = extract(state, tree).of(TorClient)
    assert (client.container, client.settings) == ("overlay2 abc", ("ExitNodes {at}",))


def test_onion_credential_keeps_its_key(extract: Extract) -> None:
    label = ONION.removesuffix(".onion")
    line = f"{label}:descriptor:x25519:{KEY}\n"
    found = extract(credentials, {f"{DIRECTORY}/onion-auth/{label}.auth_private": line.encode()})
    (credential,) = found.findings
    assert credential.onion == ONION
    assert credential.key_type == "x25519"
    assert credential.shows is Shows.CREDENTIAL
    assert credential.sensitivity is Sensitivity.SECRET
    assert credential.secret == KEY
    assert KEY not in repr(credential)
    assert KEY not in str(credential.value())
    assert credential.checks == ("onion-checksum",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a:b:c:d",
        f"{'a' * 56}:descriptor:x25519:{KEY}",
        f"{ONION[:55]}:descriptor:x25519:{KEY}",
        "\0" * 50,
    ],
)
def test_damaged_credentials(extract: Extract, text: str) -> None:
    with pytest.raises(ParseError):
        extract(credentials, {"/x/onion-auth/a.auth_private": text.encode()})
