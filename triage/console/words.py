"""Our codes in plain words, the same on the terminal and in the report."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

REASONS = MappingProxyType(
    {
        "locked": "locked: its content is encrypted and no key was at hand",
        "unsupported": "holds data that this version cannot read",
        "unknown": "holds bytes that were not recognised",
        "damaged": "damaged: its file system could not be opened",
        "missing_segment": "a segment of the image is missing",
        "bad_chunk": "checksum wrong: the stored bytes are damaged",
        "not_finished": "not finished",
        "plugin_not_loaded": "a plugin could not be loaded",
        "time budget used up": "the time budget was used up",
        "budget": "the time budget was used up",
        "entry_limit": "more names than the profile's limit",
        "directory_unreadable": "the folder could not be read",
        "directory_loop": "a folder that contains itself, not followed again",
        "depth_limit": "a folder 128 levels down, not entered",
        "directory_partly_read": "only a part of the folder could be listed",
        "limit": "a limit of the profile was reached",
        "rules_too_slow": "a rule took too long",
        "not_parsed": "not in the format that its place or name promises",
        "unreadable": "its content could not be read",
        "out_of_memory": "the memory limit was reached",
        "extractor_error": "the extractor failed",
        "extractor_lied": "the extractor answered what it may not",
        "worker_died": "the worker process died",
        "worker_hung": "the worker process hung and was ended",
        "worker_error": "the worker process failed",
        "no_content": "deleted or not a file: no content to read",
        "metadata_reused": "deleted, and its place belongs to another file now",
        "unallocated": "space outside all volumes",
        "export_limit": "larger than the profile allows to export",
        "export_failed": "could not be copied into the bundle",
        "picture_or_video": "pictures and video are never copied",
        "snapshot": "an earlier state of a volume, which the profile does not ask for",
        "not selected": "left out by an option",
        "not applicable": "does not apply to this kind of source",
    }
)
"""Reason code of a coverage line → words. What follows a colon names the scheme or format."""

STEPS = MappingProxyType(
    {
        "recognition_by_content": "recognition of renamed files by their content",
        "check_files": "the check of files against digests and rules",
        "check_space": "the check of unallocated space against rules",
        "scan_files": "the scan of the content of files",
        "snapshots": "earlier states of volumes: shadow copies and snapshots",
        "unallocated": "unallocated space and slack",
        "archives": "content of archives",
    }
)
"""Name of a step that a run may leave out → words."""


def reason(code: object) -> str:
    """Return a coverage reason in words; one that is not known, as it is."""
    text = str(code or "no reason recorded")
    if text in REASONS:
        return REASONS[text]
    known, colon, detail = text.partition(":")
    if colon and known in REASONS:
        return f"{detail}, {REASONS[known]}"
    return text.replace("_", " ")


def size(length: int) -> str:
    """Return bytes exactly, and rounded where that helps: `327,680 bytes (320 KiB)`."""
    exact = f"{length:,} byte{'' if length == 1 else 's'}"
    for unit, name in ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if length >= unit:
            rounded = f"{length / unit:.1f}".removesuffix(".0")
            return f"{exact} ({rounded} {name})"
    return exact


def sender_of(message: Mapping[str, Any]) -> str:
    """Return who wrote a message, in the words of its store; what it sent need not say."""
    name = message.get("sender_name") or message.get("sender")
    return str(name or ("this side" if message.get("outgoing") else "not told"))


def notes_on(message: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a message is beside its text: a call, with attachments, to disappear."""
    notes = [str(message["message_type"])] if message.get("message_type") else []
    if count := message.get("attachments"):
        notes.append(f"{count} attachment{'' if count == 1 else 's'}")
    if seconds := message.get("duration_s"):
        notes.append(f"{seconds} s long")
    if seconds := message.get("expires_after_s"):
        notes.append(f"to disappear {seconds} s after it is read")
    return tuple(notes)
