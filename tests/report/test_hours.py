"""Activity by hour of the day."""

from __future__ import annotations

from collections import Counter

from triage.report.gather import gather
from triage.report.hours import by_hour


def test_shades_are_of_the_line() -> None:
    (lane,) = by_hour({("alice (p2)", "tor"): Counter({6: 1, 7: 8, 23: 2})})
    assert (lane.account, lane.family, len(lane.cells)) == ("alice (p2)", "Tor", 24)
    assert [cell.strength for cell in lane.cells if cell.events] == [1, 4, 1]
    assert by_hour({("a", "tor"): Counter()}) == ()


def test_days_without_a_time_of_day_have_no_hour() -> None:
    def time(utc: str | None, unit: str, event: str = "visited") -> dict[str, str | None]:
        return {"event": event, "utc": utc, "raw": "", "unit": unit, "zone": "utc"}

    record = {
        "kind": "tor.client",
        "summary": "",
        "id": "f-1",
        "value": {},
        "account": None,
        "shows": "used",
        "confidence": "probable",
        "protection": None,
        "source": {"path": None, "locator": None, "allocation": None, "row": None},
        "times": [
            time("2024-05-06T07:08:09Z", "s_unix"),
            time("2024-05-06T00:00:00Z", "days_unix"),
            time("2024-05-06T09:00:00Z", "s_unix", "expires"),
            time(None, "text"),
        ],
    }
    assert gather([record]).hours == {("–", "tor"): Counter({7: 1})}
