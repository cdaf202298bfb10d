"""Our codes in plain words, the same on the terminal and in the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triage.texts import knows, say, word


def reason(code: object) -> str:
    """Return a coverage reason in words; one that is not known, as it is."""
    if not code:
        return say("reason.none")
    text = str(code)
    known, colon, detail = text.partition(":")
    if colon and not knows(f"reason.{text}") and knows(f"reason.{known}"):
        return say("reason.detailed", detail=detail, reason=word("reason", known))
    return word("reason", text)


def title_of(kind: str) -> str:
    """Return the heading for findings of a kind; the kind itself when it is of a later version."""
    return say(f"kind.{kind}.title") if knows(f"kind.{kind}.title") else kind


def size(length: int) -> str:
    """Return bytes exactly, and rounded where that helps: `327,680 bytes (320 KiB)`."""
    exact = say("size.bytes", count=length)
    for unit, name in ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if length >= unit:
            rounded = f"{length / unit:.1f}".removesuffix(".0")
            return say("size.rounded", exact=exact, rounded=rounded, unit=name)
    return exact


def sender_of(message: Mapping[str, Any]) -> str:
    """Return who wrote a message, in the words of its store; what it sent need not say."""
    name = message.get("sender_name") or message.get("sender")
    return str(name or say("talk.this_side" if message.get("outgoing") else "talk.not_told"))


def notes_on(message: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a message is beside its text: a call, with attachments, to disappear."""
    notes = [str(message["message_type"])] if message.get("message_type") else []
    notes += [
        say(f"talk.{field}", count=message[field])
        for field in ("attachments", "duration_s", "expires_after_s")
        if message.get(field)
    ]
    return tuple(notes)
