from __future__ import annotations

from tests.report.conftest import Make, MakeBundle, time
from triage.report.text import summary


def test_the_summary_is_headed_by_case_and_image(make: Make, make_bundle: MakeBundle) -> None:
    onion = "a" * 56 + ".onion"
    line = f"tor data directory {onion}" + " x" * 400
    case = {"case": "C-1", "exhibit": "7\u202e", "examiner": None}
    bundle = make_bundle(
        [make(1, summary=line, times=[time("2025-03-05T19:42:11Z")])],
        case=case,
    )
    text = summary(bundle).decode("utf-8")
    assert text.startswith("case        C-1\nexhibit     7\\u{202e}\nimage       disk.raw\n")
    assert "examined    2025-01-02T03:04:05Z with disk-triage 0, profile standard" in text
    assert line in text, "neither wrapped nor shortened"
    assert "\x1b" not in text
    assert not any(part.endswith(" ") for part in text.splitlines())
    assert summary(bundle).decode("utf-8") == text
