"""A message to or from a remailer as a finding, from whatever kind of file."""

from __future__ import annotations

from triage.api import (
    Confidence,
    MailRemailerMessage,
    Sensitivity,
    Shows,
    Time,
    Unit,
    Zone,
)
from triage.formats import mail
from triage.formats.times import utc

from ._remailer import KNOWN, Signs

_EXPUNGED = 0x0008  # Thunderbird: deleted and still there until the folder is compacted
_LONGEST = 500


def finding(
    parsed: mail.Mail, signs: Signs, place: str, received: tuple[Time, ...] = ()
) -> MailRemailerMessage:
    """Return the finding of a message that has signs of a remailer.

    `received` dates it when its header does not.
    """
    sender = mail.addresses(parsed.get("From"), limit=1)
    to = [
        address
        for name in ("To", "Cc", "Bcc")
        for value in parsed.all(name)
        for address in mail.addresses(value, limit=20)
    ]
    groups = (group.strip() for group in (parsed.get("Newsgroups") or "").split(","))
    to += [group[:200] for group in groups if group][:20]
    raw = (parsed.get("Date") or "")[:100] or None
    if signs.checks:
        confidence = Confidence.CONFIRMED
    else:
        confidence = Confidence.PROBABLE if signs.structure else Confidence.POSSIBLE
    return MailRemailerMessage(
        forms=tuple(dict.fromkeys(signs.forms)),
        outgoing=signs.outgoing,
        remailer=signs.remailer,
        mail_sender=sender[0] if sender else None,
        mail_recipients=tuple(dict.fromkeys(to)),
        mail_subject=(parsed.get("Subject") or "")[:_LONGEST] or None,
        message_id=(parsed.get("Message-ID") or "").strip()[:_LONGEST] or None,
        sent_raw=raw,
        directives=tuple(signs.directives),
        software=signs.software,
        expunged=_expunged(parsed),
        indicator_list=str(KNOWN) if "known-address" in signs.forms else None,
        shows=Shows.USED if signs.outgoing else Shows.PRESENT,
        confidence=confidence,
        checks=tuple(signs.checks),
        locator=place,
        sensitivity=Sensitivity.SECRET if signs.secret else Sensitivity.PERSONAL,
        times=sent(raw) or received,
    )


def _expunged(parsed: mail.Mail) -> bool | None:
    status = (parsed.get("X-Mozilla-Status") or "").strip()
    try:
        return bool(int(status[:8], 16) & _EXPUNGED) if status else None
    except ValueError:
        return None


def sent(raw: str | None) -> tuple[Time, ...]:
    """Return the time of a Date header; without an offset its zone is not known."""
    if not raw:
        return ()
    when = mail.date(raw)
    text = utc(when, "s_unix") if when else None
    zone = Zone.UTC if text else Zone.UNKNOWN
    return (Time(event="sent", utc=text, raw=raw, unit=Unit.TEXT, zone=zone),)
