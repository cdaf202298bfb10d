"""The machines in an image: volumes, operating systems, accounts, time zones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from triage.console.words import size
from triage.report.gather import Record
from triage.report.view import Row, fields_of, row
from triage.texts import say

_NAMED_SHOWN = 5  # devices of one volume
_STEPS_SHOWN = 5  # of one clock
_SHOWN = 200  # accounts of one volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One account of an operating system; `findings` counts what lies in its home folder."""

    row: Row
    fields: tuple[tuple[str, str], ...]  # that no column shows
    value: Mapping[str, Any]
    findings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One volume and what its system says about itself."""

    name: str
    extent: str
    offset: str
    content: str
    state: str
    label: str
    named_by: tuple[Row, ...]  # devices with the same number of their volume
    systems: tuple[Row, ...]
    zones: tuple[Row, ...]
    clock: tuple[Row, ...]  # steps of it
    clock_left_out: int
    people: tuple[Person, ...]
    people_left_out: int
    services: tuple[str, ...]  # names of accounts made for software


def machines(
    volumes: Iterable[Mapping[str, Any]],
    context: Iterable[Record],
    by_account: Mapping[str, int],
    named: Iterable[Record] = (),
) -> tuple[Machine, ...]:
    """Return the volumes of the image in their order, each with its systems and accounts.

    `named` are devices that systems met, by the number of their volume.
    """
    by_serial: dict[str, list[Record]] = {}
    for record in named:
        by_serial.setdefault(record["value"]["volume_serial"], []).append(record)
    by_volume: dict[str, list[Record]] = {}
    for record in context:
        by_volume.setdefault(record["source"]["volume"], []).append(record)
    return tuple(
        _machine(
            volume,
            by_volume.get(volume["name"], []),
            by_account,
            by_serial.get(_serial(volume) or "", []),
        )
        for volume in volumes
    )


def _serial(volume: Mapping[str, Any]) -> str | None:
    """Return the number of its file system, where it has one."""
    found = volume.get("details", {}).get("serial")
    return str(found) if found else None


def _machine(
    volume: Mapping[str, Any],
    records: list[Record],
    by_account: Mapping[str, int],
    named: list[Record],
) -> Machine:
    name = volume["name"]
    serial = _serial(volume)
    number = say("machines.serial", serial=serial) if serial else None
    accounts = [r for r in records if r["kind"] == "system.account"]
    steps = [r for r in records if r["kind"] == "system.clock-change"]
    people = [r for r in accounts if not r["value"].get("for_software")]
    counted = sorted(
        ((by_account.get(f"{r['value']['name']} ({name})", 0), r) for r in people),
        key=lambda pair: (-pair[0], pair[1]["value"]["name"], pair[1]["id"]),
    )
    return Machine(
        name=name,
        extent=size(int(volume["length"])),
        offset=f"{int(volume['offset']):,}",
        content=volume["filesystem"] or volume["scheme"] or "",
        state=volume["state"],
        label=", ".join(
            filter(None, (volume["label"], volume["description"], number, volume["problem"]))
        ),
        named_by=tuple(row(r) for r in named[:_NAMED_SHOWN]),
        systems=tuple(row(r) for r in records if r["kind"] == "system.os"),
        zones=tuple(row(r) for r in records if r["kind"] == "system.timezone"),
        clock=tuple(row(r) for r in steps[:_STEPS_SHOWN]),
        clock_left_out=max(len(steps) - _STEPS_SHOWN, 0),
        people=tuple(
            Person(
                row=row(r),
                fields=fields_of(r, without=("full_name", "for_software")),
                value=r["value"],
                findings=count,
            )
            for count, r in counted[:_SHOWN]
        ),
        people_left_out=max(len(counted) - _SHOWN, 0),
        services=tuple(
            sorted({r["value"]["name"] for r in accounts if r["value"].get("for_software")})
        ),
    )
