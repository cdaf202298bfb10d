"""The validation report before it is a page: what was validated, figures, limits, decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from triage.training.validation.results import Validation
from triage.training.validation.tables import Table, tables

_SPEAKS: Final = (
    "It speaks of this version, these libraries and this machine. After a change of any of them"
    " validate again (SWGDE 18-Q-001; ISO/IEC 17025, 7.2.2). A bundle names the statement that its"
    " run rests on."
)
_DECIDES: Final = (
    "What this report does not know: the purpose and the limits that your laboratory accepts, who"
    " did the validation and is competent for it, and the decision."
)
_BLANKS: Final = (
    "Purpose and acceptance limits",
    "Carried out by, date",
    "Reviewed by, date",
    "Fit for this purpose: yes, no, with these limits",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A report of tables."""

    title: str
    kicker: str
    headline: str
    day: str
    tables: tuple[Table, ...]
    footer: str


def document(validation: Validation, statement: str, signer: str | None) -> Document:
    """Return the report. statement: SHA-256 of its file. signer: fingerprint; None: not signed."""
    version = validation.method["version"]
    return Document(
        title=f"Validation of disk-triage {version}",
        kicker="Validation report",
        headline=f"disk-triage {version}",
        day=validation.begun[:10],
        tables=(
            _subject(validation, statement, signer),
            *tables(validation),
            limits(validation),
            _runs(validation),
            _libraries(validation),
            Table(
                title="For the laboratory",
                about=_DECIDES,
                columns=("", ""),
                rows=tuple((text, "") for text in _BLANKS),
            ),
        ),
        footer="Counts stand in validation.json, which the statement binds by its hash. Self-made"
        " and foreign data are never averaged.",
    )


def limits(validation: Validation) -> Table:
    """Return what was not measured, or is known to be missed; for one reason in one row."""
    whys: dict[str, list[str]] = {}
    for limit in validation.limits:
        whys.setdefault(limit.why, []).append(limit.what)
    return Table(
        title="Not measured, or known to be missed",
        about="Nothing can be said of these from this report.",
        columns=("what", "why"),
        rows=tuple(("; ".join(what), why) for why, what in whys.items()),
    )


def _subject(validation: Validation, statement: str, signer: str | None) -> Table:
    method, machine = validation.method, validation.machine
    told = "; ".join(f"{name}: {value}" for name, value in machine.items() if value)
    return Table(
        title="What was validated",
        about=_SPEAKS,
        columns=("", ""),
        rows=(
            ("Method", f"version {method['version']}, digest {method['digest']}"),
            ("Code, SHA-256", method["code"]),
            ("Machine", told),
            ("Begun, ended", f"{validation.begun}, {validation.ended}"),
            ("Sets", ", ".join(validation.sets)),
            (
                "Statement, SHA-256",
                f"{statement}, {f'signed by {signer}' if signer else 'unsigned'}",
            ),
        ),
    )


def _runs(validation: Validation) -> Table:
    return Table(
        title="Images and runs",
        about="Each image, its answers as truth.json and each bundle lie beside this report: "
        "triage train grade BUNDLE --key TRUTH counts again.",
        columns=("image", "profile", "exit code", "findings", "SHA-256 of the media", "seal code"),
        rows=tuple(
            (one.name, one.depth, str(one.exit_code), str(one.findings), one.sha256, one.seal_code)
            for one in validation.measured
        ),
    )


def _libraries(validation: Validation) -> Table:
    def rows() -> Iterator[tuple[str, str]]:
        yield "Python", validation.method["python"]
        yield from validation.method["libraries"].items()

    return Table(
        title="Libraries",
        about="Every dependency, as installed.",
        columns=("library", "version"),
        rows=tuple(rows()),
    )
