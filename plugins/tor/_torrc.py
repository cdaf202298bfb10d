r"""Read a torrc: one `Option value` a line, `#` comments, `\` joins lines.

Option names are case-insensitive, a leading `+` appends and `/` clears; a value may be a quoted
string with C escapes; `%include` names files, folders or globs. Source: tor(1) and tor's
`src/lib/encoding/confline.c`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from triage.api import Artifact, EvidenceError, ParseError

TORRC_LIMIT = 1 << 20
"""Bytes; real files are below 10 KB."""

_MAX_OPTIONS = 20_000
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")
_ABSOLUTE = re.compile(r"(?:[A-Za-z]:[\\/]|/|\\\\)")
_NAME = re.compile(r"[+/]?([A-Za-z0-9_]+)|(%include)")
_INCLUDE = "%include"
_MAX_DEPTH = 8  # tor allows 31
_MAX_INCLUDED = 50
_PATHS = frozenset(
    {
        "cachedirectory",
        "clientonionauthdir",
        "controlsocket",
        "cookieauthfile",
        "datadirectory",
        "geoipfile",
        "geoipv6file",
        "hiddenservicedir",
        "keydirectory",
        "pidfile",
    }
)
_PASSWORDS = frozenset(
    {
        "hashedcontrolpassword",
        "hidservauth",
        "httpproxyauthenticator",
        "httpsproxyauthenticator",
        "socks5proxypassword",
    }
)
_TELLING = _PASSWORDS | {
    "bridgerelay",
    "clienttransportplugin",
    "contactinfo",
    "controlport",
    "disablenetwork",
    "dnsport",
    "entrynodes",
    "excludeexitnodes",
    "excludenodes",
    "exitnodes",
    "exitpolicy",
    "exitrelay",
    "fascistfirewall",
    "firewallports",
    "httpproxy",
    "httpsproxy",
    "mapaddress",
    "masteronionaddress",
    "nickname",
    "orport",
    "reachableaddresses",
    "socks4proxy",
    "socks5proxy",
    "socks5proxyusername",
    "socksport",
    "strictnodes",
    "transport",
    "usebridges",
}
_KNOWN = _PATHS | _TELLING | {"bridge", "hiddenserviceport", "log", "runasdaemon"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option; `name` as written, `key` in lower case."""

    line: int
    name: str
    value: str
    file: str = ""  # evidence path of the included file that it stands in

    @property
    def place(self) -> str:
        """Where it stands, for a locator."""
        return f"line {self.line}{f' of {self.file}' if self.file else ''}"

    @property
    def key(self) -> str:
        """The name as tor compares it."""
        return self.name.casefold()

    @property
    def shown(self) -> str:
        """`Name value`, passwords replaced by the word `[withheld]`."""
        return f"{self.name} {'[withheld]' if self.key in _PASSWORDS else self.value}".strip()


def parse_torrc(text: str) -> tuple[Option, ...]:
    """Read the options in file order; lines that are none are passed over."""
    options: list[Option] = []
    parts: list[str] = []
    start = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not parts:
            start = number
        elif line.lstrip().startswith("#"):  # a comment may stand between joined lines
            continue
        if line.endswith("\\"):
            parts.append(line[:-1])
            continue
        option = _option("".join((*parts, line)), start)
        parts = []
        if option:
            options.append(option)
        if len(options) >= _MAX_OPTIONS:
            break
    return tuple(options)


def read_torrc(artifact: Artifact, root: str = "") -> tuple[Option, ...]:
    """Read a torrc with what it includes. `root`: what is `/` to it, in a container's files.

    Raises like `Artifact.text` for the file itself; what cannot be read of the others is a problem.
    """
    seen = {artifact.path}

    def options(file: Artifact, depth: int) -> Iterator[Option]:
        for option in parse_torrc(file.text(TORRC_LIMIT)):
            if option.key != _INCLUDE:
                yield option if depth == 0 else replace(option, file=file.path)
                continue
            for other in _included(file, option.value, root):
                if depth >= _MAX_DEPTH or len(seen) > _MAX_INCLUDED:
                    artifact.problem("more included files than are followed", locator=option.place)
                    return
                if other.path in seen:
                    continue
                seen.add(other.path)
                try:
                    yield from options(other, depth + 1)
                except (ParseError, EvidenceError) as error:
                    artifact.problem(str(error), locator=other.path)

    return tuple(itertools.islice(options(artifact, 0), _MAX_OPTIONS))


def _included(file: Artifact, value: str, root: str) -> Iterator[Artifact]:
    """Yield what `%include` names: a file, the files of a folder, or what a glob matches."""
    path = f"{root}{value}" if value.startswith("/") else value
    one = file.resolve(path)
    if one is not None:
        yield one
        return
    pattern = path if set(path) & set("*?") else f"{path.rstrip('/')}/*"
    if set(pattern) & set("[]{}") or "**" in pattern:
        return  # the names that patterns of ours give a meaning to
    for found in file.find(pattern):
        if not found.entry.name.startswith("."):
            yield found


def _option(text: str, line: int) -> Option | None:
    name, _, value = text.strip().partition(" ")
    if "\t" in name:
        name, _, value = text.strip().partition("\t")
    found = _NAME.fullmatch(name)
    if not found:
        return None
    value = value.strip()
    quoted = _QUOTED.match(value)
    value = _ESCAPE.sub(r"\1", quoted.group(1)) if quoted else value.partition("#")[0].rstrip()
    return Option(line=line, name=found[1] or found[2], value=value)


def is_torrc(options: Iterable[Option]) -> bool:
    """Whether some option is one that only a torrc has."""
    return any(option.key in _KNOWN for option in options)


def absolute_paths(options: Iterable[Option]) -> tuple[str, ...]:
    """Absolute paths that the options name, each once, in file order."""
    found = [
        option.value for option in options if option.key in _PATHS and _ABSOLUTE.match(option.value)
    ]
    return tuple(dict.fromkeys(found))


def telling_settings(options: Iterable[Option]) -> tuple[str, ...]:
    """Return the settings that say what tor was set up for, without passwords, in file order."""
    return tuple(dict.fromkeys(option.shown for option in options if option.key in _TELLING))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBlock:
    """A `HiddenServiceDir` and the options that belong to it."""

    place: str
    file: str  # evidence path of the included file that it stands in, "" for the file itself
    directory: str
    ports: tuple[str, ...]
    settings: tuple[str, ...]  # other HiddenService options, `Name value`


def service_blocks(options: Iterable[Option]) -> Iterator[ServiceBlock]:
    """Yield the onion services: `HiddenServiceDir` opens one, later options add to it."""
    opened: Option | None = None
    ports: list[str] = []
    settings: list[str] = []

    def block(option: Option) -> ServiceBlock:
        return ServiceBlock(
            place=option.place,
            file=option.file,
            directory=option.value,
            ports=tuple(ports),
            settings=tuple(settings),
        )

    for option in options:
        if option.key == "hiddenservicedir":
            if opened:
                yield block(opened)
            opened, ports, settings = option, [], []
        elif opened and option.key == "hiddenserviceport":
            ports.append(option.value)
        elif opened and option.key.startswith("hiddenservice"):
            settings.append(option.shown)
    if opened:
        yield block(opened)


def same_directory(configured: str, directory: str) -> bool:
    r"""Whether a path in a torrc names a folder of the evidence, drive letter and case aside.

    A relative path is compared as the end of the folder's.
    """
    text = configured.replace("\\", "/").rstrip("/")
    if text[1:2] == ":":
        text = text[2:]
    wanted, found = text.casefold(), directory.rstrip("/").casefold()
    if wanted.startswith("/"):
        return wanted == found
    wanted = wanted.removeprefix("~/").removeprefix("./")
    return bool(wanted) and found.endswith(f"/{wanted}")
