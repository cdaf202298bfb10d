"""Browsers: profiles, visits, bookmarks, downloads, sites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from triage.findings.base import Finding, Interpretation


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
    add_ons: tuple[str, ...] = ()  # ids other than those shipped
    device_ids: tuple[str, ...] = ()  # GPU ids and the like: link a portable profile to a machine
    bridges_enabled: bool | None = None  # the browser's own setting, not torrc
    opened_count: int | None = None  # how often the app was opened, as it counted itself
    open_private_tabs: int | None = None

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

    def summary(self) -> str:
        """Address."""
        return f"visit of {self.url}"


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

    def summary(self) -> str:
        """Title and address."""
        title = f"“{self.page_title}” " if self.page_title else ""
        return f"bookmark {title}{self.url}"


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

    def summary(self) -> str:
        """Target and origin."""
        return f"download {self.target} from {self.url or '(address unknown)'}"


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

    def summary(self) -> str:
        """Host and kind of trace."""
        return f"{self.trace} entry for {self.host}"
