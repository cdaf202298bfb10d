"""Timesketch: one JSON object a line for each dated event, by time.

`message`, `datetime` and `timestamp_desc` are what its importer demands; `timestamp` counts
microseconds since 1970-01-01 UTC, and every other column is free (Timesketch documentation, "Import
from JSON or CSV"; file names must end in `.jsonl`). Plaso's own JSON lines have the same columns.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from triage.bundle import Bundle
from triage.console.headlines import account_name
from triage.export.exported import Exported, json_lines, left_out
from triage.export.origin import EPOCH, Origin, moment, origin_of


def timesketch(bundle: Bundle) -> Exported:
    """Return the events with a UTC time. What has only local time is left out and counted."""
    origin = origin_of(bundle)
    events: list[tuple[int, str, int, dict[str, Any]]] = []
    undated = 0
    for record in bundle.findings():
        for number, time in enumerate(record["times"]):
            utc = moment(time["utc"])
            if utc is None:
                undated += 1
                continue
            event = _event(origin, record, time, utc)
            events.append((event["timestamp"], record["id"], number, event))
    events.sort(key=lambda event: event[:3])
    return Exported(
        content=json_lines(event for *_, event in events),
        notes=left_out(undated, "times without a known zone have no place on a time line"),
    )


def _event(
    origin: Origin, record: dict[str, Any], time: dict[str, Any], utc: datetime
) -> dict[str, Any]:
    source = record["source"]
    return {
        "message": record["summary"],
        "datetime": utc.isoformat(),
        "timestamp": (utc - EPOCH) // timedelta(microseconds=1),
        "timestamp_desc": time["event"].replace("_", " "),
        "data_type": f"triage:{record['kind']}",
        "kind": record["kind"],
        "shows": record["shows"],
        "confidence": record["confidence"],
        "account": account_name(record) if record["account"] else "",
        "volume": source["volume"],
        "filename": source["path"] or "",
        "locator": source["locator"] or "",
        "raw_time": time["raw"],
        "raw_unit": time["unit"],
        "finding": record["id"],
        "event_id": str(origin.uuid(record["id"], time["event"], time["raw"])),
        "exhibit": origin.exhibit or "",
        "case": origin.case or "",
        "bundle": origin.bundle,
    }
