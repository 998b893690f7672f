"""
A LightningModule, before and after:

    pip install 'lightning>=2.6.6'
    python examples/drop_ins/lightning_module.py

training_step returns a dict with a "loss", one number, so the mean. What an objective of pyvae returns is a NamedTuple,
which Lightning refuses; to log every term, return `{name: term.mean() for name, term in terms._asdict().items()}`.
"""

import lightning
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import pyvae


class VAE(lightning.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 2 * 4))
        self.decoder = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 64))
        self.objective = pyvae.losses.BetaVAE(beta=4.0)
        self.losses: list[float] = []

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1e-3)

    def on_train_batch_end(self, outputs, batch, batch_idx: int) -> None:
        self.losses.append(outputs["loss"].item())


class Before(VAE):
    def training_step(self, batch, batch_idx: int) -> dict[str, Tensor]:
        (x,) = batch
        mu, logvar = self.encoder(x).chunk(2, dim=-1)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)  # before
        reconstruction = 0.5 * (self.decoder(z) - x).square().sum(-1)
        kl = -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(-1)  # before
        return {"loss": (reconstruction + 4.0 * kl).mean()}  # before


class After(VAE):
    def training_step(self, batch, batch_idx: int) -> dict[str, Tensor]:
        (x,) = batch
        mu, logvar = self.encoder(x).chunk(2, dim=-1)
        z = pyvae.reparameterize(mu, logvar)  # after
        reconstruction = 0.5 * (self.decoder(z) - x).square().sum(-1)
        terms = self.objective(reconstruction, z, mu, logvar, step=self.global_step)  # after
        return {"loss": terms.loss.mean()}  # after


def before() -> VAE:
    return Before()


def after() -> VAE:
    return After()


def train(way, seed: int = 0, steps: int = 5) -> tuple[list[float], list[Tensor]]:
    """The loss of each step, and the parameters at the end."""
    torch.manual_seed(seed)
    model, images = way(), TensorDataset(torch.rand(640, 64))
    silent = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = lightning.Trainer(max_steps=steps, accelerator="cpu", enable_model_summary=False, **silent)
    trainer.fit(model, DataLoader(images, batch_size=64, shuffle=True, drop_last=True))
    return model.losses, [parameter.detach() for parameter in model.parameters()]


if __name__ == "__main__":
    for way in (before, after):
        print(way.__name__, train(way)[0])
