"""
A beta-TCVAE on the 1 797 handwritten digits (8x8) that come with scikit-learn, in under a minute on two cores:

    pip install 'pyvae-torch[data]'
    python examples/digits.py runs/digits

It leaves in the folder
    total_correlation.png   the total correlation while training, by minibatch and exact
    traversals.png          what each latent draws
    mig.png                 what each latent tells of the digit, and the exact MIG with its interval
    result.json             every figure of docs/digits.md
"""

import argparse
import json
import time
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn

import pyvae
from pyvae.files import atomic_write_text
from pyvae.losses import BetaTCVAE, gaussian_reconstruction
from pyvae.metrics import Codes, mig
from pyvae.plotting.images import show_rows
from pyvae.plotting.style import FAINT, INK, new_figure, save_png, tidy

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("out", type=Path, help="folder for pictures and result.json")
parser.add_argument("--steps", type=int, default=2000)
parser.add_argument("--seed", type=int, default=0)
arguments = parser.parse_args()
out, steps, seed = arguments.out, arguments.steps, arguments.seed

# -----------------------------------------------------------------------------
# settings
batch_size = 256  # large: the minibatch's total correlation is biased, and less so the larger it is
latents = 10
hidden = 256
beta = 6.0  # weight of the total correlation; mutual information and dimension-wise KL have 1
variance = 0.05  # of a pixel under the decoder; smaller asks for sharper images, and more nats in the code
learning_rate = 2e-3
exact_every = max(1, steps // 10)  # how often all 1 797 posteriors say what the total correlation is
samples = 4000  # of the aggregate posterior, for each exact figure
# -----------------------------------------------------------------------------

torch.set_num_threads(1)  # networks this small gain nothing from more
torch.manual_seed(seed)
started = time.perf_counter()

# data: images [N, 64] with pixels in [0, 1], and the digit that each of them shows
digits = load_digits()
images = torch.tensor(digits.data / 16, dtype=torch.float32)
labels = torch.tensor(digits.target)
N = len(images)

# model
encoder = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latents))
decoder = nn.Sequential(nn.Linear(latents, hidden), nn.ReLU(), nn.Linear(hidden, 64))
objective = BetaTCVAE(dataset_size=N, beta=beta)
optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], learning_rate)


@torch.no_grad()
def posterior_of_all_images():
    mu, logvar = (t.contiguous() for t in encoder(images).chunk(2, dim=-1))
    return pyvae.aggregate_posterior(mu, logvar), mu, logvar


# training; minibatches are all of one size: docs/ops.md says what a last one of few rows does
losses, correlations, exact = [], [], []
for step in range(steps + 1):
    if step % exact_every == 0:
        posterior, _, _ = posterior_of_all_images()
        value, error = posterior.total_correlation(samples, seed=0)
        exact.append((step, float(value), float(error)))
    if step == steps:
        break
    x = images[torch.randperm(N)[:batch_size]]
    mu, logvar = encoder(x).chunk(2, dim=-1)
    z = pyvae.reparameterize(mu, logvar)
    terms = objective(gaussian_reconstruction(x, decoder(z), variance), z, mu, logvar)
    loss = terms.loss.mean()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    losses.append(loss.item())
    correlations.append(terms.total_correlation.mean().item())  # of the same forward pass: nothing is computed twice
    if step % max(1, steps // 10) == 0:
        print(f"step {step:5d}: loss {losses[-1]:7.2f}, total correlation {correlations[-1]:.3f} nats")
trained_in = time.perf_counter() - started

# the trained model: its information in nats, and whether one latent tells the digit more than any other does
posterior, mu, logvar = posterior_of_all_images()
parts = posterior.kl_decomposition(samples, seed=0)
information = posterior.latent_information(samples, seed=0).value
score = mig(Codes(mu, logvar), labels, samples=samples, seed=0)
about_digit = score.parts["information"]
print(f"MIG {score}; mutual information {parts.mutual_information.value:.2f} nats")
print(f"total correlation {parts.total_correlation.value:.3f} ± {parts.total_correlation.standard_error:.3f} nats")

# picture 1: the total correlation while training
figure = new_figure(7.2, 3.6)
axes = figure.add_subplot()
window = min(25, steps)
smooth = torch.tensor(correlations).unfold(0, window, 1).mean(-1)
axes.plot(correlations, color="#56B4E9", alpha=0.35, linewidth=0.6, label="each minibatch")
axes.plot(
    range(window - 1, steps), smooth, color="#0072B2", linewidth=1.6,
    label=f"minibatches of {batch_size} (mss), mean of {window} steps",
)  # fmt: skip
at, values, errors = zip(*exact, strict=True)
axes.errorbar(
    at, values, [2 * error for error in errors], color="#D55E00", marker="o", markersize=5, linestyle="none",
    label=f"exact, all {N} posteriors (bars: two standard errors)", zorder=3,
)  # fmt: skip
axes.axhline(0, color=INK, linewidth=0.8)
axes.set_ylim(top=1.35 * max(*values, *correlations))  # room for the legend
axes.legend(frameon=False, fontsize=9, loc="upper right")
tidy(axes, f"Total correlation of a beta-TCVAE (beta = {beta:g}) on digits", "step", "nats")
save_png(figure, out / "total_correlation.png")

# picture 2: one row a latent, the one that holds most information first; the others stay at the first image's code
order = information.argsort(descending=True)[:8]
start = mu[0]
steps_along = torch.linspace(-2.5, 2.5, 11)
z = start.repeat(len(order), len(steps_along), 1)
for row, latent in enumerate(order):
    z[row, :, latent] = steps_along
with torch.no_grad():
    drawn = decoder(z).clamp(0, 1)
names = [f"z{latent}: {abs(information[latent]):.2f} nats" for latent in order]
title = f"One latent from {steps_along[0]:g} to {steps_along[-1]:g}, the others as of a {labels[0]}"
save_png(show_rows(drawn.numpy(), names, title), out / "traversals.png")

# picture 3: what each latent tells of the digit
figure = new_figure(7.2, 3.4)
axes = figure.add_subplot()
first, second = about_digit.value[:, 0].topk(2).indices.tolist()
colours = ["#0072B2" if latent == first else "#D55E00" if latent == second else FAINT for latent in range(latents)]
reach = 1.96 * about_digit.standard_error[:, 0]
axes.bar(range(latents), about_digit.value[:, 0], yerr=reach, color=colours, ecolor=INK, capsize=2)
axes.set_xticks(range(latents), [f"z{latent}" for latent in range(latents)])
axes.axhline(0, color=INK, linewidth=0.8)
title = f"Exact MIG of the digit: {score.value:.3f} ({score.low:.3f} to {score.high:.3f})"
tidy(axes, title, "latent; blue tells most, orange second, and the gap is between these", "I(latent; digit), nats")
axes.grid(axis="x", visible=False)
save_png(figure, out / "mig.png")

# figures
result = {
    "settings": {
        "N": N, "batch_size": batch_size, "latents": latents, "hidden": hidden, "beta": beta, "variance": variance,
        "learning_rate": learning_rate, "steps": steps, "seed": seed, "samples": samples,
        "torch": torch.__version__, "pyvae": pyvae.__version__, "threads": torch.get_num_threads(),
    },
    "seconds": {"training": trained_in, "all": time.perf_counter() - started},
    "loss": {"first": losses[0], "last": sum(losses[-window:]) / window},
    "minibatch_total_correlation": float(smooth[-1]),
    "exact_total_correlation": [{"step": s, "value": v, "standard_error": e} for s, v, e in exact],
    "kl_decomposition": {
        name: {"value": float(part.value), "standard_error": float(part.standard_error)}
        for name, part in parts._asdict().items() if name != "dimwise_kl"
    },
    "latent_information": information.tolist(),
    "mig": {"value": score.value, "low": score.low, "high": score.high},
    "information_about_the_digit": about_digit.value[:, 0].tolist(),
}  # fmt: skip
atomic_write_text(out / "result.json", json.dumps(result, indent=1) + "\n")
print(f"{out}: total_correlation.png, traversals.png, mig.png, result.json; {result['seconds']['all']:.0f} s in all")
