"""Where an exchanged record comes from, and the ids that it has there: the same in each export.

Two exports of one bundle have equal ids, and so have those of two runs over the same media.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from triage import canonical
from triage.bundle import Bundle

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PROJECT = uuid5(NAMESPACE_URL, "urn:disk-triage:export:1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The exhibit and the run behind a bundle. Times are UTC."""

    bundle: str  # its id
    seal_code: str
    tool: str  # name and version
    case: str | None
    exhibit: str | None
    examiner: str | None
    container: str  # ewf, raw, folder …
    media_size: int | None  # bytes
    hashes: dict[str, str]  # of the media: algorithm → hex; empty where not hashed
    started: datetime
    sealed: datetime

    def uuid(self, *parts: str) -> UUID:
        """Return the id of something in this media: version 5, so that it follows from `parts`.

        Media without a SHA-256 is told apart by the random id of its bundle.
        """
        media = self.hashes.get("sha256", self.bundle)
        return uuid5(_PROJECT, canonical.encode([media, *parts]).decode())


def origin_of(bundle: Bundle) -> Origin:
    """Return the origin of what a bundle holds. Raises BundleError where it has no seal."""
    run, seal = bundle.run, bundle.seal
    case, image = run["case"], run["image"]
    return Origin(
        bundle=str(seal.predicate["bundle"]),
        seal_code=seal.code,
        tool=f"{run['tool']['name']} {run['tool']['version']}",
        case=case["case"],
        exhibit=case["exhibit"],
        examiner=case["examiner"],
        container=image["container"],
        media_size=image.get("media_size"),
        hashes=dict(image.get("hashes") or {}),
        started=moment(run["started"]) or seal.sealed,
        sealed=seal.sealed,
    )


def moment(text: str | None) -> datetime | None:
    """Return a UTC time of a record; None where there is none, or outside the years 1 to 9999."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def file_moment(nanoseconds: str | int | None) -> datetime | None:
    """Return a time of a file record (nanoseconds since 1970 UTC), cut to microseconds."""
    try:
        return (
            None
            if nanoseconds is None
            else EPOCH + timedelta(microseconds=int(nanoseconds) // 1000)
        )
    except OverflowError:
        return None


def milliseconds(time: datetime) -> str:
    """Return a time as STIX and CASE have it: RFC 3339 with milliseconds and Z."""
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z"
