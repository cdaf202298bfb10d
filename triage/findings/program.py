"""Programs of the list `indicators/programs.yaml`: traces that they lie here, ran, or went.

Every finding names its `trace`, and `trace_means` what that kind of trace does and does not say:
Windows alone has a dozen, and only some of them mean that a program ran.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from triage.findings.base import Finding, Interpretation


def _gone(on_disk: bool | None) -> str:
    return ", no longer at that place" if on_disk is False else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramExecuted(Finding):
    """A trace that the operating system makes when a program runs."""

    kind: ClassVar[str] = "program.executed"
    identity: ClassVar[tuple[str, ...]] = ("software", "program_path", "trace")
    title: ClassVar[str] = "Programs that ran"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The system noted that a program of this name or path was started.",
        does_not_mean="What was done with it, or who sat there; a program can be renamed.",
        other_explanations="Start with the system, an update, a scanner, another program of the "
        "same name.",
        next_steps="Compare traces with each other: each keeps other times and is emptied by "
        "other means. Look for the data that the program leaves.",
    )

    software: str  # as the list names it
    category: str | None = None  # of the list: tor, wallet, wiping …
    program_path: str | None = None  # as the trace has it, else its name
    trace: str  # prefetch, userassist, bam, shell-history …
    trace_means: str
    run_count: int | None = None  # as the trace counts; it may have been reset
    active_seconds: int | None = None  # in the foreground
    bytes_sent: int | None = None  # over the network
    bytes_received: int | None = None
    command_line: str | None = None  # with what follows an option for a password left out
    on_disk: bool | None = None  # whether a file lies at that path now; None: not looked
    loaded_from: tuple[str, ...] = ()  # paths in the trace that tell where it lay
    indicator_list: str  # `name YYYY-MM-DD`

    def summary(self) -> str:
        """Software, how often, by which trace."""
        often = f", {self.run_count:,} times" if (self.run_count or 0) > 1 else ""
        sent = "" if self.bytes_sent is None else f", {self.bytes_sent:,} bytes sent"
        return f"{self.software} ran{often} ({self.trace}){sent}{_gone(self.on_disk)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramPresent(Finding):
    """A trace that a program, its installer or a link to it was there."""

    kind: ClassVar[str] = "program.present"
    identity: ClassVar[tuple[str, ...]] = ("software", "program_path", "trace")
    title: ClassVar[str] = "Programs that are or were there"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The system or a person's file manager knew a file of this name or path.",
        does_not_mean="That it was ever started.",
        other_explanations="A download that was never opened, a folder looked into, an update, "
        "a collection of programs on a stick.",
        next_steps="Look for traces of its running, and for the file.",
    )

    software: str
    category: str | None = None
    software_version: str | None = None
    program_path: str | None = None
    trace: str  # shimcache, amcache, muicache, lnk, recent-documents, package-log …
    trace_means: str
    on_disk: bool | None = None
    sha1: str | None = None  # of the program, as the system computed it: its first 31 MiB
    file_size: int | None = None  # bytes
    url: str | None = None  # from which it came
    referrer: str | None = None
    stored_on: str | None = None  # volume, its serial number and machine, as a link names them
    indicator_list: str

    def summary(self) -> str:
        """Software and trace."""
        version = f" {self.software_version}" if self.software_version else ""
        return f"trace of {self.software}{version}: {self.trace}{_gone(self.on_disk)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramRemoved(Finding):
    """A trace that a program or its data was deleted or uninstalled."""

    kind: ClassVar[str] = "program.removed"
    identity: ClassVar[tuple[str, ...]] = ("software", "program_path", "trace")
    title: ClassVar[str] = "Programs that were removed"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The system noted that this was deleted, uninstalled or put into the bin.",
        does_not_mean="Why, or that it is gone for good.",
        other_explanations="An update removes the version before; a clean-up; a change of disk.",
        next_steps="Look into the bin, shadow copies, backups and unallocated space.",
    )

    software: str
    category: str | None = None
    software_version: str | None = None
    program_path: str | None = None
    trace: str  # recycle-bin, usn-journal, package-log …
    trace_means: str
    file_size: int | None = None
    content_kept: bool | None = None  # whether the deleted content still lies beside the trace
    indicator_list: str

    def summary(self) -> str:
        """Software and trace."""
        version = f" {self.software_version}" if self.software_version else ""
        return f"{self.software}{version} was removed ({self.trace})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramTraces(Finding):
    """One place in which the system notes programs: how many it holds, how many are on the list."""

    kind: ClassVar[str] = "program.traces"
    identity: ClassVar[tuple[str, ...]] = ("trace", "place")
    title: ClassVar[str] = "Places where programs are noted"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="Here the system notes programs; the others on it are counted and not listed.",
        does_not_mean="That nothing else ran: most such places are short, some are switched off.",
        other_explanations="An empty or young one may have been cleared, switched off, or be new.",
        next_steps="Where the first entry is much younger than the system, ask whether a clean-up "
        "program ran; other traces keep other entries.",
    )

    trace: str
    place: str  # key, file or folder
    entries: int  # that it holds
    listed: int  # of them on the list

    def summary(self) -> str:
        """Trace and counts."""
        return f"{self.trace}: {self.entries:,} entries, {self.listed:,} of programs on the list"
