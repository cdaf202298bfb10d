"""What the volumes of an image are: examined, locked, or not ours to read."""

from __future__ import annotations

from triage.engine import messages as m
from triage.engine.coverage import Outcome
from triage.engine.results import Results, Statement
from triage.findings import Confidence, EncryptionVolume, Protection, Sensitivity, Shows
from triage.model import Volume, VolumeState


def examine_volumes(opened: m.Opened, results: Results) -> None:
    """Turn each volume that is not walked into coverage, and a finding where it is closed to us."""
    for volume in opened.volumes:
        if "snapshots" in volume.details:
            results.coverage.add(
                "snapshots",
                Outcome.NOT_SELECTED,
                volume=volume.name,
                count=volume.details["snapshots"],
            )
        match volume.state:
            case VolumeState.FILESYSTEM:
                continue
            case VolumeState.LOCKED | VolumeState.UNSUPPORTED:
                _closed(volume, results, counts=True)
            case VolumeState.UNKNOWN:
                _closed(volume, results, counts=not volume.name.startswith("gap@"))
            case VolumeState.DAMAGED:
                _uncovered(volume, results, reason="damaged", counts=True)
                results.problem(
                    "volume_damaged", volume.problem or "cannot be opened", volume=volume.name
                )
            case VolumeState.GAP:
                _uncovered(volume, results, reason="unallocated", counts=False)
            case VolumeState.EMPTY | VolumeState.META:
                results.coverage.add(
                    "volume",
                    Outcome.ABSENT,
                    reason=volume.state.value,
                    volume=volume.name,
                    offset=volume.offset,
                    length=volume.length,
                )
    for offset, length in opened.missing:
        results.coverage.add(
            "media",
            Outcome.NOT_EXAMINED,
            reason="missing_segment",
            counts=True,
            offset=offset,
            length=length,
        )


def _uncovered(volume: Volume, results: Results, *, reason: str, counts: bool) -> None:
    results.coverage.add(
        "volume",
        Outcome.NOT_EXAMINED,
        reason=reason,
        counts=counts,
        volume=volume.name,
        offset=volume.offset,
        length=volume.length,
    )


def _closed(volume: Volume, results: Results, *, counts: bool) -> None:
    scheme = volume.scheme or "unrecognised"
    _uncovered(volume, results, reason=f"{volume.state.value}:{scheme}", counts=counts)
    results.statements.append(
        Statement(
            finding=EncryptionVolume(
                scheme=scheme,
                state=volume.state.value,
                length=volume.length,
                details=volume.details,
                label=volume.label or volume.details.get("label"),
                shows=Shows.PRESENT,
                confidence=(
                    Confidence.POSSIBLE
                    if volume.state is VolumeState.UNKNOWN
                    else Confidence.CONFIRMED
                ),
                protection=(Protection.ENCRYPTED if volume.state is VolumeState.LOCKED else None),
                sensitivity=Sensitivity.PUBLIC,
                locator=f"offset {volume.offset}",
            ),
            match=None,
            volume=volume,
        )
    )
