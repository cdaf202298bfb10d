"""What differs between two bundles: two runs over one image, or one run repeated elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from triage import canonical
from triage.bundle.reader import Bundle, Record
from triage.errors import BundleError


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One record that both have. `fields`: the top-level fields that are not equal, sorted."""

    key: str
    before: Record
    after: Record
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDiff:
    """Records that only the second has, that only the first has, and that differ."""

    added: tuple[Record, ...]
    removed: tuple[Record, ...]
    changed: tuple[Change, ...]

    def __bool__(self) -> bool:
        """Whether there is any difference."""
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleDiff:
    """Differences between two bundles. Coverage has no keys: a line is there or not."""

    findings: RecordDiff
    files: RecordDiff
    coverage: RecordDiff

    def __bool__(self) -> bool:
        """Whether there is any difference."""
        return bool(self.findings or self.files or self.coverage)


def compare(a: Bundle, b: Bundle) -> BundleDiff:
    """Compare two bundles, findings by id, files by key; memory is bounded by what differs.

    Raises BundleError when records cannot be read, or are not sorted as in every bundle.
    """
    return BundleDiff(
        findings=_diff(_keyed(a.findings(), "id"), _keyed(b.findings(), "id")),
        files=_diff(_keyed(a.files(), "key"), _keyed(b.files(), "key")),
        coverage=_diff(_keyed(a.coverage(), None), _keyed(b.coverage(), None)),
    )


_Keyed: TypeAlias = tuple[bytes, Record]


def _keyed(records: Iterable[Record], field: str | None) -> Iterator[_Keyed]:
    previous = b""
    for record in records:
        key = _key(record, field)
        if key < previous:
            raise BundleError("records are not sorted: verify this bundle")
        previous = key
        yield key, record


def _key(record: Record, field: str | None) -> bytes:
    try:
        return canonical.encode(record) if field is None else record[field].encode("utf-8")
    except (KeyError, AttributeError, TypeError, ValueError, RecursionError) as error:
        raise BundleError(f"a record without a usable {field or 'form'}") from error


def _diff(before: Iterator[_Keyed], after: Iterator[_Keyed]) -> RecordDiff:
    added: list[Record] = []
    removed: list[Record] = []
    changed: list[Change] = []
    old, new = next(before, None), next(after, None)
    while old or new:
        if new is None or (old is not None and old[0] < new[0]):
            assert old is not None  # noqa: S101 - the loop's condition
            removed.append(old[1])
            old = next(before, None)
        elif old is None or new[0] < old[0]:
            added.append(new[1])
            new = next(after, None)
        else:
            if old[1] != new[1]:
                changed.append(_change(old[0], old[1], new[1]))
            old, new = next(before, None), next(after, None)
    return RecordDiff(added=tuple(added), removed=tuple(removed), changed=tuple(changed))


def _change(key: bytes, before: Record, after: Record) -> Change:
    absent: Any = object()
    names = sorted(before.keys() | after.keys())
    return Change(
        key=key.decode("utf-8"),
        before=before,
        after=after,
        fields=tuple(n for n in names if before.get(n, absent) != after.get(n, absent)),
    )
