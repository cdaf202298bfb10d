"""Pidgin: accounts, contacts, keys and logs, and what must yield nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plugins.chat._purple_log import start_of
from plugins.chat.pidgin import (
    accounts,
    contacts,
    conversations,
    otr_fingerprints,
    otr_keys,
    profile,
)
from triage.api import (
    ChatAccount,
    ChatContact,
    ChatMessage,
    ChatProfile,
    Confidence,
    LimitError,
    ParseError,
    Zone,
)

Extract = Callable[..., Any]

HOME = "/home/alice/.purple"
FOLDER = f"{HOME}/logs/jabber/alice@example.org/bob@example.org"
LOG = f"{FOLDER}/2024-02-21.230000+0100CET.html"
ACCOUNTS = b"""<?xml version='1.0' encoding='UTF-8' ?>
<account version='1.0'>
 <account>
  <protocol>prpl-jabber</protocol><name>alice@example.org/Home</name>
  <password>hunter2</password><alias>Alice</alias>
  <settings><setting name='connect_server' type='string'>192.0.2.5</setting></settings>
  <proxy><type>tor</type><host>127.0.0.1</host><port>9050</port><password>p</password></proxy>
 </account>
 <account><protocol>prpl-irc</protocol><name>ali@irc.example.net</name></account>
 <account><protocol>prpl-irc</protocol></account>
</account>
"""
PREFS = b"""<?xml version='1.0'?><pref version='1' name='/'>
 <pref name='purple'>
  <pref name='logging'><pref name='log_ims' type='bool' value='0'/></pref>
  <pref name='proxy'><pref name='type' value='socks5'/><pref name='host' value='127.0.0.1'/>
   <pref name='port' value='9150'/><pref name='password' value='secret'/></pref>
 </pref><pref name='pidgin'/></pref>
"""
# A DSA key of 512 bits, made for this test: y = g ** x mod p.
P = 2**512 - 569
KEYS = (
    "(privkeys (account (name alice@example.org/) (protocol prpl-jabber)"
    f" (private-key (dsa (p #{P:0128X}#) (q #00AF#) (g #02#) (y #{pow(2, 77, P):X}#) (x #4D#)))))"
)


def head(color: str, time: str, who: str) -> str:
    return f'<font color="{color}"><font size="2">({time})</font> <b>{who}</b></font> '


HTML = (
    '<html><head><meta http-equiv="content-type" content="text/html; charset=UTF-8"><title>'
    "Conversation with bob@example.org at Wed 21 Feb 2024 23:00:00 CET on alice@example.org/Home "
    "(jabber)</title></head><body><h3>Conversation with bob@example.org</h3>\n"
    + head("#16569E", "23:00:01", "alice:")
    + "Tom &amp; <b>Jerry</b> &lt;3<br/>\n"
    + head("#A82F2F", "23:59:59", "Bob B.:")
    + 'see <a href="http://example.org/">http://example.org/</a><br/>second line<br/>\nthird<br/>\n'
    + '<font size="2">(00:00:05)</font><b> Bob B. has signed off.</b><br/>\n'
    + head("#062585", "00:00:07", "***Bob B.")
    + "waves<br/>\n"
    + head("#A82F2F", "00:01:00", "Bob B. &lt;AUTO-REPLY&gt;:")
    + "away<br/>\n"
    + head("#FF0000", "00:02:00", "Unable to send message")
    + "<br/>\n"
    + head("#A82F2F", "02/20/2024 11:58:00 PM", "Bob B.:")
    + "sent late<br/>\n"
    + "</body></html>\n"
)


def test_accounts_tell_that_a_password_is_stored_and_nothing_more(extract: Extract) -> None:
    tree = {f"{HOME}/accounts.xml": ACCOUNTS, f"{HOME}/otr.private_key": KEYS.encode()}
    found = extract(accounts, tree)
    xmpp, irc = found.of(ChatAccount)
    assert (xmpp.service, xmpp.identifier, xmpp.display_name) == (
        *("xmpp", "alice@example.org", "Alice"),
    )
    assert (xmpp.password_stored, irc.password_stored) == (True, False)
    assert (xmpp.server, irc.server) == ("192.0.2.5", "irc.example.net")
    assert (xmpp.proxy, irc.proxy) == ("tor 127.0.0.1:9050", None)
    assert (xmpp.fingerprint is None, irc.fingerprint) == (False, None)
    assert found.problems == ["account 2: an account without name or protocol"]
    assert "hunter2" not in repr(found.findings)


def test_an_own_key_is_proven_by_its_private_part(extract: Extract) -> None:
    (good,) = extract(otr_keys, {f"{HOME}/otr.private_key": KEYS.encode()}).of(ChatAccount)
    assert (good.service, good.identifier) == ("xmpp", "alice@example.org")
    assert good.confidence is Confidence.CONFIRMED
    other = KEYS.replace("(x #4D#)", "(x #4E#)")
    (bad,) = extract(otr_keys, {f"{HOME}/otr.private_key": other.encode()}).of(ChatAccount)
    assert bad.fingerprint == good.fingerprint
    assert bad.confidence is Confidence.PROBABLE


@pytest.mark.parametrize(
    "text", ["", "(", "privkeys", "(privkeys", "(other)", "(" * 50, "(privkeys #zz#)", "(a " * 9]
)
def test_what_is_no_key_file_is_refused(extract: Extract, text: str) -> None:
    with pytest.raises(ParseError):
        extract(otr_keys, {f"{HOME}/otr.private_key": text.encode()})


@pytest.mark.parametrize(
    "text",
    [
        "(privkeys)",
        "(privkeys (account))",
        "(privkeys (account (name x) (protocol y) (private-key)))",
        "(privkeys (account (name) (protocol y) (private-key (dsa (p #1#)))))",
    ],
)
def test_accounts_without_a_key_yield_nothing(extract: Extract, text: str) -> None:
    assert extract(otr_keys, {f"{HOME}/otr.private_key": text.encode()}).findings == []


def test_a_huge_number_in_a_key_costs_nothing(extract: Extract) -> None:
    big = "F" * 200_000
    text = KEYS.replace("(p #", f"(p #{big}").replace("(x #4D#)", f"(x #{big}#)")
    (key,) = extract(otr_keys, {f"{HOME}/otr.private_key": text.encode()}).of(ChatAccount)
    assert key.confidence is Confidence.PROBABLE


def test_fingerprints_tell_with_whom(extract: Extract) -> None:
    lines = (
        f"bob@example.org\talice@example.org/\tprpl-jabber\t{'0a' * 20}\tverified\n"
        f"eve\tali@irc.example.net\tprpl-irc\t{'0b' * 20}\t\n"
        f"old\tali@irc.example.net\tprpl-irc\t{'0c' * 20}\n"
        "eve\tali\tprpl-irc\tnot hex\n"
        "\n"
    )
    found = extract(otr_fingerprints, {f"{HOME}/otr.fingerprints": lines.encode()})
    assert [(each.identifier, each.own_account, each.trust) for each in found.of(ChatContact)] == [
        ("bob@example.org", "alice@example.org", "verified"),
        ("eve", "ali@irc.example.net", None),
        ("old", "ali@irc.example.net", None),
    ]
    assert found.of(ChatContact)[0].fingerprint == "0A" * 20
    assert found.problems == ["line 4: not a fingerprint"]


def test_contacts_have_group_alias_and_time(extract: Extract) -> None:
    data = b"""<purple version='1.0'><blist>
     <group name='Trade'>
      <contact alias='Bobby'>
       <buddy account='alice@example.org/' proto='prpl-jabber'><name>bob@example.org</name>
        <setting name='last_seen' type='int'>1708500000</setting></buddy>
       <buddy account='alice@example.org/' proto='prpl-jabber'><name>b@example.org</name>
        <alias>B</alias><setting name='last_seen' type='int'>0</setting></buddy>
      </contact>
      <chat account='ali@irc.example.net' proto='prpl-irc'>
       <component name='channel'>#room</component><component name='password'>pw</component></chat>
      <chat account='alice@example.org/' proto='prpl-jabber'><alias>Den</alias>
       <component name='room'>den</component><component name='server'>c.example.org</component>
       <component name='handle'>al</component></chat>
     </group></blist></purple>"""
    found = extract(contacts, {f"{HOME}/blist.xml": data}).of(ChatContact)
    assert [(each.identifier, each.alias, each.service) for each in found] == [
        ("bob@example.org", "Bobby", "xmpp"),
        ("b@example.org", "B", "xmpp"),
        ("#room", None, "irc"),
        ("den@c.example.org", "Den", "xmpp"),
    ]
    assert {each.group for each in found} == {"Trade"}
    assert [each.times[0].utc for each in found if each.times] == ["2024-02-21T07:20:00Z"]
    assert "pw" not in repr(found)


def test_the_profile_is_told_once(extract: Extract) -> None:
    tree = {
        f"{HOME}/prefs.xml": PREFS,
        f"{HOME}/accounts.xml": ACCOUNTS,
        LOG: b"",
        f"{HOME}/logs/irc/ali/.system/2024-02-21.230000+0100CET.html": b"",
    }
    (found,) = extract(profile, tree).of(ChatProfile)
    assert (found.application, found.profile, found.accounts) == ("pidgin", HOME, 3)
    assert (found.conversations, found.status_logs, found.logs_kept) == (1, 1, False)
    assert found.proxy == "socks5 127.0.0.1:9150"
    del tree[f"{HOME}/prefs.xml"]
    (found,) = extract(profile, tree).of(ChatProfile)
    assert (found.application, found.logs_kept) == ("libpurple", None)


def test_a_log_gives_messages_and_not_notices(extract: Extract) -> None:
    found = extract(conversations, {LOG: HTML.encode()})
    assert found.problems == []
    messages = found.of(ChatMessage)
    assert [(each.sender, each.text, each.outgoing) for each in messages] == [
        ("alice", "Tom & Jerry <3", True),
        ("Bob B.", "see http://example.org/\nsecond line\n\nthird", False),
        ("Bob B.", "waves", None),
        ("Bob B.", "away", False),
        ("Bob B.", "sent late", False),
    ]
    assert {each.conversation for each in messages} == {"bob@example.org"}
    assert {each.own_account for each in messages} == {"alice@example.org"}
    assert {each.service for each in messages} == {"xmpp"}


def test_midnight_is_passed_and_late_messages_keep_their_date(extract: Extract) -> None:
    found = extract(conversations, {LOG: HTML.encode()}).of(ChatMessage)
    assert [each.times[0].utc for each in found] == [
        "2024-02-21T22:00:01Z",
        "2024-02-21T22:59:59Z",
        "2024-02-21T23:00:07Z",
        "2024-02-21T23:01:00Z",
        "2024-02-20T22:58:00Z",
    ]
    assert found[2].sent_raw == "2024-02-22 00:00:07+0100"
    assert found[2].locator == "line 6"


def test_without_an_offset_the_time_stays_local(extract: Extract) -> None:
    path = f"{FOLDER}/2004-02-21.230000.html".replace(".purple", ".gaim")
    found = extract(conversations, {path: HTML.encode()}).of(ChatMessage)
    assert (found[0].times[0].utc, found[0].times[0].zone) == (None, Zone.LOCAL)
    assert found[0].sent_raw == "2004-02-21 23:00:01"


@pytest.mark.parametrize(
    ("time", "raw"),
    [
        ("11:05:09 PM", "2024-02-21 23:05:09+0100"),
        ("12:05:09 a.m.", "2024-02-22 00:05:09+0100"),
        ("23:05", "2024-02-21 23:05:00+0100"),
        ("23.05.09", "2024-02-21 23:05:09+0100"),
        ("21.02.2024 23:05:09", "2024-02-21 23:05:09+0100"),
        ("21.02.2024 23.05.09", "2024-02-21 23:05:09+0100"),
        ("2024-02-20 23:05:09", "2024-02-20 23:05:09+0100"),
        ("02/21/24 23:05:09", "2024-02-21 23:05:09+0100"),
        ("03/04/2023 23:05:09", "03/04/2023 23:05:09"),  # April or March
        ("99/99/2023 23:05:09", "99/99/2023 23:05:09"),
    ],
)
def test_times_of_many_languages(extract: Extract, time: str, raw: str) -> None:
    (found,) = extract(
        conversations, {LOG: f"<h3></h3>\n{head('#16569E', time, 'a:')}x".encode()}
    ).of(ChatMessage)
    assert found.sent_raw == raw
    assert (found.times[0].utc is None) is ("+" not in raw)


def test_the_newest_markup_is_read(extract: Extract) -> None:
    line = (
        '<h1>x</h1><p>\n<span style="color: #16569E"><span style="font-size: smaller">(23:00:01)'
        "</span> <b>alice:</b></span> hello<br>\n"
        '<span style="font-size: smaller">(23:00:02)</span><b> The topic is: x</b><br>\n'
    )
    (found,) = extract(conversations, {LOG: line.encode()}).of(ChatMessage)
    assert (found.sender, found.text, found.outgoing) == ("alice", "hello", True)


def test_plain_text_is_read(extract: Extract) -> None:
    text = (
        "Conversation with bob@example.org at Wed 21 Feb 2024 on alice@example.org (jabber)\r\n"
        "(23:00:01) alice: first: line\r\n"
        "of two\r\n"
        "(23:00:02) bob: yes\r\n"
        "(23:00:03) Bobby: hm\r\n"
        "(23:00:04) ***Bobby waves\r\n"
        "(23:00:05) Bobby has signed off.\r\n"
    )
    found = extract(conversations, {LOG.replace(".html", ".txt"): text.encode()}).of(ChatMessage)
    assert [(each.sender, each.text, each.outgoing) for each in found] == [
        ("alice", "first: line\nof two", True),
        ("bob", "yes", False),
        ("Bobby", "hm", None),
        (None, "Bobby waves", None),
    ]


def test_logs_of_the_first_gaim_are_read(extract: Extract) -> None:
    text = (
        '<HTML><HEAD><TITLE>IM Sessions with bob</TITLE></HEAD><BODY BGCOLOR="#ffffff">\n'
        "<HR><BR><H3 Align=Center> ---- New Conversation @ Sat Feb 21 23:00:00 2004 ----</H3><BR>\n"
        '<FONT COLOR="#16569E" sml="AIM">(23:00:01) <B>alice:</B></FONT> '
        '<FONT sml="AIM">one</FONT><BR>\n'
        "<HR><BR><H3 Align=Center> ---- New Conversation @ Sun Feb 22 09:00:00 2004 ----</H3><BR>\n"
        '<FONT COLOR="#A82F2F" sml="AIM">(09:00:01) <B>bob:</B></FONT> two<BR>\n'
    )
    found = extract(conversations, {"/home/alice/.gaim/logs/bob.log": text.encode()})
    assert [
        (each.sender, each.text, each.sent_raw, each.locator) for each in found.of(ChatMessage)
    ] == [
        ("alice", "one", "2004-02-21 23:00:01", "line 3"),
        ("bob", "two", "2004-02-22 09:00:01", "line 5"),
    ]
    assert {each.conversation for each in found.of(ChatMessage)} == {"bob"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "of the server, another program's",
        "---- New Conversation @ Sat Feb 31 23:00:00 2004 ----\n(23:00:01) bob: x\n",
        "---- New Conversation @ Sat Xxx 21 23:00:00 2004 ----\n(23:00:01) bob: x\n",
        "(23:00:01) bob: before any heading\n",
    ],
)
def test_other_logs_yield_nothing(extract: Extract, text: str) -> None:
    found = extract(conversations, {"/home/alice/.gaim/logs/bob.log": text.encode()})
    assert (found.findings, found.problems) == ([], [])


def test_names_of_folders_are_unescaped(extract: Extract) -> None:
    path = f"{HOME}/logs/irc/ali@irc.example.net/%23a%2fb.chat/2024-02-21.230000+0100CET.html"
    (found,) = extract(conversations, {path: head("#A82F2F", "23:00:01", "x:").encode()}).of(
        ChatMessage
    )
    assert found.conversation == "#a/b"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<",
        b"\xff\xfe\x00",
        b"<html><body>no lines</body></html>",
        b"<script>alert(1)</script>",
        b'<font size="2">(23:00:00)</font><b> somebody has signed on</b><br/>\n',
        b'<font color="#16569E"><font size="2">(no time)</font> <b>alice:</b></font> x<br/>\n',
        b'<font color="#16569E"><font size="2">(99:99:99)</font> <b>alice:</b></font> x<br/>\n',
        b"<font " * 50_000,
        b'<font color="#16569E">' * 50_000,
        b"(" * 200_000,
    ],
)
def test_other_content_yields_nothing(extract: Extract, body: bytes) -> None:
    found = extract(conversations, {LOG: body})
    assert (found.findings, found.problems) == ([], [])


@pytest.mark.parametrize(
    "hostile",
    ["<img src=x onerror=alert(1)>", "<scr<b>ipt>", "<!-- x -->", "<a href='javascript:'>"],
)
def test_markup_of_a_message_is_never_kept(extract: Extract, hostile: str) -> None:
    line = head("#A82F2F", "23:00:01", "b:") + f"a{hostile}z<br/>\n"
    (found,) = extract(conversations, {LOG: line.encode()}).of(ChatMessage)
    assert "<img" not in found.text
    assert "href" not in found.text
    assert "<!--" not in found.text


def test_a_message_without_end_is_cut_short_and_noted(extract: Extract) -> None:
    found = extract(
        conversations, {LOG: f"{head('#A82F2F', '23:00:01', 'b:')}{'x' * 200_000}".encode()}
    )
    assert len(found.of(ChatMessage)[0].text) == 100_000
    assert found.problems == ["line 1: a message is cut short"]


@pytest.mark.parametrize("size", [1, 60, 200, 400])
def test_a_log_cut_off_gives_what_is_whole(extract: Extract, size: int) -> None:
    found = extract(conversations, {LOG: HTML.encode()[:-size]}).of(ChatMessage)
    assert [each.text for each in found][:2] == [
        "Tom & Jerry <3",
        "see http://example.org/\nsecond line\n\nthird",
    ]


@pytest.mark.parametrize(
    "name",
    [
        *("notes.html", "2024-13-21.230000+0100CET.html", "2024-02-21.250000+0100CET.html"),
        *("2024-02-21.html", "2024-02-21.230000+0100CET.html.bak", "٢٠٢٤-02-21.230000.html"),
    ],
)
def test_names_that_are_no_log(extract: Extract, name: str) -> None:
    assert start_of(name) is None
    assert extract(conversations, {f"{FOLDER}/{name}": HTML.encode()}).findings == []


def test_status_logs_are_left_alone(extract: Extract) -> None:
    path = f"{HOME}/logs/jabber/alice@example.org/.system/2024-02-21.230000+0100CET.html"
    assert extract(conversations, {path: HTML.encode()}).findings == []


BOMB = b"<!DOCTYPE a [<!ENTITY x 'xxxxxxxx'><!ENTITY y '&x;&x;'>]><account>&y;</account>"


@pytest.mark.parametrize("data", [b"", b"<", b"<account>", b"\x00" * 100, BOMB])
def test_xml_that_is_none_is_refused(extract: Extract, data: bytes) -> None:
    for extractor, name in ((accounts, "accounts"), (contacts, "blist"), (profile, "prefs")):
        with pytest.raises(ParseError):
            extract(extractor, {f"{HOME}/{name}.xml": data})


def test_deep_xml_is_refused(extract: Extract) -> None:
    with pytest.raises((ParseError, LimitError)):
        extract(contacts, {f"{HOME}/blist.xml": b"<a>" * 5000 + b"</a>" * 5000})


@pytest.mark.parametrize("data", [b"<html/>", b"<account/>", b"<a><account><x/></account></a>"])
def test_other_xml_yields_nothing(extract: Extract, data: bytes) -> None:
    for extractor, name in ((accounts, "accounts"), (contacts, "blist")):
        assert extract(extractor, {f"{HOME}/{name}.xml": data}).findings == []


@pytest.mark.parametrize(
    "home",
    [
        "/home/bob/.purple",
        "/Users/bob/AppData/Roaming/.purple",
        "/Documents and Settings/bob/Application Data/.purple",
        "/usb/PidginPortable/Data/settings/.purple",
        "/home/bob/.gaim",
        "/home/bob/.var/app/im.pidgin.Pidgin/data/purple",
        "/pidgin",
        "/Users/bob/Library/Application Support/Adium 2.0/Users/Default/libpurple",
    ],
)
def test_every_layout_is_found(extract: Extract, home: str) -> None:
    found = extract(accounts, {f"{home}/accounts.xml": ACCOUNTS}).of(ChatAccount)
    assert {each.application for each in found} == {"adium" if "Adium" in home else "pidgin"}
    if "Adium" not in home:
        log = f"{home}/logs/irc/a@b/c/2024-02-21.230000+0100CET.html"
        assert len(extract(conversations, {log: HTML.encode()}).findings) == 5
