"""XML from evidence: no entities, no external references, bounded size, depth and element count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError as _SyntaxError
from defusedxml.ElementTree import fromstring

from triage.errors import LimitError, ParseError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element  # noqa: TID251 - the type alone, never its parser

SIZE_LIMIT = 32 << 20  # bytes
DEPTH_LIMIT = 200
ELEMENT_LIMIT = 1_000_000


def parse(data: bytes, *, limit: int = SIZE_LIMIT) -> Element:
    """Return the root element of a document of at most `limit` bytes.

    A document type may be declared but no entity. Raises LimitError when the document is too
    large, too deep or has too many elements, ParseError when it is not well-formed or dangerous.
    """
    check_size(data, limit=limit)
    try:
        root: Element = fromstring(data, forbid_entities=True, forbid_external=True)
    except DefusedXmlException as error:
        raise ParseError("the XML declares an entity or refers to another file") from error
    except (_SyntaxError, ValueError, LookupError) as error:
        raise ParseError("not well-formed XML") from error
    level = [root]
    for _ in range(DEPTH_LIMIT):
        level = [child for element in level for child in element]
        if not level:
            return root
    raise LimitError(f"XML deeper than {DEPTH_LIMIT} levels")


def check_size(data: bytes, *, limit: int) -> None:
    """Raise LimitError for XML that is too large, or could hold too many elements, to parse."""
    if len(data) > limit:
        raise LimitError(f"XML larger than {limit} bytes")
    if data.count(b"<") > 2 * ELEMENT_LIMIT:  # the byte `<` starts each tag in every encoding
        raise LimitError(f"XML with more than {ELEMENT_LIMIT} elements")
