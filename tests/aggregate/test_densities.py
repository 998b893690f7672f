"""Densities of the aggregate posterior against float64 brute force."""

import pytest
import torch

import pyvae
import pyvae.aggregate.densities as aggregate_module
from tests.aggregate.posteriors import D, N, brute_force, encoded


@pytest.mark.parametrize("chunk", [1, 7, 100, 641, N, 2**17])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-5), (torch.float64, 1e-12)])
def test_densities_are_the_mixture_of_all(chunk: int, dtype: torch.dtype, tolerance: float) -> None:
    mu, logvar = encoded(dtype=dtype)
    posterior = pyvae.aggregate_posterior(mu, logvar, chunk=chunk)
    z = posterior.sample(73, seed=0).z
    joint, marginals = brute_force(z, mu, logvar)
    assert posterior.joint_log_density(z).dtype == posterior.marginal_log_density(z).dtype == dtype
    torch.testing.assert_close(posterior.joint_log_density(z).double(), joint, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(posterior.marginal_log_density(z).double(), marginals, rtol=tolerance, atol=tolerance)


def test_densities_far_from_every_posterior() -> None:
    mu, logvar = encoded()
    z = torch.tensor([-40.0, 0.0, 25.0])[:, None].expand(3, D).contiguous()
    joint, marginals = brute_force(z, mu, logvar)
    for chunk in (100, 2**17):
        posterior = pyvae.aggregate_posterior(mu, logvar, chunk=chunk)
        torch.testing.assert_close(posterior.joint_log_density(z).double(), joint, rtol=2e-5, atol=0)
        torch.testing.assert_close(posterior.marginal_log_density(z).double(), marginals, rtol=2e-5, atol=0)


def test_more_queries_than_go_to_the_ops_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    posterior = pyvae.aggregate_posterior(*encoded(), chunk=300)
    z = posterior.sample(101, seed=0).z
    expected = posterior.joint_log_density(z), posterior.marginal_log_density(z)
    monkeypatch.setattr(aggregate_module, "QUERIES", 17)
    assert torch.equal(posterior.joint_log_density(z), expected[0])
    torch.testing.assert_close(posterior.marginal_log_density(z), expected[1], rtol=2e-5, atol=2e-5)


def test_queries_have_any_leading_axes() -> None:
    posterior = pyvae.aggregate_posterior(*encoded())
    z = torch.randn(2, 3, D)
    assert posterior.joint_log_density(z).shape == (2, 3)
    torch.testing.assert_close(posterior.marginal_log_density(z)[1, 2], posterior.marginal_log_density(z[1, 2]))
    assert posterior.joint_log_density(z[0, 0]).shape == ()
    assert posterior.marginal_log_density(z[:0]).shape == (0, 3, D)


def test_answers_carry_no_gradient() -> None:
    mu, logvar = (x.requires_grad_() for x in encoded(50))
    posterior = pyvae.aggregate_posterior(mu, logvar)
    z = torch.randn(4, D, requires_grad=True)
    assert not posterior.marginal_log_density(z).requires_grad
    assert not posterior.joint_log_density(z).requires_grad
    assert not posterior.kl_decomposition(10).mutual_information.value.requires_grad


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_types_are_computed_in_float32(dtype: torch.dtype) -> None:
    mu, logvar = encoded(300, dtype=dtype)
    posterior = pyvae.aggregate_posterior(mu, logvar)
    z = posterior.sample(20, seed=0).z
    assert z.dtype == torch.float32
    upcast = pyvae.aggregate_posterior(mu.float(), logvar.float())
    assert torch.equal(posterior.marginal_log_density(z), upcast.marginal_log_density(z))
    assert posterior.marginal_log_density(z.to(dtype)).dtype == torch.float32
