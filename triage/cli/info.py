"""`triage info`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from triage.cli.command import cli, format_option
from triage.console.output import facts, note, stdout, table, write_json, write_jsonl
from triage.engine.run import survey
from triage.errors import ExitCode
from triage.model import VolumeState

_CLOSED = (VolumeState.LOCKED, VolumeState.UNSUPPORTED, VolumeState.UNKNOWN, VolumeState.DAMAGED)


@cli.command("info", short_help="Show container, hashes, volumes; what is locked.")
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--allow-incomplete", is_flag=True, help="Open a damaged image anyway.")
@click.option(
    "--allow-writable-device",
    is_flag=True,
    help="Read a block device without the kernel's read-only flag.",
)
@format_option
def info_command(
    image: Path, *, allow_incomplete: bool, allow_writable_device: bool, format_: str
) -> int:
    """Show what IMAGE is: container, segments, stored hashes, volumes, what is locked.

    Exits 3 when something in it could not be examined by a run. Stored hashes are shown, not
    checked: `triage run` compares them.

    \b
    Examples:
      triage info exhibit-7.E01
      triage info exhibit-7.E01 --format json
    """
    opened = survey(
        image, allow_incomplete=allow_incomplete, allow_writable_device=allow_writable_device
    )
    closed = [
        volume
        for volume in opened.volumes
        if (volume.state in _CLOSED or (volume.state is VolumeState.FILESYSTEM and volume.problem))
        and not (volume.state is VolumeState.UNKNOWN and volume.name.startswith("gap@"))
    ]
    unsound = closed or opened.missing or opened.damage
    code = ExitCode.INCOMPLETE if unsound else ExitCode.OK
    if format_ != "text":
        value = {
            "image": asdict(opened.info),
            "volumes": [asdict(volume) for volume in opened.volumes],
            "missing": opened.missing,
            "exit_code": int(code),
        }
        if format_ == "json":
            write_json(value)
        else:
            write_jsonl([value])
        return code
    info, console = opened.info, stdout()
    size = f"{info.media_size:,} bytes" if info.media_size is not None else None
    console.print(
        facts(
            {
                "container": info.container.value,
                "segments": ", ".join(segment.name for segment in info.segments[:20]),
                "media": size,
                "sector": f"{info.sector_size} bytes" if info.sector_size else None,
                **{f"stored {name}": value for name, value in info.stored_hashes.items()},
                **info.header,
            }
        )
    )
    if not info.stored_hashes:
        note("no stored hash: the image cannot show that it is what was acquired")
    for text in info.notes:
        note(f"note: {text}")
    for offset, length in opened.missing:
        note(f"missing: {length:,} bytes at {offset:,}")
    rows = [
        (
            volume.name,
            f"{volume.offset:,}",
            f"{volume.length:,}",
            volume.filesystem or volume.scheme or "",
            volume.state.value,
            " ".join(filter(None, (volume.label, volume.description, volume.problem))),
        )
        for volume in opened.volumes
    ]
    console.print()
    console.print(
        table(None, ("volume", "offset", "length", "content", "state", "description"), rows)
    )
    return code
