"""Systems: what makes a volume a Windows or a Linux machine with accounts, and what it notes."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from triage.training.artifacts.scene import Claim, Scene
from triage.training.people import Person
from triage.training.tree import Inventor
from triage.training.truth import Wanted
from triage.training.writers import hives
from triage.training.writers.regf import Value, filetime, typed

_CONFIG = "Windows/System32/config"
_LEDGER = r"ControlSet001\Enum\USB\VID_2C97&PID_5015\0001"
_SET = r"Properties\{83da6326-97a6-4088-9453-a1923f573b29}"
_ZONES: Final = {0: "GMT Standard Time", 60: "W. Europe Standard Time"}


def machine_of(inventor: Inventor, volume: str) -> tuple[int, int, int]:
    """Return the three numbers in the security identifiers of the machine on a volume."""
    one, two, three = struct.unpack("<3I", inventor.bytes(f"machine {volume}", 12))
    return one, two, three


def windows(scene: Scene) -> None:
    """Leave a Windows 10 machine: a registry with name, zone, accounts and USB devices.

    name: of the computer. accounts: keys of `people`.
    stick: serial number of a USB stick that was plugged in. ledger: `true` for a hardware wallet.
    programs: programs that the first account started, as Windows writes their paths.
    gives: computer, stick, zone, account.
    """
    computer = scene.text("name", "TRAINING-PC")
    people = [scene.people[key] for key in scene.settings.strings("accounts", (scene.owner.key,))]
    installed = scene.begin - timedelta(days=420)
    machine = machine_of(scene.inventor, scene.volume)
    accounts = [_account(scene, person, machine) for person in people]
    built_in = [replace(account, machine=machine) for account in hives.BUILT_IN]
    stick = scene.text("stick", "5EED0001TRAINING0001")
    attached = {
        "installed": scene.begin - timedelta(days=30),
        "attached": scene.minutes(380),
        "removed": scene.minutes(350),
    }
    ledger = scene.flag("ledger")
    bias = -int(scene.zone / timedelta(minutes=1))
    zone = _ZONES[-bias]
    system = hives.system(
        computer,
        bias=bias,
        zone=zone,
        shutdown=scene.when,
        stick=attached,
        stick_serial=stick,
        more=_ledger(scene.minutes(5000)) if ledger else None,
    )
    scene.file(f"{_CONFIG}/SYSTEM", system)
    software = hives.software(
        accounts, installed=installed, owner=people[0].full_name, written=scene.when
    )
    scene.file(f"{_CONFIG}/SOFTWARE", software)
    scene.file(f"{_CONFIG}/SAM", hives.sam([*built_in, *accounts], written=scene.when))
    scene.file("Windows/explorer.exe", "TRAINING placeholder, not a program\n", installed)
    programs = scene.settings.strings("programs", ())
    runs = {path: (3 + n, scene.minutes(200 + 31 * n)) for n, path in enumerate(programs)}
    user_hive = f"Users/{people[0].account}/NTUSER.DAT"
    scene.file(user_hive, hives.ntuser(programs=runs, written=scene.when))
    scene.shows("system.os", f"{_CONFIG}/SOFTWARE", main=True, family="windows", host_name=computer)
    scene.shows("system.timezone", f"{_CONFIG}/SYSTEM", zone_name=zone)
    for account in accounts:
        scene.shows(
            "system.account",
            f"{_CONFIG}/SAM",
            main=True,
            name=account.name,
            account_id=account.sid,
        )
    scene.shows("system.usb", f"{_CONFIG}/SYSTEM", main=True, serial=stick)
    if ledger:
        scene.shows("wallet.device", f"{_CONFIG}/SYSTEM", main=True, vendor_id="2c97")
    for path in programs:
        scene.claims.append(
            Claim(kind="program.executed", path=user_hive, match={}, main=bool(path))
        )
    scene.call(computer=computer, stick=stick, zone=zone, account=people[0].account)


def _account(scene: Scene, person: Person, machine: tuple[int, int, int]) -> hives.Account:
    return hives.Account(
        name=person.account,
        rid=person.rid,
        full_name=person.full_name,
        last_logon=scene.minutes(140 + 700 * person.number),
        password_set=scene.begin - timedelta(days=400),
        logons=100 + person.number,
        administrator=person.number == 0,
        folder=f"C:\\Users\\{person.account}",
        machine=machine,
    )


def _ledger(when: datetime) -> dict[str, dict[str, Value]]:
    stamp = typed(hives.FILETIME, struct.pack("<Q", filetime(when)))
    return {
        _LEDGER: {"DeviceDesc": "USB Composite Device"},
        rf"{_LEDGER}\{_SET}\0064": {"": stamp},
        rf"{_LEDGER}\{_SET}\0066": {"": stamp},
    }


def linux(scene: Scene) -> None:
    """Leave a Debian machine: its release, name, zone and accounts.

    name: of the host. accounts: keys of `people`.
    gives: host, account.
    """
    host = scene.text("name", "training-host")
    people = [scene.people[key] for key in scene.settings.strings("accounts", (scene.owner.key,))]
    installed = scene.begin - timedelta(days=300)
    rows = [("root", 0, "root", "/root", "/bin/bash")]
    rows.append(("debian-tor", 107, "", "/var/lib/tor", "/bin/false"))
    rows += [
        (
            person.account,
            person.uid,
            f"{person.full_name},,,",
            f"/home/{person.account}",
            "/bin/bash",
        )
        for person in people
    ]
    files = {
        "etc/os-release": (
            'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\n'
            'VERSION_ID="12"\nVERSION="12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n'
        ),
        "etc/debian_version": "12.9\n",
        "etc/hostname": f"{host}\n",
        "etc/machine-id": f"{scene.inventor.bytes(f'machine {host}', 16).hex()}\n",
        "etc/timezone": "Etc/UTC\n",
        "etc/passwd": "".join(
            f"{name}:x:{number}:{number}:{full}:{home}:{shell}\n"
            for name, number, full, home, shell in rows
        ),
        "etc/shadow": "".join(f"{name}:*:19800:0:99999:7:::\n" for name, *_ in rows),
        "etc/group": "".join(f"{name}:x:{number}:\n" for name, number, *_ in rows),
    }
    for path, text in files.items():
        scene.file(path, text, installed)
    scene.shows("system.os", "etc/os-release", main=True, family="linux", host_name=host)
    for person in people:
        match: dict[str, Wanted] = {
            "value.name": person.account,
            "value.account_id": f"uid:{person.uid}",
        }
        scene.claims.append(Claim(kind="system.account", path="etc/passwd", match=match, main=True))
    scene.call(host=host, account=people[0].account)


def shell_history(scene: Scene) -> None:
    """Leave what was typed into a shell: bash with times, or PowerShell.

    commands: the lines. software: names of programs that the tool knows among them.
    gives: path.
    """
    commands = scene.settings.strings("commands", ())
    if scene.family == "windows":
        folder = "AppData/Roaming/Microsoft/Windows/PowerShell/PSReadLine"
        path = f"{scene.home}/{folder}/ConsoleHost_history.txt"
        scene.file(path, "".join(f"{command}\r\n" for command in commands))
    else:
        path = f"{scene.home}/.bash_history"
        lines = [
            f"#{int(scene.minutes(4 * (len(commands) - number)).timestamp())}\n{command}\n"
            for number, command in enumerate(commands)
        ]
        scene.file(path, "".join(lines))
    for software in scene.settings.strings("software", ()):
        scene.shows("program.executed", path, main=True, software=software)
    scene.call(path=f"/{path}")


MAKERS: Final = {
    "system.windows": windows,
    "system.linux": linux,
    "system.shell-history": shell_history,
}
