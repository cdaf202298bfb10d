"""Invented people: names that are common to nobody, numbers and hosts that are reserved.

Given names are made up, every surname is `Training`; telephone numbers are those of films
(555-0100 to 555-0199, https://nationalnanpa.com), hosts end in `.example` (RFC 2606).
"""

from __future__ import annotations

from dataclasses import dataclass

from triage.training.tree import Inventor

_GIVEN = """
Amarin Belko Corvina Dariel Elvane Fenno Garvin Hestra Iloren Jovik Kaleth Lumira Marvek Nerith
Odrin Pelora Quillan Rusko Selvia Tarvo Ulmara Vendel Wilmar Xandor Yelka Zorin Adrela Borvin
Calessa Dovrin Esmuna Falker Gisara Holvar Ivessa Jorven Kirana Lodvik Melara Norvin
""".split()  # noqa: SIM905 - a list of names reads better so
_FIRST_UID = 1000
_FIRST_RID = 1001


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who an account or a name in a chat belongs to."""

    key: str  # as the scenario calls them
    name: str
    number: int  # of the account on a machine, from 0

    @property
    def account(self) -> str:
        """Name of the account."""
        return self.name.lower()

    @property
    def full_name(self) -> str:
        """Name and surname."""
        return f"{self.name} Training"

    @property
    def mail(self) -> str:
        """A mail address that nobody can have."""
        return f"{self.account}@post.example"

    @property
    def phone(self) -> str:
        """A telephone number that nobody can have, without `+`."""
        return f"1555010{sum(map(ord, self.name)) * 7 % 10_000:04}"

    @property
    def uid(self) -> int:
        """Number of the account on Linux."""
        return _FIRST_UID + self.number

    @property
    def rid(self) -> int:
        """Last part of the security identifier on Windows."""
        return _FIRST_RID + self.number

    def words(self) -> dict[str, str]:
        """Return what templates may say of the person."""
        return {
            self.key: self.name,
            f"{self.key}.account": self.account,
            f"{self.key}.full": self.full_name,
            f"{self.key}.mail": self.mail,
            f"{self.key}.phone": self.phone,
        }


def draw(inventor: Inventor, keys: tuple[str, ...]) -> dict[str, Person]:
    """Return one person a key, no name twice; at most as many as there are names."""
    order = sorted(_GIVEN, key=lambda name: inventor.bytes(f"person {name}", 8))
    return {
        key: Person(key=key, name=name, number=number)
        for number, (key, name) in enumerate(zip(keys, order, strict=False))
    }
