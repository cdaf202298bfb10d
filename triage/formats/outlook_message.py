"""Outlook's single messages (`.msg`): a compound file of MAPI properties.

Where the message came over the Internet its header stands as it was; else subject, sender,
recipients and time are taken from their properties. A message attached to another one, or kept in
its original form (S/MIME, PGP/MIME), is read as well. A body that is compressed RTF only is not.

Source: [MS-OXMSG], [MS-OXPROPS], [MS-OXCMSG].
"""

from __future__ import annotations

import codecs
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from triage.formats.compound import Compound, StreamPath
from triage.formats.mail import MAX_PARTS, TEXT_LIMIT, Mail, parse

if TYPE_CHECKING:
    from triage.model import Reader

MAX_DEPTH: Final = 4
"""Messages attached to messages."""
MAX_RECIPIENTS: Final = 1000
ATTACHMENT_LIMIT: Final = 4 << 20
"""Bytes that are read of one attachment."""
HEAD: Final = 4096
"""Bytes that tell whether an attachment is read further."""

SUBJECT, HEADERS, BODY, HTML = 0x0037, 0x007D, 0x1000, 0x1013
SENDER_NAME, SENDER_ADDRESS, SENDER_SMTP = 0x0C1A, 0x0C1F, 0x5D01
SUBMITTED, DELIVERED, CODE_PAGE, INTERNET_CODE_PAGE = 0x0039, 0x0E06, 0x3FFD, 0x3FDE
RECIPIENT_TYPE, NAME, ADDRESS, SMTP = 0x0C15, 0x3001, 0x3003, 0x39FE
ATTACHED, FILE_NAME, LONG_FILE_NAME, MEDIA_TYPE = 0x3701, 0x3704, 0x3707, 0x370E
KINDS: Final = {1: "To", 2: "Cc", 3: "Bcc"}
"""Of recipients, and the header that names them."""

_PROPERTIES = "__properties_version1.0"
_BINARY, _TEXT_8, _TEXT_16, _OBJECT = 0x0102, 0x001E, 0x001F, 0x000D
_ENTRY = struct.Struct("<HH4x8s")  # type, property, value
_HEADER_OF_MESSAGE, _HEADER_OF_EMBEDDED, _HEADER_OF_OTHER = 32, 24, 8
_PROPERTY_LIMIT = 1 << 20
_RECIPIENT = re.compile(r"__recip_version1\.0_#([0-9a-f]{8})", re.IGNORECASE)
_ATTACHMENT = re.compile(r"__attach_version1\.0_#([0-9a-f]{8})", re.IGNORECASE)
_NAMED_PAGES = {65001: "utf-8", 65000: "utf-7", 20127: "ascii", 20866: "koi8-r", 21866: "koi8-u"}
_ISO_8859 = range(28591, 28607)
_MIME = re.compile(rb"[!-9;-~]{1,76}:[^\n]*\n")
_LOCAL = re.compile(r"[^\s@<>]{1,64}@[^\s@<>]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message of Outlook as mail, and where in its file it stands.

    `sent` is a FILETIME (100 ns since 1601, UTC): when it was handed over or came in.
    """

    place: str
    mail: Mail
    sent: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What the properties of one message say, whatever file they stood in."""

    headers: bytes  # of the Internet, empty without
    subject: str | None = None
    sender: str | None = None
    recipients: Sequence[tuple[str, str]] = ()  # header name and `Name <address>`
    bodies: Sequence[str] = ()
    attachments: Sequence[bytes] = ()  # first bytes of each

    def mail(self) -> Mail:
        """Return it as mail; what the Internet's header says comes first."""
        found = list(parse(self.headers.rstrip() + b"\r\n\r\n").headers) if self.headers else []
        named = {name.casefold() for name, _ in found}
        own = [("Subject", self.subject), ("From", self.sender), *self.recipients]
        found += [(name, value) for name, value in own if value and name.casefold() not in named]
        texts = [text[:TEXT_LIMIT] for text in self.bodies if text]
        for data in self.attachments:
            texts += _attached(data)
        return Mail(headers=tuple(found), texts=tuple(texts[:MAX_PARTS]))


def letters(reader: Reader) -> Iterator[Letter]:
    """Yield the message of a file and those attached to it; none when it is another document.

    Raises ParseError when the file is damaged, LimitError, EvidenceError.
    """
    compound = Compound(reader)
    if compound.size(_PROPERTIES) is None:
        return
    yield from _message(compound, (), "message", _HEADER_OF_MESSAGE, MAX_DEPTH)


def person(name: str | None, *addresses: str | None) -> str | None:
    """Return `Name <address>` with the first address that is one of the Internet's."""
    address = next((one for one in addresses if one and _LOCAL.fullmatch(one)), None)
    if address is None:
        return name or next((one for one in addresses if one), None)
    return f"{name} <{address}>" if name and name != address else address


def _message(
    compound: Compound, at: StreamPath, place: str, header: int, depth: int
) -> Iterator[Letter]:
    properties = _Properties(compound, at, header)
    inner = compound.below(*at)
    recipients: list[tuple[str, str]] = []
    for name in [name for name in inner if _RECIPIENT.fullmatch(name)][:MAX_RECIPIENTS]:
        one = _Properties(compound, (*at, name), _HEADER_OF_OTHER, page=properties.page)
        shown = person(one.text(NAME), one.text(SMTP), one.text(ADDRESS))
        if shown:
            recipients.append((KINDS.get(one.number(RECIPIENT_TYPE) or 1, "To"), shown))
    attachments: list[bytes] = []
    attached: list[str] = []
    for name in [name for name in inner if _ATTACHMENT.fullmatch(name)][:MAX_PARTS]:
        one = _Properties(compound, (*at, name), _HEADER_OF_OTHER, page=properties.page)
        head = one.data(ATTACHED, limit=HEAD)
        if head is None:
            attached.append(name)
        elif is_telling(head):
            attachments.append(one.data(ATTACHED, limit=ATTACHMENT_LIMIT) or b"")
    html = properties.data(HTML, limit=TEXT_LIMIT)
    page = properties.number(INTERNET_CODE_PAGE)
    sheet = Sheet(
        headers=(properties.text(HEADERS) or "").encode("utf-8", "surrogateescape"),
        subject=properties.text(SUBJECT),
        sender=person(
            properties.text(SENDER_NAME),
            properties.text(SENDER_SMTP),
            properties.text(SENDER_ADDRESS),
        ),
        recipients=recipients,
        bodies=(
            properties.text(BODY) or "",
            decoded(html, page) if html else properties.text(HTML) or "",
        ),
        attachments=attachments,
    )
    sent = properties.number(SUBMITTED) or properties.number(DELIVERED)
    yield Letter(place=place, mail=sheet.mail(), sent=sent)
    if depth == 0:
        return
    for name in attached:
        below = (*at, name, f"__substg1.0_{ATTACHED:04X}{_OBJECT:04X}")
        number = int(name[-8:], 16)
        yield from _message(
            compound, below, f"{place}, attachment {number}", _HEADER_OF_EMBEDDED, depth - 1
        )


class _Properties:
    """The properties of a message, a recipient or an attachment."""

    def __init__(
        self, compound: Compound, at: StreamPath, header: int, *, page: int | None = None
    ) -> None:
        self._compound = compound
        self._at = at
        self._numbers: dict[int, int] = {}
        raw = compound.read(*at, _PROPERTIES, limit=_PROPERTY_LIMIT) or b""
        whole = len(raw[header:]) // _ENTRY.size * _ENTRY.size
        for kind, number, value in _ENTRY.iter_unpack(raw[header : header + whole]):
            length = {0x0003: 4, 0x0040: 8}.get(kind)
            if length:
                self._numbers.setdefault(number, int.from_bytes(value[:length], "little"))
        self.page = self.number(CODE_PAGE) or page

    def number(self, number: int) -> int | None:
        """Return an integer or a FILETIME."""
        return self._numbers.get(number)

    def text(self, number: int) -> str | None:
        """Return a text without the zeros at its end."""
        raw = self._stream(number, _TEXT_16)
        if raw is not None:
            return raw[: len(raw) & ~1].decode("utf-16-le", "replace").rstrip("\0")
        raw = self._stream(number, _TEXT_8)
        return None if raw is None else decoded(raw, self.page).rstrip("\0")

    def data(self, number: int, *, limit: int) -> bytes | None:
        """Return the first bytes of a binary property."""
        return self._stream(number, _BINARY, limit)

    def _stream(self, number: int, kind: int, limit: int = TEXT_LIMIT) -> bytes | None:
        return self._compound.read(*self._at, f"__substg1.0_{number:04X}{kind:04X}", limit=limit)


def decoded(raw: bytes, page: int | None) -> str:
    """Decode bytes by the number of a Windows code page, by 1252 where it is not known."""
    name = _NAMED_PAGES.get(page or 1252, f"cp{page or 1252}")
    if page is not None and page in _ISO_8859:
        name = f"iso8859-{page - _ISO_8859.start + 1}"
    try:
        codecs.lookup(name)
    except LookupError:
        name = "cp1252"
    return raw.decode(name, "replace")


def is_telling(head: bytes) -> bool:
    """Whether an attachment is mail or holds an armored block, by its first 4096 bytes."""
    return _is_mail(head) or b"-----BEGIN PGP" in head


def _is_mail(head: bytes) -> bool:
    return _MIME.match(head) is not None and b"content-type:" in head.lower()


def _attached(data: bytes) -> Iterator[str]:
    """Yield what of an attachment is text: armored blocks, and mail in its original form."""
    head = data[:HEAD]
    if _is_mail(head):
        yield from parse(data).texts
    elif is_telling(head):
        yield data.decode("utf-8", "surrogateescape")[:TEXT_LIMIT]
