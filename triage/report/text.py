"""The ten-second summary as a text file."""

from __future__ import annotations

from triage.bundle import Bundle
from triage.console.cases import guidance_of
from triage.console.safe import safe
from triage.console.summary import summary_text
from triage.console.training import training_of
from triage.texts import say, word

_WIDTH = 12  # of the names at the head


def summary(bundle: Bundle) -> bytes:
    """Return what the terminal showed, under the names of case and image, as UTF-8."""
    run = bundle.run
    case, image = run["case"], run["image"]
    head = {
        "case": case["case"],
        "exhibit": case["exhibit"],
        "examiner": case["examiner"],
        "image": ", ".join(segment["name"] for segment in image["segments"][:3]),
        "image_hash": word("verdict", image["hash_verdict"]),
        "sha256": image["hashes"].get("sha256"),
        "examined": say(
            "summary.examined_with",
            started=f"{run['started'][:19]}Z",
            tool=f"{run['tool']['name']} {run['tool']['version']}",
            profile=run["profile"]["name"],
        ),
    }
    shown = [(word("summary", name), safe(value)) for name, value in head.items() if value]
    width = max(_WIDTH, *(len(name) + 2 for name, _ in shown))
    lines = "".join(f"{name:<{width}}{value}\n" for name, value in shown)
    body = summary_text(
        bundle.findings(),
        bundle.coverage(),
        bundle.problems(),
        guidance_of(run),
        training=training_of(run),
    )
    return f"{lines}\n{body}".encode()
