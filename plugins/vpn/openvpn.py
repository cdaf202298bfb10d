"""OpenVPN: profiles of any client, and logs of connections.

Written from openvpn(8), version 2.4 to 2.6, for Windows, Linux and macOS; OpenVPN Connect,
Tunnelblick and NetworkManager use the same profiles; tested with files made from that format by a
committed script. Keys and passwords in a profile are named by kind, never shown; of a certificate
the common name is told. Not read: Tunnelblick's and Connect's own settings, management logs.
References: https://openvpn.net/community-resources/, openvpn(8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cryptography import x509
from cryptography.x509.oid import NameOID

from triage.api import (
    Artifact,
    Confidence,
    Protection,
    Sensitivity,
    Shows,
    VpnClient,
    extractor,
)
from triage.formats.stamps import local_text, modified

from ._service import service

_LIMIT = 4 << 20
_LOG_LIMIT = 64 << 20
_MAX_LINES = 20_000
_MAX_SERVERS = 100
_INLINE = re.compile(r"<(/?)([a-z0-9-]{1,30})>")
_SECRETS = {
    "key": "private key",
    "tls-auth": "tls key",
    "tls-crypt": "tls key",
    "tls-crypt-v2": "tls key",
    "secret": "static key",
    "pkcs12": "PKCS #12",
    "auth-user-pass": "password",
    "http-proxy-user-pass": "proxy password",
}
_MARKS = frozenset({"client", "remote", "tls-client", "server", "ifconfig"})
_TELLING = frozenset(
    {"dev", "http-proxy", "port", "proto", "redirect-gateway", "server", "socks-proxy", "static"}
)
_START = (
    r"(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})"
)
_VERSION = re.compile(r"\bOpenVPN (\d[\w.]{1,20}) ")
_CONNECTED = re.compile(rf"^({_START}).{{0,40}}Initialization Sequence Completed", re.MULTILINE)
_PEER = re.compile(r"Peer Connection Initiated with \[?AF_INET6?\]?\[?([0-9A-Fa-f.:]{3,60})")
_LINE = re.compile(rf"^({_START}) ", re.MULTILINE)


@extractor(
    name="vpn.openvpn.profile",
    paths=(
        # any client, any system
        "**/*.ovpn",
        # Linux and BSD
        "etc/openvpn/**/*.conf",
        "usr/local/etc/openvpn/**/*.conf",
        # Tunnelblick, macOS
        "**/Tunnelblick/Configurations/**/config.{ovpn,conf}",
    ),
    yields=(VpnClient,),
    holds_secret=True,
)
def profile(artifact: Artifact) -> Iterator[VpnClient]:
    """Read an OpenVPN profile: servers, user, kinds of credentials in it."""
    options, inline = _options(artifact.text(_LIMIT))
    names = {name for name, _ in options}
    if not _MARKS & names:
        return
    servers = [_server(words) for name, words in options if name == "remote" and words]
    kinds = [kind for name, kind in _SECRETS.items() if inline.get(name)]
    kinds += [
        f"{_SECRETS[name]} file {words[0]}"
        for name, words in options
        if name in _SECRETS and words and words[0] != "[inline]" and name not in inline
    ]
    asked = any(name == "auth-user-pass" and not words for name, words in options)
    told = [f"{name} {' '.join(words)}".strip() for name, words in options if name in _TELLING]
    user = _common_name(inline.get("cert", ""))
    password = [line for line in inline.get("auth-user-pass", "").splitlines() if line.strip()]
    usable = any(inline.get(name) for name in _SECRETS)
    encrypted = "ENCRYPTED" in inline.get("key", "")
    known = service(servers)
    yield VpnClient(
        application="openvpn",
        profile=artifact.path,
        servers=tuple(dict.fromkeys(servers))[:_MAX_SERVERS],
        user_name=_user(password) or user,
        credentials=tuple(dict.fromkeys(kinds))[:20],
        settings=(*told[:20], *(("asks for a password",) if asked else ())),
        service=known[0],
        indicator_list=known[1],
        shows=Shows.CREDENTIAL if usable else Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        protection=(Protection.ENCRYPTED if encrypted else Protection.PLAIN) if usable else None,
        sensitivity=Sensitivity.SECRET if usable else Sensitivity.PERSONAL,
        times=modified("last_written", artifact),
    )


@extractor(
    name="vpn.openvpn.log",
    paths=(
        # OpenVPN GUI, Windows: one log a profile, kept from the last connection
        "**/OpenVPN/log/*.log",
        # Linux
        "var/log/openvpn/*.log",
        "var/log/openvpn.log",
        "etc/openvpn/**/openvpn.log",
    ),
    yields=(VpnClient,),
)
def log(artifact: Artifact) -> Iterator[VpnClient]:
    """Read a log of OpenVPN: how often it connected, when, to which addresses."""
    if artifact.entry.size > _LOG_LIMIT:
        artifact.problem(f"only the first {_LOG_LIMIT} bytes were read")
    text = artifact.head(_LOG_LIMIT).decode("utf-8", "surrogateescape")
    times = [found[1] for found in _LINE.finditer(text)]
    if not times or "OpenVPN" not in text:
        return
    connected = [found[1] for found in _CONNECTED.finditer(text)]
    peers = dict.fromkeys(found[1].rstrip(":") for found in _PEER.finditer(text))
    version = _VERSION.search(text)
    yield VpnClient(
        application="openvpn",
        profile=artifact.path,
        version=version[1] if version else None,
        servers=tuple(peers)[:_MAX_SERVERS],
        connections=len(connected),
        shows=Shows.USED if connected else Shows.EXECUTED,
        confidence=Confidence.PROBABLE,
        times=(
            *local_text("first_logged", times[0]),
            *local_text("last_connected", connected[-1] if connected else None),
            *local_text("last_logged", times[-1]),
        ),
    )


def _options(text: str) -> tuple[list[tuple[str, list[str]]], dict[str, str]]:
    """Return options with their words, and the inline parts by name."""
    options: list[tuple[str, list[str]]] = []
    inline: dict[str, list[str]] = {}
    open_part: str | None = None
    for raw in text.splitlines()[:_MAX_LINES]:
        line = raw.strip()
        tag = _INLINE.fullmatch(line)
        if tag and open_part is None and not tag[1]:
            open_part = tag[2]
            inline.setdefault(open_part, [])
        elif tag and tag[1] and tag[2] == open_part:
            open_part = None
        elif open_part is not None:
            if open_part == "connection" and line:
                words = line.split()
                options.append((words[0].casefold(), words[1:]))
            inline[open_part].append(raw)
        elif line and line[0] not in "#;":
            words = line.split("#")[0].split()
            if words:
                options.append((words[0].casefold(), words[1:10]))
    return options, {name: "\n".join(lines).strip() for name, lines in inline.items()}


def _user(lines: list[str]) -> str | None:
    """Return the user of an inline password; a bare number is an account that needs no other."""
    name = lines[0].strip()[:200] if lines else ""
    return None if not name or name.isdecimal() else name


def _server(words: list[str]) -> str:
    port = words[1] if len(words) > 1 and words[1].isdecimal() else "1194"
    return f"{words[0][:255]}:{port}"


def _common_name(pem: str) -> str | None:
    """Return the common name in the subject of a certificate, None when it cannot be read."""
    start = pem.find("-----BEGIN CERTIFICATE-----")
    if start < 0:
        return None
    try:
        names = x509.load_pem_x509_certificate(pem[start:].encode()).subject
        found = names.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (ValueError, x509.InvalidVersion):
        return None
    return str(found[0].value)[:200] if found else None
