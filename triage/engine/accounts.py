"""Whose is it: attributing a path to an account of the operating system on its volume.

Accounts are those the first round found. Two accounts of one name on two volumes, or in
`Windows.old`, stay two: the volume and the home folder belong to an account's identity. Where no
registry or passwd file tells, the shape of the path alone gives a home folder, and no id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from triage.artifact import Fact
from triage.findings import Finding, SystemAccount
from triage.model import Volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a record says about the account that a path belongs to."""

    id: str | None
    name: str
    volume: str
    root: str  # home folder
    basis: str  # registry, home_folder, inside_file


# Home folders by shape, where the system itself does not tell:
# Windows Vista and later, Windows 2000/XP, Linux, macOS, Android users.
_HOMES = re.compile(
    r"(?P<root>(?:/Windows\.old(?:\.\d+)?)?/(?:Users|Documents and Settings|home)/(?P<name>[^/]+)"
    r"|(?P<superuser>/root|/var/root))(?=/)",
    re.IGNORECASE,
)
_NOBODY = frozenset({"public", "default", "default user", "all users", "shared", "lost+found"})


class Accounts:
    """All accounts of one image."""

    def __init__(self, facts: Iterable[Fact[Finding]], volumes: Iterable[Volume] = ()) -> None:
        """Take the facts of the first round; a snapshot has those of its live volume as well."""
        facts = tuple(facts)
        self._live = {v.name: v.snapshot_of for v in volumes if v.snapshot_of is not None}
        homes: dict[tuple[str, str], Account] = {}
        for fact in facts:
            account = fact.finding
            if not isinstance(account, SystemAccount) or not account.home or account.home == "/":
                continue
            root = account.home.rstrip("/")
            key = (fact.volume, root.casefold())
            if account.for_software and key in homes:
                continue
            if key in homes and homes[key].id is not None:
                continue
            homes[key] = Account(
                id=account.account_id,
                name=account.name,
                volume=fact.volume,
                root=root,
                basis="registry" if (account.account_id or "").startswith("S-") else "home_folder",
            )
        self._homes = homes
        self._ids: dict[tuple[str, str], Account] = {}
        for fact in facts:
            if isinstance(fact.finding, SystemAccount) and fact.finding.account_id:
                named = Account(
                    id=fact.finding.account_id,
                    name=fact.finding.name,
                    volume=fact.volume,
                    root=(fact.finding.home or "").rstrip("/"),
                    basis="inside_file",
                )
                key = (fact.volume, fact.finding.account_id.casefold())
                if not self._ids.get(key, named).root or key not in self._ids:
                    self._ids[key] = named

    def of(self, volume: str, path: str, *, named: str | None = None) -> Account | None:
        """Return the account that the bytes name, else whose home folder is nearest above a path.

        `named` is a SID or `uid:N`. One that no system on the volume knows is an account without
        a name of its own.
        """
        if named is not None:
            known = self._known(self._ids, volume, named.casefold())
            return known or Account(
                id=named, name=named, volume=volume, root="", basis="inside_file"
            )
        folded = path.casefold()
        end = len(folded)
        while (end := folded.rfind("/", 0, end)) > 0:
            known = self._known(self._homes, volume, folded[:end])
            if known:
                return known
        shaped = _HOMES.match(path)
        if shaped is None:
            return None
        root = shaped["root"]
        name = "root" if shaped["superuser"] else shaped["name"]
        if name.casefold() in _NOBODY:
            return None
        return Account(id=None, name=name, volume=volume, root=root, basis="home_folder")

    def _known(
        self, table: Mapping[tuple[str, str], Account], volume: str, key: str
    ) -> Account | None:
        live = self._live.get(volume)
        return table.get((volume, key)) or (table.get((live, key)) if live is not None else None)
