"""Reading a bundle: for what shows, reports, exports and compares. Reading does not verify."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from triage import canonical
from triage.bundle import age, layout
from triage.bundle.root import bundle_root
from triage.bundle.seal import MAX_SEAL, Seal, parse_seal
from triage.bundle.tree import open_regular
from triage.errors import AlteredError, BundleError, ParseError

Record: TypeAlias = dict[str, Any]

_MAX_SECRETS = 256 * 2**20


@contextmanager
def well_formed() -> Iterator[None]:
    """Say of whatever a made-up record does to its reader that the record is at fault."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise AlteredError("a record is not of the format that bundles have") from error


class Bundle:
    """A finished bundle. Records are plain dicts; fields that this version does not know stay."""

    def __init__(self, root: Path) -> None:
        """Read this folder as it is, also one that is still being written; else `Bundle.open`."""
        self.root = root

    @classmethod
    def open(cls, path: Path) -> Bundle:
        """Open a finished bundle.

        Raises BundleError when `path` is none, or was written by a newer version of the format.
        """
        bundle = cls(bundle_root(path))
        contract = bundle.run.get("contract")
        if isinstance(contract, int) and contract > layout.CONTRACT_VERSION:
            raise BundleError(f"is of format {contract}, too new for this version", where=str(path))
        return bundle

    @cached_property
    def run(self) -> Record:
        """`run.json`. Raises BundleError when it is missing or not JSON."""
        with self._open(layout.RUN) as file:
            return _record(file.read(canonical.MAX_LINE + 1), layout.RUN)

    @cached_property
    def seal(self) -> Seal:
        """The seal as it stands there. Raises BundleError where there is none, or no valid one."""
        with self._open(layout.SEAL) as file:
            return parse_seal(file.read(MAX_SEAL))

    def findings(self) -> Iterator[Record]:
        """Yield the findings, by id. This and its siblings raise BundleError naming the line."""
        return self._records(layout.FINDINGS)

    def files(self) -> Iterator[Record]:
        """Yield every evidence file that was read, by key."""
        return self._records(layout.FILES)

    def coverage(self) -> Iterator[Record]:
        """Yield what was looked for, and with what outcome."""
        return self._records(layout.COVERAGE)

    def problems(self) -> Iterator[Record]:
        """Yield what went wrong."""
        return self._records(layout.PROBLEMS)

    def custody(self) -> Iterator[Record]:
        """Yield the custody events, those after the seal too."""
        yield from self._records(layout.CUSTODY)
        number = 1
        while (self.root / layout.later_log(number)).is_file():
            yield from self._records(layout.later_log(number))
            number += 1

    def later_seals(self) -> list[Seal]:
        """Return the seals of the custody events after the seal, in order."""
        seals: list[Seal] = []
        while (self.root / layout.later_seal(len(seals) + 1)).is_file():
            with self._open(layout.later_seal(len(seals) + 1)) as file:
                seals.append(parse_seal(file.read(MAX_SEAL)))
        return seals

    def get(self, finding_id: str) -> Record | None:
        """Return the finding with this id, or None."""
        for record in self.findings():
            if record.get("id") == finding_id:
                return record
        return None

    def file_path(self, sha256: str) -> Path:
        """Return where exported evidence stands; `.age` in its name says that it is encrypted.

        Raises BundleError when `sha256` is not one or was not exported.
        """
        for sealed in (False, True):
            path = self.root / layout.exported(sha256, sealed=sealed)
            if path.is_file() and not path.is_symlink():
                return path
        raise BundleError(f"{sha256} was not exported", where=str(self.root))

    def secrets(self, identities: list[age.Identity]) -> list[Record]:
        """Decrypt `secrets.age` in memory; empty when there is none.

        Raises BundleError when no identity fits, or what comes out are not records.
        """
        if not (self.root / layout.SECRETS).is_file():
            return []
        with self._open(layout.SECRETS) as file:
            data = file.read(_MAX_SECRETS + 1)
        if len(data) > _MAX_SECRETS:
            raise BundleError(f"more than {_MAX_SECRETS} bytes", where=layout.SECRETS)
        plain = age.decrypt(data, identities)
        return [_record(line, layout.SECRETS) for line in plain.splitlines()]

    def _open(self, path: str) -> BinaryIO:
        return open_regular(self.root / path, where=path)

    def _records(self, path: str) -> Iterator[Record]:
        try:
            with self._open(path) as file:
                for number, line in enumerate(canonical.lines(file), 1):
                    yield _record(line, f"{path} line {number}")
        except ParseError as error:
            raise BundleError(error.message, where=f"{path} {error.where}") from error
        except OSError as error:
            raise BundleError(f"cannot read: {error.strerror}", where=path) from error


def _record(data: bytes, where: str) -> Record:
    if len(data) > canonical.MAX_LINE:
        raise BundleError(f"more than {canonical.MAX_LINE} bytes", where=where)
    try:
        record = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise AlteredError("not JSON", where=where) from error
    if not isinstance(record, dict):
        raise AlteredError("not an object", where=where)
    return record
