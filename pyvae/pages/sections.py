"""The parts of pages: pictures with their captions, for one model or several with the same images."""

import io
from collections.abc import Callable, Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from pyvae.pages.sheet import Material, Sheet
from pyvae.pictures import (
    Embedding,
    NothingToShow,
    draw_embedding,
    draw_roc,
    furthest_traversal,
    gif,
    interpolation,
    pca,
    prior_samples,
    quantile_traversal,
    reconstruction,
    roc,
    tsne,
    unusual,
)
from pyvae.plotting.numbers import decimals
from pyvae.plotting.pixels import strip
from pyvae.plotting.style import DPI
from pyvae.report.page import gallery, paragraph, picture, shaded_table, strips, subsection, table
from pyvae.studies.scores import few_of

Row = tuple[str, bytes]
PAIRS = 3
"""Interpolations that a page shows."""
EMBEDDED = 1000
"""Codes in an embedding: t-SNE of more takes minutes."""
QUANTILES = "from the 1 % to the 99 % quantile of the aggregate posterior"


def or_sentence(make: Callable[[], str]) -> str:
    """A picture, or the sentence that says why there is none."""
    try:
        return make()
    except (NothingToShow, ImportError) as problem:
        return paragraph(str(problem), "note")


def reconstructions(sheets: Sequence[Sheet], material: Material) -> str:
    """The images, and each model's."""
    rows = _of_each(sheets, lambda sheet: reconstruction(sheet.member.model, material.shown))
    caption = "Test images, and what each model decodes from their posterior means."
    return strips([("test images", _png(material.shown, material)), *rows], caption)


def samples(sheets: Sequence[Sheet], material: Material) -> str:
    """The same codes, decoded by each model."""

    def drawn(sheet: Sheet) -> Tensor:
        model = sheet.member.model
        return prior_samples(model, model.latents, count=len(material.shown), seed=sheet.how.seed)

    same = len({sheet.member.model.latents for sheet in sheets}) == 1 and len(sheets) > 1
    caption = "Decoded codes z ~ N(0, I), which no image gave" + ("; the same codes for all models." if same else ".")
    return strips(_of_each(sheets, drawn), caption)


def interpolations(sheets: Sequence[Sheet], material: Material) -> str:
    """Between the first images, two by two."""
    pairs = min(PAIRS, len(material.shown) // 2)
    if not pairs:
        return paragraph("An interpolation needs two images: ask for more by --images.", "note")
    first, second = material.shown[0 : 2 * pairs : 2], material.shown[1 : 2 * pairs : 2]
    drawn = {sheet: interpolation(sheet.member.model, first, second) for sheet in sheets}
    parts = []
    for pair in range(pairs):
        ends = _png(torch.stack([first[pair], second[pair]]), material)
        rows = [(sheet.name, _png(drawn[sheet][pair], material)) for sheet in sheets]
        parts.append(strips([("from, to", ends), *rows], ""))
    return "".join(parts) + paragraph("Decoded codes on the straight line between two images' posterior means.", "note")


def traversals(sheet: Sheet) -> str:
    """Every latent, around the first image and around zero, moving, and the one by the older rule."""
    material, seed = sheet.material, sheet.how.seed
    model, codes = sheet.member.model, sheet.codes
    starts = {"image": sheet.start, "0": torch.zeros(model.latents)}
    around = {name: quantile_traversal(model, codes, start, seed=seed) for name, start in starts.items()}
    labels = [latent_label(sheet, latent) for latent in sheet.latents]
    rows = {name: _rows(labels, images, material) for name, images in around.items()}
    moving = gif(around["image"], material.shape, columns=_columns(len(labels)))
    furthest = furthest_traversal(model, codes, seed=seed)
    low, high = decimals(float(furthest.values[0]), 2), decimals(float(furthest.values[-1]), 2)
    label = f"z{furthest.latent}, {low} to {high}"
    count = min(len(codes.mu), 1000)
    return "".join(
        (
            strips(
                [("the image", _png(material.shown[:1], material)), *rows["image"]],
                f"Each row moves one latent {QUANTILES}; the others stay at the image's posterior mean.",
            ),
            strips(rows["0"], f"The same with the others at 0. Both: the latent most in use, by {sheet.unit}, on top."),
            strips(
                [(label, _png(furthest.images, material))],
                f"The latent whose mean strays furthest from 0 on average, over its range in {count} draws, all others "
                "0.",
            ),
            gallery([picture(moving, "The first traversal as it moves: a tile for each latent, in the same order.")]),
        )
    )


def _columns(tiles: int) -> int:
    """At most five, such that few places stay empty."""
    return tiles if tiles <= 5 else min((5, 4, 3), key=lambda columns: -tiles % columns)


def traversals_beside(sheets: Sequence[Sheet], material: Material, latents: int) -> str:
    """The latents most in use, rank by rank, of each model."""
    parts = []
    for rank in range(min(latents, max(sheet.member.model.latents for sheet in sheets))):
        having = [sheet for sheet in sheets if rank < sheet.member.model.latents]
        parts.append(subsection(f"Latent {rank + 1} by use", strips([_ranked(sheet, rank) for sheet in having], "")))
    note = f"Around the first test image; each latent moves {QUANTILES} of its own model."
    return "".join(parts) + paragraph(note, "note")


def _ranked(sheet: Sheet, rank: int) -> Row:
    """One latent's traversal around the first image."""
    latent = sheet.latents[rank]
    images = quantile_traversal(sheet.member.model, sheet.codes, sheet.start, latents=[latent], seed=sheet.how.seed)
    return f"{sheet.name}: {latent_label(sheet, latent)}", _png(images[0], sheet.material)


def embeddings(sheet: Sheet) -> str:
    """Principal components and t-SNE of the means, coloured by the factor that one latent tells most of."""
    codes = sheet.codes.mu[:EMBEDDED].double().numpy()
    factor, factors = sheet.told_best, sheet.material.factors
    values, name, by = None, "", ""
    if factors is not None and factor is not None:
        values, name = factors.labels[:EMBEDDED, factor], factors.names[factor]
        by = f" Coloured by the factor that a single latent tells most of, {name}, numbered by its values."
    nominal = factors is not None and factor in factors.nominal

    def drawn(make: Callable[[], Embedding], caption: str) -> str:
        return or_sentence(lambda: picture(png_of(draw_embedding(make(), values, name, nominal=nominal)), caption))

    of_points = f"Posterior means of {len(codes)} test images.{by}"
    by_tsne = "The same by t-SNE, which keeps neighbours: distances between clusters and their sizes mean little."
    return gallery([drawn(lambda: pca(codes), of_points), drawn(lambda: tsne(codes, seed=sheet.how.seed), by_tsne)])


def latent_map(sheet: Sheet) -> str:
    """What latents tell of factors."""
    if sheet.map is None:
        return paragraph("The data set has no factors that latents could tell of.", "note")
    how = "nearest neighbours" if sheet.member.deterministic else "the exact aggregate posterior"
    caption = (
        f"Mutual information of each latent and factor over the factor's entropy, by {how} of {len(sheet.codes.mu)} "
        "test images; the latent most in use on top."
    )
    points, images = len(sheet.material.points), sheet.material.total
    few = f" {few_of(points, images)}" if points < images else ""
    rows = [(latent_label(sheet, z), row.tolist()) for z, row in zip(sheet.map.latents, sheet.map.shares, strict=True)]
    return shaded_table([sheet.name, *sheet.map.factors], rows) + paragraph(caption + few, "note")


def oddest(sheets: Sequence[Sheet], material: Material) -> str:
    """The test images that each model finds most unusual, and least."""
    rows = []
    for sheet in sheets:
        worst, best = (unusual(sign * sheet.scores, len(material.shown)) for sign in (1, -1))
        for name, chosen in ((f"{sheet.name}, unusual", worst), (f"{sheet.name}, usual", best)):
            first, last = (decimals(float(sheet.scores[row]), 1) for row in (chosen[0], chosen[-1]))
            rows.append((f"{name}: {first} to {last}", _png(material.points[chosen], material)))
    caption = (
        f"Of {len(material.points)} test images those with the lowest and the highest ELBO; the numbers are −ELBO in "
        "nats, without the likelihood's constant (of deterministic codes the reconstruction term)."
    )
    return strips(rows, caption)


def roc_of_never_drawn(sheet: Sheet) -> str:
    """How well the ELBO tells combinations that training never drew; nothing where it drew all."""
    odd = sheet.never_drawn
    if odd is None:
        return ""
    caption = (
        f"{sheet.name}: does the ELBO tell the {int(odd.sum())} test images of combinations that training never drew "
        f"from the {int((~odd).sum())} others, which it may have seen? The area has a 95 % interval over images."
    )
    return picture(png_of(draw_roc(roc(sheet.scores.numpy(), odd.numpy()))), caption)


def table_of_rocs(sheets: Sequence[Sheet]) -> str:
    """The areas of models whose training never drew a combination; nothing where there is none."""
    rows = []
    for sheet in sheets:
        if (odd := sheet.never_drawn) is not None:
            found = roc(sheet.scores.numpy(), odd.numpy())
            area, low, high = (decimals(value, 3) for value in (found.auc, found.low, found.high))
            rows.append([sheet.name, area, f"{low} to {high}", str(int(odd.sum())), str(int((~odd).sum()))])
    if not rows:
        return ""
    note = (
        "How well the ELBO tells test images of combinations that training never drew from the others, which it may "
        "have seen; the interval is over images."
    )
    return table(["model", "AUC", "95 % interval", "never drawn", "others"], rows) + paragraph(note, "note")


def table_of_models(sheets: Sequence[Sheet]) -> str:
    """A row for each model."""
    heads = ("run", "model", "step", "KL, nats", "active latents", "−ELBO, nats", "squared error of a pixel")
    return table(heads, [_facts(sheet) for sheet in sheets])


def table_of_latents(sheets: Sequence[Sheet]) -> str:
    """A row for each rank, a column for each model: which latent, and how much it is in use."""
    ranks = max(sheet.member.model.latents for sheet in sheets)
    columns = [[latent_label(sheet, latent) for latent in sheet.latents] for sheet in sheets]
    rows = [
        [str(rank + 1), *(column[rank] if rank < len(column) else "" for column in columns)] for rank in range(ranks)
    ]
    return table(["by use", *(sheet.name for sheet in sheets)], rows)


def latent_label(sheet: Sheet, latent: int) -> str:
    """A latent, and how much it is in use."""
    unit = "" if sheet.member.deterministic else " nats"
    return f"z{latent}: {sheet.unit} {decimals(sheet.usage[latent], 2)}{unit}"


def _facts(sheet: Sheet) -> list[str]:
    member = sheet.member
    start = [member.run, member.name, str(member.steps)]
    if sheet.fault:
        return [*start, "diverged", "", "", ""]
    nats = "-" if member.deterministic else decimals(sum(sheet.usage), 2)
    active = "-" if member.deterministic else f"{sheet.active} of {member.model.latents}"
    return [*start, nats, active, decimals(float(sheet.scores.mean()), 2), decimals(sheet.squared_error, 4)]


def _of_each(sheets: Sequence[Sheet], drawn: Callable[[Sheet], Tensor]) -> list[Row]:
    """A row of images for each model."""
    return [(sheet.name, _png(drawn(sheet), sheet.material)) for sheet in sheets]


def _rows(labels: Sequence[str], images: Tensor, material: Material) -> list[Row]:
    return [(label, _png(row, material)) for label, row in zip(labels, images, strict=True)]


def _png(images: Tensor, material: Material) -> bytes:
    return strip(images.numpy(), material.shape)


def png_of(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, dpi=DPI, format="png", metadata={"Software": None})
    return out.getvalue()
