"""Linux: listed programs that wrote into the system log or the journal, or were started by sudo.

Written from the syslog formats of rsyslog (BSD and ISO times) and systemd's description of
journals; tested with logs made by us and with a journal that systemd 252 wrote. Rotated logs are
read compressed as well. Messages are not read but for sudo's: the name that a program gives itself
is what counts. Times without a zone are local and not converted.

References: https://www.rfc-editor.org/rfc/rfc5424 and https://systemd.io/JOURNAL_FILE_FORMAT/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from triage.api import Artifact, ProgramExecuted, ProgramTraces, extractor
from triage.formats.indicators import Indicator
from triage.formats.journal import Journal
from triage.formats.stamps import stamp

from . import _known
from ._lines import Seen, lines, without_secrets

_LINE = re.compile(
    r"(?P<when>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
    r"|\d{4}-\d\d-\d\dT[\d:.]{8,18}(?:Z|[+-]\d\d:?\d\d)?)"
    r" \S{1,255} (?P<program>[\w./@-]{1,80})(?:\[\d{1,10}\])?:(?P<rest>.*)",
    re.ASCII,
)
_SUDO = re.compile(r"\s*(\S{1,80}) : .*? COMMAND=(\S{1,500})(.*)")
_FIELDS: Final = frozenset({"SYSLOG_IDENTIFIER", "_COMM", "_EXE"})


@extractor(
    name="program.linux.system-log",
    paths=(
        # Debian and relatives; Fedora and relatives; rotated ones, compressed as well
        "var/log/{syslog,messages,daemon.log,auth.log,secure,user.log}",
        "var/log/{syslog,messages,daemon.log,auth.log,secure,user.log}[.-]*",
    ),
    yields=(ProgramExecuted,),
)
def system_log(artifact: Artifact) -> Iterator[ProgramExecuted]:
    """List listed programs that logged something: how often, first and last time."""
    seen: dict[str, tuple[Indicator, Seen]] = {}
    for number, line in lines(artifact):
        found = _LINE.match(line)
        if found is None:
            continue
        name, told = found["program"], None
        if name == "sudo" and (by := _SUDO.match(found["rest"])):
            name = by[2]
            told = f"sudo by {by[1]}: {without_secrets([by[2], *by[3].split()])[0]}"
        known = _known.PROGRAMS.command(name)
        if known is None:
            continue
        _, one = seen.setdefault(name, (known, Seen()))
        one.add(found["when"], f"line {number}")
        if told:
            one.more["told"] = told
    for name, (known, one) in seen.items():
        yield _known.executed(
            known,
            "system-log",
            name,
            locator=one.place,
            times=one.times("first_logged", "last_logged"),
            run_count=None,
            command_line=one.more.get("told"),
        )


@extractor(
    name="program.linux.journal",
    paths=(
        # systemd 38 and later: kept on disk, or copied from memory
        "var/log/journal/*/*.journal*",
        "run/log/journal/*/*.journal*",
    ),
    yields=(ProgramExecuted, ProgramTraces),
)
def journal(artifact: Artifact) -> Iterator[ProgramExecuted | ProgramTraces]:
    """List listed programs that wrote into a journal: first and last time, how many others did."""
    file = Journal(artifact.open())
    programs: set[str] = set()
    listed: set[str] = set()
    for found in file.values(_FIELDS):
        if found.field != "_EXE":
            programs.add(found.value)
        known = _known.PROGRAMS.command(found.value)
        if known is None and found.field == "_EXE":
            known = _known.PROGRAMS.path(found.value)
        if known is None:
            continue
        listed.add(found.value)
        yield _known.executed(
            known,
            "journal",
            found.value[:500],
            locator=f"{found.field} at {found.offset}, {found.entries} entries",
            times=(
                *stamp("first_logged", found.first, "us_unix"),
                *stamp("last_logged", found.last, "us_unix"),
            ),
        )
    if file.truncated:
        artifact.problem("the journal ends before its last object")
    yield _known.counted(
        "journal", artifact.entry.name, entries=len(programs), listed=len(listed & programs)
    )
