"""Traces of programs in Linux: histories, logs of packages and of the system, desktops."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.program import _known, desktop, packages, shell_history, system_logs
from plugins.program._lines import HIDDEN, without_secrets
from triage.api import ParseError, ProgramExecuted, ProgramPresent, ProgramRemoved, Sensitivity
from triage.formats.indicators import parse

Extract = Callable[..., Any]
HISTORY = "/home/a/.bash_history"


def told(extract: Extract, text: str) -> list[tuple[str, str]]:
    found = extract(shell_history.histories, {HISTORY: text.encode()}).findings
    return [(one.kind.partition(".")[2], one.program_path) for one in found]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tor", [("executed", "tor")]),
        ("sudo -E /usr/bin/tor -f torrc &", [("executed", "/usr/bin/tor")]),
        ("HTTP=1 torsocks curl x | tee y", [("executed", "torsocks")]),
        (
            "cd tor-browser && ./start-tor-browser.desktop",
            [("executed", "./start-tor-browser.desktop")],
        ),
        ("apt-get -y install tor nyx vim", [("present", "tor"), ("present", "nyx")]),
        (
            "flatpak install flathub org.onionshare.OnionShare",
            [("present", "org.onionshare.OnionShare")],
        ),
        ("sudo pacman -Rns electrum", [("removed", "electrum")]),
        ("rm -rf ~/tor-browser/ x", [("removed", "~/tor-browser/")]),
        ("echo 'an open quote; tor", []),
        ("man tor", []),
        ("ls tor-browser", []),
        ("vim torrc", []),
        ("", []),
    ],
)
def test_commands(extract: Extract, line: str, expected: list[tuple[str, str]]) -> None:
    assert told(extract, line) == expected


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("gpg --passphrase word -d x", f"gpg --passphrase {HIDDEN} -d x"),
        ("electrum --password=word gui", f"electrum --password={HIDDEN} gui"),
        ("bitcoin-cli walletpassphrase word 60", f"bitcoin-cli walletpassphrase {HIDDEN} {HIDDEN}"),
        ("electrum restore a b c", f"electrum restore {HIDDEN} {HIDDEN} {HIDDEN}"),
        ("gpg --passphrase-fd 0 -d x", f"gpg --passphrase-fd {HIDDEN} -d x"),
        ("tor --version", "tor --version"),
    ],
)
def test_what_may_be_a_password_is_left_out(line: str, shown: str) -> None:
    assert without_secrets(line.split()) == (shown, HIDDEN in shown)


def test_a_line_with_a_password_makes_the_history_secret(extract: Extract) -> None:
    text = b"monero-wallet-cli --password fixture\n"
    (found,) = extract(shell_history.histories, {HISTORY: text}).of(ProgramExecuted)
    assert found.sensitivity is Sensitivity.SECRET
    assert "fixture" not in str(found)


@pytest.mark.parametrize(  # what plaso's own tests expect of the same files
    ("name", "path", "dated"),
    [
        ("bash_history", HISTORY, (4, 1_380_630_977)),
        ("zsh_extended_history.txt", "/home/a/.zsh_history", (4, 1_457_771_210)),
        ("fish_history", "/home/a/.local/share/fish/fish_history", (10, 1_619_736_780)),
    ],
)
def test_histories_of_plaso(
    extract: Extract, samples: Path, name: str, path: str, dated: tuple[int, int]
) -> None:
    seen: list[tuple[int, str, int | None]] = []
    original = shell_history._commands

    def watched(artifact: Any) -> Any:
        for command in original(artifact):
            seen.append(command)
            yield command

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shell_history, "_commands", watched)
        extract(shell_history.histories, {path: (samples / "os/linux" / name).read_bytes()})
    assert (sum(when is not None for *_, when in seen), seen[0][2]) == dated


def test_apt_history_of_plaso(
    extract: Extract, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = (
        "name: x\nversion: 1\ndate: 2024-01-01\ncategories: {any: Any}\ngroups:\n"
        "  - category: any\n    source: this test\n    entries: {'package:screen': Screen}\n"
    )
    monkeypatch.setattr(_known, "PROGRAMS", parse(listed, name="x"))
    data = (samples / "os/linux/apt_history.log").read_bytes()
    (screen,) = extract(packages.apt_history, {"/var/log/apt/history.log": data}).findings
    assert (screen.software_version, screen.times[0].raw, screen.times[0].utc) == (
        "4.5.0-6",
        "2019-07-10  16:38:12",
        None,
    )


def test_logs_of_packages_are_read_compressed(extract: Extract) -> None:
    text = b"2024-05-06 09:03:21 upgrade tor:amd64 0.4.7.13-1 0.4.7.16-1\n"
    tree = {"/var/log/dpkg.log.2.gz": gzip.compress(text)}
    (found,) = extract(packages.dpkg_log, tree).of(ProgramPresent)
    assert (found.software_version, found.times[0].utc) == ("0.4.7.16-1", None)
    damaged = {"/var/log/dpkg.log.2.gz": gzip.compress(text)[:9] + b"\xff\xff\xff"}
    with pytest.raises(ParseError):
        extract(packages.dpkg_log, damaged)


@pytest.mark.parametrize(
    ("path", "line", "version", "utc"),
    [
        (
            "/var/log/dnf.rpm.log",
            "2024-05-06T09:00:00+0200 SUBDEBUG Installed: tor-0.4.8.10-1.fc39.x86_64",
            "0.4.8.10",
            "2024-05-06T07:00:00Z",
        ),
        ("/var/log/yum.log", "May 06 09:00:00 Erased: 1:tor-0.3.5-1.el7.x86_64", "0.3.5", None),
        (
            "/var/log/zypp/history",
            "2024-05-06 09:00:00|install|tor|0.4.8-1.1|x86_64|",
            "0.4.8-1.1",
            None,
        ),
        (
            "/var/log/pacman.log",
            "[2024-05-06T09:00:00+0200] [ALPM] upgraded tor (0.4.7-1 -> 0.4.8-1)",
            "0.4.8-1",
            "2024-05-06T07:00:00Z",
        ),
    ],
)
def test_other_package_managers(
    extract: Extract, path: str, line: str, version: str, utc: str | None
) -> None:
    (found,) = extract(packages.package_logs, {path: line.encode()}).findings
    assert isinstance(found, ProgramRemoved) == ("Erased" in line)
    assert (found.software_version, found.times[0].utc) == (version, utc)


@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8b", b"\xff" * 3000, b"LPKSHHRH" + bytes(300), b"<xbel"]
)
@pytest.mark.parametrize(
    ("extractor", "path"),
    [
        (shell_history.histories, HISTORY),
        (packages.apt_history, "/var/log/apt/history.log"),
        (packages.snap, "/var/lib/snapd/state.json"),
        (desktop.recent_files, "/home/a/.local/share/recently-used.xbel"),
        (system_logs.system_log, "/var/log/syslog.1"),
        (system_logs.journal, "/var/log/journal/0/system.journal"),
    ],
)
def test_what_only_has_the_name(
    extract: Extract, extractor: Any, path: str, content: bytes
) -> None:
    try:
        found = extract(extractor, {path: content}).findings
    except ParseError:
        return
    assert found == []
