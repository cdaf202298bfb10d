from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jinja2
import pytest

from tests.report.conftest import ALICE, Make, MakeBundle, Record, time, value_of
from triage.bundle import Bundle
from triage.errors import AlteredError
from triage.findings import KINDS
from triage.report import prepare, render, render_all, templating
from triage.report.gather import SHOWN
from triage.report.inert import LONGEST

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "</style></script></title><svg onload=alert(1)>",
    "{{7777*7777}}{% raw %}${7777*7777}",
    "<!--",
    "&lt;script&gt;",
    "annexe\u202excod.exe",
    "nul\0esc\x1b]0;title\x07c1\x9b",
    "lone \ud800 byte \udcff",
    "z" + "\u0300" * 50,
    "line\nbreak\ttab\r\u2028",
    "http://abcdefghijklmnop.onion/",
)


class Page(HTMLParser):
    """A report taken apart the way a browser would."""

    def __init__(self, data: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.words: list[str] = []
        self.comments: list[str] = []
        self._open = ""
        self.feed(data.decode("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.words.append(" ")
        self._open = tag if tag in self.raw else ""
        if self._open:
            self.raw[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._open:
            self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.raw[self._open][-1] += data
        else:
            self.words.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def attributes(self, name: str) -> list[str | None]:
        return [attrs[name] for _, attrs in self.tags if name in attrs]


def test_prepared_templates_are_all_that_a_report_needs(
    make_bundle: MakeBundle, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make_bundle([make(1)])
    expected = render(bundle)
    templating.templates.cache_clear()
    prepare()
    monkeypatch.setattr(jinja2.Environment, "compile", None)
    assert render(bundle) == expected


def assert_inert(page: Page) -> None:
    """Nothing in the page runs, loads or leads anywhere, but what is ours."""
    assert len(page.raw["script"]) == 1
    assert len(page.raw["style"]) == 1
    assert not page.comments
    policy = next(
        str(attrs["content"])
        for tag, attrs in page.tags
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        digest = hashlib.sha256(page.raw[kind][0].encode()).digest()
        assert f"{kind}-src 'sha256-{base64.b64encode(digest).decode()}'" in policy
    for tag, attrs in page.tags:
        assert tag not in {"iframe", "object", "embed", "base", "link", "img", "audio", "video"}
        for name, value in attrs.items():
            assert not name.startswith("on")
            assert name not in {"src", "srcset", "style", "action", "formaction", "xlink:href"}
            if name == "href":
                assert str(value).startswith("#")
            if name == "http-equiv":
                assert value == "Content-Security-Policy"


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_evidence_text_of_every_kind_is_inert(
    hostile: str, make: Make, make_bundle: MakeBundle
) -> None:
    account = {**ALICE, "name": hostile, "volume": hostile}
    source = {
        "path": hostile,
        "volume": hostile,
        "locator": hostile,
        "within": {"path": hostile},
        "address": hostile,
    }
    moment = {"event": hostile, "utc": None, "raw": hostile, "unit": "text", "zone": "unknown"}
    findings = [
        make(
            number,
            kind,
            text=hostile,
            summary=hostile,
            times=[moment],
            account=account if number % 2 else None,
            source=source,
            checks=[hostile],
            also_in=[{"volume": hostile}],
            protection=hostile,
        )
        for number, kind in enumerate(KINDS)
    ]
    header = {hostile: hostile}
    volume = {
        **dict.fromkeys(("name", "label", "description", "problem", "filesystem"), hostile),
        "scheme": None,
        "state": "locked",
        "offset": 0,
        "length": 512,
    }
    bundle = make_bundle(
        findings,
        coverage=[
            {
                "step": "artifact",
                "outcome": "not_examined",
                "reason": hostile,
                "counts": counts,
                "volume": hostile,
                "path": hostile,
                "extractor": hostile,
            }
            for counts in (True, False)
        ],
        files=[
            {
                "key": hostile,
                "volume": hostile,
                "within": None,
                "path": hostile,
                "address": hostile,
                "allocation": None,
                "size": 1,
                "hashes": {},
                "times": {"modified": "1700000000000000000", "zone": "utc"},
                "byte_runs": [],
                "read": "short",
                "exported": None,
            }
        ],
        problems=[
            {"code": "noted", "text": hostile, "volume": hostile, "path": hostile}
            | {"extractor": None, "locator": hostile, "address": None}
        ],
        case=dict.fromkeys(("authority", "case", "examiner", "exhibit", "notes"), hostile),
        volumes=[volume],
        image={**RUN_IMAGE, "header": header, "notes": [hostile]},
    )
    for name, content in render_all(bundle):
        text = content.decode("utf-8")
        shown = set(text) - set("\n\r")
        assert all(char.isprintable() for char in shown), name
        assert "\u202e" not in shown
        if name == "report.html":
            page = Page(content)
            assert_inert(page)
            assert "60481729" not in page.text
            assert (
                len(re.findall("\u0300+", text)) == 0
                or max(map(len, re.findall("\u0300+", text))) <= 4
            )


RUN_IMAGE: Record = {
    "container": "raw",
    "segments": [],
    "media_size": None,
    "sector_size": None,
    "header": {},
    "notes": [],
    "hashes": {},
    "hash_verdict": "not applicable",
    "hash_checks": [],
}


@pytest.fixture
def plain(make: Make, make_bundle: MakeBundle) -> Bundle:
    """Two accounts, two families, a conversation, a locked volume."""
    message = {
        "service": "xmpp",
        "own_account": "me@example",
        "conversation": "them@example",
        "outgoing": False,
        "sender": "Them",
    }
    return make_bundle(
        [
            make(1, account=ALICE, times=[time("2025-03-05T19:42:11Z")]),
            make(2, times=[time(None, zone="local")]),
            make(
                3,
                "chat.message",
                account=ALICE,
                value={**message, "text": "second\nline"},
                times=[time("2025-03-05T11:00:00Z")],
            ),
            make(
                4,
                "chat.message",
                account=ALICE,
                value={**message, "text": "first of all", "outgoing": True},
                times=[time("2025-03-04T11:00:00Z")],
            ),
            make(
                5,
                "chat.message",
                account=ALICE,
                value={**message, "text": "without a date"},
            ),
            make(
                6,
                "encryption.volume",
                value={
                    "scheme": "luks2",
                    "state": "locked",
                    "length": 327680,
                    "details": {"uuid": "5eed"},
                    "label": "Vault",
                },
                source={"path": None, "file": None, "allocation": None, "volume": "p3"},
            ),
        ],
        coverage=[
            {
                "step": "volume",
                "outcome": "not_examined",
                "reason": "locked:luks2",
                "counts": True,
                "volume": "p3",
                "length": 327680,
                "offset": 512,
            },
            {
                "step": "pattern",
                "outcome": "absent",
                "reason": None,
                "counts": False,
                "volume": "p2",
                "extractor": "wallet.electrum.wallet",
                "pattern": "**/wallets/*",
                "count": 0,
            },
        ],
    )


def test_a_practice_image_is_marked_everywhere(make: Make, make_bundle: MakeBundle) -> None:
    told = {"scenario": "Market <one>", "notice": "All persons are made up."}
    bundle = make_bundle([make(1)], image={**RUN_IMAGE, "training": told})
    for _, content in render_all(bundle):
        if not content.startswith(b'"utc"'):
            text = Page(content).text
            assert "training, not evidence" in text.lower()
            assert "All persons are made up." in text
    assert "Market <one>" in Page(render(bundle)).text


def test_the_same_bundle_gives_the_same_bytes(plain: Bundle) -> None:
    assert list(render_all(plain)) == list(render_all(Bundle(plain.root)))


def test_another_language_is_spoken_around_the_same_findings(plain: Bundle, tmp_path: Path) -> None:
    own = tmp_path / "de.json"
    own.write_text(
        '{"language": {"tag": "de", "plural": "n != 1"}, '
        '"files": {"heading": "Gelesene <Dateien>"}, '
        '"kind": {"tor.client": {"means": "Ein `tor` **lief**."}}}'
    )
    english = render(plain)
    data = render(plain, str(own))
    page = Page(data)
    assert ("html", {"lang": "de", "translate": "no"}) in page.tags
    assert "Gelesene <Dateien>" in page.text
    assert "Ein <code>tor</code> <b>lief</b>." in data.decode()
    assert "Machines and accounts" in page.text
    assert render(plain) == english


def test_events_after_the_seal_do_not_change_the_report(plain: Bundle) -> None:
    before = render(plain)
    with (plain.root / "data" / "custody.jsonl").open("ab") as log:
        log.write(b'{"bundle":"other","seq":1}\n')
    assert render(plain) == before


def test_what_was_not_examined_stands_before_the_findings(plain: Bundle) -> None:
    page = Page(render(plain))
    text = page.text
    order = [
        text.index(words)
        for words in (
            "Machines and accounts An account",
            "Not examined This report",
            "luks2 “Vault”, 327,680 bytes (320 KiB)",
            "Look for recovery keys on paper",
            "Findings Each says",
            "Tor 2 findings",
        )
    ]
    assert order == sorted(order)
    assert "p3 volume luks2, locked: its content is encrypted" in text
    assert "not found by these checks" in text
    assert "1 place not examined" in text


def test_every_kind_has_its_words_once(plain: Bundle) -> None:
    text = Page(render(plain)).text
    for kind in ("tor.client", "chat.message"):
        words = KINDS[kind].interpretation
        for part in (words.means, words.does_not_mean, words.other_explanations, words.next_steps):
            assert text.count(part.replace("`", "")) == 1


def test_conversations_are_in_time_order_and_undated_messages_last(plain: Bundle) -> None:
    text = Page(render(plain)).text
    order = [
        text.index(words)
        for words in ("first of all", "second", "Without a UTC time", "without a date")
    ]
    assert order == sorted(order)
    assert "them@example 3 messages · xmpp · account me@example" in text
    assert "second line" in text


def test_conversations_stand_the_largest_first_then_the_latest(
    make: Make, make_bundle: MakeBundle
) -> None:
    def said(number: int, name: str, when: str, **more: str) -> dict[str, Any]:
        value = {"service": "x", "own_account": None, "conversation": name, "sender": "s"}
        value |= {"text": f"text {number}", "outgoing": None, **more}
        return make(number, "chat.message", value=value, times=[time(when)])

    text = Page(
        render(
            make_bundle(
                [
                    said(1, "a-old", "2024-01-01T00:00:00Z"),
                    said(2, "b-new", "2024-06-01T00:00:00Z"),
                    said(3, "c-large", "2023-01-01T00:00:00Z", conversation_name="Garden club"),
                    said(4, "c-large", "2023-01-02T00:00:00Z", sender_name="Sam"),
                ]
            )
        )
    ).text
    order = [text.index(name) for name in ("Garden club c-large · 2 messages", "b-new", "a-old")]
    assert order == sorted(order)
    assert "Sam s" in text


def test_a_line_says_what_it_is_and_whose_once(make: Make, make_bundle: MakeBundle) -> None:
    def said(number: int, **more: object) -> dict[str, Any]:
        value: dict[str, Any] = {"service": "x", "own_account": None, "conversation": "c"}
        value |= {"sender": None, "text": f"text {number}", "outgoing": True, **more}
        when = [time(f"2024-01-01T00:00:0{number}Z")]
        return make(number, "chat.message", value=value, times=when)

    sam = {"sender": "+15550100002", "sender_name": "Sam", "outgoing": False}
    records = [
        said(1, message_type="call, video", duration_s=61),
        said(2, attachments=2, expires_after_s=60, **sam),
        said(3, **sam),
    ]
    text = Page(render(make_bundle(records))).text
    assert "this side sent text 1 call, video 61 s long" in text
    assert "2 attachments to disappear 60 s after it is read" in text
    talk = text[text.index("text 1") : text.index("text 3")]
    assert talk.count("+15550100002") == 1


def test_times_are_shown_with_their_zone(plain: Bundle) -> None:
    text = Page(render(plain)).text
    assert "2025-03-05 19:42:11 UTC last written raw 1700000000 s since 1970" in text
    assert "local time of the machine, not converted" in text


def test_deleted_reused_and_superseded_are_marked(make: Make, make_bundle: MakeBundle) -> None:
    gone = {"name": "deleted", "metadata": "allocated", "reused": True}
    text = Page(
        render(
            make_bundle(
                [
                    make(1, source={"allocation": gone}),
                    make(2, source={"row": "superseded"}),
                    make(3, source={"row": "wal", "allocation": "unallocated", "path": None}),
                ]
            )
        )
    ).text
    assert "name deleted, metadata allocated, reused by another file" in text
    for mark in ("deleted metadata reused", "row superseded", "unallocated row only in WAL"):
        assert mark in text


def test_other_places_of_a_finding_are_told_shortly(make: Make, make_bundle: MakeBundle) -> None:
    same = {"volume": "p2/vss-1", "path": "/home/alice/state", "address": "12", "file": None}
    moved = {"volume": "p2/vss-2", "path": "/old/state", "address": "13", "file": "e-2"}
    bundle = make_bundle([make(1, also_in=[same, moved])])
    text = Page(render(bundle)).text
    assert "also in p2/vss-1 also in p2/vss-2:/old/state · address 13" in text


def test_many_findings_are_cut_and_counted(make: Make, make_bundle: MakeBundle) -> None:
    many = [
        make(number, "web.visit", times=[time(f"2025-03-05T19:{number % 60:02}:11Z")])
        for number in range(2 * SHOWN + 7)
    ]
    few = [make(9000 + number, "web.visit", account=ALICE) for number in range(3)]
    page = Page(render(make_bundle([*many, *few])))
    rows = [attrs for tag, attrs in page.tags if tag == "tr" and "data-f" in attrs]
    assert len(rows) == SHOWN
    assert {f"f-{9000 + number:032x}" for number in range(3)} <= {row["id"] for row in rows}
    assert "510 more findings of this kind stand in data/findings.jsonl" in page.text
    assert "1,010 findings" in page.text


def test_the_age_of_an_indicator_list_is_told(make: Make, make_bundle: MakeBundle) -> None:
    value = value_of("web.browser", "text") | {"indicator_list": "web 2025-03-01"}
    bundle = make_bundle([make(1, "web.browser", value=value)], started="2026-03-11T10:00:00Z")
    assert "web of 2025-03-01 (375 days old at the examination)" in Page(render(bundle)).text


def test_the_newest_are_kept(make: Make, make_bundle: MakeBundle) -> None:
    findings = [
        make(number, "web.visit", times=[time(f"20{number % 90 + 10}-01-01T00:00:00Z")])
        for number in range(SHOWN + 500)
    ]
    page = Page(render(make_bundle(findings)))
    shown = {attrs["id"] for tag, attrs in page.tags if tag == "tr" and "data-f" in attrs}
    years = {record["times"][0]["utc"][:4]: record["id"] in shown for record in findings}
    assert years["2099"]
    assert not years["2010"]


def test_long_text_is_cut_with_a_note(make: Make, make_bundle: MakeBundle) -> None:
    data = render(
        make_bundle(
            [
                make(1, text="A" * 2**20, summary="B" * 2**20),
                make(2, "chat.message", text="C" * 2**20),
                make(3, "chat.message", text="d\n" * 2**19),
            ]
        )
    )
    assert len(data) < 400_000
    text = Page(data).text
    assert "B" * LONGEST + "… [cut here: 1,048,576 characters, whole in findings.jsonl]" in text
    assert "C" * LONGEST + " [cut here: 1,048,576 characters" in text


def test_amounts_are_in_coins_and_exact(make: Make, make_bundle: MakeBundle) -> None:
    value = {"coin": "BTC", "txid": "ab", "delta": -123456789012}
    unknown = {"coin": "XYZ", "txid": "cd", "delta": 5}
    text = Page(
        render(
            make_bundle(
                [
                    make(1, "wallet.transaction", value=value),
                    make(2, "wallet.transaction", value=unknown),
                ]
            )
        )
    ).text
    assert "-1,234.56789012 BTC (-123,456,789,012 of the smallest unit)" in text
    assert "5 of the smallest unit" in text


def test_an_empty_bundle_says_what_that_means(make_bundle: MakeBundle) -> None:
    text = Page(render(make_bundle())).text
    assert "Nothing was found by these checks. That is not a clean bill of health" in text
    assert "Everything that the profile asks for" in text


def test_a_kind_of_a_later_version_is_shown(make: Make, make_bundle: MakeBundle) -> None:
    page = Page(render(make_bundle([make(1, "quantum.entanglement", value={"pair": 2})])))
    assert "quantum.entanglement" in page.text
    assert_inert(page)


@pytest.mark.parametrize(
    "damage",
    [
        {"times": None},
        {"times": [{"utc": 5}]},
        {"source": {}},
        {"value": []},
        {"account": "alice"},
        {"id": 7},
        {"kind": None},
        {"checks": None},
    ],
    ids=str,
)
def test_a_made_up_record_is_an_error_of_ours(
    damage: Record, make: Make, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle([make(1, times=[time("2025-03-05T19:42:11Z")]) | damage])
    with pytest.raises(AlteredError):
        list(render_all(bundle))


@pytest.mark.parametrize("run", [{"case": {}}, {"image": {}}, {"tool": 5}, {"volumes": [{}]}])
def test_a_made_up_run_is_an_error_of_ours(run: Record, make_bundle: MakeBundle) -> None:
    with pytest.raises(AlteredError):
        render(make_bundle(**run))


def test_tables_have_scopes_and_links_have_targets(plain: Bundle) -> None:
    page = Page(render(plain))
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    for tag, attrs in page.tags:
        if tag == "th":
            assert attrs.get("scope") in {"col", "row", "rowgroup"}
        if tag == "a" and str(attrs["href"]).startswith("#f-"):
            assert str(attrs["href"])[1:] in ids
    assert {"main", "nav", "header", "footer"} <= {tag for tag, _ in page.tags}
    assert ("html", {"lang": "en", "translate": "no"}) in page.tags


def test_the_style_sheet_keeps_its_contrast(plain: Bundle) -> None:
    """WCAG 2 AA: 4.5 for text on every ground that it stands on, light and dark."""
    style = Page(render(plain)).raw["style"][0]
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", block))
        for block in re.findall(r":root \{([^}]*)\}", style)[:2]
    )
    for colours in (light, {**light, **dark}):
        for text in ("ink", "soft", "link", "bad", "good", "open"):
            for ground in ("paper", "tint", "faint", "bad-tint"):
                if text in {"good", "open"} and ground != "paper":
                    continue
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)


def contrast(one: str, two: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(two)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(char * 2 for char in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_what_to_do_stands_before_the_findings_with_its_sources(
    make: Make, make_bundle: MakeBundle
) -> None:
    secret = make(1, "wallet.secret", value=value_of("wallet.secret", "xprv") | {"opened_by": None})
    page = Page(render(make_bundle([secret])))
    text = page.text
    assert text.index("time-critical A seed, key or password") < text.index("First to read")
    assert "Tell the seizure lead now" in text
    ids = page.attributes("id")
    assert "source-crypto-swgde" in ids
    assert all(href is None or href[1:] in ids for href in page.attributes("href") if href != "#")


def test_without_cryptocurrency_nothing_is_to_be_done(make: Make, make_bundle: MakeBundle) -> None:
    assert "now" not in Page(render(make_bundle([make(2)]))).attributes("id")


def test_how_to_handle_evidence_stands_beside_what_it_belongs_to(
    make: Make, make_bundle: MakeBundle
) -> None:
    value = value_of("encryption.volume", "luks2") | {"state": "locked"}
    page = Page(render(make_bundle([make(1, "encryption.volume", value=value)])))
    assert "A volume or container is locked" in page.text
    assert "An open volume closes with the power" in page.text
    assert "A wallet is locked" not in page.text
    assert {"evidence", "source-evidence-nij-on"} <= set(page.attributes("id"))
