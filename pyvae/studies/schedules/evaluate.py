"""What is measured on every trained model of the schedules study, and on its data.

results.parquet has a row for each model, measured on test images; latents.parquet one for each of its latents, that of
the largest KL first; spectrum.parquet the variances of the data's principal components, which linear theory asks for.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from pyvae.data import DataSet
from pyvae.files import atomic_path
from pyvae.losses import gaussian_reconstruction
from pyvae.metrics import Codes
from pyvae.metrics.active_latents import active_latents
from pyvae.metrics.estimators.latents import active_by_kl, active_by_variance, kl_per_latent
from pyvae.ops import reparameterize
from pyvae.studies.schedules.config import SchedulesConfig
from pyvae.studies.schedules.recipe import VARIANCE
from pyvae.studies.scores import Points, encoded
from pyvae.studies.study import Announce
from pyvae.training import Trained
from pyvae.training.cells import stream

SPECTRUM_EXACT, SPECTRUM_DRAWN = 8192, 4096
"""Data sets of at most so many images give their covariance; of others so many are drawn."""
NOT_FINITE = "training diverged: the codes are not finite"


def evaluate(groups: Mapping[str, Trained], config: SchedulesConfig, folder: Path, announce: Announce) -> None:
    """Measures all models and the data; results.parquet comes last and says that all is there."""
    data = config.data.open()
    points = Points(data, config.evaluation.points)
    rows: list[dict[str, Any]] = []
    latents: list[dict[str, Any]] = []
    for group, trained in groups.items():
        for k in range(len(trained.cells)):
            announce(len(rows), len(rows) + 1, config.models)
            row, own = measured(trained, k, points.images)
            rows.append({"group": group, **row})
            latents += [{"group": group, **_axes(trained, k), **latent} for latent in own]
    tables = {
        "spectrum": _spectrum_table(data),
        "latents": _table(latents, _LATENTS),
        "results": _table(rows, _RESULTS),
    }
    for name, table in tables.items():
        with atomic_path(folder / f"{name}.parquet") as path:
            pq.write_table(table, path)


@torch.no_grad()
def measured(trained: Trained, k: int, images: Tensor) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Model k on images [N, size]: its row, and one for each latent, that of the largest KL first.

    A model whose codes are not finite has `finite` false, no measure, no latents and a reason.
    """
    codes = encoded(trained, k, images)
    mu, logvar = codes.mu, codes.logvar
    assert isinstance(mu, Tensor) and isinstance(logvar, Tensor)
    row = {**_axes(trained, k), "steps": int(trained.steps[k])}
    if not bool(mu.isfinite().all() & logvar.isfinite().all()):
        return {**row, "finite": False, "reason": NOT_FINITE}, []
    cell = trained.cells[k]
    seed = stream([cell], "evaluation codes")
    decoded = trained.model.select([k]).decode(reparameterize(mu.unsqueeze(0), logvar.unsqueeze(0), seed=seed))[0]
    kl, std = kl_per_latent(mu, logvar), logvar.mul(0.5).exp()
    row |= {
        "finite": True,
        "kl_nats": float(kl.sum()),
        "posterior_std": float(std.mean()),
        "squared_error": float(gaussian_reconstruction(images, decoded, VARIANCE).mean()),
        "active": int(active_latents(Codes(mu, logvar), seed=0).value),
        "active_kl": int(active_by_kl(kl)),
        "active_variance": int(active_by_variance(mu)),
    }
    return row, [
        {"latent": int(d), "kl_nats": float(kl[d]), "posterior_std": float(std[:, d].mean())}
        for d in kl.argsort(descending=True, stable=True)
    ]


def spectrum(data: DataSet) -> Tensor:
    """Variances of the principal components of the training images, in descending order, float64 [min(size, N)].

    Of all images of a small data set; of a large one, and of one whose images never end, of images that are drawn.
    """
    small = data.count is not None and data.count <= SPECTRUM_EXACT
    images = _all_images(data) if small else _drawn(data)
    images = images.double()
    centred = images - images.mean(0)
    wide = centred.shape[1] > centred.shape[0]
    gram = centred @ centred.T if wide else centred.T @ centred
    variances: Tensor = torch.linalg.eigvalsh(gram).flip(0).clamp(min=0) / len(images)
    return variances


def _all_images(data: DataSet) -> Tensor:
    return data.test_images(torch.arange(len(data.test_factors())))


def _drawn(data: DataSet) -> Tensor:
    seeds = {name: torch.tensor([number]) for number, name in enumerate(data.streams)}
    return data.draw(SPECTRUM_DRAWN, seeds).images[0]


def _axes(trained: Trained, k: int) -> dict[str, Any]:
    return {"beta": float(trained.cells[k].strength), "seed": trained.cells[k].seed}


_WHICH = [("group", pa.string()), ("beta", pa.float64()), ("seed", pa.int64())]
_RESULTS = pa.schema(
    [
        *_WHICH,
        ("steps", pa.int64()),
        ("finite", pa.bool_()),
        *((name, pa.float64()) for name in ("kl_nats", "posterior_std", "squared_error")),
        *((name, pa.int64()) for name in ("active", "active_kl", "active_variance")),
        ("reason", pa.string()),
    ]
)
_LATENTS = pa.schema(
    [*_WHICH, ("latent", pa.int64()), *((name, pa.float64()) for name in ("kl_nats", "posterior_std"))]
)


def _table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=schema)


def _spectrum_table(data: DataSet) -> pa.Table:
    """The variances, and the β at which linear theory has the k-th latent collapse."""
    variances = spectrum(data)
    return pa.table({"variance": variances.numpy(), "collapse_beta": (variances / VARIANCE).numpy()})
