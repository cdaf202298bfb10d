"""The report in a real browser: keyboard, search, sort, print, phone, contrast, hostile text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.report.browser import Browser, browser, find
from tests.report.conftest import ALICE, Make, bundle_in, time
from triage.findings import KINDS
from triage.report import render

HOSTILE = (
    "<script>window.pwned=1</script><img src=x onerror='window.pwned=1'>"
    "\u202egnp.exe\u200b\x1b]0;x\x07 http://pwned.example/ javascript:window.pwned=1 "
    '"><svg/onload=window.pwned=1>{{7*7}}</style></title>'
)
ROWS = 120


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, make: Make) -> Iterator[Browser]:
    """The report of findings of every kind, all text hostile, and some that can be told apart."""
    program = find()
    if program is None:
        pytest.skip("no Chromium on this machine")
    folder = tmp_path_factory.mktemp("report")
    hostile = [
        make(number, kind, text=HOSTILE, summary=HOSTILE, account=ALICE, source={"path": HOSTILE})
        for number, kind in enumerate(KINDS, 1)
    ]
    plain = [
        make(
            1000 + number,
            "web.bookmark",
            summary=f"bookmark needle-{number:03}",
            times=[time(f"2024-02-{number % 28 + 1:02}T08:15:00Z")],
            value={"url": f"http://a.example/{number}"},
        )
        for number in range(ROWS)
    ]
    page = folder / "report.html"
    case = {
        "case": HOSTILE,
        "exhibit": HOSTILE,
        "examiner": HOSTILE,
        "authority": None,
        "notes": "",
    }
    page.write_bytes(render(bundle_in(folder, [*hostile, *plain], case=case)))
    with browser(program, folder / "profile") as opened:
        opened.open(page)
        yield opened


def settled(report: Browser, script: str) -> Any:
    """Return a value once the page has done what it does a moment after typing."""
    return report.run(f"new Promise(done => setTimeout(() => done({script}), 250))")


VISIBLE = "[...document.querySelectorAll('#findings [data-f]')].filter(row => !row.hidden)"


def test_hostile_text_of_every_kind_stays_text(report: Browser) -> None:
    assert report.run("typeof window.pwned") == "undefined"
    assert report.run("document.querySelectorAll('script').length") == 1
    assert (
        report.run("document.querySelectorAll('img, iframe, object, embed, form[action]').length")
        == 0
    )
    links = "[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))"
    assert all(link.startswith("#") for link in report.run(links))
    assert "\u202e" not in report.run("document.body.innerText")
    assert "\\u{202e}" in report.run("document.body.innerText")


def test_nothing_is_loaded_and_nothing_complained(report: Browser) -> None:
    loaded = report.run("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert loaded == []
    assert report.complaints == []


def test_search_works_from_the_keyboard_alone(report: Browser) -> None:
    report.run("document.body.focus()")
    for _ in range(80):
        report.key("Tab")
        if report.run("document.activeElement.id") == "query":
            break
    assert report.run("document.activeElement.id") == "query"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert report.run(outline) != "none"
    report.type("NEEDLE-007 bookmark")
    assert settled(report, f"{VISIBLE}.length") == 1
    assert report.run("document.getElementById('matches').textContent").startswith("1 of ")
    report.run("document.getElementById('query').value = ''")
    report.run("document.getElementById('query').dispatchEvent(new Event('input'))")
    assert settled(report, f"{VISIBLE}.length") == ROWS + len(KINDS)


@pytest.mark.parametrize("place", ["activity", "family-web", "verify"])
def test_a_link_leads_to_its_place(report: Browser, place: str) -> None:
    """Sections far away have no height yet when one goes there."""
    report.again()
    report.run(f"document.querySelector('nav a[href=\"#{place}\"]').click()")
    top = f"document.getElementById('{place}').getBoundingClientRect().top"
    ends = "scrollY + innerHeight >= document.documentElement.scrollHeight - 1"
    place_of = f"({ends}) ? 'end' : Math.round({top})"
    found = report.run(f"new Promise(done => setTimeout(() => done({place_of}), 700))")
    assert found in ("end", 64)


@pytest.mark.parametrize("order", ["new", "old"])
def test_sorting_puts_the_rows_in_order(report: Browser, order: str) -> None:
    report.run(f"document.getElementById('order').value = '{order}'")
    report.run("document.getElementById('order').dispatchEvent(new Event('change'))")
    rows = f"{VISIBLE}.filter(row => row.textContent.includes('needle')).map(row => row.dataset.t)"
    times = report.run(rows)
    assert len(times) == ROWS
    assert times == sorted(times, reverse=order == "new")


def test_it_fits_on_a_phone(report: Browser) -> None:
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    report.ask("Emulation.setDeviceMetricsOverride", **size)
    wide = report.run("document.documentElement.scrollWidth")
    report.ask("Emulation.clearDeviceMetricsOverride")
    assert wide <= 360


CONTRAST = """
(() => {
  const channel = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (c) => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return parse(getComputedStyle(document.documentElement).backgroundColor).slice(0, 3);
  };
  const bad = new Set();
  for (const node of document.querySelectorAll("body *")) {
    if (node.closest("svg, script, style") || !node.checkVisibility()) continue;
    if (![...node.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
    const style = getComputedStyle(node), behind = ground(node);
    const [a, b] = [light(parse(style.color)), light(behind)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (large ? 3 : 4.5)) bad.add(`${node.tagName}.${node.className} ${ratio.toFixed(2)}`);
  }
  return [...bad];
})()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_the_contrast_of_wcag_aa(report: Browser, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    report.ask("Emulation.setEmulatedMedia", features=features)
    dark = report.run("matchMedia('(prefers-color-scheme: dark)').matches")
    assert dark == (scheme == "dark")
    assert report.run(CONTRAST) == []


def test_it_prints_everything(report: Browser) -> None:
    report.ask("Emulation.setEmulatedMedia", features=[])
    folded = report.run("document.querySelectorAll('details:not([open])').length")
    report.run(
        "addEventListener('afterprint', () => "
        "{ window.left = document.querySelectorAll('details:not([open])').length; });"
        "addEventListener('beforeprint', () => "
        "{ window.shut = document.querySelectorAll('details:not([open])').length; })"
    )
    assert report.pdf().startswith(b"%PDF-")
    assert folded > 0
    assert report.run("window.shut") == 0  # all that was folded is printed
    assert report.run("document.querySelectorAll('details:not([open])').length") == folded
