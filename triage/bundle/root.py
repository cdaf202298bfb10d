"""The folder of a finished bundle, told from a run that was not finished and from anything else."""

from __future__ import annotations

from pathlib import Path

from triage.bundle import layout
from triage.errors import BundleError

_MARKS = (layout.BAGIT_TXT, layout.MANIFEST, layout.TAGMANIFEST, layout.SEAL, layout.RUN)


def bundle_root(path: Path) -> Path:
    """Return the folder of a finished bundle, resolved. Raises BundleError when it is none.

    What has any mark of a bundle is one, if only an altered one.
    """
    try:
        root = path.resolve(strict=True)
        if layout.is_partial(root.name):
            raise BundleError("a run that was not finished, never sealed", where=str(path))
        if not root.is_dir() or not any((root / mark).exists() for mark in _MARKS):
            raise BundleError("not a bundle", where=str(path))
    except (OSError, RuntimeError, ValueError) as error:
        raise BundleError("no such bundle, or it cannot be read", where=str(path)) from error
    return root
