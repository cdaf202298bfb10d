from __future__ import annotations

import pytest

from plugins.chat import _chromium_app as app
from triage.formats.structured_clone import Date


@pytest.mark.parametrize(
    ("value", "utc"),
    [
        (1_717_200_000_000, "2024-06-01T00:00:00Z"),
        (1_717_200_000_000.0, "2024-06-01T00:00:00Z"),
        ("1717200000000", "2024-06-01T00:00:00Z"),
        (Date(1_717_200_000_123.0), "2024-06-01T00:00:00.123Z"),
        ("2024-06-01T02:00:00+02:00", "2024-06-01T00:00:00Z"),
    ],
)
def test_times_as_these_programs_store_them(value: object, utc: str) -> None:
    (time,) = app.when("sent", value)
    assert time.utc == utc


@pytest.mark.parametrize(
    "value", [None, 0, "", True, Date(float("nan")), float("inf"), {}, "9" * 40]
)
def test_what_is_no_time(value: object) -> None:
    assert [time.utc for time in app.when("sent", value) if time.utc] == []


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("plain", "plain"),
        ("<p>one</p><p>two<br>three</p>", "one\ntwo\nthree"),
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ('<a href="x">link</a><at id="0">Bob</at>', "linkBob"),
        ("<" * 5000, "<" * 5000),
    ],
)
def test_text_of_a_body_in_html(said: str, text: str) -> None:
    assert app.plain(said) == text


def test_homes() -> None:
    found = app.homes("a", "b", flatpak="org.a")
    assert found[0] == "**/AppData/Roaming/{a,b}"
    assert found[-1] == "**/org.a/config/{a,b}"
