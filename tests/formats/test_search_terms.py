from __future__ import annotations

import pytest

from triage.formats.onion import onion_address
from triage.formats.search_terms import search_terms

ONION = onion_address(bytes(32))


@pytest.mark.parametrize(
    ("url", "terms"),
    [
        ("https://www.google.com/search?client=firefox&q=printer+ink", "printer ink"),
        ("https://www.google.co.uk/search?q=caf%C3%A9", "café"),
        ("https://www.bing.com/search?q=%20ink%20", "ink"),
        ("https://duckduckgo.com/?t=h_&q=ink", "ink"),
        ("https://html.duckduckgo.com/html/?q=ink", "ink"),
        ("https://de.search.yahoo.com/search;_ylt=1?p=ink", "ink"),
        ("https://yandex.ru/search/?text=ink&lr=1", "ink"),
        ("https://www.baidu.com/s?wd=ink", "ink"),
        ("https://www.startpage.com/sp/search?query=ink", "ink"),
        ("https://search.brave.com/search?q=ink", "ink"),
        ("https://ahmia.fi/search/?q=ink", "ink"),
        (f"http://{ONION}/search.php?query=ink", "ink"),
        (f"http://www.{ONION}/en/search?q=ink", "ink"),
        ("https://www.youtube.com/results?search_query=ink", "ink"),
        ("https://www.google.com/search?q=%FF", "\udcff"),
        ("https://www.google.com/maps?q=ink", None),
        ("https://www.google.com/search?q=", None),
        ("https://www.google.com/search", None),
        ("https://google.com.evil.example/search?q=ink", None),
        ("https://notgoogle.com/search?q=ink", None),
        ("https://shop.example/search?q=ink", None),
        (f"http://{ONION}/login?q=ink", None),
        ("ftp://www.google.com/search?q=ink", None),
        ("http://[x/search?q=ink", None),
        ("", None),
    ],
)
def test_search_terms(url: str, terms: str | None) -> None:
    found = search_terms(url)
    assert (found.terms if found else None) == terms


def test_a_long_address_is_passed_over() -> None:
    assert search_terms("https://www.google.com/search?q=" + "x" * 20_000) is None
    assert search_terms("https://www.google.com/search?" + "&" * 5_000 + "q=ink") is None
    assert search_terms("http://" + "a." * 5_000 + "onion/search?q=ink") is None
