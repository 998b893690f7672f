import pytest
import torch


@pytest.fixture
def posterior() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """z, mu and logvar of two stacked models, [2, 31, 5] float64."""
    mu, logvar, eps = torch.randn(3, 2, 31, 5, dtype=torch.float64)
    return mu + (0.5 * logvar).exp() * eps, mu, logvar


@pytest.fixture
def reconstruction() -> torch.Tensor:
    """Its reconstruction terms, [2, 31]."""
    return torch.rand(2, 31, dtype=torch.float64)
