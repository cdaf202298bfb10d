"""Every error this program raises on purpose, and the exit code that each one means.

TriageError                   could not do it                              exit 1
├── UsageError                the request itself is wrong                  exit 2
├── ImageError                the image as a whole cannot be opened
│   ├── UnsupportedImageError a container we can name but not read
│   └── DamagedImageError     segments missing, cut, or inconsistent
├── EvidenceError             one place in the evidence cannot be read (also an OSError)
│   └── LimitError            reading on would pass a limit of the profile
├── ParseError                the bytes are not what the format promises
├── ProfileError              a profile is wrong; says at which key        exit 2
├── RegistryError             an extractor cannot be loaded
├── BundleError               a bundle cannot be written or read
│   └── AlteredError          a bundle or the media is not what was sealed exit 4
├── TrainingError             a practice image or exercise cannot be built or graded
├── WorkerError               a worker process died, hung or lied
└── InterruptedRunError       Ctrl-C; says what is left and what to do           exit 130
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a script learns from the process. Severity is not the numeric order: see `worst`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    INCOMPLETE = 3
    MISMATCH = 4
    INTERRUPTED = 130


_SEVERITY = (
    ExitCode.OK,
    ExitCode.INCOMPLETE,
    ExitCode.MISMATCH,
    ExitCode.FAILED,
    ExitCode.USAGE,
    ExitCode.INTERRUPTED,
)


def worst(*codes: ExitCode) -> ExitCode:
    """Return the code that wins when several apply: 0 < 3 < 4 < 1 < 2 < 130."""
    return max(codes, key=_SEVERITY.index, default=ExitCode.OK)


class TriageError(Exception):
    """Base of all errors raised on purpose; `where` names the place, outermost first."""

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, where: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class UsageError(TriageError):
    """The request itself is wrong."""

    exit_code = ExitCode.USAGE


class ImageError(TriageError):
    """The image as a whole cannot be opened."""


class UnsupportedImageError(ImageError):
    """A container that we recognise but cannot read."""


class DamagedImageError(ImageError):
    """Segments are missing, cut short, or contradict each other."""


class FailingDeviceError(ImageError):
    """A device fails read after read: every further one may destroy what could still be saved."""


class EvidenceError(TriageError, OSError):
    """One place in the evidence cannot be read; other places may be."""


class LimitError(EvidenceError):
    """Reading on would pass a limit that the profile sets."""


class ParseError(TriageError):
    """The bytes are not what the format promises."""


class ProfileError(TriageError):
    """A profile is wrong; `where` is the path of the key."""

    exit_code = ExitCode.USAGE


class RegistryError(TriageError):
    """An extractor or a plugin package cannot be loaded."""


class BundleError(TriageError):
    """A bundle cannot be written or read."""


class AlteredError(BundleError):
    """What was sealed is not what is there now."""

    exit_code = ExitCode.MISMATCH


class TrainingError(TriageError):
    """A practice image cannot be built as described, or an exercise not graded."""


class WorkerError(TriageError):
    """A worker process died, hung, or answered something that is not an answer."""


class InterruptedRunError(TriageError):
    """A run was interrupted and can be continued."""

    exit_code = ExitCode.INTERRUPTED
