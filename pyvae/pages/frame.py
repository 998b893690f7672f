"""What both pages have around their pictures: the heading, what was left out, what they cannot tell."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch

import pyvae
from pyvae.files import file_in_the_way, why_not_writable
from pyvae.pages.run import Member, Run
from pyvae.pages.sheet import How, Material, Sheet, material
from pyvae.report.page import bullets, header, section
from pyvae.studies import StudyError

NAMED = 10
"""Factors that a heading names; of more it gives the number."""
LIMITS = (
    "A traversal shows what the decoder draws, not what the data's factors are: a latent may move two factors at once, "
    "and two latents the same one. What latents tell of factors is in the map, in numbers.",
    "Every picture is of a few images, and of single models: another seed may give others. pyvae evaluate "
    "measures scores with intervals.",
    "An image with a low ELBO is one that the model describes badly. It may be rare, hard, or merely full of detail.",
)


def checked_path(out: Path | str) -> Path:
    """Where a page goes; StudyError for a folder, where a file stands in the way of the page's own, and where none can
    be written: before anything is drawn.
    """
    path = Path(out)
    if path.is_dir():
        raise StudyError(f"out must be a file, but {path} is a folder")
    if file := file_in_the_way(path.parent):
        raise StudyError(f"out must be a file in a folder, but {file} is a file")
    if reason := why_not_writable(path):
        raise StudyError(f"out must be a file that can be written, but {path} is none: {reason}")
    return path


def opened(members: Sequence[Member], how: How) -> tuple[list[Sheet], Material]:
    """The sheets of models of one data set, on the same images.

    Raises StudyError where their data are different.
    """
    first = members[0]
    shared = material(first.data, how)
    runs = {member.run for member in members}
    seen = {id(first.data)}
    for member in members:
        if id(member.data) in seen:
            continue
        seen.add(id(member.data))
        if member.data.shape != shared.shape or not torch.equal(material(member.data, how).shown, shared.shown):
            raise StudyError(
                f"models must have one data set to be shown beside each other, and {_full(first)} and "
                f"{_full(member)} have different ones"
            )
    return [Sheet(member, shared, how, len(runs) > 1) for member in members], shared


def heading(title: str, runs: Sequence[Run], sheets: Sequence[Sheet], shared: Material, how: How) -> str:
    """Title, and how the pictures were made."""
    shown, there = len(sheets), sum(len(run.members) for run in runs)
    shape = " × ".join(map(str, shared.shape))
    known = shared.factors.names if shared.factors else ()
    factors = ", ".join(known) if 0 < len(known) <= NAMED else str(len(known) or "none")
    names = ", ".join(run.name for run in runs)
    others = " Without --models they are a few of the first seed and the bias nearest to 0." if shown < there else ""
    points = [
        f"{shown} of {there} models are shown.{others}",
        f"Rows are of {len(shared.shown)} test images, statistics and scores of {len(shared.points)}, out of "
        f"{shared.total}, drawn by seed {how.seed}. Images are {shape}; factors: {factors}.",
        *(f"{sheet.name}: {sheet.fault}" for sheet in sheets if sheet.fault),
    ]
    studies = ", ".join(dict.fromkeys(run.study or "own models" for run in runs))
    kicker = f"{names} · {studies} · pyvae {pyvae.__version__}"
    lead = "Traversals, interpolations, reconstructions, samples, codes and odd images, of the unbiased test set."
    return header(kicker, title, lead, points)


def told_of(sheets: Sequence[Sheet]) -> str:
    """What words of the page mean."""
    deterministic = any(sheet.member.deterministic for sheet in sheets)
    held = len(sheets[0].material.points)
    points = [
        "KL: mean over the test images of a latent's KL from N(0, 1), in nats. Active: the latent holds at least 0.01 "
        "nats of information about which of the images it is of, and its 95 % interval lies above 0; of "
        f"{held} images that is at most log {held} = {math.log(held):.1f} nats.",
        "−ELBO: closed-form KL and the reconstruction term averaged over 16 draws of each posterior, without the "
        "likelihood's constant; of runs with different likelihoods it cannot be compared.",
        "Squared error: mean over pixels, of images decoded from posterior means.",
        *(["Deterministic codes have no KL: their latents are in order of variance."] if deterministic else []),
    ]
    return section("What is what", bullets(points))


def _full(member: Member) -> str:
    return f"{member.run}, {member.name}"
