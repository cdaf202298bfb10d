"""What a run is a run of: evidence, program, options. Two runs that agree here agree in results."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import triage
from triage.bundle import CONTRACT_VERSION
from triage.credentials import counts
from triage.engine import messages as m
from triage.engine.environment import environment
from triage.engine.options import Options
from triage.model import Container, ImageInfo
from triage.redaction import redact_value
from triage.registry import Registered

_NO_FILES = (Container.FOLDER, Container.DEVICE)

Stamps: TypeAlias = tuple[tuple[str, int, int], ...]


def stamps(image: Path, info: ImageInfo) -> Stamps:
    """Return name, size and modification time (ns) of each file of the image.

    Empty for a folder, whose names the walk compares, and for a device, whose node says nothing.
    """
    if info.container in _NO_FILES:
        return ()
    return tuple(_stamp(image.parent / segment.name) for segment in info.segments)


def _stamp(path: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except OSError:
        return path.name, -1, -1
    return path.name, status.st_size, status.st_mtime_ns


def option_values(options: Options) -> dict[str, Any]:
    """Return the options that shape the result, without paths of the host."""
    return {
        "only": options.only,
        "hash_media": options.hash_media,
        "expect": [f"{name}:{value}" for name, value in options.expect],
        "plugins": "path" if os.sep in options.plugins else options.plugins,
        "allow_incomplete": options.allow_incomplete,
        "allow_writable_device": options.allow_writable_device,
        "walker": options.walker,
        "secrets_recipient": options.secrets_recipient,
        "credentials": counts(options.credentials),
        "terms": options.terms.origins,
    }


def identity(
    options: Options, selected: Sequence[Registered], opened: m.Opened, files: Stamps
) -> dict[str, Any]:
    """Return what must be the same for `--resume` to continue a run, redacted."""
    surroundings = environment()
    value: dict[str, Any] = redact_value(
        {
            "contract": CONTRACT_VERSION,
            "version": triage.__version__,
            "python": surroundings["python"],
            "libraries": surroundings["libraries"],
            "case": asdict(options.case),
            "options": option_values(options),
            "profile": asdict(options.profile),
            "extractors": {
                registered.extractor.name: asdict(registered.origin) for registered in selected
            },
            "image": {
                **asdict(opened.info),
                "missing": opened.missing,
                "modified": [f"{name} {time}" for name, _, time in files],
            },
            "volumes": [asdict(volume) for volume in opened.volumes],
        }
    )
    return value
