"""Templates of the pages: autoescaped, inert, with the texts of the catalogue at hand as `t`.

Compiling them takes longer than a small run, so what comes out is kept beside them in
`__pycache__`, as Python keeps its own modules, and under the same condition: that we may write
there. It is made anew whenever a template, Jinja2, Python or this module changes.
"""

from __future__ import annotations

import base64
import hashlib
import marshal
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import jinja2
from jinja2.bccache import Bucket

from triage.report.inert import inert
from triage.report.marked import marked
from triage.texts import knows, word

_FOLDER: Final = Path(__file__).with_name("templates")


def rendered(template: str, context: Mapping[str, Any]) -> bytes:
    """Return a page as UTF-8. Raises jinja2.UndefinedError when `context` lacks something."""
    return templates().get_template(template).render(context).encode("utf-8")


def policy_hash(template: str) -> str:
    """Return the hash of a style or script, by which a page may hold it, in base64."""
    content = templates().get_template(template).render()
    return base64.b64encode(hashlib.sha256(content.encode("utf-8")).digest()).decode("ascii")


@cache
def templates() -> jinja2.Environment:
    """Return the one environment of all pages."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        bytecode_cache=_Compiled(_FOLDER / "__pycache__"),
        finalize=inert,
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals |= {"t": marked, "word": word, "knows": knows}
    return environment


class _Compiled(jinja2.BytecodeCache):
    """Code of templates in a folder of ours. Jinja2's own keeps a pickle beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        told = f"{version('jinja2')} {sys.version}".encode()
        self._tag = hashlib.sha256(told + Path(__file__).read_bytes()).digest()

    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            data = self._path(bucket).read_bytes()
            if data.startswith(self._head(bucket)):
                bucket.code = marshal.loads(data[len(self._head(bucket)) :])  # noqa: S302
        except (OSError, EOFError, ValueError, TypeError):
            bucket.code = None

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode:
            return
        path = self._path(bucket)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            self._folder.mkdir(exist_ok=True)
            fresh.write_bytes(self._head(bucket) + marshal.dumps(bucket.code))
            fresh.replace(path)
        except OSError:  # the next run compiles again
            with suppress(OSError):
                fresh.unlink(missing_ok=True)

    def _path(self, bucket: Bucket) -> Path:
        return self._folder / f"{bucket.key}.{sys.implementation.cache_tag}.code"

    def _head(self, bucket: Bucket) -> bytes:
        return self._tag + hashlib.sha256(bucket.checksum.encode()).digest()
