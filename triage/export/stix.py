"""STIX 2.1: what can be shared as intelligence, each observed in a finding.

Observables have the deterministic ids of the specification (OASIS STIX 2.1, section 2.9: version 5
UUIDs over canonical JSON of the contributing properties), so two agencies that saw the same address
have the same object. STIX knows no wallet: an address on a ledger is a `user-account` whose type
names the coin. The finding behind an `observed-data` stands in a property extension.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any, Final
from uuid import UUID, uuid5

from triage import canonical
from triage.bundle import Bundle
from triage.export.exported import Exported, json_bytes, left_out
from triage.export.observables import Observable, What, observables
from triage.export.origin import Origin, file_moment, milliseconds, moment, origin_of

_SCO_NAMESPACE: Final = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")  # section 2.9
_EXTENSION: Final = "extension-definition--6f1a9d0c-5c1e-5d38-9d3b-0b7c2f1f6a01"
_HASHES: Final = (("md5", "MD5"), ("sha1", "SHA-1"), ("sha256", "SHA-256"))
_FILE_TIMES: Final = (("created", "ctime"), ("modified", "mtime"), ("accessed", "atime"))
_PLANNED: Final = "expires"  # a date that was set, not one at which something was seen

Object = dict[str, Any]


def stix(bundle: Bundle) -> Exported:
    """Return a STIX bundle: one `observed-data` a finding, with what it observed.

    `first_observed` and `last_observed` are the dated events of the finding; where it has none,
    the time of the examination. A finding with neither observable nor file is left out.
    """
    origin = origin_of(bundle)
    files = {record["key"]: record for record in bundle.files()}
    objects: dict[str, Object] = {}
    observed: list[str] = []
    without = 0
    for head in _head(origin):
        objects[head["id"]] = head
    identity = _id(origin, "identity", "tool")
    for record in bundle.findings():
        refs = []
        for item in _seen(record, files):
            objects.setdefault(item["id"], item)
            refs.append(item["id"])
        if not refs:
            without += 1
            continue
        # A directory is part of its file, not something that was observed for itself.
        refs = [ref for ref in refs if not ref.startswith("directory--")]
        data = _observed(origin, record, sorted(set(refs)), identity)
        objects[data["id"]] = data
        observed.append(data["id"])
    report = _report(origin, observed or [identity], identity)
    objects[report["id"]] = report
    content = {
        "type": "bundle",
        "id": _id(origin, "bundle", "bundle"),
        "objects": [objects[key] for key in sorted(objects)],
    }
    return Exported(
        content=json_bytes(content),
        notes=left_out(without, "STIX has no object for them, and they stand in no file"),
    )


def _head(origin: Origin) -> Iterator[Object]:
    identity = _id(origin, "identity", "tool")
    yield {
        **_common(origin, "identity", identity),
        "name": origin.tool,
        "identity_class": "system",
    }
    yield {
        **_common(origin, "extension-definition", _EXTENSION),
        "created": "2024-01-01T00:00:00.000Z",  # one definition, in every export the same
        "modified": "2024-01-01T00:00:00.000Z",
        "created_by_ref": identity,
        "name": "disk-triage finding",
        "description": "The finding of a forensic examination behind an observation.",
        "schema": "docs/exchange.md",
        "version": "1.0.0",
        "extension_types": ["property-extension"],
    }


def _report(origin: Origin, refs: list[str], identity: str) -> Object:
    name = ", ".join(
        f"{what} {value}"
        for what, value in (("case", origin.case), ("exhibit", origin.exhibit))
        if value
    )
    return {
        **_common(origin, "report", _id(origin, "report", origin.bundle)),
        "created_by_ref": identity,
        "name": name or "Forensic triage of one exhibit",
        "description": f"Bundle {origin.bundle}, seal code {origin.seal_code}",
        "published": milliseconds(origin.sealed),
        "object_refs": refs,
    }


def _observed(origin: Origin, record: Object, refs: list[str], identity: str) -> Object:
    times = sorted(
        utc
        for time in record["times"]
        if _PLANNED not in time["event"] and (utc := moment(time["utc"])) is not None
    )
    source, account = record["source"], record["account"]
    extension = {
        "extension_type": "property-extension",
        "finding": record["id"],
        "kind": record["kind"],
        "summary": record["summary"],
        "shows": record["shows"],
        "confidence": record["confidence"],
        "volume": source["volume"],
        "path": source["path"],
        "account": account["name"] if account else None,
        "times_basis": "dated_events" if times else "examination",
    }
    return {
        **_common(origin, "observed-data", _id(origin, "observed-data", record["id"])),
        "created_by_ref": identity,
        "first_observed": milliseconds(times[0] if times else origin.started),
        "last_observed": milliseconds(times[-1] if times else origin.sealed),
        "number_observed": 1,
        "object_refs": refs,
        "extensions": {_EXTENSION: {k: v for k, v in extension.items() if v}},
    }


def _seen(record: Object, files: dict[str, Object]) -> Iterator[Object]:
    for item in observables(record):
        yield _observable(item)
    file = files.get(record["source"]["file"] or "")
    if file and file["path"]:
        yield from _file(file)


def _observable(item: Observable) -> Object:
    match item.what:
        case What.URL:
            return _sco("url", value=item.value)
        case What.DOMAIN:
            return _sco("domain-name", value=item.value)
        case What.MAIL:
            return _sco("email-addr", value=item.value)
        case What.IP:
            return _sco(f"ipv{ip_address(item.value).version}-addr", value=item.value)
        case What.ACCOUNT:
            return _account(item.value, (item.scheme or "unknown").lower(), item.name)
        case What.COIN:
            return _account(item.value, f"{(item.scheme or 'unknown').lower()}-address", item.name)
        case What.XPUB:
            return _account(item.value, f"{(item.scheme or 'unknown').lower()}-xpub", item.name)


def _account(user_id: str, account_type: str, name: str | None) -> Object:
    account_type = {"windows": "windows-local"}.get(account_type, account_type)
    account = _sco("user-account", user_id=user_id, account_type=account_type)
    return account | ({"display_name": name} if name else {})


def _file(record: Object) -> Iterator[Object]:
    folder, _, name = record["path"].rpartition("/")
    if not name:
        return
    directory = _sco("directory", path=folder or "/")
    yield directory
    hashes = {label: record["hashes"][key] for key, label in _HASHES if key in record["hashes"]}
    first = next(iter(hashes.items()), None)
    file = _sco(
        "file",
        name=name,
        parent_directory_ref=directory["id"],
        # Only the first hash contributes to the id (section 6.7, Hash property of section 2.9).
        **({"hashes": dict([first])} if first else {}),
    )
    if hashes:
        file["hashes"] = hashes
    if isinstance(record["size"], int):
        file["size"] = record["size"]
    if record["times"]["zone"] == "utc":
        for ours, theirs in _FILE_TIMES:
            time = file_moment(record["times"].get(ours))
            if time is not None:
                file[theirs] = milliseconds(time)
    yield file


def _sco(kind: str, **contributing: Any) -> Object:
    uuid = uuid5(_SCO_NAMESPACE, canonical.encode(contributing).decode())
    return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{uuid}", **contributing}


def _common(origin: Origin, kind: str, identity: str) -> Object:
    sealed = milliseconds(origin.sealed)
    return {
        "type": kind,
        "spec_version": "2.1",
        "id": identity,
        "created": sealed,
        "modified": sealed,
    }


def _id(origin: Origin, kind: str, *parts: str) -> str:
    return f"{kind}--{origin.uuid('stix', kind, *parts)}"
