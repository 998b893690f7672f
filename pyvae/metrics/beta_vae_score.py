"""The BetaVAE score: whether differences of codes tell, by a linear classifier, which factor was held fixed."""

import warnings

import numpy as np
import numpy.typing as npt

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Labels, Rows
from pyvae.data import DataSet
from pyvae.metrics.codes import Codes
from pyvae.metrics.estimators.columns import Array, Index, standardised
from pyvae.metrics.estimators.extras import sklearn
from pyvae.metrics.estimators.fixing import Batches, Encoder, batches, source_of
from pyvae.metrics.estimators.influence import interval_of_pairs
from pyvae.metrics.estimators.probes import one_thread
from pyvae.metrics.estimators.protocols import Protocol, follows_library
from pyvae.metrics.estimators.seeds import check_seed
from pyvae.metrics.factors import Factors
from pyvae.metrics.measured import Measured
from pyvae.ops.arguments import whole

# Of the study of Locatello et al. (2019).
BATCH, TRAIN, TEST, SAMPLE = 64, 10_000, 5_000, 10_000
ITERATIONS = 100
# Differences of larger codes are cut off here: the classifier squares them.
LARGEST = 1e100


def beta_vae_score(
    codes: Codes | Rows | AggregatePosterior | Encoder,
    factors: Factors | Labels | DataSet,
    *,
    batch: int = BATCH,
    train_batches: int = TRAIN,
    test_batches: int = TEST,
    protocol: Protocol = "paper",
    seed: int = 0,
    progress: bool = False,
) -> Measured:
    r"""BetaVAE score of Higgins et al. (2017): the accuracy of a linear classifier.

    Each batch of pairs shares one factor, pair by pair. Its feature is the mean of |z - z'| of each latent, and the
    classifier, scikit-learn's LogisticRegression with C = 1, tells which factor it was. Linear classifiers undo much of
    a rotation: of five factors a rotated code has about 0.8, where a code that says nothing has 0.2.

    Two ways to call it: `beta_vae_score(codes, factors)` draws pairs among the given rows, best of the whole factor
    grid; `beta_vae_score(encoder, data_set)` draws factors, makes their images and encodes them.

    Args:
        codes: N codes of D latents; or an encoder, images [B, size] -> means [B, D] or (mu, logvar).
        factors: [N] or [N, K]; or a DataSet. A continuous factor is held within one of its 20 bins.
        batch: pairs of a batch, at least 1.
        train_batches, test_batches: how many the classifier learns from, and how many it tells.
        protocol: "disentanglement_lib" gives the classifier the features as they are, so that its penalty weighs
            latents by their scale, and may pair a row with itself; "paper" standardises them and does not.
        seed: fixes the answer to the bit.
        progress: whether a bar is shown, on standard error.

    Returns:
        Measured, at most 1; for constant codes the chance of the factor that was held most. The interval is that of
        the test batches and, of given rows, of rows drawn anew: batches share them. `parts` has `train_accuracy`,
        `chance` and `names` [K] of the factors that could be held.

    Raises:
        TypeError: for an encoder without a data set or the reverse, and as Codes.means and Factors.
        ValueError: as there, for a number out of range, and where no factor has a value that two rows share.
        ImportError: without scikit-learn.
    """
    batch, train_batches = whole("batch", batch, least=1), whole("train_batches", train_batches, least=1)
    test_batches = whole("test_batches", test_batches, least=1)
    by_library = follows_library(protocol)
    source, rng = source_of(codes, factors, replacement=by_library), np.random.default_rng(check_seed(seed))
    columns = standardised(source.sample(SAMPLE, rng))
    scale = np.ones_like(columns.std) if by_library else columns.std

    def features(factor: Index, rng: np.random.Generator) -> tuple[Array, Index | None]:
        first, second, rows = source.pairs(factor, batch, rng)
        return _differences(first, second, scale), rows

    train, test = batches(source, (train_batches, test_batches), rng, features, what="batches", progress=progress)
    train_accuracy, right = _told(train, test, standardise=not by_library)
    value = float(right.mean())
    low, high = interval_of_pairs(source, test, right)
    settings = {
        "protocol": protocol, "batch": batch, "train_batches": train_batches, "test_batches": test_batches,
        "seed": seed, "probe": f"LogisticRegression, C=1, lbfgs, {ITERATIONS} iterations",
        "features": "as they are" if by_library else "standardised",
    }  # fmt: skip
    chance = float(np.bincount(test.factor).max() / test_batches)
    parts = {"train_accuracy": train_accuracy, "chance": chance, "names": source.names}
    return Measured(value, low, high, 1.0, settings, parts)


def _differences(first: Array, second: Array, scale: Array) -> Array:
    """Mean absolute differences [V, D] of pairs [V, B, D] in units of `scale` [D]; 0 for a latent of scale 0."""
    unit = np.where(scale > 0, scale, np.inf)
    apart = first / unit
    with np.errstate(over="ignore"):  # what overflows is cut off
        apart -= second / unit
    np.clip(np.abs(apart, out=apart), 0, LARGEST, out=apart)
    return np.asarray(apart.mean(1))


def _told(train: Batches, test: Batches, *, standardise: bool) -> tuple[float, npt.NDArray[np.bool_]]:
    """The accuracy of what was learnt from, and which of the others are told right."""
    held, features, unseen = train.factor, train.features, test.features
    if len(np.unique(held)) < 2:  # one factor, or one batch: nothing to learn
        return 1.0, test.factor == held[0]
    if standardise:
        columns = standardised(features)
        scale = np.where(columns.varies, columns.std, np.inf)
        features, unseen = columns.values, (unseen - train.features.mean(0)) / scale
    model = sklearn("linear_model").LogisticRegression(max_iter=ITERATIONS)
    with one_thread(), warnings.catch_warnings(), np.errstate(all="ignore"):
        # That 100 iterations were not enough is part of the protocol and of the settings.
        warnings.simplefilter("ignore")
        model.fit(features, held)
        return float((model.predict(features) == held).mean()), model.predict(unseen) == test.factor
