"""MISP: one event with an object for each thing that can be compared, and for each cited file.

Objects follow the templates of MISP/misp-objects (uuid and version below). The event is for the
own organisation only, and nothing in it is flagged for detection: that an address stands on a drive
says nothing against whoever else meets it. Who imports it may decide otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from triage.bundle import Bundle
from triage.export.exported import Exported, json_bytes, left_out
from triage.export.observables import Observable, What, observables
from triage.export.origin import Origin, moment, origin_of

Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    name: str
    uuid: str
    version: str
    category: str  # meta-category
    types: dict[str, tuple[str, str]]  # relation → attribute type, category


_TEMPLATES: Final = {
    template.name: template
    for template in (
        _Template(
            name="coin-address",
            uuid="d0e6997e-78da-4815-a6a1-cfc1c1cb8a46",
            version="7",
            category="financial",
            types={
                "address": ("btc", "Financial fraud"),
                "address-xmr": ("xmr", "Financial fraud"),
                "address-crypto": ("text", "Other"),
                "symbol": ("text", "Other"),
                "text": ("text", "Other"),
                "first-seen": ("datetime", "Other"),
                "last-seen": ("datetime", "Other"),
            },
        ),
        _Template(
            name="tor-hiddenservice",
            uuid="cbac07d6-fbe9-43b8-8d91-d515812ce330",
            version="2",
            category="misc",
            types={
                "address": ("onion-address", "Network activity"),
                "description": ("text", "Other"),
                "first-seen": ("datetime", "Other"),
                "last-seen": ("datetime", "Other"),
            },
        ),
        _Template(
            name="url",
            uuid="60efb77b-40b5-4c46-871b-ed1ed999fce5",
            version="10",
            category="network",
            types={
                "url": ("url", "Network activity"),
                "text": ("text", "Other"),
                "first-seen": ("datetime", "Other"),
                "last-seen": ("datetime", "Other"),
            },
        ),
        _Template(
            name="domain-ip",
            uuid="43b3b146-77eb-4931-b4cc-b66c60f28734",
            version="11",
            category="network",
            types={
                "domain": ("domain", "Network activity"),
                "ip": ("ip-dst", "Network activity"),
                "text": ("text", "Other"),
                "first-seen": ("datetime", "Other"),
                "last-seen": ("datetime", "Other"),
            },
        ),
        _Template(
            name="user-account",
            uuid="49606b06-22f0-4ac8-8eee-2f12ad46f3d3",
            version="6",
            category="misc",
            types={
                "user-id": ("text", "Other"),
                "account-type": ("text", "Other"),
                "display-name": ("text", "Other"),
                "email": ("email", "Network activity"),
                "username": ("text", "Other"),
                "description": ("text", "Other"),
            },
        ),
        _Template(
            name="file",
            uuid="688c46fb-5edb-40a3-8273-1af7923e2215",
            version="25",
            category="file",
            types={
                "filename": ("filename", "Payload delivery"),
                "fullpath": ("text", "Other"),
                "size-in-bytes": ("size-in-bytes", "Other"),
                "md5": ("md5", "Payload delivery"),
                "sha1": ("sha1", "Payload delivery"),
                "sha256": ("sha256", "Payload delivery"),
                "text": ("text", "Other"),
            },
        ),
        _Template(
            name="forensic-evidence",
            uuid="fe44c648-63ef-43fc-b3de-af71a2e023e4",
            version="2",
            category="misc",
            types={
                "case-number": ("text", "Other"),
                "evidence-number": ("text", "Other"),
                "type": ("text", "Other"),
                "additional-comments": ("text", "Other"),
            },
        ),
    )
}


def misp(bundle: Bundle) -> Exported:
    """Return a MISP event. Findings that hold nothing to compare are left out and counted."""
    origin = origin_of(bundle)
    cited: set[str] = set()
    seen: dict[tuple[str, str, str], Object] = {}
    without = 0
    for record in bundle.findings():
        if record["source"]["file"]:
            cited.add(record["source"]["file"])
        found = observables(record)
        without += not found
        for item in found:
            key = (item.what, item.scheme or "", item.value)
            seen.setdefault(key, _object(origin, item, record))
    objects = [seen[key] for key in sorted(seen)]
    objects += [_file(origin, file) for file in bundle.files() if file["key"] in cited]
    if origin.case and origin.exhibit:
        objects.insert(0, _evidence(origin))
    event = {
        "uuid": str(origin.uuid("misp", origin.bundle)),
        "info": f"Forensic triage, case {origin.case or '–'}, exhibit {origin.exhibit or '–'}",
        "date": f"{origin.sealed:%Y-%m-%d}",
        "timestamp": _timestamp(origin),
        "analysis": "0",  # initial: a triage ends no investigation
        "threat_level_id": "4",  # undefined
        "distribution": "0",  # this organisation only
        "published": False,
        "Tag": [{"name": "tlp:red"}],
        "Attribute": [],
        "Object": objects,
    }
    return Exported(
        content=json_bytes({"Event": event}),
        notes=left_out(without, "findings that hold nothing MISP could correlate"),
    )


def _object(origin: Origin, item: Observable, record: Object) -> Object:
    times = sorted(time["utc"] for time in record["times"] if moment(time["utc"]))
    dated = {"first-seen": times[0], "last-seen": times[-1]} if times else {}
    told = f"{record['summary']} [{record['id']}]"
    name, values = _values(item, told)
    dated = dated if "first-seen" in _TEMPLATES[name].types else {}
    return _build(origin, name, [*values, *dated.items()], (item.what, item.scheme or "", told))


def _values(item: Observable, told: str) -> tuple[str, list[tuple[str, str]]]:
    match item.what:
        case What.COIN:
            relation = {"BTC": "address", "XMR": "address-xmr"}.get(item.scheme or "")
            symbol = [("symbol", item.scheme)] if item.scheme else []
            pair = (relation or "address-crypto", item.value)
            return "coin-address", [pair, *symbol, ("text", told)]
        case What.XPUB:
            return "coin-address", [
                ("address-crypto", item.value),
                ("text", f"extended public key: {told}"),
            ]
        case What.URL:
            return "url", [("url", item.value), ("text", told)]
        case What.DOMAIN if item.value.endswith(".onion"):
            return "tor-hiddenservice", [("address", item.value), ("description", told)]
        case What.DOMAIN:
            return "domain-ip", [("domain", item.value), ("text", told)]
        case What.IP:
            return "domain-ip", [("ip", item.value), ("text", told)]
        case What.MAIL:
            return "user-account", [
                ("username", item.value),
                ("email", item.value),
                ("account-type", "mail"),
                ("description", told),
            ]
        case What.ACCOUNT:
            name = [("display-name", item.name)] if item.name else []
            kind = [("account-type", item.scheme)] if item.scheme else []
            return "user-account", [("user-id", item.value), *kind, *name, ("description", told)]


def _file(origin: Origin, record: Object) -> Object:
    name = (record["path"] or "").rpartition("/")[2]
    values = [
        *([("filename", name)] if name else []),
        ("fullpath", f"{record['volume']}:{record['path'] or ''}"),
        ("size-in-bytes", str(record["size"])),
        *sorted((k, v) for k, v in record["hashes"].items() if k in ("md5", "sha1", "sha256")),
    ]
    return _build(origin, "file", values, (record["key"],))


def _evidence(origin: Origin) -> Object:
    told = [f"{name} {value}" for name, value in sorted(origin.hashes.items())]
    comment = f"bundle {origin.bundle}, seal code {origin.seal_code}; media: {', '.join(told)}"
    values = [
        ("case-number", origin.case or ""),
        ("evidence-number", origin.exhibit or ""),
        ("additional-comments", comment),
    ]
    return _build(origin, "forensic-evidence", values, (origin.bundle,))


def _build(
    origin: Origin, name: str, values: list[tuple[str, str]], identity: tuple[str, ...]
) -> Object:
    template = _TEMPLATES[name]
    first = values[0][1]

    def attribute(relation: str, value: str) -> Iterator[tuple[str, Any]]:
        kind, category = template.types[relation]
        yield "uuid", str(origin.uuid("misp", name, first, relation, value, *identity))
        yield "object_relation", relation
        yield "type", kind
        yield "category", category
        yield "value", value
        yield "to_ids", False
        yield "disable_correlation", relation in ("text", "description", "account-type", "symbol")
        yield "distribution", "5"  # inherit
        yield "timestamp", _timestamp(origin)

    return {
        "uuid": str(origin.uuid("misp", name, first, *identity)),
        "name": name,
        "meta-category": template.category,
        "template_uuid": template.uuid,
        "template_version": template.version,
        "distribution": "5",
        "timestamp": _timestamp(origin),
        "Attribute": [dict(attribute(relation, value)) for relation, value in values],
    }


def _timestamp(origin: Origin) -> str:
    return str(int(origin.sealed.timestamp()))
