"""What metrics say of a run's models: on which images, each model once, and of deterministic codes by their means."""

import io
import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from rich.console import Console

from pyvae.data import Sprites
from pyvae.metrics import Codes, Factors, mig
from pyvae.metrics.evaluate import chosen_metrics
from pyvae.studies.biased_grid.recipe import recipe
from pyvae.studies.biased_sprites.measures import Recovered
from pyvae.studies.evaluate import evaluate_run
from pyvae.studies.scores import Measuring, Points, Scores, encoded, told_share
from pyvae.studies.side_by_side import measure_all
from pyvae.training import train
from tests.pages.runs import trained_in
from tests.studies.biased_grid.tiny import tiny

SPRITES = Sprites(sizes=(2, 2, 2, 4, 4), side=8)


def test_points_are_some_of_the_test_set_in_its_order_or_as_drawn() -> None:
    some, all_of_them = Points(SPRITES, 50, seed=3), Points(SPRITES, 500, seed=3)
    assert (len(some), some.total, len(all_of_them)) == (50, 128, 128)
    assert torch.equal(all_of_them.values, SPRITES.test_factors())
    torch.testing.assert_close(some.images, SPRITES.images(some.values))
    assert (some.factors.labels == some.values.numpy()).all() and some.factors.nominal == {0}
    drawn, fewer = (Points(SPRITES, count, seed=3, in_order=False).values for count in (50, 7))
    assert torch.equal(drawn[:7], fewer) and not torch.equal(drawn, some.values)
    assert sorted(drawn.tolist()) == sorted(some.values.tolist())


def test_scores_of_some_images_say_so_and_what_it_changes(tmp_path) -> None:
    out = trained_in(tmp_path / "run", tiny("steps=2", "seeds=0"))
    total = len(tiny().grid.test_factors())
    for points, some in ((60, True), (total, False)):
        text = io.StringIO()
        evaluate_run(out, metrics=["modularity"], points=points, console=Console(file=text, width=2000))
        table = pq.read_table(out / "metrics.parquet")
        settings = table["settings"].to_pylist()
        share = {"points": 60, "test_set": total} if some else {"points": total}
        assert all(share.items() <= json.loads(one).items() for one in settings)
        assert all(("test_set" in json.loads(one)) == some for one in settings)
        assert (f"Scores are of 60 of the test set's {total} images" in text.getvalue()) == some
        refused = pa.table({"metric": ["mig"], "settings": pa.array([None], pa.string())})
        both = pa.concat_tables([table.select(["metric", "settings"]), refused])
        assert told_share(both) == (text.getvalue().splitlines()[-1] if some else None)


def test_of_fewer_images_a_code_tells_less_which_and_more_of_their_factors() -> None:
    """As `told_share` says: I(x; z) >= I(j; z | S) on average over subsets, by the chain rule, where x is image j of
    subset S; and these codes, which confuse neighbours, tell the factor of few images better.
    """
    place = np.arange(256)
    draws = np.random.default_rng(0)
    whole, *some = (_told(np.sort(draws.permutation(place)[:count])) for count in (256, *[16] * 20))
    images, factor = np.mean(some, axis=0)
    assert images < whole[0] - 0.3 and max(part[0] for part in some) < math.log(16)
    assert factor > 1.5 * whole[1]


def _told(place: np.ndarray) -> tuple[float, float]:
    """What codes N(place, 9) tell of which of these images they are, and of a factor of two values."""
    codes = Codes(torch.from_numpy(place).float()[:, None], torch.full((len(place), 1), math.log(9.0)))
    factors = Factors((place // 8 % 2)[:, None], ["v"])
    found = Recovered("recovered", mig, ceilings=torch.zeros(len(place), 1)).measure(
        codes, factors, protocol="paper", seed=0
    )
    return float(codes.posterior.kl_decomposition(seed=0).mutual_information.value), found["recovered of v"].value


def test_each_model_is_announced_once_by_how_many_are_known(tmp_path) -> None:
    config = tiny("steps=2", "mus=0")
    made, announced = recipe(config), []
    trained, points = train(made), Points(config.grid, 60)

    def scores(*groups: str) -> list[Scores]:
        metrics = Measuring(chosen_metrics(["modularity", "gaussian_total_correlation"]), points=60)
        return [Scores(tmp_path, group, made, trained, metrics) for group in groups]

    measure_all(scores("second"), points, lambda *told: announced.append(told))
    assert announced == [(k, k + 1, 4) for k in range(4)]
    announced.clear()
    measure_all(scores("first", "second", "third"), points, lambda *told: announced.append(told))
    assert announced == [(k, k + 1, 12) for k in range(4, 12)]
    assert all(not one.open(k) for one in scores("first", "second", "third") for k in range(4))


def test_deterministic_codes_are_measured_by_their_means(tmp_path) -> None:
    config = tiny("objective=autoencoder", "strengths=0", "mus=0", "seeds=0", "steps=12")
    trained, points = train(recipe(config)), Points(config.grid, 200)
    (one,) = [Scores(tmp_path, "", recipe(config), trained, Measuring(chosen_metrics(["mig"]), points=200))]
    one.task(0, points).measure()
    (value,) = one.table()["value"].to_pylist()
    codes = encoded(trained, 0, points.images)
    assert value == mig(Codes(codes.mu), points.factors).value != mig(codes, points.factors).value
