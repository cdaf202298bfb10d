"""Readers of Usenet: subscriptions to groups that carry anonymous mail.

Written from the format of `newsrc` that readers of Usenet share since the 1980s (newsrc(5) of tin
and trn) for Pan, slrn, tin, Gnus and others on Unix; tested with files made by a committed script.
Thunderbird's lists are read with its accounts. Of other groups nothing is said.
Not read: Forte Agent, 40tude Dialog, and what the readers keep of articles.
References: https://manpages.debian.org/tin/newsrc.5.
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import Artifact, Confidence, MailAccount, Shows, extractor
from triage.formats.stamps import modified

from ._groups import anonymous_groups, read_articles

_LIMIT = 16 << 20


@extractor(
    name="mail.news.subscriptions",
    paths=(
        # tin, trn, Gnus: one list, or one a server; slrn has `.jnewsrc`
        "**/.newsrc*",
        "**/.jnewsrc*",
        # Pan 0.90 and later: one list a server
        "**/.pan2/newsrc*",
    ),
    yields=(MailAccount,),
)
def subscriptions(artifact: Artifact) -> Iterator[MailAccount]:
    """Name the groups for anonymous mail that a list of groups holds."""
    text = artifact.text(_LIMIT)
    groups = anonymous_groups(text)
    if not groups:
        return
    yield MailAccount(
        application="pan" if "/.pan2/" in artifact.path.casefold() else "news-reader",
        mail_address=None,
        profile=artifact.path,
        protocol="nntp",
        newsgroups=groups,
        shows=Shows.USED if read_articles(text) else Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        times=modified("last_written", artifact),
    )
