"""
A beta-TCVAE with a posterior bank, in a loop of one's own over a DataLoader that says which images it gives; on the
1 797 handwritten digits (8x8) that come with scikit-learn, in half a minute:

    pip install 'pyvae-torch[data]'
    python examples/bank.py runs/bank

Minibatches are of 32 images, and the last one of each epoch of 5. It leaves in the folder
    total_correlation.png   each epoch's mean, as the bank says and as the same minibatches say by mss, beside the exact
    result.json             the curves, and the mutual information by minibatches of 5
"""

import argparse
import json
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import pyvae
from pyvae.files import atomic_write_text
from pyvae.losses import BetaTCVAE, gaussian_reconstruction
from pyvae.plotting.style import INK, new_figure, save_png, tidy

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("out", type=Path, help="folder for the picture and result.json")
parser.add_argument("--epochs", type=int, default=60)
parser.add_argument("--seed", type=int, default=0)
arguments = parser.parse_args()
out, epochs, seed = arguments.out, arguments.epochs, arguments.seed

# -----------------------------------------------------------------------------
# settings
batch_size = 32
latents = 10
hidden = 256
beta = 6.0  # weight of the total correlation
variance = 0.05  # of a pixel under the decoder
learning_rate = 1e-3
# -----------------------------------------------------------------------------

torch.set_num_threads(1)  # networks this small gain nothing from more
torch.manual_seed(seed)

# data: every image beside its number, so that the loader gives both
images = torch.tensor(load_digits().data / 16, dtype=torch.float32)
N = len(images)
loader = DataLoader(TensorDataset(images, torch.arange(N)), batch_size, shuffle=True)

# model
encoder = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latents))
decoder = nn.Sequential(nn.Linear(latents, hidden), nn.ReLU(), nn.Linear(hidden, 64))
optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], learning_rate)

# the bank has a row for every image, and is the objective's
objective = BetaTCVAE(bank=pyvae.PosteriorBank(N, latents), beta=beta)

curves = {"epoch": [], "bank": [], "mss": [], "exact": []}
short = {"bank": [], "mss": []}  # mutual information by the last minibatch of 5, in the later half of the epochs
for epoch in range(1, epochs + 1):
    logged = {"bank": [], "mss": []}
    for x, index in loader:
        mu, logvar = encoder(x).chunk(2, dim=-1)
        z = pyvae.reparameterize(mu, logvar)
        terms = objective(gaussian_reconstruction(x, decoder(z), variance), z, mu, logvar, index=index)
        optimiser.zero_grad()
        terms.loss.mean().backward()
        optimiser.step()
        with torch.no_grad():  # only to compare
            by_mss = pyvae.kl_decomposition(z, mu, logvar, dataset_size=N)
        logged["bank"].append(terms.total_correlation.mean().item())
        logged["mss"].append(by_mss.total_correlation.mean().item())
        if len(x) < batch_size and 2 * epoch > epochs:
            short["bank"].append(terms.mutual_information.mean().item())
            short["mss"].append(by_mss.mutual_information.mean().item())
    with torch.no_grad():
        aggregate = pyvae.aggregate_posterior(*encoder(images).chunk(2, dim=-1))
        exact = aggregate.kl_decomposition(4000, seed=epoch)
    curves["epoch"].append(epoch)
    curves["exact"].append(exact.total_correlation.value.item())
    for name, values in logged.items():
        curves[name].append(sum(values) / len(values))
    if epoch % 10 == 0 or epoch == epochs:
        told = ", ".join(f"{name} {curves[name][-1]:.2f}" for name in ("bank", "mss", "exact"))
        print(f"epoch {epoch}: total correlation {told}", flush=True)

# -----------------------------------------------------------------------------
# what it leaves
out.mkdir(parents=True, exist_ok=True)
figure = new_figure(6.0, 3.6)
axes = figure.add_subplot()
for name, colour in {"mss": "#D55E00", "bank": "#0072B2"}.items():
    axes.plot(curves["epoch"], curves[name], color=colour, label=name)
axes.plot(curves["epoch"], curves["exact"], color=INK, ls="--", label="exact")
axes.legend(frameon=False)
tidy(axes, xlabel="epoch", ylabel="total correlation (nats)")
save_png(figure, out / "total_correlation.png")
by_five = {name: sum(values) / len(values) for name, values in short.items()}
by_five["exact"] = exact.mutual_information.value.item()
result = {"curves": curves, "mutual_information_by_minibatches_of_five": by_five}
atomic_write_text(out / "result.json", json.dumps(result, indent=1) + "\n")
print("mutual information by minibatches of 5: " + ", ".join(f"{name} {value:.2f}" for name, value in by_five.items()))
