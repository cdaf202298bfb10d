"""A bundle for another agency: less in it, ids of its own, and proof of what it was made from.

What is taken out leaves a salted commitment: SHA-256 over 32 random bytes and the canonical JSON of
`["disk-triage:redaction:1", what, value]`. The salts and values stay with the sender, in a file of
openings; handing over one line of it shows what stood there, and shows nothing about the others.

Every kept finding commits to the whole record it was made from, and has its id from that
commitment, so no id can be computed from a guess at what was taken out.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import quote, quote_plus

from triage.bundle import Bundle, BundleWriter, Record, SealResult, Signer
from triage.bundle.redacted import SALT, TAKEN_OUT, Opening, file_key, finding_id
from triage.custody import Clock, system_clock
from triage.errors import UsageError

Reporter: TypeAlias = Callable[[Bundle], Iterable[tuple[str, bytes]]]
"""Gives the files of data/report: name and content."""

# Words of ours: a name that is also one of them must not take a record apart.
_OWN: Final = frozenset(
    {
        *("kind", "shows", "confidence", "protection", "sensitivity", "checks", "extractor"),
        *("event", "unit", "zone", "allocation", "filesystem", "found_by", "row", "basis"),
        *("step", "outcome", "counts", "code", "key", "read", "hashes", "storage", "byte_runs"),
        *("tool", "extractors", "environment", "sandbox", "hash_verdict", "hash_checks", "state"),
        "guidance",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Where in a record something stands: which words there are ours, and whether the names are."""

    ours: frozenset[str]
    names: bool

    def below(self, name: str) -> _Part:
        """Return the part under a name: fields of a value are ours, what they hold is evidence."""
        if self is _FRAME:
            return _VALUE if name == "value" else _FRAME
        return _EVIDENCE


_FRAME: Final = _Part(ours=_OWN, names=True)
_VALUE: Final = _Part(ours=frozenset(), names=True)
_EVIDENCE: Final = _Part(ours=frozenset(), names=False)

_SHORTEST: Final = 3  # a text of two letters would take words apart
_OUTCOMES_KEPT: Final = frozenset({"not_examined", "out_of_scope", "not_selected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What stays. `texts` are taken out of every string, in any case and percent-encoded too."""

    kinds: tuple[str, ...] = ()  # globs; none: every kind stays
    accounts: tuple[str, ...] = ()  # names or ids, `none`: without an account; none: all stay
    hide: tuple[str, ...] = ()  # fields of values: text, label, page_title
    texts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise UsageError for a rule that cannot be meant."""
        if any(len(text) < _SHORTEST for text in self.texts):
            raise UsageError(f"a text to take out has fewer than {_SHORTEST} characters")

    @property
    def selects(self) -> bool:
        """Whether whole findings are taken out."""
        return bool(self.kinds or self.accounts)

    def keeps(self, record: Record) -> bool:
        """Whether a finding stays."""
        account = record["account"]
        names = [account["name"], account["id"]] if account else ["none"]
        wanted = {name.casefold() for name in self.accounts}
        return (
            not self.kinds or any(fnmatchcase(record["kind"], glob) for glob in self.kinds)
        ) and (not wanted or any(str(name).casefold() in wanted for name in names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """What came of it: the new bundle, and how much was taken out, by what it was."""

    sealed: SealResult
    taken_out: Mapping[str, int]


def redact(
    bundle: Bundle,
    path: Path,
    rules: Rules,
    *,
    reporter: Reporter,
    keep: Callable[[Sequence[Opening]], None],
    signer: Signer | None = None,
    clock: Clock = system_clock,
) -> Redaction:
    """Write a new bundle at `path` and seal it; exported evidence and secrets are not passed on.

    `keep` puts the openings away before anything is sealed: a bundle whose openings are lost can
    show nothing. Raises BundleError like `BundleWriter` does. That the original is intact is
    for the caller to see to.
    """
    return _Redactor(bundle, rules).write(path, reporter, keep, signer, clock)


@dataclass(slots=True, kw_only=True)
class _Ledger:
    """Commitments as they are made."""

    openings: list[Opening] = field(default_factory=list)

    def take(self, what: str, value: Any, finding: str | None = None) -> str:
        opening = Opening(what=what, value=value, salt=secrets.token_bytes(SALT), finding=finding)
        self.openings.append(opening)
        return opening.commitment


class _Redactor:
    def __init__(self, bundle: Bundle, rules: Rules) -> None:
        self.bundle = bundle
        self.rules = rules
        self.ledger = _Ledger()
        self.keys: dict[str, str] = {}  # of kept files: old → new
        self.pattern = _pattern(rules.texts)
        self.numbers = {
            spelling.casefold(): number
            for number, text in enumerate(rules.texts, 1)
            for spelling in _spellings(text)
        }

    def write(
        self,
        path: Path,
        reporter: Reporter,
        keep: Callable[[Sequence[Opening]], None],
        signer: Signer | None,
        clock: Clock,
    ) -> Redaction:
        run = self.bundle.run
        case = self._clean(run["case"])
        origin = {"seal_code": self.bundle.seal.code, "seal_sha256": self.bundle.seal.sha256}
        with BundleWriter.create(
            path, case=case["case"], exhibit=case["exhibit"], clock=clock
        ) as writer:
            for text in self.rules.texts:
                self.ledger.take("text", text)
            kept = [record for record in self.bundle.findings() if self._stays(record)]
            files = list(self._files({record["source"]["file"] for record in kept}))
            writer.write_lines("findings.jsonl", map(self._finding, kept))
            writer.write_lines("files.jsonl", files)
            writer.write_lines("coverage.jsonl", self._coverage())
            writer.write_lines("problems.jsonl", self._problems())
            taken = dict(sorted(Counter(o.what for o in self.ledger.openings).items()))
            writer.write_json(
                "run.json",
                {**self._clean(run), "redaction": {**origin, "taken_out": taken, **self._told()}},
            )
            writer.write_redactions(opening.line for opening in self.ledger.openings)
            for name, content in reporter(Bundle(writer.partial)):
                writer.write_report(name, content)
            keep(self.ledger.openings)
            writer.custody.append("bundle.redacted", {**origin, "taken_out": taken})
            sealed = writer.seal(
                signer=signer,
                bag_info={"Bagging-Date": f"{clock():%Y-%m-%d}"}
                | ({"External-Identifier": case["exhibit"]} if case["exhibit"] else {}),
                predicate={
                    "incomplete": run["incomplete"],
                    "tool": run["tool"],
                    "images": [{"id": "img-1", "hashes": run["image"].get("hashes") or {}}],
                    "redacted_from": origin,
                },
            )
        return Redaction(sealed=sealed, taken_out=taken)

    def _told(self) -> dict[str, Any]:
        """Return the rules as the other side may know them: never the texts."""
        rules = self.rules
        return {"kinds": rules.kinds, "accounts": rules.accounts, "hidden_fields": rules.hide}

    def _stays(self, record: Record) -> bool:
        if self.rules.keeps(record):
            return True
        self.ledger.take("finding", record)
        return False

    def _finding(self, record: Record) -> Record:
        original = self.ledger.take("original", record)
        new_id = finding_id(original)
        hidden = {
            name: record["value"][name]
            for name in self.rules.hide
            if record["value"].get(name) not in (None, "", [], {})
        }
        fields = {
            f"value.{name}": self.ledger.take("field", value, new_id)
            for name, value in sorted(hidden.items())
        }
        source = {**record["source"]}  # the original must stay what its commitment is to
        made: Record = self._clean(
            {**record, "value": _without(record["value"], hidden), "source": source}
        )
        if hidden:
            made = _without_texts(made, tuple(_strings(hidden.values())))
            made["summary"] = f"{record['kind']}, {TAKEN_OUT}: {', '.join(sorted(hidden))}"
            made["source"]["locator"] = TAKEN_OUT if record["source"]["locator"] else None
        if self.rules.selects or hidden:
            made["also_in"] = []
        made["source"]["file"] = self.keys.get(record["source"]["file"] or "")
        made["id"] = new_id
        made["redacted"] = {"original": original, "fields": fields}
        return made

    def _files(self, cited: set[str | None]) -> Iterator[Record]:
        for record in self.bundle.files():
            kept = record["key"] in cited
            commitment = self.ledger.take("original" if kept else "file", record)
            if not kept:
                continue
            key = self.keys[record["key"]] = file_key(commitment)
            yield {**self._clean(record), "key": key, "exported": None}

    def _coverage(self) -> Iterator[Record]:
        for record in self.bundle.coverage():
            told = record.get("outcome") in _OUTCOMES_KEPT and not record.get("path")
            if self.rules.selects and not told:
                self.ledger.take("coverage", record)
            else:
                yield self._clean(record)

    def _problems(self) -> Iterator[Record]:
        for record in self.bundle.problems():
            if self.rules.selects:
                self.ledger.take("problem", record)
            else:
                yield self._clean(record)

    def _clean(self, value: Any, part: _Part = _FRAME) -> Any:
        """Return plain data without the texts; an exact twin of what was changed goes as well."""
        if self.pattern is None:
            return value
        if isinstance(value, str):
            return self.pattern.sub(self._number, value)
        if isinstance(value, list):
            return [self._clean(item, part) for item in value]
        if not isinstance(value, Mapping):
            return value
        cleaned = {}
        for name, item in value.items():
            if name in part.ours:
                cleaned[name] = item
            elif self._gives_away(name, item):
                cleaned[name] = None
            else:
                known = name if part.names else self._clean(name)
                cleaned[known] = self._clean(item, part.below(name))
        return cleaned

    def _number(self, match: re.Match[str]) -> str:
        return f"[{TAKEN_OUT} {self.numbers[match[0].casefold()]}]"

    def _gives_away(self, name: str, item: Any) -> bool:
        if not name.endswith("_raw") or not isinstance(item, str) or self.pattern is None:
            return False
        with suppress(ValueError):
            raw = base64.b64decode(item, validate=True)
            forms = (raw.decode(form, "replace") for form in ("utf-8", "utf-16-le", "utf-16-be"))
            return any(self.pattern.search(form) for form in forms)
        return False


def _spellings(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((text, quote(text), quote_plus(text))))


def _pattern(texts: Sequence[str]) -> re.Pattern[str] | None:
    spellings = {spelling for text in texts for spelling in _spellings(text)}
    longest = sorted(spellings, key=lambda text: (-len(text), text))
    return re.compile("|".join(map(re.escape, longest)), re.IGNORECASE) if longest else None


def _without(value: Record, hidden: Iterable[str]) -> Record:
    """Replace fields, with a text where there was one, so that readers need not be told."""
    return {
        name: item
        if name not in hidden
        else f"[{TAKEN_OUT}]"
        if isinstance(item, str)
        else type(item)()
        if isinstance(item, list | dict)
        else None
        for name, item in value.items()
    }


def _without_texts(record: Record, texts: Sequence[str]) -> Record:
    """Take what was hidden out of the rest of a record too: a path may repeat a label."""
    pattern = _pattern([text for text in texts if len(text) > _SHORTEST])

    def clean(value: Any, part: _Part = _FRAME) -> Any:
        if isinstance(value, str):
            return pattern.sub(f"[{TAKEN_OUT}]", value) if pattern else value
        if isinstance(value, list):
            return [clean(item, part) for item in value]
        if not isinstance(value, Mapping):
            return value
        cleaned = {}
        for name, item in value.items():
            if name in part.ours:
                cleaned[name] = item
            elif name.endswith("_raw"):
                cleaned[name] = None
            else:
                cleaned[name if part.names else clean(name)] = clean(item, part.below(name))
        return cleaned

    cleaned: Record = clean(record)
    return cleaned


def _strings(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from _strings(value)
        elif isinstance(value, Mapping):
            yield from _strings(value.values())
