"""What is the same for every run of a batch, as options of the engine and as a command line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from triage import canonical
from triage import profile as profiles
from triage.batch.plan import Job
from triage.bundle import Signer
from triage.credentials import Credential
from triage.engine.identity import option_values
from triage.engine.options import CaseInfo, Options
from triage.engine.terms import Terms
from triage.model import Walker
from triage.profile import DEPTHS, Profile

QUICK = "quick"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Options of `triage run` that a batch hands on."""

    profiles: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    examiner: str | None = None
    authority: str | None = None
    notes: str | None = None
    jobs: int = 1
    hash_media: bool = True
    plugins: str = "none"
    allow_incomplete: bool = False
    require_sandbox: bool = False
    budget: str | None = None
    budget_seconds: float | None = None  # the same in seconds
    sign: Path | None = None
    secrets_recipient: str | None = None
    credentials: Path | None = None
    given: tuple[Credential, ...] = field(default=(), repr=False)  # what stands in that file
    walker: Walker = Walker.AUTO
    lists: dict[str, Path] = field(default_factory=dict)  # keywords, hashes, yara
    terms: Terms = field(default_factory=Terms, repr=False)  # what stands in those files

    def profile(self) -> Profile:
        """Load the profile. Raises ProfileError or UsageError."""
        return profiles.load(self.profiles)

    def quick(self) -> Settings:
        """Return the settings of the quick pass: the same topics, no hash of the media, no scan."""
        topics = [name for name in self.profiles if not _sets_depth(name)]
        return replace(self, profiles=(QUICK, *topics), hash_media=False, lists={}, terms=Terms())

    def options(
        self, job: Job, output: Path, *, profile: Profile, signer: Signer | None, resume: bool
    ) -> Options:
        """Return what the engine is asked to do with one image."""
        return Options(
            image=job.image,
            output=output,
            profile=profile,
            only=self.only,
            case=CaseInfo(
                case=job.case,
                exhibit=job.exhibit,
                examiner=self.examiner,
                authority=self.authority,
                notes=self.notes,
            ),
            jobs=self.jobs,
            hash_media=self.hash_media,
            plugins=self.plugins,
            allow_incomplete=self.allow_incomplete,
            require_sandbox=self.require_sandbox,
            resume=resume,
            budget_seconds=self.budget_seconds,
            signer=signer,
            secrets_recipient=self.secrets_recipient,
            credentials=self.given,
            walker=self.walker,
            terms=self.terms,
        )

    def record(self, job: Job, profile: Profile) -> Any:
        """Return what shapes the result of one run, for the log: the same when resumed."""
        options = self.options(job, Path(), profile=profile, signer=None, resume=False)
        return canonical.jsonable(
            {
                **option_values(options),
                "profile": asdict(profile),
                "examiner": self.examiner,
                "authority": self.authority,
                "notes": self.notes,
            }
        )

    def arguments(self, job: Job, output: Path, *, resume: bool) -> list[str]:
        """Return the arguments with which `triage` does the same in a process of its own."""
        return ["run", *self._arguments(job, output, resume=resume)]

    def _arguments(self, job: Job, output: Path, *, resume: bool) -> Iterator[str]:
        values: list[tuple[str, object]] = [
            ("--output", output),
            ("--format", "json"),
            ("--jobs", self.jobs),
            ("--plugins", self.plugins),
            *(("--profile", name) for name in self.profiles),
            *(("--only", glob) for glob in self.only),
            ("--case", job.case),
            ("--exhibit", job.exhibit),
            ("--examiner", self.examiner),
            ("--authority", self.authority),
            ("--notes", self.notes),
            ("--budget", self.budget),
            ("--sign", self.sign),
            ("--secrets-recipient", self.secrets_recipient),
            ("--credentials", self.credentials),
            ("--walker", self.walker.value),
            *((f"--{name}", path) for name, path in self.lists.items()),
        ]
        # `--name=value`, so that a value that begins with a dash stays one.
        yield from (f"{name}={value}" for name, value in values if value is not None)
        flags = {
            "--no-hash": not self.hash_media,
            "--allow-incomplete": self.allow_incomplete,
            "--require-sandbox": self.require_sandbox,
            "--resume": resume,
        }
        yield from (name for name, given in flags.items() if given)
        yield "--"
        yield os.fspath(job.image)


def _sets_depth(name: str) -> bool:
    return profiles.parse(profiles.source(name), name=name).depth in DEPTHS
