"""
Does a VAE's ELBO tell a digit that it has never seen? A model for each of the ten digits, which is held out, and each
of three seeds, on the 1 797 handwritten digits (8x8) that come with scikit-learn, and for each seed one that has seen
all digits: what its ELBO tells of a digit is the digit's own look, not that it is new. All 33 train at once:

    pip install 'pyvae-torch[data]'
    python examples/outliers.py runs/outliers

It leaves in the folder
    roc.png          how well each held-out digit is told from the others
    unusual.png      the images that a model finds oddest, one row a held-out digit
    codes.png        one model's codes by t-SNE, the held-out digit among them
    traversals.gif   what its latents draw
    result.json      every figure of docs/pictures.md
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from pyvae import gaussian_kl, pictures
from pyvae.data import Arrays, Bias, Digits, Remove
from pyvae.files import atomic_write_bytes, atomic_write_text
from pyvae.losses import BetaVAE, GaussianReconstruction
from pyvae.nn import StackedVAE
from pyvae.plotting.images import show_rows
from pyvae.plotting.style import FAINT, new_figure, save_png, tidy
from pyvae.training import Recipe, TrainingSettings, product, train

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("out", type=Path, help="folder for pictures and result.json")
parser.add_argument("--steps", type=int, default=3000)
parser.add_argument("--seeds", type=int, default=3)
arguments = parser.parse_args()
out, steps = arguments.out, arguments.steps

# -----------------------------------------------------------------------------
# settings
latents = 10
hidden = (128,)
variance = 0.05  # of a pixel under the decoder
trained_share = 0.8  # of each model's known digits; the others say how odd a known digit looks that it has not seen
drawn_digit = 4  # held out by the model of codes.png and traversals.gif
none = -1  # held out by the control
# -----------------------------------------------------------------------------

torch.set_num_threads(1)  # networks this small gain nothing from more

# data: rows that models train on, but for the held-out digit, and rows that they never see
digits = Digits()
labels = digits.labels()[:, 0]
order = torch.from_numpy(np.random.default_rng(0).permutation(len(labels)))
cut = round(trained_share * len(labels))
seen, unseen = order[:cut], order[cut:]
training = Arrays(digits.test_images(seen), labels[seen], names=["digit"], nominal=["digit"], shape=digits.shape)

# 33 models: what a cell calls its bias is here the digit that its training never draws
recipe = Recipe(
    cells=product([*range(10), none], (1.0,), range(arguments.seeds)),
    settings=TrainingSettings(steps=steps, batch_size=64, learning_rate=1e-3),
    data=training,
    bias=lambda cells: [
        Bias.none if cell.bias == none else Bias(Remove({"digit": [int(cell.bias)]})) for cell in cells
    ],
    model=lambda models, seeds: StackedVAE(models, digits.size, hidden, latents, seeds=seeds),
    likelihood=GaussianReconstruction(variance),
    objective=BetaVAE,
    objective_settings={"warmup_steps": steps // 3},
    axes=("digit", "beta"),
)
trained = train(recipe)


places = {(int(cell.bias), cell.seed): place for place, cell in enumerate(trained.cells)}


def tested(digit: int, held_out: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows to be told apart, and which of them are the digit: on none of them the model trained, so of a digit that was
    not held out they are those that no model trained on, as of the others.
    """
    known, rest = unseen[labels[unseen] != digit], unseen[labels[unseen] == digit]
    odd = torch.nonzero(labels == digit)[:, 0] if held_out else rest
    return torch.cat([known, odd]), torch.cat([torch.zeros(len(known)), torch.ones(len(odd))]).bool()


def control(digit: int, seed: int) -> float:
    """The area by the model of this seed that has seen all digits."""
    model = pictures.OneOfStack(trained.model, places[none, seed])
    chosen, odd = tested(digit, held_out=False)
    score = pictures.negative_elbo(model, digits.test_images(chosen), recipe.likelihood, seed=seed)
    return pictures.roc(score, odd).auc


rows, curves, oddest = [], {}, {}
for (digit, seed), place in places.items():
    if digit == none:
        continue
    model = pictures.OneOfStack(trained.model, place)
    chosen, odd = tested(digit)
    images = digits.test_images(chosen)
    score = pictures.negative_elbo(model, images, recipe.likelihood, seed=seed)
    with torch.no_grad():
        kl = gaussian_kl(*model.encode(images)).double()
    by = {"elbo": score, "kl": kl, "reconstruction": score - kl}  # what the two terms tell alone
    found = {name: pictures.roc(part, odd) for name, part in by.items()}
    areas = {name: round(roc.auc, 4) for name, roc in found.items()}
    interval = [round(found["elbo"].low, 4), round(found["elbo"].high, 4)]
    areas["control"] = round(control(digit, seed), 4)
    rows.append({"digit": digit, "seed": seed, "auc": areas, "interval": interval})
    if seed == 0:
        curves[digit] = found["elbo"]
        top = pictures.unusual(score, 12)
        oddest[digit] = images[top], int(odd[top].sum())

for digit in range(10):
    shown, seen_too = ([row["auc"][name] for row in rows if row["digit"] == digit] for name in ("elbo", "control"))
    spread = f"{min(shown):.3f} to {max(shown):.3f} over {len(shown)} seeds"
    print(f"without {digit}: AUC {np.mean(shown):.3f} ({spread}), by a model that has seen it {np.mean(seen_too):.3f}")
means = {name: float(np.mean([row["auc"][name] for row in rows])) for name in rows[0]["auc"]}
print("mean AUC " + ", ".join(f"{name} {value:.3f}" for name, value in means.items()))

# picture 1: the ROC of each held-out digit, of the first seed
figure = new_figure(5.6, 4.2)
axes = figure.add_subplot()
axes.plot([0, 1], [0, 1], color=FAINT, linestyle=":", linewidth=1.4, label="chance")
for digit, roc in sorted(curves.items(), key=lambda pair: -pair[1].auc):
    axes.plot(
        roc.false_positives, roc.true_positives, color=f"C{digit}", linewidth=1.4, label=f"{digit}: {roc.auc:.3f}"
    )
tidy(axes, "A digit never trained on, told by its ELBO: AUC", "known digits called odd", "held-out digit called odd")
figure.legend(loc="outside right upper", frameon=False, fontsize=9)
save_png(figure, out / "roc.png")

# picture 2: the twelve oddest images of each of these models
names = [f"without {digit}: {hits} of 12 are one" for digit, (_, hits) in oddest.items()]
shown_images = torch.stack([images for images, _ in oddest.values()]).numpy()
save_png(show_rows(shown_images, names, "Images with the lowest ELBO"), out / "unusual.png")

# picture 3: one model's codes, and what its latents draw
model = pictures.OneOfStack(trained.model, places[drawn_digit, 0])
codes = pictures.encoded(model, digits.test_images(unseen))
embedding = pictures.tsne(codes.mu.numpy())
save_png(pictures.draw_embedding(embedding, labels[unseen], "digit", nominal=True), out / "codes.png")
moving = pictures.quantile_traversal(model, codes, torch.zeros(latents))
atomic_write_bytes(out / "traversals.gif", pictures.gif(moving, digits.shape, columns=5))

result = {
    "settings": {"latents": latents, "hidden": hidden, "variance": variance, "steps": steps, "trained": len(seen)},
    "mean_auc": {name: round(value, 4) for name, value in means.items()},
    "rows": rows,
}
atomic_write_text(out / "result.json", json.dumps(result, indent=1) + "\n")
