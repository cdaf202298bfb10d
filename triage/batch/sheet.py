"""Lists of images: YAML or CSV, one image a line with its case and exhibit, read strictly.

Values are taken as they are written: exhibit `007` stays `007`. Paths are relative to the list.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from triage.batch.images import absolute
from triage.errors import UsageError

SUFFIXES = (".csv", ".yaml", ".yml")
_FIELDS = ("image", "case", "exhibit")
_LARGEST = 64 * 2**20  # bytes of a list


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One image of a list; `where` is the list and the line."""

    image: Path
    case: str | None
    exhibit: str | None
    where: str


def read_sheet(path: Path) -> list[Row]:
    """Read a list by its suffix. Raises UsageError that points at the line."""
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(f"a list of more than {_LARGEST} bytes", where=str(path))
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("cannot be read as UTF-8 text", where=str(path)) from error
    read = _csv if path.suffix.lower() == ".csv" else _yaml
    rows = [_row(path, line, values) for line, values in read(text, path)]
    if not rows:
        raise UsageError("names no image", where=str(path))
    seen: dict[Path, str] = {}
    for row in rows:
        if row.image in seen:
            raise UsageError(f"the same image as {seen[row.image]}", where=row.where)
        seen[row.image] = row.where
    return rows


def _row(path: Path, line: int, values: Mapping[str, str | None]) -> Row:
    where = f"{path} line {line}"
    for name in values:
        if name not in _FIELDS:
            raise UsageError(f"unknown field {name!a}; known are {', '.join(_FIELDS)}", where=where)
    image = values.get("image")
    if not image:
        raise UsageError("names no image", where=where)
    if "\0" in image:
        raise UsageError("is not a path", where=where)
    return Row(
        image=absolute(path.parent / image),
        case=values.get("case") or None,
        exhibit=values.get("exhibit") or None,
        where=where,
    )


def _csv(text: str, path: Path) -> Iterator[tuple[int, dict[str, str | None]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UsageError(f"not CSV: {error}", where=f"{path} line {line}") from None
        if not any(cell.strip() for cell in cells):
            continue
        cells = [cell.strip() for cell in cells]
        if header is None:
            header = cells
            if "image" not in header or len(set(header)) < len(header):
                raise UsageError(
                    "the first line must name the columns, each once, `image` among them",
                    where=f"{path} line {line}",
                )
        elif len(cells) != len(header):
            raise UsageError(
                f"has {len(cells)} columns, the first line {len(header)}",
                where=f"{path} line {line}",
            )
        else:
            yield line, dict(zip(header, cells, strict=True))


def _yaml(text: str, path: Path) -> Iterator[tuple[int, dict[str, str | None]]]:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f" line {mark.line + 1}" if mark else ""
        raise UsageError("not YAML", where=f"{path}{at}") from None
    if not isinstance(root, yaml.SequenceNode):
        raise UsageError("must be a list of images", where=f"{path} line 1")
    for item in root.value:
        line = item.start_mark.line + 1
        if not isinstance(item, yaml.MappingNode):
            raise UsageError("must have fields, `image` among them", where=f"{path} line {line}")
        values: dict[str, str | None] = {}
        for key, value in item.value:
            at = f"{path} line {key.start_mark.line + 1}"
            if not isinstance(key, yaml.ScalarNode) or not isinstance(value, yaml.ScalarNode):
                raise UsageError("must be a field and its text", where=at)
            if key.value in values:
                raise UsageError(f"the field {key.value!a} stands twice", where=at)
            if key.value not in _FIELDS:
                raise UsageError(
                    f"unknown field {key.value!a}; known are {', '.join(_FIELDS)}", where=at
                )
            empty = value.tag == "tag:yaml.org,2002:null"
            values[key.value] = None if empty else value.value
        yield line, values
