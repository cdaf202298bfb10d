"""What other programs take. That they take it is shown by their own validators: see .ci/exports."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner

from tests.export.conftest import COIN, FILE, ONION, Make, findings, record, time
from triage.bundle import Bundle
from triage.cli import export as _export  # noqa: F401 - adds the command
from triage.cli.command import cli
from triage.errors import TriageError
from triage.export import TARGETS
from triage.export.observables import _FIELDS, What, observables
from triage.findings import KINDS

JSON_TARGETS = ("case", "stix", "misp")


def exported(bundle: Bundle, target: str) -> Any:
    return json.loads(TARGETS[target](bundle).content)


def of_type(bundle: Bundle, kind: str) -> list[dict[str, Any]]:
    return [item for item in exported(bundle, "stix")["objects"] if item["type"] == kind]


def nodes(bundle: Bundle, kind: str) -> list[dict[str, Any]]:
    return [node for node in exported(bundle, "case")["@graph"] if node["@type"] == kind]


def misp_objects(bundle: Bundle, name: str) -> list[dict[str, str]]:
    return [
        {item["object_relation"]: item["value"] for item in found["Attribute"]}
        for found in exported(bundle, "misp")["Event"]["Object"]
        if found["name"] == name
    ]


@pytest.mark.parametrize("target", [name for name in TARGETS if name != "csv"])
def test_the_same_bundle_gives_the_same_bytes(made: Bundle, target: str) -> None:
    assert TARGETS[target](made).content == TARGETS[target](Bundle.open(made.root)).content


def test_another_run_over_the_same_media_gives_the_same_ids(made: Bundle, make: Make) -> None:
    again = make(findings(), name="again.bundle")
    assert again.seal.predicate["bundle"] != made.seal.predicate["bundle"]
    for bundle in (made, again):
        assert of_type(bundle, "observed-data")[0]["id"] == of_type(made, "observed-data")[0]["id"]
        assert (
            nodes(bundle, "uco-core:Annotation")[0]["@id"]
            == nodes(made, "uco-core:Annotation")[0]["@id"]
        )


@pytest.mark.parametrize("kind", sorted(KINDS.keys() & _FIELDS.keys()))
def test_the_table_of_observables_names_fields_that_exist(kind: str) -> None:
    named = {name for _, *fields in _FIELDS[kind] for name in fields if name}
    assert named <= set(KINDS[kind].value_fields())


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("web.visit", {"url": "http://a.example/?q=1#x"}, [(What.URL, "http://a.example/?q=1#x")]),
        ("web.visit", {"url": "http://a.example/ü"}, []),
        ("web.visit", {"url": "javascript:alert(1)"}, []),
        ("web.visit", {"url": "http://a.example/" + "x" * 5000}, []),
        ("tor.bridge", {"address": "[2001:db8::1]:443"}, [(What.IP, "2001:db8::1")]),
        ("tor.bridge", {"address": "999.1.1.1:443"}, []),
        ("darknet.identity", {"darknet_address": "USK@key,x/site/1"}, []),
        (
            "mail.remailer-message",
            {"mail_sender": "a@b.example", "mail_recipients": ["c@d.example", "no one", None]},
            [(What.MAIL, "a@b.example"), (What.MAIL, "c@d.example")],
        ),
        ("wallet.secret", {"secret_type": "seed"}, []),
    ],
)
def test_only_what_is_well_formed_is_compared(
    kind: str, value: dict[str, Any], expected: list[tuple[What, str]]
) -> None:
    found = observables(record(kind, value) if kind in KINDS else {"kind": kind, "value": value})
    assert [(item.what, item.value) for item in found] == expected


def test_timesketch_has_what_its_importer_demands(made: Bundle) -> None:
    result = TARGETS["timesketch"](made)
    events = [json.loads(line) for line in result.content.splitlines()]
    assert [event["timestamp_desc"] for event in events] == ["visited", "expires"]
    assert (events[0]["datetime"], events[0]["timestamp"]) == (
        "2025-03-01T18:35:44.250000+00:00",
        1740854144250000,
    )
    assert events[0]["message"].startswith("web.visit")
    assert result.notes == ("1 left out: times without a known zone have no place on a time line",)


def test_stix_has_the_ids_that_everybody_gives(made: Bundle) -> None:
    # As stix2 3.0.2 makes them from the same properties.
    (name,) = of_type(made, "domain-name")
    assert name["id"] == "domain-name--5a972657-a512-5045-946d-37c95ebfffc9"
    assert {item["account_type"] for item in of_type(made, "user-account")} == {
        "btc-address",
        "xmpp",
        "windows-local",
    }


def test_stix_says_what_was_observed_and_when(made: Bundle) -> None:
    (extension,) = of_type(made, "extension-definition")
    by_kind = {
        item["extensions"][extension["id"]]["kind"]: item for item in of_type(made, "observed-data")
    }
    visit, coin = by_kind["web.visit"], by_kind["wallet.address"]
    assert visit["first_observed"] == visit["last_observed"] == "2025-03-01T18:35:44.250Z"
    # A date that was only set is none at which something was seen.
    assert (coin["first_observed"], coin["last_observed"]) == (
        "2025-04-01T11:59:00.000Z",
        "2025-04-01T12:00:00.123Z",
    )
    known = {item["id"] for item in exported(made, "stix")["objects"]}
    assert set(visit["object_refs"]) <= known
    assert "encryption.volume" not in by_kind
    assert len(TARGETS["stix"](made).notes) == 1


def test_misp_flags_nothing_and_shares_with_nobody(made: Bundle) -> None:
    event = exported(made, "misp")["Event"]
    assert (event["distribution"], event["published"]) == ("0", False)
    attributes = [item for found in event["Object"] for item in found["Attribute"]]
    assert not any(item["to_ids"] for item in attributes)
    assert len({item["uuid"] for item in attributes}) == len(attributes)
    (coin,) = misp_objects(made, "coin-address")
    assert (coin["address"], coin["symbol"]) == (COIN, "BTC")
    (onion,) = misp_objects(made, "tor-hiddenservice")
    assert onion["address"] == ONION
    assert misp_objects(made, "forensic-evidence")[0]["evidence-number"] == "E-7"


def test_case_leads_from_a_finding_to_bytes_of_the_media(made: Bundle) -> None:
    graph = {node["@id"]: node for node in exported(made, "case")["@graph"]}
    (place,) = nodes(made, "uco-observable:ObservableRelationship")
    assert graph[place["uco-core:target"]["@id"]]["@type"] == "uco-observable:Image"
    run = next(facet for facet in place["uco-core:hasFacet"] if "Range" in facet["@type"])
    assert (run["uco-observable:rangeOffset"], run["uco-observable:rangeSize"]) == (4096, 5)
    (action,) = nodes(made, "case-investigation:InvestigativeAction")
    results = [graph[item["@id"]] for item in action["uco-action:result"]]
    assert sum(item["@type"] == "uco-core:Annotation" for item in results) == len(findings())
    for node in graph.values():
        for about in node.get("uco-core:object", []):
            assert about["@id"] in graph
    (event,) = [
        node for node in nodes(made, "uco-core:Event") if node["uco-core:eventType"] == "visited"
    ]
    assert event["uco-core:startTime"]["@value"] == "2025-03-01T18:35:44.250Z"


def test_sqlite_answers_questions(made: Bundle) -> None:
    database = apsw.Connection(":memory:")
    database.deserialize("main", TARGETS["sqlite"](made).content)
    question = """SELECT f.path, t.utc, json_extract(f.value, '$.url') FROM findings f
                  JOIN times t ON t.finding = f.id WHERE f.kind = 'web.visit'"""
    ((path, utc, url),) = database.execute(question)
    assert (path, utc, url) == (
        "/Users/alice/a.db",
        "2025-03-01T18:35:44.250Z",
        f"http://{ONION}/orders/1",
    )
    assert list(database.execute("SELECT sha256 FROM files WHERE key = ?", (FILE,))) == [
        ("2" * 64,)
    ]


def test_a_formula_in_a_label_stays_text(made: Bundle) -> None:
    assert ",'=1+1\\u{202e}," in TARGETS["csv"](made).content.decode()


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found.update(times=[time("visited", "+30828-09-14T02:48:05Z")]),
        lambda found: found["source"].update(file="e-gone", path=None),
        lambda found: found.update(account=None),
        lambda found: found["value"].update(url=["a"], crypto_address={"x": 1}),
    ],
)
def test_odd_records_break_no_export(
    make: Make, change: Callable[[dict[str, Any]], object]
) -> None:
    found = findings()[0]
    change(found)
    bundle = make([found])
    for target in TARGETS.values():
        target(bundle)


@pytest.mark.parametrize("target", JSON_TARGETS)
def test_an_exhibit_without_case_data_is_exported(make: Make, target: str) -> None:
    assert exported(make([], case=None, exhibit=None, examiner=None), target)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "wrong", [{"source": []}, {"times": [1]}, {"value": None}, {"account": "alice"}, {"kind": []}]
)
def test_a_made_up_record_is_at_fault_not_the_program(
    make: Make, tmp_path: Path, target: str, wrong: dict[str, Any]
) -> None:
    found = record("wallet.address", {"coin": "BTC", "crypto_address": COIN}) | wrong
    arguments = ["export", str(make([found]).root), "--to", target, "-o", str(tmp_path / "out")]
    error = CliRunner().invoke(cli, arguments).exception
    assert error is None or isinstance(error, TriageError)


def test_the_command_writes_once_and_says_what_is_missing(made: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    arguments = ["export", str(made.root), "--to", "stix", "-o", str(out)]
    first = CliRunner().invoke(cli, arguments)
    assert first.exception is None
    assert "1 left out" in first.output
    assert (out.stat().st_mode & 0o077) == 0
    assert "exists already" in str(CliRunner().invoke(cli, arguments).exception)
