"""What an image is before it is walked: what its imager noted, and what its volumes are."""

from __future__ import annotations

from triage.engine import messages as m
from triage.engine.coverage import Outcome
from triage.engine.results import Results, Statement
from triage.engine.tails import tails
from triage.findings import Confidence, EncryptionVolume, Protection, Sensitivity, Shows
from triage.model import Volume, VolumeState


def examine_volumes(opened: m.Opened, results: Results) -> None:
    """Turn each volume that is not walked into coverage, and a finding where it is closed to us."""
    results.statements.extend(tails(opened.volumes))
    results.statements.extend(
        _encryption(volume) for volume in opened.volumes if volume.state is VolumeState.OPENED
    )
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
                if volume.problem:  # readable, but not all of it is there
                    results.problem("volume_damaged", volume.problem, volume=volume.name)
                    _uncovered(volume, results, reason="damaged", counts=True)
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
            case VolumeState.EMPTY | VolumeState.META | VolumeState.OPENED:
                results.coverage.add(
                    "volume",
                    Outcome.ABSENT,
                    reason=volume.state.value,
                    volume=volume.name,
                    offset=volume.offset,
                    length=volume.length,
                )


def examine_media(opened: m.Opened, results: Results) -> None:
    """Say which bytes of the media are not there or not sound, and what the image says itself."""
    for reason, ranges in (
        ("missing_segment", opened.missing),
        ("acquisition_error", opened.unreadable),
    ):
        for offset, length in ranges:
            results.coverage.add(
                "media",
                Outcome.NOT_EXAMINED,
                reason=reason,
                counts=True,
                offset=offset,
                length=length,
            )
    for note in opened.info.notes:
        results.problem("image_note", _nameless(note, opened))
    if opened.damage is not None:
        results.problem("image_damaged", _nameless(opened.damage, opened))
        results.coverage.add("image", Outcome.NOT_EXAMINED, reason="image_damaged", counts=True)


def _nameless(note: str, opened: m.Opened) -> str:
    """Replace names of image files by numbers: results do not depend on what they are called."""
    for number, segment in enumerate(opened.info.segments, 1):
        note = note.replace(f"{segment.name}:", f"segment {number}:")
    return note


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
    results.statements.append(_encryption(volume))


def _encryption(volume: Volume) -> Statement:
    encrypted = volume.state in (VolumeState.LOCKED, VolumeState.OPENED)
    return Statement.of(
        EncryptionVolume(
            scheme=volume.scheme or "unrecognised",
            state=volume.state.value,
            length=volume.length,
            details=volume.details,
            label=volume.label or volume.details.get("label"),
            shows=Shows.PRESENT,
            confidence=(
                Confidence.POSSIBLE if volume.state is VolumeState.UNKNOWN else Confidence.CONFIRMED
            ),
            protection=Protection.ENCRYPTED if encrypted else None,
            sensitivity=Sensitivity.PUBLIC,
            locator=f"offset {volume.offset}",
        ),
        volume=volume,
    )
