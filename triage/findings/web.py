"""Browsers: profiles, visits, bookmarks, downloads, sites, typed text.

`category` and `indicator` name the entry of the shipped indicator list that an address is on, None
when it is on none. The list is of a date, `WebBrowser.indicator_list`, and grows old.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from triage.findings.base import Finding, Interpretation, Protection


@dataclass(frozen=True, slots=True, kw_only=True)
class WebBrowser(Finding):
    """A browser profile: one for each profile directory."""

    kind: ClassVar[str] = "web.browser"
    identity: ClassVar[tuple[str, ...]] = ("profile",)
    title: ClassVar[str] = "Browser profiles"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="A browser kept a profile in this folder; its clocks say when it last ran.",
        does_not_mean="That pages were visited: Tor Browser keeps no history by default.",
        other_explanations="Installed by someone else, copied with a folder, started once.",
        next_steps="Compare the run clocks with the tor data directory and with execution traces.",
    )

    browser: str  # tor-browser, firefox, mullvad-browser …
    profile: str  # evidence path of the profile folder
    version: str | None = None
    install_path: str | None = None  # absolute path on that machine, as the profile recorded it
    security_level: str | None = None  # standard, safer, safest
    history_kept: bool | None = None  # the settings make history persist
    deviations: tuple[str, ...] = ()  # telling settings not at their default, `name=value`
    versions_seen: tuple[str, ...] = ()  # from the update history, oldest first
    add_ons: tuple[str, ...] = ()  # not shipped ones: `id`, with name and version where known
    device_ids: tuple[str, ...] = ()  # GPU ids and the like: link a portable profile to a machine
    bridges_enabled: bool | None = None  # the browser's own setting, not torrc
    opened_count: int | None = None  # how often the app was opened, as it counted itself
    open_private_tabs: int | None = None
    profile_name: str | None = None  # as the browser shows it
    signed_in_as: tuple[str, ...] = ()  # accounts with the maker of the browser, by e-mail address
    indicator_list: str | None = None  # `name YYYY-MM-DD`: what addresses were compared with
    earlier_paths: tuple[str, ...] = ()  # where it was installed when it was updated
    utc_offset_minutes: int | None = None  # the machine's clock ahead of UTC at an update; never 0
    containers: tuple[str, ...] = ()  # named by the user: tabs that keep their own cookies
    key_protection: Protection | None = None  # of the key to saved passwords and cookies
    key_opened_by: str | None = None  # what opened that key, never the key itself

    def summary(self) -> str:
        """Browser, version, profile."""
        version = f" {self.version}" if self.version else ""
        return f"{self.browser}{version} profile {self.profile}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebVisit(Finding):
    """One visit of a page, as the history records it."""

    kind: ClassVar[str] = "web.visit"
    identity: ClassVar[tuple[str, ...]] = ("url", "visited_raw")
    title: ClassVar[str] = "Visits"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The history database holds a row for this address and time.",
        does_not_mean="That a person read the page; redirects and prefetching leave rows too.",
        other_explanations="A redirect, an embedded page, synchronisation from another device.",
        next_steps="Look at the visits before and after it.",
    )

    url: str
    page_title: str | None
    visited_raw: str | None  # the raw time, to tell visits apart
    visit_type: str | None = None  # link, typed, bookmark, redirect …
    visit_count: int | None = None
    visit_origin: str | None = None  # synced, imported, extension; None: this browser
    category: str | None = None
    indicator: str | None = None

    def summary(self) -> str:
        """Address, and what kind of service it is when the list knows."""
        return f"visit of {self.url}{_kind_of_service(self.category)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebBookmark(Finding):
    """A bookmark; `shipped` ones come with the browser."""

    kind: ClassVar[str] = "web.bookmark"
    identity: ClassVar[tuple[str, ...]] = ("url", "page_title", "folder")
    title: ClassVar[str] = "Bookmarks"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="An address was stored as a bookmark.",
        does_not_mean="That it was visited.",
        other_explanations="Imported or synchronised bookmarks.",
        next_steps="Compare the date with the other activity of the account.",
    )

    url: str
    page_title: str | None
    folder: str | None  # path of folders, `/`-separated
    shipped: bool = False
    category: str | None = None
    indicator: str | None = None

    def summary(self) -> str:
        """Title and address."""
        title = f"“{self.page_title}” " if self.page_title else ""
        return f"bookmark {title}{self.url}{_kind_of_service(self.category)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebDownload(Finding):
    """A download that the browser recorded."""

    kind: ClassVar[str] = "web.download"
    identity: ClassVar[tuple[str, ...]] = ("url", "target")
    title: ClassVar[str] = "Downloads"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The browser recorded that it fetched a file to this place.",
        does_not_mean="That the file was opened or is still there.",
        other_explanations="An automatic download by a page.",
        next_steps="Look for the file and for traces of its opening.",
    )

    url: str | None
    target: str  # path on that machine
    length: int | None = None  # bytes
    outcome: str | None = None  # complete, failed, cancelled, interrupted, blocked …
    opened: bool | None = None  # the browser was told to open it
    referrer: str | None = None  # the page that it was started from
    url_chain: tuple[str, ...] = ()  # redirects up to `url`, when there were any
    category: str | None = None
    indicator: str | None = None

    def summary(self) -> str:
        """Target and origin."""
        origin = f"{self.url or '(address unknown)'}{_kind_of_service(self.category)}"
        return f"download {self.target} from {origin}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebTab(Finding):
    """A page in a tab of a saved session."""

    kind: ClassVar[str] = "web.tab"
    identity: ClassVar[tuple[str, ...]] = ("url", "tab_state")
    title: ClassVar[str] = "Tabs of saved sessions"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The browser saved this page among the tabs that it would open again; `current` "
        "pages were shown, the others were before or after them in the same tab.",
        does_not_mean="When the page was loaded, unless a visit time is given; private windows "
        "are not saved.",
        other_explanations="A page that opened by itself, a tab sent from another device, "
        "a session restored after a crash.",
        next_steps="Compare with the history, which may have been cleared since.",
    )

    url: str
    page_title: str | None
    tab_state: str  # open, closed: when the file was written
    current: bool
    container: str | None = None  # name of the container tab, which keeps its own cookies
    referrer: str | None = None
    category: str | None = None
    indicator: str | None = None

    def summary(self) -> str:
        """Address, and what kind of service it is when the list knows."""
        return f"{self.tab_state} tab with {self.url}{_kind_of_service(self.category)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSite(Finding):
    """A host that the browser kept something about, outside the history."""

    kind: ClassVar[str] = "web.site"
    identity: ClassVar[tuple[str, ...]] = ("host", "trace")
    title: ClassVar[str] = "Sites known from other traces"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The browser stored a setting, cookie or security state for this host.",
        does_not_mean="Which page was seen; a host may have been only embedded in another page.",
        other_explanations="Preloaded lists, third-party content.",
        next_steps="Search the rest of the exhibit for the host.",
    )

    host: str
    trace: str  # hsts, cookie, permission, setting, storage, favicon, login …
    detail: str | None = None  # kinds of permission or setting, or the page
    entries: int | None = None  # rows behind this finding
    by_browser: bool = False  # a host that the browser contacts by itself
    category: str | None = None
    indicator: str | None = None

    def summary(self) -> str:
        """Host and kind of trace."""
        return f"{self.trace} entry for {self.host}{_kind_of_service(self.category)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebInput(Finding):
    """Text that was entered into a search, an address bar or a form, and that was remembered."""

    kind: ClassVar[str] = "web.input"
    identity: ClassVar[tuple[str, ...]] = ("field", "engine", "text", "url")
    title: ClassVar[str] = "Searches and typed text"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The browser remembered this text for a search, its address bar or a form.",
        does_not_mean="Who typed it; a link that carries a search leaves the same trace.",
        other_explanations="Text filled in by a program, synchronisation from another device.",
        next_steps="Look at the visits at the same time, and for the text elsewhere.",
    )

    field: str  # search, address-bar, or the name of the form field
    text: str | None  # None when withheld because it looks like a secret
    engine: str | None = None  # the search service, as a host or as the browser names it
    url: str | None = None  # the address that the text led to
    entries: int | None = None  # how often, as counted by the browser, or rows behind this finding
    withheld_characters: int | None = None
    category: str | None = None
    indicator: str | None = None

    def summary(self) -> str:
        """Field and text."""
        text = f"“{self.text}”" if self.text is not None else "(withheld)"
        engine = f" at {self.engine}" if self.engine else ""
        url = f" for {self.url}" if self.url else ""
        return f"{self.field} text {text}{engine}{url}{_kind_of_service(self.category)}"


def _kind_of_service(category: str | None) -> str:
    return f" ({category})" if category else ""
