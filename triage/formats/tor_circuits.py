"""Circuit events of tor's control port, as they stay in memory that was written to disk.

`650 CIRC 12 BUILT $<40 hex>~nick,… BUILD_FLAGS=… PURPOSE=… REND_QUERY=<onion> TIME_CREATED=…
SOCKS_USERNAME="…" SOCKS_PASSWORD="…"`. Tor Browser sets the user name to the site in the address
bar. Source: torspec `control-spec`, section 4.1.1 (TIME_CREATED is UTC); tor-browser's
`domain-isolator`. Not compared with memory of a running browser.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from triage.findings import Confidence, Shows, TorCircuit
from triage.formats.onion import check as onion_check
from triage.formats.stamps import utc_text

_MARK = re.compile(rb" TIME_CREATED=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_MAX_MARKS = 20_000  # in one call: real memory holds a few hundred
_BEFORE, _AFTER = 1500, 900  # bytes around the mark; the longest events are below 1,000
_EVENT = re.compile(
    rb"(LAUNCHED|BUILT|EXTENDED|GUARD_WAIT|FAILED|CLOSED)"
    rb"((?: |,)?(?:\$[0-9A-F]{40}(?:[~=][A-Za-z0-9]{1,19})?,?){0,8})"
    rb'((?: [A-Z_]{2,24}=(?:"(?:[^"\\\r\n\0]|\\.){0,400}"|[^\s"\0]{1,400})){1,14})'
)
_FIELD = re.compile(rb' ([A-Z_]{2,24})=(?:"((?:[^"\\\r\n\0]|\\.){0,400})"|([^\s"\0]{1,400}))')
_RELAY = re.compile(rb"\$([0-9A-F]{40})(?:[~=]([A-Za-z0-9]{1,19}))?")
_ESCAPE = re.compile(r"\\(.)")
_LONGEST_SITE = 253  # DNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """One event. `created` is as written, UTC."""

    offset: int
    status: str
    relays: tuple[str, ...]  # fingerprint, with the nickname where it stands there
    purpose: str | None
    created: str
    rendezvous: str | None  # onion service that it leads to, without `.onion`
    user_name: str | None  # of SOCKS: in Tor Browser the site in the address bar


def circuits(data: bytes) -> Iterator[Circuit]:
    """Yield the events in some bytes, in order; of 20,000 at most."""
    done = -1
    for mark in itertools.islice(_MARK.finditer(data), _MAX_MARKS):
        at = mark.start()
        if at < done:
            continue
        start = max(done, at - _BEFORE, 0)
        for found in _EVENT.finditer(data[start : at + _AFTER]):
            fields = dict(_fields(found[3]))
            if "TIME_CREATED" in fields:
                done = start + found.end()
                yield Circuit(
                    offset=start + found.start(),
                    status=found[1].decode("ascii"),
                    relays=tuple(_relays(found[2])),
                    purpose=fields.get("PURPOSE"),
                    created=fields["TIME_CREATED"],
                    rendezvous=fields.get("REND_QUERY"),
                    user_name=fields.get("SOCKS_USERNAME") or None,
                )


def _fields(data: bytes) -> Iterator[tuple[str, str]]:
    for name, quoted, bare in _FIELD.findall(data):
        text = (quoted or bare).decode("utf-8", "replace")
        yield name.decode("ascii"), _ESCAPE.sub(r"\1", text) if quoted else text


def _relays(path: bytes) -> Iterator[str]:
    for fingerprint, nickname in _RELAY.findall(path):
        name = fingerprint.decode("ascii")
        yield f"{name} {nickname.decode('ascii')}" if nickname else name


def finding(circuit: Circuit) -> TorCircuit:
    """Return what an event says, with its place as locator."""
    onion = onion_check(f"{circuit.rendezvous}.onion") if circuit.rendezvous else None
    user = circuit.user_name
    site = user if user and not user.startswith("-") and len(user) <= _LONGEST_SITE else None
    named = onion_check(site) if site else None
    address = onion or named
    checks = address.checks if address else ()
    return TorCircuit(
        site=site,
        onion=onion.address if onion else None,
        relays=circuit.relays,
        purpose=circuit.purpose,
        status=circuit.status,
        created_raw=circuit.created,
        shows=Shows.DESTINATION if onion or site else Shows.USED,
        confidence=Confidence.CONFIRMED if checks else Confidence.PROBABLE,
        checks=checks,
        locator=f"byte {circuit.offset}",
        times=utc_text("circuit_created", circuit.created),
    )
