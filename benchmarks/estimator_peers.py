"""What other packages' own loss code reports for given codes; estimator_truth.py starts it in the Python that has them.

    python benchmarks/estimator_peers.py codes.npz peers.json

codes.npz holds `dataset_size` and, for each model and minibatch size M, arrays "model/M/z", "model/M/mu" and
"model/M/logvar", [R, M, D] each. peers.json says for each peer which function of which version gave its values, one
for each minibatch, in nats; and for each package that could not be imported why. Needs neither pyvae nor benchmarks.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

WEIGHTS = {"mutual_information": "alpha", "total_correlation": "beta", "dimwise_kl": "gamma"}

Values = dict[str, float]


@dataclass(frozen=True)
class Peer:
    """`values` takes z, mu and logvar of a minibatch and the size of the data set."""

    name: str
    package: str
    function: str
    values: Callable[[Tensor, Tensor, Tensor, int], Values]


def pythae(*, use_mss: bool) -> Peer:
    """Its loss with the weight 1 for one of the three parts and 0 for the others is that part."""
    from pythae.models import BetaTCVAE, BetaTCVAEConfig

    def model(**weights: float) -> BetaTCVAE:
        return BetaTCVAE(BetaTCVAEConfig(input_dim=(1,), latent_dim=1, use_mss=use_mss, **weights))

    models = {
        part: model(**{name: float(name == chosen) for name in WEIGHTS.values()}) for part, chosen in WEIGHTS.items()
    }

    def values(z: Tensor, mu: Tensor, logvar: Tensor, dataset_size: int) -> Values:
        image = torch.zeros(len(z), 1)  # its reconstruction is no part of what is read
        return {
            part: float(model.loss_function(image, image, mu, logvar, z, dataset_size)[2])
            for part, model in models.items()
        }

    function = f"pythae.models.BetaTCVAE.loss_function, use_mss={use_mss}, alpha, beta, gamma = 1 for one part, else 0"
    return Peer(f"pythae, use_mss={use_mss}", "pythae", function, values)


def disent() -> Peer:
    """Its total correlation, which takes no size of the data set; it has no other part."""
    let_torchvision_be_imported()
    from disent.frameworks.vae import BetaTcVae

    def values(z: Tensor, mu: Tensor, logvar: Tensor, dataset_size: int) -> Values:
        return {"total_correlation": float(BetaTcVae._betatc_compute_total_correlation(z, mu, logvar))}

    function = "disent.frameworks.vae.BetaTcVae._betatc_compute_total_correlation"
    return Peer("disent", "disent", function, values)


def let_torchvision_be_imported() -> None:
    """disent imports it; PyPI's build for torch with CUDA has no operators beside a torch without, and only names them.

    Their declaration is enough for the import: no loss calls one.
    """
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for operator in ("nms", "qnms"):
            torch.library.define(f"torchvision::{operator}", "(Tensor dets, Tensor scores, float threshold) -> Tensor")


MAKERS: dict[str, tuple[Callable[[], Peer], ...]] = {
    "pythae": (lambda: pythae(use_mss=True), lambda: pythae(use_mss=False)),
    "disent": (disent,),
}


def rows_of(peer: Peer, codes: dict[str, Tensor], dataset_size: int) -> list[dict[str, object]]:
    """For each model and size a list of values, one for each minibatch, of every quantity that the peer has."""
    rows: list[dict[str, object]] = []
    for case in dict.fromkeys(name.rpartition("/")[0] for name in codes):
        model, _, size = case.rpartition("/")
        batches = zip(*(codes[f"{case}/{part}"] for part in ("z", "mu", "logvar")), strict=True)
        found = [peer.values(z, mu, logvar, dataset_size) for z, mu, logvar in batches]
        values = {quantity: [each[quantity] for each in found] for quantity in found[0]}
        rows.append({"model": model, "M": int(size), "values": values})
    return rows


def report(codes: dict[str, Tensor], dataset_size: int) -> dict[str, object]:
    peers, failed = [], {}
    for package, makers in MAKERS.items():
        try:
            found = [make() for make in makers]
        except Exception as error:  # whatever an installation is missing is the answer
            failed[package] = f"{type(error).__name__}: {error}"
            continue
        for peer in found:
            facts = {"name": peer.name, "version": version(package), "function": peer.function}
            peers.append({**facts, "rows": rows_of(peer, codes, dataset_size)})
    return {"torch": torch.__version__, "peers": peers, "failed": failed}


def main() -> None:
    source, target = map(Path, sys.argv[1:])
    with np.load(source) as held:
        dataset_size = int(held["dataset_size"])
        codes = {name: torch.from_numpy(held[name]) for name in held.files if name != "dataset_size"}
    with torch.no_grad():
        target.write_text(json.dumps(report(codes, dataset_size), indent=1) + "\n")


if __name__ == "__main__":
    main()
