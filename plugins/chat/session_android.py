"""Session on Android: the own Account ID, which stands in clear in the settings.

Written from what ALEAPP reads and tested with a file made after it: there was no sample. The
databases stay closed: the telephone's hardware holds their key (`chat.closed`).

References: abrignoni/ALEAPP, `sessionMessenger.py`; session-foundation/session-android.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from triage.api import Artifact, ChatAccount, Confidence, Protection, Shows, extractor
from triage.formats import xml

from ._rows import text

_LIMIT: Final = 4 << 20
_ACCOUNT_ID: Final = re.compile(r"05[0-9a-f]{64}")


@extractor(
    name="chat.session-android.account",
    # Android, since 2020
    paths=("**/network.loki.messenger/shared_prefs/network.loki.messenger_preferences.xml",),
    yields=(ChatAccount,),
    holds_secret=True,
)
def account(artifact: Artifact) -> Iterator[ChatAccount]:
    """Read the Account ID and the name shown to others."""
    root = xml.parse(artifact.read(_LIMIT))
    found = {each.get("name"): text(each.text or "") for each in root.iter("string")}
    identifier = (found.get("pref_local_number") or "").casefold()
    if _ACCOUNT_ID.fullmatch(identifier):
        yield ChatAccount(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            protection=Protection.PLAIN,
            service="session",
            identifier=identifier,
            application="session-android",
            display_name=found.get("pref_profile_name"),
        )
