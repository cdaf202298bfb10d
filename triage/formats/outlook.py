"""Mail as Outlook keeps it, in whatever file: stores (`.pst`, `.ost`) and messages (`.msg`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from triage.formats import compound, outlook_message, outlook_store
from triage.formats.outlook_message import Letter

if TYPE_CHECKING:
    from triage.model import Reader

__all__ = ["Letter", "letters"]


def letters(reader: Reader, problems: list[str]) -> Iterator[Letter]:
    """Yield the messages of a file; none when it is neither a store nor a message of Outlook.

    Of messages in a store that are damaged a few words go into `problems`. Raises ParseError when
    the file as a whole is damaged, LimitError, EvidenceError.
    """
    head = reader.read_at(0, len(compound.MAGIC))
    if head.startswith(outlook_store.MAGIC):
        yield from outlook_store.letters(reader, problems)
    elif head == compound.MAGIC:
        yield from outlook_message.letters(reader)
