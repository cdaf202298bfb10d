"""A volume that is there only in part is examined, and said to be partial."""

from __future__ import annotations

import gzip
from pathlib import Path

from tests.conftest import IMAGES, Triage, lines
from triage import profile, run
from triage.engine.options import Options
from triage.errors import ExitCode


def test_a_file_system_cut_by_the_end_of_the_image_counts(tmp_path: Path, triage: Triage) -> None:
    whole = gzip.decompress((IMAGES / "ext4.raw.gz").read_bytes())
    image = tmp_path / "cut.raw"
    image.write_bytes(whole[: -(64 << 10)])
    result = run(Options(image=image, output=tmp_path / "b", profile=profile.load(["quick"])))
    assert result.exit_code == ExitCode.INCOMPLETE
    assert triage("info", image).code == ExitCode.INCOMPLETE
    data = tmp_path / "b" / "data"
    told = {
        (line["outcome"], line["reason"])
        for line in lines(data / "coverage.jsonl")
        if line["step"] == "volume"
    }
    assert told == {("found", None), ("not_examined", "damaged")}
    assert "volume_damaged" in {problem["code"] for problem in lines(data / "problems.jsonl")}
