"""I2P: routers (Java and i2pd), their identities, tunnels, secret keys, address books.

Written from i2pd 2.45 (`FS.cpp`, `RouterContext.h`, `AddressBook.cpp`, `ClientContext.cpp`) and
I2P 2.x (`WorkingDir.java`, `Router.java`), for Windows, Linux, macOS and Android; tested with the
folder of an i2pd 2.45.1 that was run without a network. A router's address is computed from its
keys, and its signature is checked. Not read: the network database, `hostsdb.blockfile`, subscribed
address books (they ship with the program), torrents of I2PSnark, log files.
References: https://geti2p.net/spec/common-structures, https://docs.i2pd.website/.
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    DarknetClient,
    DarknetIdentity,
    ParseError,
    Protection,
    Sensitivity,
    Shows,
    extractor,
)
from triage.formats import i2p
from triage.formats.onion import check_i2p
from triage.formats.stamps import modified, stamp

from ._properties import SETTINGS_LIMIT, properties, sections, told

_ANCHORS = ("router.info", "router.config", "i2pd.conf")
_JAVA = (
    "router.firstVersion",
    "router.previousVersion",
    "i2np.udp.port",
    "i2np.ntcp.port",
    "i2np.lastCountry",
    "i2np.lastIP",
    "i2cp.disableInterface",
    "router.hiddenMode",
    "router.sharePercentage",
    "i2np.bandwidth.inboundKBytesPerSecond",
    "i2np.bandwidth.outboundKBytesPerSecond",
)
_I2PD = ("port", "host", "ipv6", "notransit", "floodfill", "bandwidth", "share", "family")
_SERVER = frozenset({"server", "http", "irc", "udpserver", "httpserver", "ircserver"})
_JAVA_SERVER = frozenset(
    {"server", "httpserver", "httpbidirserver", "ircserver", "streamrserver", "udpserver"}
)
_SHIPPED = frozenset(  # destinations in the settings that the programs come with
    {
        "irc.echelon.i2p",
        "irc.ilita.i2p",
        "irc.postman.i2p",
        "mtn.i2p-projekt.i2p",
        "pop.postman.i2p",
        "smtp.postman.i2p",
    }
)
_SHIPPED_SITE = "mysite.i2p"
_MAX_TUNNELS = 1000
_MAX_NAMES = 5000
_MAX_ROUTERS = 100_000


@extractor(
    name="darknet.i2p.router",
    paths=(
        # i2pd 2.0 and later, I2P 0.7 and later: in the data folder, any system
        "**/router.info",
        "**/router.config",
        # i2pd: `~/.i2pd`, `%APPDATA%/i2pd`, `~/Library/Application Support/i2pd`, portable
        "**/i2pd.conf",
    ),
    yields=(DarknetClient, DarknetIdentity),
)
def router(artifact: Artifact) -> Iterator[DarknetClient | DarknetIdentity]:
    """Read an I2P router's folder: version, addresses, when it was set up and last published."""
    files = {name: found for name in _ANCHORS if (found := artifact.sibling(name))}
    if next(iter(files), None) != artifact.entry.name.casefold():
        return
    info = None
    if "router.info" in files:
        info = i2p.router_info(files["router.info"].read(i2p.INFO_LIMIT))
    java = (
        properties(files["router.config"].text(SETTINGS_LIMIT)) if "router.config" in files else {}
    )
    conf = files.get("i2pd.conf")
    own = _flat(conf) if conf else {}
    if info is None and not (
        any(key.startswith(("router.", "i2np.", "i2cp.")) for key in java)
        or (conf and any(key in own for key in (*_I2PD, "sam.enabled", "http.enabled", "log")))
    ):
        return
    folder = artifact.path.rpartition("/")[0] or "/"
    names = told(java, _JAVA) + told(own, _I2PD)
    addresses = {
        f"{address['host']}:{address.get('port', '')}"
        for address in (info.addresses if info else ())
        if address.get("host")
    }
    peers = sum(1 for _ in zip(range(_MAX_ROUTERS), artifact.find("netDb/**/routerInfo-*.dat")))  # noqa: B905 - ends with either
    yield DarknetClient(
        application="i2p" if java or artifact.sibling("router.keys.dat") else "i2pd",
        directory=folder,
        version=info.options.get("router.version") if info else java.get("router.previousVersion"),
        settings=names,
        peers=peers,
        network_addresses=tuple(sorted(addresses)),
        shows=Shows.EXECUTED if info else Shows.PRESENT,
        confidence=Confidence.CONFIRMED if info and info.signature_ok else Confidence.PROBABLE,
        checks=("i2p-signature",) if info and info.signature_ok else (),
        times=(
            *stamp("installed", java.get("router.firstInstalled"), "ms_unix"),
            *stamp("updated", java.get("router.updateLastInstalled"), "ms_unix"),
            *(stamp("published", info.published, "ms_unix") if info else ()),
            *modified("pid_written", artifact.sibling("i2pd.pid")),
            *modified("ping_written", artifact.sibling("router.ping")),
        ),
    )
    if info is None:
        return
    if info.signature_ok is False:
        artifact.problem("the signature of the router info is wrong")
    keys = artifact.sibling("router.keys") or artifact.sibling("router.keys.dat")
    yield DarknetIdentity(
        application="i2p" if java else "i2pd",
        network="i2p",
        darknet_address=info.identity.b64,
        role="router",
        has_secret_key=keys is not None,
        shows=Shows.EXECUTED,
        confidence=Confidence.CONFIRMED if info.signature_ok else Confidence.PROBABLE,
        checks=("i2p-signature",) if info.signature_ok else (),
        times=stamp("published", info.published, "ms_unix"),
    )


@extractor(
    name="darknet.i2p.keys",
    paths=(
        # i2pd: keys of tunnels, wherever tunnels.conf names none
        "**/{.i2pd,i2pd}/*.dat",
        # I2P for Java: hosted tunnels and the first eepsite
        "**/i2ptunnel*-privKeys.dat",
        "**/eepPriv.dat",
        "**/{.i2p,I2P,i2p-config}/*.dat",
    ),
    yields=(DarknetIdentity,),
    holds_secret=True,
)
def keys(artifact: Artifact) -> Iterator[DarknetIdentity]:
    """Compute the addresses that secret keys of I2P destinations stand for."""
    if artifact.entry.size > i2p.KEYS_LIMIT or artifact.entry.name.casefold() == "router.keys.dat":
        return
    try:
        found = i2p.secret_keys(artifact.read(i2p.KEYS_LIMIT))
    except ParseError:
        return  # other files of these programs end in .dat as well
    yield DarknetIdentity(
        application="i2p",
        network="i2p",
        darknet_address=found.b32,
        role="own",
        label=artifact.entry.name,
        has_secret_key=True,
        shows=Shows.CREDENTIAL,
        confidence=Confidence.PROBABLE,
        protection=Protection.PLAIN,
        sensitivity=Sensitivity.SECRET,
        times=modified("last_written", artifact),
    )


@extractor(
    name="darknet.i2p.tunnels",
    paths=(
        # i2pd 2.0 and later; Debian's and Fedora's in /etc
        "**/{.i2pd,i2pd}/tunnels.conf",
        "**/{.i2pd,i2pd}/tunnels.conf.d/*.conf",
        "**/{.i2pd,i2pd}/tunnels.d/*.conf",
        "**/tunnels.conf",
    ),
    yields=(DarknetIdentity,),
)
def tunnels(artifact: Artifact) -> Iterator[DarknetIdentity]:
    """List the services that i2pd publishes and the destinations that it connects to."""
    for count, (name, line, values) in enumerate(sections(artifact.text(SETTINGS_LIMIT))):
        kind = values.get("type", "").casefold()
        if count >= _MAX_TUNNELS:
            artifact.problem(f"more than {_MAX_TUNNELS} tunnels")
            return
        hosted = kind in _SERVER
        target = values.get("destination")
        if not name or not ("keys" in values or target) or not (hosted or target):
            continue
        key = _key_file(artifact, values.get("keys", ""))
        place = f"{values.get('host', '')}:{values.get('port', '')}".strip(":") or None
        yield _tunnel(
            "i2pd", name, f"line {line}", key=key, hosted=hosted, target=target, place=place
        )


@extractor(
    name="darknet.i2p.java-tunnels",
    paths=(
        # I2P until 0.9.42: one file; then one file a tunnel
        "**/i2ptunnel.config",
        "**/i2ptunnel.config.d/*.config",
    ),
    yields=(DarknetIdentity,),
)
def java_tunnels(artifact: Artifact) -> Iterator[DarknetIdentity]:
    """List the tunnels of I2P for Java: hosted services and fixed destinations."""
    grouped: dict[str, dict[str, str]] = {}
    for key, value in properties(artifact.text(SETTINGS_LIMIT)).items():
        parts = key.split(".")
        if parts[0] == "tunnel" and len(parts) > 2 and parts[1].isdecimal():  # noqa: PLR2004
            grouped.setdefault(parts[1], {})[".".join(parts[2:])] = value
        elif "/i2ptunnel.config.d/" in artifact.path.casefold():
            grouped.setdefault("0", {})[key] = value
    for slot, values in list(grouped.items())[:_MAX_TUNNELS]:
        hosted = values.get("type", "").casefold() in _JAVA_SERVER
        target = values.get("targetDestination")
        if not hosted and not target:
            continue
        key_name = values.get("privKeyFile", "")
        base = "../" if "/i2ptunnel.config.d/" in artifact.path.casefold() else ""
        found = _key_file(artifact, key_name) or _key_file(artifact, f"{base}{key_name}")
        place = f"{values.get('targetHost', '')}:{values.get('targetPort', '')}".strip(":")
        yield _tunnel(
            "i2p",
            values.get("spoofedHost") or values.get("name") or f"tunnel {slot}",
            f"tunnel.{slot}",
            key=found,
            hosted=hosted,
            target=target,
            place=place or None,
        )


@extractor(
    name="darknet.i2p.names",
    paths=(
        # i2pd: names that were added by hand
        "**/addressbook/local.csv",
        # I2P for Java until the block file, and its published copies
        "**/{privatehosts,userhosts}.txt",
    ),
    yields=(DarknetIdentity,),
)
def names(artifact: Artifact) -> Iterator[DarknetIdentity]:
    """List names that were put into an address book by hand."""
    separator = "," if artifact.entry.name.casefold().endswith(".csv") else "="
    count = 0
    for line, raw in enumerate(artifact.text(SETTINGS_LIMIT).splitlines(), 1):
        name, found, value = raw.strip().partition(separator)
        if not found or raw.startswith("#"):
            continue
        value = value.partition("#")[0].strip()
        address = i2p.destination_address(value)
        known = check_i2p(f"{value}.b32.i2p" if "." not in value else value)
        if address is None and known and known.kind != "name":
            address = known.address
        if address is None or not name.casefold().endswith(".i2p"):
            continue
        count += 1
        if count > _MAX_NAMES:
            artifact.problem(f"more than {_MAX_NAMES} names")
            return
        yield DarknetIdentity(
            application="i2p",
            network="i2p",
            darknet_address=address,
            role="contact",
            label=name,
            shows=Shows.DESTINATION,
            confidence=Confidence.PROBABLE,
            locator=f"line {line}",
        )


def _flat(conf: Artifact) -> dict[str, str]:
    """Return the settings of i2pd.conf: `port`, `sam.enabled`."""
    flat: dict[str, str] = {}
    for name, _, values in sections(conf.text(SETTINGS_LIMIT)):
        for key, value in values.items():
            flat[f"{name}.{key}" if name else key] = value
    return flat


def _key_file(artifact: Artifact, name: str) -> i2p.Identity | None:
    """Return the destination of a key file that a tunnel names, if it lies where it should."""
    found = artifact.resolve(name) if name else None
    if found is None and name and "/" not in name and "\\" not in name:
        found = artifact.resolve(f"/var/lib/i2pd/{name}")
    if found is None:
        return None
    try:
        return i2p.secret_keys(found.read(i2p.KEYS_LIMIT))
    except ParseError as error:
        artifact.problem(error.message, locator=found.path)
        return None


def _tunnel(
    application: str,
    name: str,
    locator: str,
    *,
    key: i2p.Identity | None,
    hosted: bool,
    target: str | None,
    place: str | None,
) -> DarknetIdentity:
    address = key.b32 if hosted and key else None
    if not hosted and target:
        address = (i2p.destination_address(target) or target)[:200]
    names = {name.strip().partition(":")[0] for name in (target or "").split(",")}
    # I2P for Java comes with a site of that name; its key is made at the first start only.
    shipped = (name == _SHIPPED_SITE and key is None) if hosted else names <= _SHIPPED
    return DarknetIdentity(
        application=application,
        network="i2p",
        darknet_address=address,
        role="hosted" if hosted else "target",
        state="shipped with the program" if shipped else None,
        label=name,
        has_secret_key=key is not None if hosted else None,
        local_target=place,
        shows=Shows.PRESENT if hosted or shipped else Shows.DESTINATION,
        confidence=Confidence.PROBABLE,
        locator=locator,
    )
