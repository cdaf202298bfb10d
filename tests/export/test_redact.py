"""A bundle for another agency: what must not be in it, and what it still shows."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.export.conftest import COIN, ONION, Make, findings, record, time
from tests.report.conftest import value_of
from triage import canonical, verifier
from triage.bundle import Bundle, Outcome, Verification, verify
from triage.bundle.redacted import Opening, read_openings
from triage.cli.command import cli
from triage.engine.records import finding_id
from triage.errors import ParseError, UsageError
from triage.export import Rules, redact
from triage.findings import KINDS
from triage.report import render_all

Redacted = tuple[Bundle, list[Opening]]


@pytest.fixture
def cut(made: Bundle, tmp_path: Path) -> Callable[[Rules], Redacted]:
    def cut(rules: Rules, bundle: Bundle = made) -> Redacted:
        openings: list[Opening] = []
        redact(bundle, tmp_path / "cut.bundle", rules, reporter=no_report, keep=openings.extend)
        return Bundle.open(tmp_path / "cut.bundle"), openings

    return cut


def no_report(_: Bundle) -> list[tuple[str, bytes]]:
    return []


def everything(bundle: Bundle) -> bytes:
    return b"".join(path.read_bytes() for path in bundle.root.rglob("*") if path.is_file())


def checked(bundle: Bundle, openings: Sequence[Opening] = ()) -> Verification:
    return verify(bundle.root, finding_id=finding_id, openings=openings)


def outcome(result: Verification, name: str) -> tuple[Outcome, str]:
    return next((check.outcome, check.detail) for check in result.checks if check.name == name)


def test_findings_of_other_kinds_and_accounts_are_gone(
    made: Bundle, cut: Callable[[Rules], Redacted]
) -> None:
    bundle, openings = cut(Rules(kinds=("wallet.*", "chat.*"), accounts=("ALICE",)))
    kept = list(bundle.findings())
    assert {found["kind"] for found in kept} == {"wallet.address", "chat.contact"}
    assert ONION.encode() not in everything(bundle)
    gone = [o.value for o in openings if o.what == "finding"]
    assert {found["kind"] for found in gone} == {r["kind"] for r in findings()} - {
        "wallet.address",
        "chat.contact",
    }
    assert bundle.run["redaction"]["seal_code"] == made.seal.code
    assert bundle.seal.predicate["redacted_from"]["seal_sha256"] == made.seal.sha256
    assert checked(bundle).intact
    assert made.seal.code in outcome(checked(bundle), "redactions")[1]


def test_no_id_of_the_original_is_in_it(made: Bundle, cut: Callable[[Rules], Redacted]) -> None:
    bundle, _ = cut(Rules())
    data = everything(bundle)
    assert len(list(bundle.findings())) == len(findings())
    for before in (*made.findings(), *made.files()):
        assert str(before.get("id") or before["key"]).encode() not in data
    cited = {found["source"]["file"] for found in bundle.findings()} - {None}
    assert cited == {file["key"] for file in bundle.files()}
    # Made again, nothing is the same: the salts are new.
    assert made.seal.predicate["bundle"].encode() not in data


def test_a_hidden_field_is_nowhere_else_in_the_finding(make: Make, tmp_path: Path) -> None:
    label = "for Zacharias"
    found = record(
        "wallet.address",
        {"coin": "BTC", "crypto_address": COIN, "label": label, "used": True},
        summary=f"BTC address {COIN} “{label}”",
        also_in=[{"volume": "p2", "path": f"/{label}"}],
    )
    found["source"] |= {"path": f"/home/{label}/wallet", "locator": f"labels.{label}"}
    original = make([found | {"id": finding_id(found)}], name="one.bundle")
    openings: list[Opening] = []
    redact(
        original, tmp_path / "cut", Rules(hide=("label",)), reporter=no_report, keep=openings.extend
    )
    bundle = Bundle.open(tmp_path / "cut")
    assert b"Zacharias" not in everything(bundle)
    (kept,) = bundle.findings()
    assert (kept["value"]["label"], kept["value"]["crypto_address"]) == ("[taken out]", COIN)
    (field,) = [opening for opening in openings if opening.what == "field"]
    assert (field.value, field.finding) == (label, kept["id"])
    assert kept["redacted"]["fields"] == {"value.label": field.commitment}


@pytest.mark.parametrize(
    "spelling", ["Zoë Example", "ZOË EXAMPLE", "Zo%C3%AB%20Example", "Zo%C3%AB+Example"]
)
def test_a_text_is_taken_out_in_any_spelling(make: Make, tmp_path: Path, spelling: str) -> None:
    found = record(
        "chat.message",
        {"service": "xmpp", "text": f"ask {spelling} first", "sender": "a@b.example"},
        summary=f"message {spelling}",
    )
    found["source"]["path_raw"] = base64.b64encode("/Zoë Example".encode()).decode()
    original = make([found | {"id": finding_id(found)}], examiner="Zoë Example")
    openings: list[Opening] = []
    redact(
        original,
        tmp_path / "cut",
        Rules(texts=("Zoë Example",)),
        reporter=no_report,
        keep=openings.extend,
    )
    bundle = Bundle.open(tmp_path / "cut")
    data = everything(bundle)
    assert spelling.encode() not in data
    assert found["source"]["path_raw"].encode() not in data
    (kept,) = bundle.findings()
    assert kept["value"]["text"] == "ask [taken out 1] first"
    assert bundle.run["case"]["examiner"] == "[taken out 1]"


def test_whatever_is_hidden_is_hidden_everywhere(make: Make, tmp_path: Path) -> None:
    """Every field of every kind, its text repeated where a record can repeat it."""
    marks, original, fields = [], [], set()
    for number, kind in enumerate(KINDS):
        mark = f"hidden-{number:02}-of-{kind}"
        value = value_of(kind, mark)
        found = record(kind, value, summary=f"about {mark}", times=[time("seen", None, mark)])
        found["source"] |= {"path": f"/home/{mark}/x", "locator": mark, "address": f"{number}"}
        found["account"] |= {"name": mark, "root": f"/home/{mark}"}
        original.append(found | {"id": finding_id(found)})
        fields |= set(value)
        marks.append(mark)
    rules = Rules(hide=tuple(sorted(fields)))
    redact(make(original), tmp_path / "cut", rules, reporter=render_all, keep=lambda _: None)
    data = everything(Bundle.open(tmp_path / "cut"))
    assert [mark for mark in marks if mark.encode() in data] == []
    assert checked(Bundle.open(tmp_path / "cut")).intact


@pytest.mark.parametrize("text", ["tor", "wallet", "present", "probable", "kind", "img-1", "walk"])
def test_a_text_that_is_also_a_word_of_ours_takes_nothing_apart(
    made: Bundle, tmp_path: Path, text: str
) -> None:
    redact(made, tmp_path / "cut", Rules(texts=(text,)), reporter=render_all, keep=lambda _: None)
    bundle = Bundle.open(tmp_path / "cut")
    assert checked(bundle).intact
    assert {found["kind"] for found in bundle.findings()} == {r["kind"] for r in findings()}


def test_the_sender_can_open_one_thing_alone(cut: Callable[[Rules], Redacted]) -> None:
    bundle, openings = cut(Rules(kinds=("wallet.*",)))
    one = next(opening for opening in openings if opening.what == "finding")
    (line,) = read_openings([canonical.line(one.record)])
    told = outcome(checked(bundle, [line]), "redactions")
    assert told[0] is Outcome.PASS
    assert "1 opened" in told[1]
    forged = {**one.record, "value": {**one.value, "summary": "something else"}}
    (wrong,) = read_openings([canonical.line(forged)])
    assert outcome(checked(bundle, [wrong]), "redactions")[0] is Outcome.FAIL


def test_equal_things_have_different_commitments(cut: Callable[[Rules], Redacted]) -> None:
    bundle, openings = cut(Rules(kinds=("none",)))
    lines = (bundle.root / "data/redactions.jsonl").read_bytes().splitlines()
    commitments = [json.loads(line)["commitment"] for line in lines]
    assert commitments == sorted(set(commitments))
    assert len(commitments) == len(openings)
    assert len({opening.salt for opening in openings}) == len(openings)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("data/redactions.jsonl", lambda data: b"".join(data.splitlines(keepends=True)[:1])),
        ("data/redactions.jsonl", lambda _: b"{}\n"),
        ("data/findings.jsonl", lambda data: data.replace(b'"original":"', b'"original":"0')),
        ("data/findings.jsonl", lambda data: data.replace(b'"fields":{}', b'"fields":[]', 1)),
    ],
)
def test_altered_commitments_are_refused(
    cut: Callable[[Rules], Redacted],
    name: str,
    change: Callable[[bytes], bytes],
) -> None:
    bundle, _ = cut(Rules())
    file = bundle.root / name
    data = change(file.read_bytes())
    file.chmod(0o600)
    file.write_bytes(data)
    assert "redactions" in {c.name for c in checked(bundle).checks if c.outcome is Outcome.FAIL}
    single = verifier.Verifier(bundle.root)
    single.run()
    assert "redactions" in {check for check, result, _ in single.results if result == "FAIL"}


def test_the_single_file_finds_a_redacted_bundle_intact(cut: Callable[[Rules], Redacted]) -> None:
    bundle, _ = cut(Rules(hide=("label",)))
    single = verifier.Verifier(bundle.root)
    assert single.run() == 0
    assert ("finding-ids", "pass") in [result[:2] for result in single.results]


@pytest.mark.parametrize(
    "line", [b"{}\n", b"x\n", b'{"in":null,"salt":"AA==","value":1,"what":"a"}\n']
)
def test_what_is_no_opening_is_said(line: bytes) -> None:
    with pytest.raises(ParseError, match="line 1"):
        list(read_openings([line]))


def test_a_text_that_would_take_words_apart_is_refused() -> None:
    with pytest.raises(UsageError):
        Rules(texts=("ab",))


def test_the_command_keeps_the_openings_apart(made: Bundle, tmp_path: Path) -> None:
    arguments = ["export", str(made.root), "--redact", "-o", str(tmp_path / "cut")]
    assert isinstance(CliRunner().invoke(cli, arguments).exception, UsageError)
    openings = tmp_path / "openings"
    arguments += ["--kind", "wallet.*", "--openings", str(openings)]
    assert CliRunner().invoke(cli, arguments).exception is None
    assert (openings.stat().st_mode & 0o077) == 0
    checking = ["verify", str(tmp_path / "cut"), "--openings", str(openings)]
    result = CliRunner().invoke(cli, checking)
    assert result.exception is None
    assert "opened" in result.output
