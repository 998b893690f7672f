"""What tests of layers and models share."""

import pytest

from pyvae.nn import products


@pytest.fixture
def own_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers take this package's products, as a measurement may find: of widths that are no multiples of 16 torch's own
    may have other last digits for a model alone than for one among others, on some processors.
    """
    monkeypatch.setattr(products, "faster", lambda: "own")
