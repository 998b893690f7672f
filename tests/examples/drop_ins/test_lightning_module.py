"""A LightningModule trains to the same parameters, and Lightning refuses the tuple that objectives return."""

import pytest

pytest.importorskip("lightning", reason="needs pip install 'lightning>=2.6.6'")

from lightning.fabric.utilities.exceptions import MisconfigurationException

from examples.drop_ins import lightning_module as client
from examples.drop_ins.compare import difference


def test_before_and_after_train_to_the_same_parameters() -> None:
    found = difference(client, client.before, client.after)
    assert found.losses < 1e-5 and found.parameters < 1e-5
    assert found.moved > 1e-3


class ReturnsTheTuple(client.After):
    def training_step(self, batch, batch_idx: int):
        (x,) = batch
        mu, logvar = self.encoder(x).chunk(2, dim=-1)
        return self.objective(0.5 * (self.decoder(mu) - x).square().sum(-1), mu, mu, logvar)


def test_the_tuple_itself_is_refused() -> None:
    with pytest.raises(MisconfigurationException, match="must return"):
        client.train(ReturnsTheTuple, steps=1)
