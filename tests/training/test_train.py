import dataclasses
import math
import sys

import pytest
import torch
from torch.nn.functional import linear

from pyvae.errors import Interrupted
from pyvae.nn import StackedVAE
from pyvae.ops import reparameterize
from pyvae.training import groups
from pyvae.training.cells import stream
from pyvae.training.checkpoint import Checkpoints
from pyvae.training.chunk import STEPS, Chunk
from pyvae.training.groups import divide
from pyvae.training.optimiser import StackedAdam
from pyvae.training.train import Trained, Training, train
from tests.training.recipes import grid_recipe as grid
from tests.training.recipes import sprite_recipe

AXES = ("mu", "beta")


def assert_same(a: Trained, b: Trained) -> None:
    """Bit for bit, curves included."""
    for p, q in zip(a.model.parameters(), b.model.parameters(), strict=True):
        assert torch.equal(p, q)
    assert a.curves.table(a.cells, AXES).equals(b.curves.table(b.cells, AXES))
    assert torch.equal(a.steps, b.steps) and torch.equal(a.best_step, b.best_step)


def rows(trained: Trained, split: str) -> list[dict]:
    return [row for row in trained.curves.table(trained.cells, AXES).to_pylist() if row["split"] == split]


@pytest.fixture(autouse=True)
def _threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("way", STEPS)
@pytest.mark.parametrize("kl", ["sampled", "closed_form"])
def test_one_model_is_plain_torch(monkeypatch, kl, way) -> None:
    """The whole of training against a plain loop: torch.nn.functional, torch.optim.Adam, losses written out."""
    recipe = grid("mus=2.5", "betas=5", "seeds=0", f"kl={kl}", "beta_warmup_steps=4", "steps=6")
    (cell,) = recipe.cells
    start = Chunk.initialised([cell], [0], recipe, way).model
    parameters = [p[0].detach().clone().requires_grad_() for p in start.parameters()]
    adam = torch.optim.Adam(parameters, lr=recipe.settings.learning_rate)
    factors, pixels, codes = (stream([cell], f"training {what}") for what in ("factors", "pixels", "codes"))
    for step in range(recipe.settings.steps):
        seeds = {"factors": factors + step, "pixels": pixels + step}
        x = recipe.data.draw(recipe.settings.batch_size, seeds, torch.tensor([cell.bias])).images[0]
        w1, b1, w2, b2, w3, b3, v1, c1, v2, c2, v3, c3 = parameters
        head = linear(linear(linear(x, w1.T, b1[0]).relu(), w2.T, b2[0]).relu(), w3.T, b3[0])
        mu, logvar = head[:, :5], head[:, 5:]
        z = reparameterize(mu, logvar, seed=int(codes) + step)
        images = linear(linear(linear(z, v1.T, c1[0]).relu(), v2.T, c2[0]).relu(), v3.T, c3[0])
        reconstruction = ((x - images) ** 2).sum(-1) / (2 * 0.25)
        eps2 = (z - mu) ** 2 / logvar.exp()
        sampled = 0.5 * (z**2 - eps2 - logvar).sum(-1)
        exact = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(-1)
        kl_term = sampled if kl == "sampled" else exact
        loss = (reconstruction + min(1, step / 4) * cell.strength * kl_term).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    monkeypatch.setattr(sys.modules[Training.__module__], "stepping_of", lambda *_: way)
    trained = train(recipe)
    for p, q in zip(trained.model.parameters(), parameters, strict=True):
        assert torch.allclose(p[0], q, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("patience", ["none", "1"])
def test_a_stacked_model_equals_the_same_model_alone(patience) -> None:
    recipe = grid(f"patience={patience}", "validate_every=2", "steps=41")
    together = train(recipe)
    for place, cell in enumerate(together.cells):
        alone = train(
            grid(
                f"patience={patience}", "validate_every=2", "steps=41",
                f"mus={cell.bias}", f"betas={cell.strength}", f"seeds={cell.seed}",
            )
        )  # fmt: skip
        for p, q in zip(together.model.parameters(), alone.model.parameters(), strict=True):
            assert torch.equal(p[place], q[0])
        assert (together.steps[place], together.best_step[place]) == (alone.steps[0], alone.best_step[0])


def test_sizes_that_are_no_multiples_of_16_are_equal_to_rounding() -> None:
    odd = ("hidden=33,17", "batch_size=7", "steps=5")
    together, alone = train(grid(*odd)), train(grid(*odd, "mus=2.5", "betas=5", "seeds=1"))
    for p, q in zip(together.model.parameters(), alone.model.parameters(), strict=True):
        assert torch.allclose(p[-1], q[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("patience", ["none", "1"])
def test_chunks_and_threads_change_nothing(monkeypatch, patience) -> None:
    recipe = grid(f"patience={patience}", "validate_every=2", "steps=41")
    reference = train(recipe)
    for size, threads in ((1, 1), (2, 2), (3, 3), (16, 1)):
        monkeypatch.setattr(groups, "MODELS_PER_CHUNK", dict.fromkeys(STEPS, size))
        torch.set_num_threads(threads)
        assert_same(train(recipe), reference)
        assert torch.get_num_threads() == threads


def test_training_raises_the_elbo() -> None:
    trained = train(grid("steps=400", "learning_rate=0.002", "betas=1", "validate_every=10", "validation_images=1024"))
    for cell in trained.cells:
        elbo = [
            row["elbo"] for row in rows(trained, "validation") if row["mu"] == cell.bias and row["seed"] == cell.seed
        ]
        assert elbo[0] < elbo[-1]
        # 36 pixels of noise cost 18 nats; decoding the mean image adds 36 Var(sigmoid(z)) / 0.5: 3.1 at mu = 0.
        assert 18 * 0.97 < -elbo[-1] < (18 + 3.1) * 1.05


def test_curves_hold_every_point_and_their_terms_add_up() -> None:
    recipe = grid("beta_warmup_steps=100")
    trained = train(recipe)
    train_rows, validation_rows = rows(trained, "train"), rows(trained, "validation")
    assert [row["step"] for row in train_rows] == [5, 10, 15, 20, 23] * 8
    assert [row["step"] for row in validation_rows] == [10, 20, 23] * 8
    for row in train_rows + validation_rows:
        assert row["elbo"] == pytest.approx(-(row["reconstruction"] + row["kl"]))
    for row in validation_rows:
        assert row["loss"] == pytest.approx(row["reconstruction"] + row["beta"] * row["kl"], rel=1e-5)
    scale = sum(step / 100 for step in range(5)) / 5
    first = train_rows[0]
    assert first["loss"] - first["reconstruction"] == pytest.approx(first["beta"] * scale * first["kl"], rel=0.5)


def test_patience_stops_each_model_and_keeps_its_best() -> None:
    recipe = grid("patience=2", "validate_every=2", "steps=400", "learning_rate=0.02", "validation_images=64")
    trained = train(recipe)
    assert len(set(trained.steps.tolist())) > 1 and int(trained.steps.max()) < 400
    for place, cell in enumerate(trained.cells):
        losses = {
            row["step"]: row["loss"] for row in rows(trained, "validation")
            if (row["mu"], row["beta"], row["seed"]) == (cell.bias, cell.strength, cell.seed)
        }  # fmt: skip
        best, last = int(trained.best_step[place]), int(trained.steps[place])
        assert losses[best] == min(losses.values()) and last == max(losses) == best + 2 * 2
        chunk = Chunk([cell], [place], recipe, trained.model.select([place]), "autograd")
        assert float(chunk.validate()[-1]) == pytest.approx(losses[best], rel=1e-6)


def test_patience_waits_for_the_warm_up() -> None:
    trained = train(grid("patience=1", "validate_every=2", "steps=60", "learning_rate=0.02", "beta_warmup_steps=30"))
    assert int(trained.best_step.min()) >= 30
    short = train(grid("patience=1", "validate_every=2", "steps=9", "beta_warmup_steps=30"))
    assert short.best_step.tolist() == short.steps.tolist() == [9] * 8


@pytest.mark.parametrize("step", STEPS)
def test_a_model_that_diverges_leaves_the_others_alone(step) -> None:
    recipe = grid()
    chunk = Chunk.initialised(recipe.cells[:2], [0, 1], recipe, step)
    with torch.no_grad():
        next(chunk.model.parameters())[0].fill_(float("nan"))
    chunk.run(0, 1)
    healthy = Chunk.initialised(recipe.cells[1:2], [1], recipe, step)
    healthy.run(0, 1)
    for p, q in zip(chunk.model.parameters(), healthy.model.parameters(), strict=True):
        assert torch.equal(p[1], q[0])


def test_a_stop_comes_at_a_step_boundary() -> None:
    with pytest.raises(Interrupted, match="stopped at step 0 of 23"):
        train(grid(), should_stop=lambda: True)


@pytest.mark.parametrize("size", [1, 5, 16, 31, 64])
def test_adam_is_torchs(size) -> None:
    ours, torchs = (torch.nn.Parameter(torch.ones(3, 1, size)) for _ in range(2))
    stacked, plain = StackedAdam([ours], 0.01), torch.optim.Adam([torchs], lr=0.01)
    for _ in range(5):
        gradient = torch.randn(3, 1, size)
        ours.grad, torchs.grad = gradient.clone(), gradient.clone()
        stacked.step()
        plain.step()
    assert torch.allclose(ours, torchs, rtol=1e-6) and ours.grad is None
    first, second = stacked.moments()[0]
    assert torch.allclose(first, plain.state[torchs]["exp_avg"], rtol=1e-5, atol=1e-7)
    assert torch.allclose(second, plain.state[torchs]["exp_avg_sq"], rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("models", [1, 2, 5, 16, 17, 33, 55, 165])
@pytest.mark.parametrize("threads", [1, 2, 7, 64])
@pytest.mark.parametrize("step", STEPS)
def test_chunks_cover_all_models_evenly(models, threads, step) -> None:
    most = groups.MODELS_PER_CHUNK[step]
    chunks = divide(models, threads, most)
    sizes = [len(chunk) for chunk in chunks]
    assert [k for chunk in chunks for k in chunk] == list(range(models))
    assert max(sizes) <= most and max(sizes) - min(sizes) <= 1
    assert len(chunks) == min(models, math.ceil(len(chunks) / threads) * threads)


def test_another_data_set_and_objective_train_by_the_same_engine() -> None:
    """beta-TCVAEs of sprites: every term has its curve, the parts add up, and the ELBO rises."""
    recipe = sprite_recipe(steps=400, learning_rate=3e-3, validate_every=20)
    trained = train(recipe)
    table = trained.curves.table(trained.cells, recipe.axes)
    assert table.column_names == [
        "bias", "beta", "seed", "step", "elbo", "reconstruction", "kl", "mutual_information", "total_correlation",
        "dimwise_kl", "loss", "split",
    ]  # fmt: skip
    for row in table.to_pylist():
        parts = row["mutual_information"] + row["total_correlation"] + row["dimwise_kl"]
        assert row["kl"] == pytest.approx(parts, abs=1e-3)
        weighted = row["mutual_information"] + row["beta"] * row["total_correlation"] + row["dimwise_kl"]
        assert row["loss"] == pytest.approx(row["reconstruction"] + weighted, rel=1e-4)
    for cell in trained.cells:
        elbo = [
            row["elbo"] for row in table.to_pylist()
            if row["split"] == "validation" and (row["beta"], row["seed"]) == (cell.strength, cell.seed)
        ]  # fmt: skip
        assert elbo[-1] > elbo[0] + 10


def test_models_of_another_recipe_train_alone_as_in_company() -> None:
    together = train(sprite_recipe())
    for place, cell in enumerate(together.cells):
        alone = train(dataclasses.replace(sprite_recipe(), cells=(cell,)))
        for p, q in zip(together.model.parameters(), alone.model.parameters(), strict=True):
            assert torch.equal(p[place], q[0])


class Told:
    """A progress that keeps what it is told of models that diverged."""

    def __init__(self) -> None:
        self.lost: list[tuple[int, list[str], bool]] = []

    def start(self, models: int, steps: int, step: int) -> None: ...

    def advance(self, step: int, models: int, elbo: float | None) -> None: ...

    def diverged(self, step: int, models: list[str], stopped: bool) -> None:
        self.lost.append((step, models, stopped))


def test_models_that_diverge_are_told_when_it_happens_and_training_stops_when_none_is_left(tmp_path) -> None:
    told = Told()
    recipe = grid("learning_rate=1e30", "steps=1000", "betas=5", "seeds=0")
    trained = train(recipe, progress=told, checkpoints=Checkpoints(tmp_path))
    assert told.lost == [(5, ["mu 0, beta 5, seed 0", "mu 2.5, beta 5, seed 0"], True)]
    assert trained.steps.tolist() == [5, 5]
    again = train(recipe, checkpoints=Checkpoints(tmp_path))  # it is over after a resume, too
    table = trained.curves.table(trained.cells, AXES)
    assert again.steps.tolist() == [5, 5] and again.curves.table(again.cells, AXES).equals(table)
    assert table["loss"].null_count == table.num_rows > 0


def test_one_model_that_diverges_stops_nothing() -> None:
    told = Told()
    recipe = grid("steps=12")
    whole = train(recipe)

    def broken(models: int, seeds: torch.Tensor | None) -> StackedVAE:
        model = recipe.model(models, seeds)
        if seeds is not None and seeds[0] == stream(recipe.cells[:1], "initialisation")[0]:
            with torch.no_grad():
                next(model.parameters())[0].fill_(float("nan"))
        return model

    trained = train(dataclasses.replace(recipe, model=broken), progress=told)
    assert told.lost == [(5, ["mu 0, beta 0.5, seed 0"], False)] and trained.steps.tolist() == [12] * 8
    for p, q in zip(trained.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(p[1:], q[1:])
