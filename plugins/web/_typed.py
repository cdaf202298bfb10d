"""Text that people typed, or searched for, as findings; secrets withheld."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from triage.api import Confidence, RowState, Sensitivity, Shows, Time, WebInput
from triage.formats.mnemonic import find_mnemonics
from triage.formats.private_keys import find_secrets
from triage.formats.search_terms import search_terms
from triage.formats.stamps import stamp

from ._addresses import Judgement, judge

_SECRET_FIELD = re.compile(
    r"pass|pwd|secret|seed|mnemonic|recovery|private|token|api.?key|otp|2fa|\bpin\b|pincode"
    r"|cvv|cvc|card|cc-?num|iban|account.?n|ssn|social",
    re.IGNORECASE,
)
_CARD = re.compile(r"\d(?:[ -]?\d){12,18}")
_MAX_SEARCHES = 50_000


def typed(
    *, field: str, text: str, url: str | None = None, row: str | None = None, **more: Any
) -> WebInput:
    """Return a finding about a typed text, without the text when it looks like a secret."""
    known = judge(url)
    withheld = is_secret(field, text)
    return WebInput(
        field=field,
        text=None if withheld else text,
        url=url,
        withheld_characters=len(text) if withheld else None,
        category=known.category,
        indicator=known.indicator,
        shows=known.shows(Shows.USED),
        confidence=Confidence.PROBABLE,
        checks=known.checks,
        row=RowState(row) if row else None,
        sensitivity=Sensitivity.SECRET if withheld else Sensitivity.PERSONAL,
        secret=text if withheld else None,
        **more,
    )


def is_secret(field: str, text: str) -> bool:
    """Whether a form field is called like a secret, or its text is one."""
    return (
        bool(_SECRET_FIELD.search(field))
        or (_CARD.fullmatch(text) is not None and _luhn(text))
        or next(find_secrets(text), None) is not None
        or next(find_mnemonics(text), None) is not None
    )


def _luhn(text: str) -> bool:
    digits = [int(char) for char in reversed(text) if char.isdigit()]
    total = sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return total % 10 == 0


@dataclass(slots=True)
class _Search:
    url: str
    known: Judgement
    count: int = 0
    first: int | None = None
    last: int | None = None


class Searches:
    """Gathers searches from the addresses of visited pages, one finding for the same words."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._found: dict[tuple[str, str], _Search] = {}

    def add(self, url: str, when: int | None) -> None:
        """Look at a visited address."""
        terms = search_terms(url)
        if terms is None:
            return
        key = terms.engine, terms.terms
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _MAX_SEARCHES:
                return
            found = self._found[key] = _Search(url, judge(url))
        found.count += 1
        if when:
            found.first = min(when, found.first or when)
            found.last = max(when, found.last or when)

    def findings(self) -> Iterator[WebInput]:
        """Yield the searches, those at listed engines first, then by engine and words."""
        for (engine, terms), found in sorted(
            self._found.items(), key=lambda item: (not item[1].known.telling, item[0])
        ):
            once = found.first == found.last
            times: tuple[Time, ...] = (
                () if once else stamp("first_visited", found.first, self._unit)
            )
            yield typed(
                field="search",
                text=terms,
                engine=engine,
                url=found.url,
                entries=found.count,
                times=(*times, *stamp("visited", found.last, self._unit)),
            )
