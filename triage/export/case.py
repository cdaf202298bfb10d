"""CASE 1.5 / UCO 1.4: JSON-LD for programs of other laboratories.

The graph holds the run (an `InvestigativeAction` with tool, examiner and result), the exhibit (a
`ProvenanceRecord`), the media, every cited file with its place on the media, what can be compared
(observables), and each finding as an `Annotation` about these, each dated event as an `Event`.

UCO has no class for an address on a ledger (proposals CASE #87, UCO #675): it is a `DigitalAccount`
whose `accountType` names the coin. Ids are version 5 UUIDs of what they name.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from triage.bundle import Bundle
from triage.export.exported import Exported, json_bytes
from triage.export.observables import Observable, What, observables
from triage.export.origin import Origin, file_moment, milliseconds, moment, origin_of

_UCO: Final = "https://ontology.unifiedcyberontology.org/uco"
_CONTEXT: Final = {
    "kb": "http://example.org/kb/",
    "case-investigation": "https://ontology.caseontology.org/case/investigation/",
    "uco-action": f"{_UCO}/action/",
    "uco-core": f"{_UCO}/core/",
    "uco-identity": f"{_UCO}/identity/",
    "uco-observable": f"{_UCO}/observable/",
    "uco-tool": f"{_UCO}/tool/",
    "uco-types": f"{_UCO}/types/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_HASHES: Final = (("md5", "MD5"), ("sha1", "SHA1"), ("sha256", "SHA256"))
_TIMES: Final = (
    ("modified", "modifiedTime"),
    ("accessed", "accessedTime"),
    ("changed", "metadataChangeTime"),
    ("created", "observableCreatedTime"),
)

Node = dict[str, Any]


def case(bundle: Bundle) -> Exported:
    """Return the graph as JSON-LD. Files that no finding cites are left to the bundle."""
    return Exported(content=json_bytes(_Graph(origin_of(bundle)).of(bundle)))


class _Graph:
    """Nodes by id. A node is built once, whoever refers to it."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.nodes: dict[str, Node] = {}

    def of(self, bundle: Bundle) -> Node:
        """Build the graph of a bundle."""
        media = self._media()
        wanted = {record["source"]["file"] for record in bundle.findings()}
        files = {
            record["key"]: self._file(record, media)
            for record in bundle.files()
            if record["key"] in wanted
        }
        results = []
        for record in bundle.findings():
            about = [self._observable(item) for item in observables(record)]
            file = files.get(record["source"]["file"] or "")
            about += [file] if file else []
            results.append(self._finding(record, about or [media]))
        self._run(media, results)
        return {
            "@context": _CONTEXT,
            "@graph": [self.nodes[key] for key in sorted(self.nodes)],
        }

    def _add(self, kind: str, *identity: str, **properties: Any) -> Node:
        """Add a node and return a reference to it. `kind` is `prefix:Class`, `_` stands for `:`."""
        name = f"kb:{kind.rpartition(':')[2]}-{self.origin.uuid('case', kind, *identity)}"
        node = {"@id": name, "@type": kind}
        node |= {
            key.replace("__", ":", 1).replace("_", "-"): value
            for key, value in properties.items()
            if value not in (None, [])
        }
        self.nodes.setdefault(name, node)
        return {"@id": name}

    def _facet(self, kind: str, *identity: str, **properties: Any) -> Node:
        name = f"kb:{kind}-{self.origin.uuid('case', kind, *identity)}"
        node: Node = {"@id": name, "@type": f"uco-observable:{kind}"}
        for key, value in properties.items():
            if value not in (None, []):
                node[f"uco-observable:{key}"] = value
        return node

    def _observed(self, kind: str, *identity: str, facets: list[Node], **properties: Any) -> Node:
        return self._add(
            f"uco-observable:{kind}", *identity, uco_core__hasFacet=facets, **properties
        )

    def _media(self) -> Node:
        origin = self.origin
        facets = [
            self._facet("ImageFacet", "media", imageType=origin.container),
            self._content("media", origin.hashes, origin.media_size),
        ]
        return self._observed("Image", "media", facets=facets)

    def _content(self, identity: str, hashes: dict[str, str], size: Any) -> Node:
        return self._facet(
            "ContentDataFacet",
            identity,
            sizeInBytes=int(size) if size is not None else None,
            hash=[
                {
                    "@id": f"kb:Hash-{self.origin.uuid('case', 'hash', identity, label)}",
                    "@type": "uco-types:Hash",
                    "uco-types:hashMethod": label,
                    "uco-types:hashValue": {"@type": "xsd:hexBinary", "@value": hashes[name]},
                }
                for name, label in _HASHES
                if name in hashes
            ],
        )

    def _file(self, record: Node, media: Node) -> Node:
        key, path = record["key"], record["path"] or ""
        utc = record["times"]["zone"] == "utc"  # a wall-clock time is no xsd:dateTime of an event
        times = {
            theirs: _date_time(file_moment(record["times"].get(ours)))
            for ours, theirs in _TIMES
            if utc
        }
        allocation = record["allocation"]
        facets = [
            self._facet(
                "FileFacet",
                key,
                fileName=path.rpartition("/")[2] or None,
                filePath=path or None,
                sizeInBytes=int(record["size"]),
                allocationStatus=allocation["metadata"] if allocation else None,
                **times,
            ),
            self._content(key, record["hashes"], None),
        ]
        file = self._observed("File", key, facets=facets)
        self._place(record, file, media)
        return file

    def _place(self, record: Node, file: Node, media: Node) -> None:
        ranges = [
            self._facet(
                "DataRangeFacet",
                record["key"],
                str(number),
                rangeOffset=int(run["image_offset"]),
                rangeSize=int(run["length"]),
                rangeOffsetType="Image",
            )
            for number, run in enumerate(record["byte_runs"])
            if run["image_offset"] is not None
        ]
        path = self._facet("PathRelationFacet", record["key"], path=record["path"])
        self._observed(
            "ObservableRelationship",
            record["key"],
            facets=[*ranges, path],
            uco_core__source=file,
            uco_core__target=media,
            uco_core__kindOfRelationship="Contained_Within",
            uco_core__isDirectional=True,
        )

    def _observable(self, item: Observable) -> Node:
        identity = (item.what, item.scheme or "", item.value)
        match item.what:
            case What.URL:
                facet = self._facet("URLFacet", *identity, fullValue=item.value)
                return self._observed("URL", *identity, facets=[facet])
            case What.DOMAIN:
                facet = self._facet("DomainNameFacet", *identity, value=item.value)
                return self._observed("DomainName", *identity, facets=[facet])
            case What.MAIL:
                facet = self._facet("EmailAddressFacet", *identity, addressValue=item.value)
                return self._observed("EmailAddress", *identity, facets=[facet])
            case What.IP:
                kind = "IPv6Address" if ":" in item.value else "IPv4Address"
                facet = self._facet(f"{kind}Facet", *identity, addressValue=item.value)
                return self._observed(kind, *identity, facets=[facet])
            case What.ACCOUNT:
                return self._account(item, item.scheme)
            case What.COIN:
                return self._account(item, f"{item.scheme or 'unknown'} address")
            case What.XPUB:
                return self._account(item, f"{item.scheme or 'unknown'} extended public key")

    def _account(self, item: Observable, kind: str | None) -> Node:
        identity = (item.what, item.scheme or "", item.value)
        facets = [
            self._facet("AccountFacet", *identity, accountIdentifier=item.value, accountType=kind)
        ]
        if item.name:
            facets.append(self._facet("DigitalAccountFacet", *identity, displayName=item.name))
        return self._observed("DigitalAccount", *identity, facets=facets)

    def _finding(self, record: Node, about: list[Node]) -> Node:
        finding = self._add(
            "uco-core:Annotation",
            record["id"],
            uco_core__name=record["id"],
            uco_core__statement=record["summary"],
            uco_core__tag=[record["kind"], record["shows"], record["confidence"]],
            uco_core__object=about,
        )
        for time in record["times"]:
            utc = _date_time(moment(time["utc"]))
            if utc:
                self._add(
                    "uco-core:Event",
                    *(record["id"], time["event"], time["raw"]),
                    uco_core__eventType=time["event"],
                    uco_core__startTime=utc,
                    uco_core__eventContext=about,
                    uco_core__description=record["summary"],
                )
        return finding

    def _run(self, media: Node, results: list[Node]) -> None:
        origin = self.origin
        name, _, version = origin.tool.rpartition(" ")
        tool = self._add(
            "uco-tool:Tool", origin.tool, uco_core__name=name, uco_tool__version=version
        )
        examiner = (
            self._add(
                "uco-identity:Person",
                origin.examiner,
                uco_core__name=origin.examiner,
            )
            if origin.examiner
            else None
        )
        record = self._add(
            "case-investigation:ProvenanceRecord",
            origin.bundle,
            uco_core__description=f"bundle {origin.bundle}, seal code {origin.seal_code}",
            case_investigation__exhibitNumber=origin.exhibit,
            uco_core__object=[media],
        )
        self._add(
            "case-investigation:InvestigativeAction",
            origin.bundle,
            uco_core__name="triage",
            uco_core__description=f"case {origin.case}" if origin.case else None,
            uco_action__startTime=_date_time(origin.started),
            uco_action__endTime=_date_time(origin.sealed),
            uco_action__instrument=tool,
            uco_action__performer=examiner,
            uco_action__object=[media],
            uco_action__result=[record, *results],
        )


def _date_time(time: datetime | None) -> Node | None:
    return {"@type": "xsd:dateTime", "@value": milliseconds(time)} if time else None
