from __future__ import annotations

import pytest

from triage.errors import LimitError, ParseError
from triage.formats import xml


def test_elements_attributes_and_text() -> None:
    root = xml.parse(b'<?xml version="1.0"?><a x="1"><b>t\xc3\xa9xt</b><b/></a>')
    assert root.tag == "a"
    assert root.get("x") == "1"
    assert [child.text for child in root.findall("b")] == ["téxt", None]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_declared_encodings(encoding: str) -> None:
    data = f'<?xml version="1.0" encoding="{encoding}"?><a>é</a>'.encode(encoding)
    assert xml.parse(data).text == "é"


def test_a_document_type_without_entities_is_fine() -> None:
    assert xml.parse(b'<!DOCTYPE a PUBLIC "-//X//EN" "x.dtd"><a/>').tag == "a"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<a>",
        b"<a></b>",
        b"plain text",
        b"<a>\xff</a>",
        b"\0" * 50,
        b'<?xml version="1.0" encoding="nonsense"?><a/>',
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://h/x">%x;]><a/>',
        b"<a>&undefined;</a>",
    ],
)
def test_broken_and_dangerous_documents(data: bytes) -> None:
    with pytest.raises(ParseError):
        xml.parse(data)


def test_every_truncation_is_our_error() -> None:
    data = b'<?xml version="1.0"?><a x="1"><b>text</b><!-- c --><![CDATA[d]]></a>'
    for cut in range(len(data)):
        with pytest.raises(ParseError):
            xml.parse(data[:cut])


def test_limits() -> None:
    with pytest.raises(LimitError, match="larger than 10 bytes"):
        xml.parse(b"<a>0123456789</a>", limit=10)
    assert xml.parse(b"<a>" * 200 + b"</a>" * 200).tag == "a"
    with pytest.raises(LimitError, match="deeper"):
        xml.parse(b"<a>" * 201 + b"</a>" * 201)
    with pytest.raises(LimitError, match="deeper"):
        xml.parse(b"<a>" * 100_000 + b"</a>" * 100_000)
    with pytest.raises(LimitError, match="elements"):
        xml.parse(b"<a>" + b"<b/>" * 2_000_001 + b"</a>")
