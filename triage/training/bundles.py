"""Grading what a run found: the findings of sealed bundles against the truth of their images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from triage.bundle import Bundle, verify, well_formed
from triage.engine.records import finding_id
from triage.errors import AlteredError
from triage.training.grading import Grade, grade_items, grade_question
from triage.training.matching import WHOLE, Answer, best_answer
from triage.training.truth import Expect, Image, Item, Truth


def grade_bundles(name: str, paths: Sequence[Path], truth: Truth) -> Grade:
    """Grade the bundles of one submission, one for each image of the scenario.

    Any options will do: what a profile leaves out is missed like anything else. Items on images
    without a bundle are missed.

    Raises BundleError when a bundle cannot be read, and AlteredError when it is not what was
    sealed, of an image that the truth does not know, or the second one of an image.
    """
    findings: dict[str, list[dict[str, Any]]] = {}
    notes = []
    for path in paths:
        bundle = _sealed(path)
        with well_formed():
            image, note = _image(bundle, truth, path)
            if image.name in findings:
                raise AlteredError(f"a second bundle of {image.name}", where=str(path))
            notes.extend(note)
            findings[image.name] = list(bundle.findings())
    notes.extend(f"{one.name}: no bundle" for one in truth.images if one.name not in findings)

    def answer(item: Item) -> Answer:
        with well_formed():
            return best_answer(item, findings.get(item.image, ()))

    items, decoys = grade_items(truth, answer, counts)
    counted = [grade for grade in items if grade.counts]
    known = {grade.answer.finding for grade in (*items, *decoys)} - {None}
    return Grade(
        name=name,
        items=items,
        decoys=decoys,
        questions=tuple(grade_question(question, items) for question in truth.questions),
        earned=sum(grade.item.points * grade.answer.percent for grade in counted),
        possible=sum(grade.item.points * WHOLE for grade in counted),
        unlisted=sum(map(len, findings.values())) - len(known),
        notes=tuple(notes),
    )


def counts(item: Item) -> bool:
    """Whether a program must find an item: what this version is known to miss stands apart."""
    return item.expect is Expect.MUST and item.known_miss is None


def _sealed(path: Path) -> Bundle:
    checked = verify(path, finding_id=finding_id)
    if not checked.intact:
        raise AlteredError("is not what was sealed, so it is not graded", where=str(path))
    return Bundle.open(path)


def _image(bundle: Bundle, truth: Truth, path: Path) -> tuple[Image, list[str]]:
    """Return the image that a bundle is of: by its SHA-256, without one by its name."""
    told = bundle.run["image"]
    sha256 = told.get("hashes", {}).get("sha256")
    if sha256:
        for image in truth.images:
            if image.sha256 == sha256:
                return image, []
        raise AlteredError(
            f"is of an image with SHA-256 {str(sha256)[:64]}, which is none of this scenario",
            where=str(path),
        )
    names = {segment["name"] for segment in told.get("segments", ())}
    for image in truth.images:
        if image.name in names:
            return image, [f"{image.name}: taken by its name, as the run did not hash it"]
    raise AlteredError(
        "the run did not hash its image, and no image of the scenario has this name",
        where=str(path),
    )
