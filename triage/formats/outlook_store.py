"""Outlook's stores (`.pst`, `.ost`): messages in folders, read with libpff.

Read are the messages that lie in folders, those attached to them, and orphans: messages that no
folder holds any more. Stores of Outlook 97 to 2019; of what libpff calls compressible encryption,
too, which needs no password. A password of the store keeps nobody out and is not asked for.

Source: [MS-PST], https://github.com/libyal/libpff/tree/main/documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import pypff

from triage.errors import LimitError, ParseError
from triage.formats import outlook_message as outlook
from triage.formats.file_object import FileObject
from triage.formats.mail import MAX_PARTS, TEXT_LIMIT
from triage.formats.outlook_message import Letter, Sheet, decoded, person

if TYPE_CHECKING:
    from triage.model import Reader

MAGIC: Final = b"!BDN"
"""The first bytes of a store."""
ITEM_LIMIT: Final = 1_000_000
"""Folders and messages of one store."""
DEPTH_LIMIT: Final = 64
"""Folders in folders."""

_WHAT = "the store of Outlook"
_DISPLAY_TO = 0x0E04
_TEXT_8, _TEXT_16, _INTEGER, _TIME = 0x1E, 0x1F, 0x03, 0x40
_SUBJECT_MARK = "\x01"  # and one character that tells how long a prefix like `Re: ` is
_MAX_PROPERTIES = 5000
_MAX_NAME = 200


def letters(reader: Reader, problems: list[str]) -> Iterator[Letter]:
    """Yield the messages of a store; of those that are damaged a few words go into `problems`.

    Raises ParseError when it is no store or the store as a whole is damaged, LimitError past
    `ITEM_LIMIT` items, EvidenceError.
    """
    if reader.read_at(0, len(MAGIC)) != MAGIC:
        raise ParseError("not a store of Outlook")
    yield from _Store(reader, problems).letters()


class _Store:
    def __init__(self, reader: Reader, problems: list[str]) -> None:
        self._source = FileObject(reader)
        self._problems = problems
        self._left = ITEM_LIMIT
        self._file = pypff.file()
        with self._source.own_words(_WHAT):
            self._file.open_file_object(self._source)

    def letters(self) -> Iterator[Letter]:
        with self._source.own_words(_WHAT):
            root = self._file.get_root_folder()
        if root is not None:
            yield from self._folder(root, "", DEPTH_LIMIT)
        for item in self._each(self._file, "orphan_item", "orphans"):
            yield from self._message(item, "orphan", outlook.MAX_DEPTH)

    def _folder(self, folder: Any, path: str, depth: int) -> Iterator[Letter]:
        for item in self._each(folder, "sub_message", path):
            yield from self._message(item, path, outlook.MAX_DEPTH)
        if depth == 0:
            self._problems.append("folders nested too deeply")
            return
        for inner in self._each(folder, "sub_folder", path):
            yield from self._folder(inner, f"{path}/{self._name(inner)}", depth - 1)

    def _name(self, folder: Any) -> str:
        try:
            with self._source.own_words("a folder"):
                return str(folder.get_name() or "")[:_MAX_NAME]
        except ParseError:
            return "?"

    def _each(self, parent: Any, what: str, place: str) -> Iterator[Any]:
        """Yield the children of a kind, one after the other, past those that are damaged."""
        try:
            with self._source.own_words(f"the list of {what}s"):
                count = getattr(parent, f"get_number_of_{what}s")()
        except ParseError as error:
            self._problems.append(f"{place or '/'}: {error.message}")
            return
        for number in range(count):
            self._left -= 1
            if self._left < 0:
                raise LimitError(f"a store of Outlook with more than {ITEM_LIMIT} items")
            try:
                with self._source.own_words(f"{what} {number}"):
                    child = getattr(parent, f"get_{what}")(number)
            except ParseError as error:
                self._problems.append(f"{place or '/'}: {error.message}")
                continue
            if child is not None:
                yield child

    def _message(self, item: Any, path: str, depth: int) -> Iterator[Letter]:
        place = path or "/"
        try:
            with self._source.own_words("a message"):
                place = f"{path}, item {item.identifier}"
                sheet, sent, attached = self._sheet(item)
        except ParseError as error:
            self._problems.append(f"{place}: {error.message}")
            return
        yield Letter(place=place, mail=sheet.mail(), sent=sent)
        if depth:
            for inner in attached:
                yield from self._message(inner, f"{place}, attached", depth - 1)

    def _sheet(self, item: Any) -> tuple[Sheet, int | None, list[Any]]:
        """Return what a message says, when it was sent, and the messages attached to it."""
        properties = _Properties(item)
        subject = properties.text(outlook.SUBJECT)
        if subject and subject.startswith(_SUBJECT_MARK):
            subject = subject[2:]
        html = properties.raw(outlook.HTML)
        attachments, attached = self._attachments(item)
        sheet = Sheet(
            headers=(properties.text(outlook.HEADERS) or "").encode("utf-8", "surrogateescape"),
            subject=subject,
            sender=person(
                properties.text(outlook.SENDER_NAME),
                properties.text(outlook.SENDER_SMTP),
                properties.text(outlook.SENDER_ADDRESS),
            ),
            recipients=_recipients(item) or [("To", properties.text(_DISPLAY_TO) or "")],
            bodies=(
                properties.text(outlook.BODY) or "",
                decoded(html, properties.number(outlook.INTERNET_CODE_PAGE)) if html else "",
            ),
            attachments=attachments,
        )
        sent = properties.number(outlook.SUBMITTED) or properties.number(outlook.DELIVERED)
        return sheet, sent, attached

    def _attachments(self, item: Any) -> tuple[list[bytes], list[Any]]:
        contents: list[bytes] = []
        attached: list[Any] = []
        if not hasattr(item, "get_number_of_attachments"):
            return contents, attached
        for one in self._each(item, "attachment", "a message"):
            if len(contents) + len(attached) >= MAX_PARTS:
                break
            try:
                with self._source.own_words("an attachment"):
                    if one.number_of_sub_items:
                        attached.append(one.get_sub_item(0))
                    elif one.size:
                        contents += _content(one)
            except ParseError as error:
                # A link to a file outside has no content.
                self._problems.append(error.message)
        return contents, attached


def _content(attachment: Any) -> Iterator[bytes]:
    """Yield the content if its head says that it is worth reading."""
    size = min(attachment.size, outlook.ATTACHMENT_LIMIT)
    head = attachment.read_buffer(min(size, outlook.HEAD))
    if outlook.is_telling(head):
        rest = size - len(head)
        yield head + (attachment.read_buffer(rest) if rest else b"")


class _Properties:
    """The properties of an item, or of one row of a table."""

    def __init__(self, item: Any, row: int = 0) -> None:
        self._found: dict[int, tuple[int, bytes]] = {}
        if row >= item.number_of_record_sets:
            return
        rows = item.get_record_set(row)
        for number in range(min(rows.number_of_entries, _MAX_PROPERTIES)):
            entry = rows.get_entry(number)
            if entry.entry_type in _WANTED:
                data = entry.data
                if data:
                    self._found.setdefault(entry.entry_type, (entry.value_type, data[:TEXT_LIMIT]))

    def raw(self, number: int) -> bytes:
        return self._found.get(number, (0, b""))[1]

    def number(self, number: int) -> int | None:
        kind, data = self._found.get(number, (0, b""))
        return int.from_bytes(data[:8], "little") if kind in {_INTEGER, _TIME} else None

    def text(self, number: int) -> str | None:
        kind, data = self._found.get(number, (0, b""))
        if kind == _TEXT_16:
            return data[: len(data) & ~1].decode("utf-16-le", "replace").rstrip("\0")
        if kind == _TEXT_8:
            return decoded(data, self.number(outlook.CODE_PAGE)).rstrip("\0")
        return None


_WANTED = frozenset(
    {
        outlook.SUBJECT,
        outlook.HEADERS,
        outlook.BODY,
        outlook.HTML,
        outlook.SENDER_NAME,
        outlook.SENDER_ADDRESS,
        outlook.SENDER_SMTP,
        outlook.SUBMITTED,
        outlook.DELIVERED,
        outlook.CODE_PAGE,
        outlook.INTERNET_CODE_PAGE,
        outlook.RECIPIENT_TYPE,
        outlook.NAME,
        outlook.ADDRESS,
        outlook.SMTP,
        _DISPLAY_TO,
    }
)


def _recipients(item: Any) -> list[tuple[str, str]]:
    table = getattr(item, "recipients", None)
    found: list[tuple[str, str]] = []
    if table is None:
        return found
    for number in range(min(table.number_of_record_sets, outlook.MAX_RECIPIENTS)):
        row = _Properties(table, number)
        shown = person(row.text(outlook.NAME), row.text(outlook.SMTP), row.text(outlook.ADDRESS))
        if shown:
            kind = outlook.KINDS.get(row.number(outlook.RECIPIENT_TYPE) or 1, "To")
            found.append((kind, shown))
    return found
