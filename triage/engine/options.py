"""What one run is asked to do, what it tells on the way, and what it leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from triage.bundle import Bundle, Signer
from triage.credentials import Credential
from triage.engine.terms import Terms
from triage.errors import ExitCode
from triage.model import Walker
from triage.profile import Profile
from triage.registry import NONE

BUDGET = "time budget used up"

Record: TypeAlias = dict[str, Any]
Reporter: TypeAlias = Callable[[Bundle], Iterable[tuple[str, bytes]]]
"""Makes the files of data/report from a bundle that is about to be sealed: (name, content)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseInfo:
    """Who examines what, by which right: free text of the examiner, all optional."""

    case: str | None = None
    exhibit: str | None = None
    examiner: str | None = None
    authority: str | None = None
    notes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One run of one image."""

    image: Path
    output: Path
    profile: Profile
    only: tuple[str, ...] = ()
    case: CaseInfo = field(default_factory=CaseInfo)
    jobs: int = 1
    hash_media: bool = True
    expect: tuple[tuple[str, str], ...] = ()  # (algorithm, lower-case hex)
    plugins: str = NONE
    allow_incomplete: bool = False
    allow_writable_device: bool = False
    walker: Walker = Walker.AUTO
    require_sandbox: bool = False
    resume: bool = False
    budget_seconds: float | None = None
    signer: Signer | None = None
    secrets_recipient: str | None = None  # age public key
    credentials: tuple[Credential, ...] = field(default=(), repr=False)
    terms: Terms = field(default_factory=Terms, repr=False)
    validation: Path | None = None  # statement, or folder of statements, that the run rests on

    @property
    def usable_credentials(self) -> tuple[Credential, ...]:
        """Those that the profile lets be used."""
        return () if self.profile.decrypt == "never" else self.credentials


class Observer(Protocol):
    """Is told what happens. Nothing it does changes the result."""

    def phase(self, name: str, total: int | None, unit: str) -> None:
        """Begin a phase: `walk p1`, `context`, `extract`, `export`, `hash`, `seal`."""
        ...

    def progress(self, done: int) -> None:
        """Note that so much of the phase is done."""
        ...

    def findings_ready(
        self, findings: Sequence[Record], coverage: Sequence[Record], problems: Sequence[Record]
    ) -> None:
        """Take the findings, complete now; hashing may still go on."""
        ...


class Silent:
    """An observer that shows nothing."""

    def phase(self, name: str, total: int | None, unit: str) -> None:
        """Show nothing."""

    def progress(self, done: int) -> None:
        """Show nothing."""

    def findings_ready(
        self, findings: Sequence[Record], coverage: Sequence[Record], problems: Sequence[Record]
    ) -> None:
        """Show nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """A sealed bundle and what a script needs to know of it."""

    path: Path
    seal_code: str
    bundle_id: str
    exit_code: ExitCode
    findings: int
    problems: int
    not_examined: int
    image_hash: str  # match, mismatch, no stored hash, not finished, not selected, not applicable
    milliseconds: int
