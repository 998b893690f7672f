"""The FactorVAE score: whether the latent that varies least tells which factor was held fixed."""

import numpy as np
import numpy.typing as npt

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Labels, Rows
from pyvae.data import DataSet
from pyvae.metrics.codes import Codes
from pyvae.metrics.estimators.columns import Array, Index, standardised
from pyvae.metrics.estimators.fixing import Batches, Encoder, batches, source_of
from pyvae.metrics.estimators.influence import interval_of_votes
from pyvae.metrics.estimators.numbers import share
from pyvae.metrics.estimators.protocols import Protocol, follows_library
from pyvae.metrics.estimators.seeds import check_seed
from pyvae.metrics.factors import Factors
from pyvae.metrics.measured import Measured
from pyvae.ops.arguments import whole

# Of the study of Locatello et al. (2019).
BATCH, TRAIN, TEST, SAMPLE = 64, 10_000, 5_000, 10_000
ABSOLUTE = 0.05
# Shares of a latent's variance below this are rounding: ties, of which the first latent wins.
_NOTHING = 1e-12


def factor_vae_score(
    codes: Codes | Rows | AggregatePosterior | Encoder,
    factors: Factors | Labels | DataSet,
    *,
    batch: int = BATCH,
    train_votes: int = TRAIN,
    test_votes: int = TEST,
    threshold: float = 0.05,
    protocol: Protocol = "paper",
    seed: int = 0,
    progress: bool = False,
) -> Measured:
    r"""FactorVAE score of Kim and Mnih (2018): the accuracy of a majority vote.

    In each of many batches one factor keeps its value. The batch votes for the latent whose variance, over its variance
    everywhere, is least; each latent is given to the factor it is voted for most, and new votes are told by that.

    Two ways to call it: `factor_vae_score(codes, factors)` draws batches among the given rows, best of the whole factor
    grid; `factor_vae_score(encoder, data_set)` draws factors, makes their images and encodes them.

    Args:
        codes: N codes of D latents; or an encoder, images [B, size] -> means [B, D] or (mu, logvar).
        factors: [N] or [N, K]; or a DataSet. A continuous factor is held within one of its 20 bins.
        batch: rows that share a value, at least 2; no row twice, unless the value has fewer.
        train_votes, test_votes: how many batches the latents are given by, and how many are told.
        threshold: latents whose standard deviation is below this share of the largest do not vote.
        protocol: "disentanglement_lib" compares the standard deviation itself with 0.05, as that library's study does,
            so that a code times 0.01 scores 0, and draws rows with replacement.
        seed: fixes the answer to the bit.
        progress: whether a bar is shown, on standard error.

    Returns:
        Measured, at most 1; 0 where no latent votes, as of constant codes. The interval is that of the test votes and,
        of given rows, of rows drawn anew: votes share them, and ten times the votes make it hardly narrower.
        `parts` has `votes` [K, D] of training, `active` [D], `names` [K] of the factors that could be held, and
        `train_accuracy`.

    Raises:
        TypeError: for an encoder without a data set or the reverse, and as Codes.means and Factors.
        ValueError: as there, for a number out of range, and where no factor has a value that two rows share.
    """
    batch, threshold = whole("batch", batch, least=2), share("threshold", threshold)
    train_votes, test_votes = whole("train_votes", train_votes, least=1), whole("test_votes", test_votes, least=1)
    by_library = follows_library(protocol)
    source, rng = source_of(codes, factors, replacement=by_library), np.random.default_rng(check_seed(seed))
    columns = standardised(source.sample(SAMPLE, rng))
    least = ABSOLUTE if by_library else threshold * columns.std.max()
    active = columns.varies & (columns.std >= least)
    settings = {
        "protocol": protocol, "batch": batch, "train_votes": train_votes, "test_votes": test_votes, "seed": seed,
        "pruned": f"std < {ABSOLUTE}" if by_library else f"std < {threshold:g} of the largest",
    }  # fmt: skip
    parts = {"active": active, "names": source.names}
    if not active.any():
        empty = np.zeros((len(source.names), len(active)), dtype=np.int64)
        return Measured(0.0, 0.0, 0.0, 1.0, settings, {**parts, "votes": empty, "train_accuracy": 0.0})

    def votes_of(factor: Index, rng: np.random.Generator) -> tuple[Array, Index | None]:
        found, rows = source.sharing(factor, batch, rng)
        return _votes(found[..., active], columns.std[active]), rows

    train, test = batches(source, (train_votes, test_votes), rng, votes_of, what="votes", progress=progress)
    votes = _counted(train, np.flatnonzero(active), (len(source.names), len(active)))
    told = votes.argmax(0)
    right = told[np.flatnonzero(active)[test.features.astype(int)]] == test.factor
    value, accuracy = float(right.mean()), float(votes.max(0).sum() / train_votes)
    low, high = interval_of_votes(source, test, right)
    return Measured(value, low, high, 1.0, settings, {**parts, "votes": votes, "train_accuracy": accuracy})


def _votes(batch: Array, std: Array) -> Array:
    """The latent of least relative variance of each batch [V, B, D] -> [V]."""
    unit = batch / std
    unit -= unit[:, :1]  # a mean far from 0 would cost digits
    mean = unit.mean(1)
    variance = np.einsum("vbd,vbd->vd", unit, unit) / batch.shape[1] - mean * mean
    variance[variance < _NOTHING] = 0.0
    return np.asarray(variance.argmin(1), dtype=np.float64)


def _counted(votes: Batches, latents: npt.NDArray[np.intp], shape: tuple[int, int]) -> Index:
    cells = votes.factor * shape[1] + latents[votes.features.astype(int)]
    counts = np.bincount(cells, minlength=shape[0] * shape[1])
    return np.asarray(counts.reshape(shape), dtype=np.int64)
