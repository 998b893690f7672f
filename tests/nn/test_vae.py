import numpy as np
import pytest
import torch
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from pyvae.nn import StackedConvVAE, StackedHierarchicalVAE, StackedVAE, stack
from tests.two_processes import in_two_processes


def plain_mlp(layers, model: int, x: torch.Tensor) -> torch.Tensor:
    """What one model of a stack computes, by torch.nn.functional."""
    for place, layer in enumerate(layers):
        x = torch.nn.functional.linear(x, layer.weight[model].T, layer.bias[model, 0])
        x = x.relu() if place < len(layers) - 1 else x
    return x


@pytest.fixture
def vae() -> StackedVAE:
    return StackedVAE(3, 20, hidden=(13, 7), latents=4, seeds=[5, 6, 7])


def test_every_model_is_a_plain_mlp(device, vae) -> None:
    x, z = torch.randn(3, 11, 20), torch.randn(3, 11, 4)
    mu, logvar = vae.encode(x)
    images = vae.decode(z)
    assert mu.shape == logvar.shape == (3, 11, 4) and images.shape == (3, 11, 20)
    for k in range(3):
        assert torch.allclose(torch.cat([mu[k], logvar[k]], -1), plain_mlp(vae.encoder, k, x[k]), atol=1e-6)
        assert torch.allclose(images[k], plain_mlp(vae.decoder, k, z[k]), atol=1e-6)


def test_gradients_are_those_of_the_plain_mlp(device, vae) -> None:
    x = torch.randn(3, 11, 20)
    names, parameters = zip(*vae.encoder.named_parameters(), strict=True)
    stacked = torch.autograd.grad(torch.cat(vae.encode(x), -1).square().sum(), parameters)
    plain = torch.autograd.grad(sum(plain_mlp(vae.encoder, k, x[k]).square().sum() for k in range(3)), parameters)
    for name, a, b in zip(names, stacked, plain, strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-5), name


def test_models_do_not_mix(device, vae) -> None:
    x = torch.randn(3, 5, 20)
    vae.encode(x)[0][1].sum().backward()
    gradient = vae.encoder[0].weight.grad
    assert gradient[1].abs().sum() > 0 and gradient[0].abs().sum() == 0 and gradient[2].abs().sum() == 0


def test_shared_images_are_images_for_each(vae) -> None:
    x = torch.randn(6, 20)
    assert torch.equal(vae.encode(x)[0], vae.encode(x.expand(3, 6, 20).contiguous())[0])


def test_initialisation_depends_on_the_models_own_seed_alone(vae) -> None:
    alone = StackedVAE(1, 20, hidden=(13, 7), latents=4, seeds=torch.tensor([6]))
    for a, b in zip(vae.select([1]).parameters(), alone.parameters(), strict=True):
        assert torch.equal(a, b)


def test_initialisation_is_that_of_torch_linear() -> None:
    layer = StackedVAE(2, 300, hidden=(200,), latents=4, seeds=[0, 1]).encoder[0]
    bound = 300**-0.5
    for parameter in (layer.weight, layer.bias):
        assert parameter.abs().max() <= bound
    assert layer.weight.detach().std().item() == pytest.approx(bound / 3**0.5, rel=0.01)


def test_stack_gathers_copies_in_order(vae) -> None:
    other = StackedVAE(2, 20, hidden=(13, 7), latents=4, seeds=[8, 9])
    gathered = stack([(vae, [2, 0]), (other, [1])])
    assert gathered.models == 3
    for got, a, b in zip(gathered.parameters(), vae.parameters(), other.parameters(), strict=True):
        assert torch.equal(got, torch.stack([a[2], a[0], b[1]]))
        assert got.data_ptr() != a.data_ptr()


CHOICES = {
    "list": [2, 0],
    "negative": [-1, 0],
    "tensor": torch.tensor([2, 0]),
    "int32": torch.tensor([2, 0], dtype=torch.int32),
    "array": np.array([2, 0]),
    "numpy integers": [np.int64(2), np.uint8(0)],
    "topk": torch.tensor([1.0, -5.0, 3.0]).topk(2).indices,
}
MASKS = {
    "bools": [True, False, True],
    "bool tensor": torch.tensor([True, False, True]),
    "bool array": np.array([True, False, True]),
    "comparison": torch.tensor([3.0, 1.0, 2.0]) > 1.5,
}


@pytest.mark.parametrize("name", [*CHOICES, *MASKS])
def test_models_are_chosen_by_anything_that_indexes(vae, name) -> None:
    chosen, expected = (CHOICES[name], [2, 0]) if name in CHOICES else (MASKS[name], [0, 2])
    for got, whole in zip(vae.select(chosen).parameters(), vae.parameters(), strict=True):
        assert torch.equal(got, whole[expected])


def test_a_selection_is_a_copy_of_what_was_there() -> None:
    source = StackedVAE(3, 20, hidden=(13, 7), latents=4, seeds=[5, 6, 7]).double().eval()
    source.encoder.requires_grad_(False)
    chosen = source.select([1])
    assert not chosen.training
    for got, whole in zip(chosen.parameters(), source.parameters(), strict=True):
        assert got.dtype == torch.float64 and got.requires_grad == whole.requires_grad and torch.equal(got, whole[1:2])
    assert (
        source.to(torch.bfloat16).select([0]).encode(torch.zeros(2, 20, dtype=torch.bfloat16))[0].dtype
        == torch.bfloat16
    )
    meta = StackedVAE(3, 20, hidden=(13, 7), latents=4).to("meta")
    assert all(parameter.is_meta for parameter in meta.select([2, 1]).parameters())


def test_a_stack_is_called_for_all_it_makes(vae) -> None:
    x = torch.randn(6, 20)
    out = vae(x, seed=torch.tensor([1, 2, 3]))
    assert torch.equal(out.mu, vae.encode(x)[0]) and torch.equal(out.decoded, vae.decode(out.z))
    assert torch.equal(out.z, vae(x, seed=torch.tensor([1, 2, 3])).z)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda vae: StackedVAE(1, 20, seeds=[1.5]), "seeds must be whole numbers, got 1.5"),
        (lambda vae: vae.select([1.0]), "indices must be whole numbers, got 1.0"),
        (lambda vae: vae.select(torch.tensor([0.5])), "indices must be whole numbers, got 0.5"),
    ],
)
def test_numbers_that_are_not_whole_are_refused(vae, call, sentence) -> None:
    with pytest.raises(TypeError, match=sentence):
        call(vae)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda vae: StackedVAE(0, 20, seeds=[]), "models must be at least 1, got 0"),
        (lambda vae: StackedVAE(1, 20, hidden=(4, 0), seeds=[1]), "hidden must be at least 1, got 0"),
        (lambda vae: StackedVAE(2, 20, seeds=[1]), r"seeds must hold one seed per model \(2\), got 1"),
        (
            lambda vae: vae.encode(torch.zeros(2, 5, 20)),
            r"x must have shape \[3, B, 20\] or \[B, 20\], got \[2, 5, 20\]",
        ),
        (lambda vae: vae.decode(torch.zeros(5, 4)), r"z must have shape \[3, B, 4\], got \[5, 4\]"),
        (lambda vae: vae.select([]), "parts must choose at least one model"),
        (lambda vae: vae.select([False] * 3), "parts must choose at least one model"),
        (lambda vae: vae.select([3]), "indices must lie between -3 and 2, got 3"),
        (lambda vae: vae.select([True, False]), "indices must hold a bool for each of the 3 models, got 2"),
        (
            lambda vae: stack([(vae, [0]), (StackedVAE(1, 21, (13, 7), 4), [0])]),
            r"parts must share one architecture, got \(inputs, hidden, latents\) of \(20, \(13, 7\), 4\) and \(21,",
        ),
    ],
)
def test_wrong_input_is_one_sentence(vae, call, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        call(vae)


# --- In two processes -------------------------------------------------------------------------------------------------


def images_of(rank: int, models: int = 3) -> torch.Tensor:
    return torch.rand(models, 6, 256, generator=torch.Generator().manual_seed(rank))


def loss_of(model, rank: int, way: str) -> torch.Tensor:
    """By the module's forward, or by its two methods."""
    x = images_of(rank)
    if way == "forward":
        return model(x, seed=torch.arange(3) + 10 * rank).decoded.square().mean()
    return model.decode(model.encode(x)[0]).square().mean()


STACKS = {
    "vae": lambda: StackedVAE(3, 256, hidden=(8,), latents=3, seeds=[1, 2, 3]),
    "conv_vae": lambda: StackedConvVAE(3, (16, 16), latents=2, channels=(3, 4), hidden=8, seeds=[1, 2, 3]),
    "hierarchical": lambda: StackedHierarchicalVAE(3, 256, hidden=(8,), layers=(3, 2), seeds=[1, 2, 3]),
}


def averaged(rank: int) -> list[torch.Tensor]:
    """The gradients that DistributedDataParallel leaves."""
    vae = STACKS["vae"]()
    parallel = torch.nn.parallel.DistributedDataParallel(vae)  # has to live until the backward: it holds the hooks
    loss_of(parallel, rank, "forward").backward()
    return [parameter.grad.numpy() for parameter in vae.parameters()]


def test_distributed_data_parallel_averages_its_gradients() -> None:
    vae = STACKS["vae"]()
    for rank in (0, 1):
        (loss_of(vae, rank, "forward") / 2).backward()
    for found in in_two_processes(__name__, "averaged"):
        for got, parameter in zip(found, vae.parameters(), strict=True):
            assert torch.allclose(torch.tensor(got), parameter.grad, rtol=1e-5, atol=1e-7)


def compare_sharded_and_whole(rank: int) -> None:
    """Three models in two processes, so that parts are uneven: gradients, steps, and what is called beside forward."""
    for name, make in STACKS.items():
        for each_layer in (False, True) if name == "vae" else (False,):
            model, whole = make(), make()
            for layer in [*model.encoder, *model.decoder] if each_layer else []:
                fully_shard(layer, reshard_after_forward=True)
            fully_shard(model, reshard_after_forward=True)
            optimisers = [torch.optim.Adam(each.parameters(), lr=1e-2) for each in (model, whole)]
            for way in ("methods", "forward", "methods"):
                loss_of(model, rank, way).backward()
                (sum(loss_of(whole, other, way) for other in (0, 1)) / 2).backward()
                for got, want in zip(model.parameters(), whole.parameters(), strict=True):
                    assert isinstance(got, DTensor) and (got.grad is None) == (want.grad is None)
                    if want.grad is not None:
                        torch.testing.assert_close(got.grad.full_tensor(), want.grad, rtol=1e-4, atol=1e-6)
                for optimiser in optimisers:
                    optimiser.step()
                    optimiser.zero_grad()
            x = images_of(0)
            torch.testing.assert_close(model.encode(x), whole.encode(x), rtol=1e-4, atol=1e-5)
            if name == "hierarchical":
                torch.testing.assert_close(model.generate(4, seed=3), whole.generate(4, seed=3), rtol=1e-4, atol=1e-5)
            assert not {"encode", "decode", "generate"} & set(vars(model))
            chosen = model.select([2])
            assert type(chosen) is type(whole)
            for got, want in zip(chosen.parameters(), whole.select([2]).parameters(), strict=True):
                torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)
    inside = torch.nn.Sequential(STACKS["vae"]())
    fully_shard(inside)
    with pytest.raises(
        TypeError, match="weight must be a plain tensor where x is one, got a DTensor: give fully_shard"
    ):
        inside[0].encode(images_of(0))


def test_fully_sharded_stacks_are_what_they_are_in_one_process() -> None:
    in_two_processes(__name__, "compare_sharded_and_whole")
