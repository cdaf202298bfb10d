from __future__ import annotations

from typing import Any

import pytest

from triage.errors import LimitError, ParseError
from triage.formats import mozilla_session
from triage.formats.mozilla_session import session

ENTRY = {"url": "https://a.example/", "title": "A"}


def file(tab: dict[str, Any], **more: Any) -> Any:
    return {"windows": [{"tabs": [tab]}], **more}


def test_tabs_their_history_and_what_was_closed() -> None:
    closed = {"state": {"entries": [{"url": "https://c.example/"}], "index": 1}, "closedAt": 9}
    tab = {
        "entries": [ENTRY, {"url": "https://b.example/", "title": ""}],
        "index": 2,
        "lastAccessed": 5,
        "userContextId": 3,
    }
    value: Any = {
        "windows": [{"tabs": [tab], "_closedTabs": [closed]}],
        "_closedWindows": [{"tabs": [{"entries": [ENTRY], "index": 1}], "closedAt": 7}],
        "session": {"startTime": 1, "lastUpdate": 2},
    }
    found = session(value)
    assert [(p.place, p.current, p.closed, p.closed_at) for p in found.pages] == [
        ("window 1, tab 1, entry 1", False, False, None),
        ("window 1, tab 1, entry 2", True, False, None),
        ("window 1, closed tab 1, entry 1", True, True, 9),
        ("closed window 1, tab 1, entry 1", True, True, 7),
    ]
    first, second, *_ = found.pages
    assert (first.title, second.title, second.accessed, second.container) == ("A", None, 5, 3)
    assert (found.started, found.saved) == (1, 2)


def test_text_of_forms_and_frames_and_chosen_files() -> None:
    form = {
        "url": "https://a.example/",
        "id": {"note": "hello", "box": True, "blank": " "},
        "xpath": {"//input": {"type": "file", "fileList": ["/home/alice/a.pdf"]}},
        "children": [None, {"id": {"inner": "frame"}}],
    }
    found = session(file({"entries": [], "formdata": form, "userTypedValue": "dread"}))
    assert [(text.field, text.text) for text in found.texts] == [
        ("address-bar", "dread"),
        ("note", "hello"),
        ("//input", "/home/alice/a.pdf"),
        ("inner", "frame"),
    ]


def test_cookies_are_counted_by_host_and_never_read() -> None:
    cookies = [{"host": ".a.example", "value": "SECRET"}, {"host": "a.example"}, {"host": 1}, None]
    old: Any = {"windows": [{"cookies": [{"host": "b.example"}]}], "cookies": cookies}
    found = session(old)
    assert found.cookies == (("a.example", 2), ("b.example", 1))
    assert "SECRET" not in repr(found)


@pytest.mark.parametrize("value", [None, [], {}, {"windows": {}}, "text", 7])
def test_what_is_no_session(value: Any) -> None:
    with pytest.raises(ParseError):
        session(value)


@pytest.mark.parametrize(
    "tab",
    [
        {"entries": "x"},
        {"entries": [None, 7, {"url": 7}, {"url": ""}]},
        {"formdata": []},
        {"formdata": {"id": [], "children": {}}},
        {"formdata": {"xpath": {"a": {"fileList": 7}}}},
    ],
)
def test_odd_shapes_give_nothing(tab: dict[str, Any]) -> None:
    found = session(file(tab, cookies=7, session=[]))
    assert (found.pages, found.texts, found.cookies) == ((), (), ())


def test_frames_within_frames_end() -> None:
    form: dict[str, Any] = {"id": {"deep": "x"}}
    for _ in range(200):
        form = {"children": [form]}
    assert session(file({"formdata": form})).texts == ()


def test_pages_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mozilla_session, "PAGE_LIMIT", 3)
    with pytest.raises(LimitError, match="more than 3 pages"):
        session(file({"entries": [ENTRY] * 4}))
