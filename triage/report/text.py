"""The ten-second summary as a text file."""

from __future__ import annotations

from triage.bundle import Bundle
from triage.console.cases import guidance_of
from triage.console.safe import safe
from triage.console.summary import summary_text
from triage.console.training import training_of


def summary(bundle: Bundle) -> bytes:
    """Return what the terminal showed, under the names of case and image, as UTF-8."""
    run = bundle.run
    case, image = run["case"], run["image"]
    head = {
        "case": case["case"],
        "exhibit": case["exhibit"],
        "examiner": case["examiner"],
        "image": ", ".join(segment["name"] for segment in image["segments"][:3]),
        "image hash": image["hash_verdict"],
        "SHA-256": image["hashes"].get("sha256"),
        "examined": f"{run['started'][:19]}Z with {run['tool']['name']} {run['tool']['version']}, "
        f"profile {run['profile']['name']}",
    }
    lines = "".join(f"{name:<12}{safe(value)}\n" for name, value in head.items() if value)
    body = summary_text(
        bundle.findings(),
        bundle.coverage(),
        bundle.problems(),
        guidance_of(run),
        training=training_of(run),
    )
    return f"{lines}\n{body}".encode()
