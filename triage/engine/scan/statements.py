"""From what was told to statements: which files it stands in, and what those are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from triage.engine import messages as m
from triage.engine.journal import ReadFile
from triage.engine.pool import Pool, Task
from triage.engine.results import Results, Seen, Statement, file_record, word
from triage.engine.scan.tally import Place, Tally, Told
from triage.findings import Sensitivity
from triage.model import Volume

_AT_ONCE: Final = 32  # files in one request


class Writer:
    """Writes statements into the results, and into their files those in which something stands."""

    def __init__(self, pool: Pool, volumes: Sequence[Volume], results: Results) -> None:
        self._pool, self._volumes, self._results = pool, volumes, results

    def write(self, tally: Tally) -> None:
        """Write everything that was told."""
        told = [(place, list(known)) for place, known in tally.places()]
        rows: defaultdict[tuple[int, bool], set[int]] = defaultdict(set)
        for (volume, allocation, row, _), known in told:
            if row is not None and known:
                rows[volume, allocation is None].add(row)
        files = self._files(rows)
        for place, known in told:
            self._place(place, known, files)

    def _files(self, wanted: dict[tuple[int, bool], set[int]]) -> dict[tuple[int, int], m.FileRead]:
        """Ask what the files are, and hash those whose content it is; by volume and row."""
        found: dict[tuple[int, int], m.FileRead] = {}
        digests: dict[bool, list[tuple[int, tuple[int, ...]]]] = {True: [], False: []}
        for (volume, content), rows in sorted(wanted.items()):
            ordered = sorted(rows)
            digests[content] += [
                (volume, tuple(ordered[at : at + _AT_ONCE]))
                for at in range(0, len(ordered), _AT_ONCE)
            ]
        failed = self._ask(digests[False], False, found)  # first: content says more, and wins
        failed += self._ask(digests[True], True, found)
        # What cannot be hashed still has a name.
        self._ask([(volume, (row,)) for volume, rows in failed for row in rows], False, found)
        return found

    def _ask(
        self,
        wanted: Sequence[tuple[int, tuple[int, ...]]],
        digests: bool,
        found: dict[tuple[int, int], m.FileRead],
    ) -> list[tuple[int, tuple[int, ...]]]:
        """Add the answers; return those that did not come."""
        failed = []
        tasks = {
            id(task): (task, volume, rows)
            for volume, rows in wanted
            for task in [Task(request=m.ReadFiles(volume=volume, rows=rows, digests=digests))]
        }
        for task in self._pool.run([task for task, _, _ in tasks.values()]):
            _, volume, rows = tasks[id(task)]
            if task.failure is not None:
                failed.append((volume, rows))
                self._results.problem(
                    word(task.failure.code),
                    "files in which something was found could not be hashed",
                    volume=self._volumes[volume].name,
                )
            for reply in task.replies:
                if isinstance(reply, m.FileRead) and reply.row in rows:
                    found[volume, reply.row] = reply
            task.replies.clear()
        return failed

    def _place(
        self, place: Place, known: Iterable[Told], files: dict[tuple[int, int], m.FileRead]
    ) -> None:
        number, allocation, row, member = place
        volume = self._volumes[number]
        file = None if row is None else files.get((number, row))
        secret = False
        for told in known:
            finding = told.whole()
            secret |= finding.sensitivity is Sensitivity.SECRET
            seen = Seen(
                entry=file.entry if file is not None else None,
                allocation=allocation or None,
                runs=told.runs,
                member=member,
            )
            statement = Statement.of(finding, volume=volume, seen=seen)
            self._results.statements.append(statement)
        if file is not None and allocation is None and file.hashes:
            record = file_record(volume, file)
            read = ReadFile(row=file.row, secret=secret or file.secret, record=record)
            self._results.file(number, read, cited=False)
