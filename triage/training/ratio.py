"""Shares of counted things, with what chance alone could make of them. All integers."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

_Z = 1.959964  # 95 % of a normal distribution lie within so many standard deviations
_THOUSAND = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """`part` of `whole` things, 0 <= part <= whole."""

    part: int
    whole: int

    @property
    def permille(self) -> int | None:
        """The share in thousandths, rounded down so that 1000 means all; None of nothing."""
        return self.part * _THOUSAND // self.whole if self.whole else None

    @property
    def interval(self) -> tuple[int, int] | None:
        """The 95 % interval of Wilson in thousandths, rounded outwards; None of nothing.

        E. B. Wilson, Probable Inference, JASA 22 (1927). Unlike the textbook interval it does not
        shrink to a point when all or none were found. It speaks of chance between things of one
        sort; errors of programs are systematic, so it is a lower bound of what is not known.
        """
        if not self.whole:
            return None
        share, square = self.part / self.whole, _Z * _Z
        centre = share + square / (2 * self.whole)
        spread = _Z * sqrt(share * (1 - share) / self.whole + square / (4 * self.whole**2))
        scale = _THOUSAND / (1 + square / self.whole)
        low = 0 if not self.part else int((centre - spread) * scale)
        high = _THOUSAND if self.part == self.whole else -int(-(centre + spread) * scale // 1)
        return max(0, low), min(_THOUSAND, high)

    def __str__(self) -> str:
        """As people read it: `7 of 8 (87.5 %)`."""
        if not self.whole:
            return "0 of 0"
        return f"{self.part:,} of {self.whole:,} ({percent(self.permille or 0)})"


def percent(permille: int) -> str:
    """Return thousandths as percent: `87.5 %`."""
    return f"{permille // 10}.{permille % 10} %".replace(".0 %", " %")
