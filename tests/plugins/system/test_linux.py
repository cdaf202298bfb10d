"""Linux: release, accounts, zone; passwords never leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from plugins.system.linux import accounts, release, timezone
from triage.api import (
    Artifact,
    EntryType,
    ParseError,
    SystemAccount,
    SystemOs,
    SystemTimezone,
)

Extract = Callable[..., Any]

RELEASE = b"""PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION='12 (bookworm)'
ID=debian
"""
PASSWD = b"""root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
alice:x:1000:1000:Alice Example,,,:/home/alice:/bin/bash
bob:x:1001:100::/home/bob:/bin/zsh
carl:x:501:501::/home/carl:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
SHADOW = b"""root:!:19800:0:99999:7:::
alice:$y$j9T$salt$verysecrethash:19801:0:99999:7:::
bob::0:0:99999:7:::
"""
GROUP = b"users:x:100:\nsudo:x:27:alice,bob\nalice:x:1000:\n"


def test_release(extract: Extract) -> None:
    tree = {
        "/etc/os-release": RELEASE,
        "/usr/lib/os-release": RELEASE,
        "/etc/hostname": b"# comment\nbox\n",
        "/etc/machine-id": b"0123456789abcdef0123456789abcdef\n",
    }
    (system,) = extract(release, tree).of(SystemOs)
    assert (system.family, system.name, system.version) == (
        "linux",
        "Debian GNU/Linux",
        "12 (bookworm)",
    )
    assert (system.host_name, system.root) == ("box", "/")
    assert system.machine_id == "0123456789abcdef0123456789abcdef"


def test_release_of_a_container(extract: Extract) -> None:
    tree = {
        "/var/lib/lxc/web/rootfs/usr/lib/os-release": RELEASE,
        "/var/lib/lxc/web/rootfs/etc/hostname": b"web\n",
        "/etc/hostname": b"outer\n",
    }
    (system,) = extract(release, tree).findings
    assert (system.root, system.host_name) == ("/var/lib/lxc/web/rootfs", "web")


@pytest.mark.parametrize("data", [b"", b"\0" * 64, b"hello\n", b'name="lower case"\n'])
def test_not_a_release(extract: Extract, data: bytes) -> None:
    with pytest.raises(ParseError):
        extract(release, {"/etc/os-release": data})


def test_accounts(extract: Extract) -> None:
    tree = {"/etc/passwd": PASSWD, "/etc/shadow": SHADOW, "/etc/group": GROUP}
    found = extract(accounts, tree)
    assert found.problems == []
    by_name = {account.name: account for account in found.of(SystemAccount)}
    alice = by_name["alice"]
    assert (alice.account_id, alice.home, alice.full_name) == (
        "uid:1000",
        "/home/alice",
        "Alice Example",
    )
    assert alice.credential_state == "set"
    assert alice.groups == ("alice", "sudo")
    assert [(time.event, time.utc) for time in alice.times] == [
        ("password_set", "2024-03-19T00:00:00Z")
    ]
    assert by_name["bob"].credential_state == "empty"
    assert by_name["bob"].groups == ("sudo", "users")
    assert by_name["bob"].times == ()
    assert by_name["root"].credential_state == "locked"
    services = {name for name, account in by_name.items() if account.for_software}
    assert services == {"daemon", "nobody"}
    assert by_name["daemon"].can_log_in is False
    assert "verysecrethash" not in repr(found)


def test_accounts_without_shadow_below_a_prefix(extract: Extract) -> None:
    found = extract(accounts, {"/@/etc/passwd": PASSWD})
    alice = next(account for account in found.findings if account.name == "alice")
    assert (alice.home, alice.credential_state, alice.groups) == ("/@/home/alice", None, ())


def test_hostile_passwd(extract: Extract) -> None:
    data = b"+::::::\n:x:1:1::/:\nx:x:-5:0::/:/bin/sh\ny:x:" + b"9" * 12 + b":0::home:/bin/sh\nz\n"
    found = extract(accounts, {"/etc/passwd": data + b"\xff\xfe\0:x:7:7::/h:/s\n"})
    assert [account.account_id for account in found.findings] == ["uid:999999999999", "uid:7"]
    assert found.findings[0].home is None
    assert len(found.problems) == 2


def test_too_many_accounts(extract: Extract) -> None:
    found = extract(accounts, {"/etc/passwd": b"a:x:1:1::/h:/s\n" * 10_002})
    assert len(found.findings) == 10_000
    assert found.problems == ["more than 10000 accounts"]


def test_zone_by_name(extract: Extract) -> None:
    tree = {"/etc/timezone": b"Europe/Vienna\n", "/etc/os-release": RELEASE}
    (zone,) = extract(timezone, tree).findings
    assert zone.zone_name == "Europe/Vienna"


@dataclass
class Link:
    """An artifact whose file system has one link."""

    target: bytes

    @property
    def path(self) -> str:
        return "/etc/os-release"

    @property
    def entry(self) -> SimpleNamespace:
        return SimpleNamespace(type=EntryType.LINK, name="os-release")

    def resolve(self, path: str) -> Link | None:
        return self if path == "/etc/localtime" else None

    def head(self, length: int) -> bytes:
        return self.target[:length]


@pytest.mark.parametrize(
    ("target", "zones"),
    [
        (b"../usr/share/zoneinfo/Europe/Vienna", ["Europe/Vienna"]),
        (b"/usr/share/zoneinfo/UTC\0\0", ["UTC"]),
        (b"/usr/share/zoneinfo/../../../etc/passwd", []),
        (bytes(35), []),
    ],
)
def test_zone_by_link(target: bytes, zones: list[str]) -> None:
    found = timezone.run(cast("Artifact", Link(target)))
    assert [zone.zone_name for zone in found if isinstance(zone, SystemTimezone)] == zones


def test_no_zone_is_not_a_problem(extract: Extract) -> None:
    found = extract(timezone, {"/etc/os-release": RELEASE, "/etc/localtime": b"TZif2\0"})
    assert (found.findings, found.problems) == ([], [])


@pytest.mark.parametrize("data", [b"", b"../../etc/passwd", b"x" * 5000, b"Europe/Vienna; rm"])
def test_damaged_zone(extract: Extract, data: bytes) -> None:
    with pytest.raises(ParseError):
        extract(timezone, {"/etc/timezone": data})
