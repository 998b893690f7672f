"""
How noisy estimates of a gradient are, beside what they should be: the score function (REINFORCE), with and without a
baseline, and reparameterised samples, of expectations whose gradients are known. In about ten seconds:

    python examples/gradients.py runs/gradients

It leaves in the folder
    gradients.png   variances of the estimates, measured and in closed form
    result.json     every figure of docs/gradients.md
"""

import argparse
import json
import math
import time
from pathlib import Path

import torch

import pyvae
from pyvae.files import atomic_write_text
from pyvae.losses import sampled_kl
from pyvae.plotting.style import new_figure, save_png, tidy

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("out", type=Path, help="folder for the picture and result.json")
parser.add_argument("--samples", type=int, default=1_000_000, help="of every figure in the table")
parser.add_argument("--seed", type=int, default=0)
arguments = parser.parse_args()
out, samples, seed = arguments.out, arguments.samples, arguments.seed

# -----------------------------------------------------------------------------
# settings; a posterior is q = N(mu, exp(logvar)) of one latent
target = 2.0  # the quadratic is f(z) = (z - target)^2
points = {"collapsed": (0.0, 0.0), "in use": (1.5, -2.0)}  # (mu, logvar)
lines = {  # of posteriors in the picture, by a number from 0 to 1
    "quadratic": lambda share: (1.0, 2 * math.log(0.05 * 40**share)),  # sigma from 0.05 to 2
    "kl": lambda share: (1.5 * share, -2.0 * share),  # from collapsed to in use
}
# -----------------------------------------------------------------------------

torch.set_num_threads(1)
started = time.perf_counter()


# The two expectations under q, of functions of a sample z and the posterior that it is from.
def quadratic(z, mu, logvar):
    return (z - target).square()


def one_sample_kl(z, mu, logvar):
    return sampled_kl(z.unsqueeze(-1), mu.unsqueeze(-1), logvar.unsqueeze(-1))  # log q(z) - log p(z), p = N(0, 1)


# Each way to the gradient gives a number for every sample, of which autograd takes the derivative.
def score_function(f, baseline):
    """(f(z) - baseline) d log q(z): nothing is differentiated but log q."""

    def surrogate(mu, logvar, seed):
        z = pyvae.reparameterize(mu, logvar, seed=seed).detach()
        log_q = -0.5 * ((z - mu).square() * torch.exp(-logvar) + logvar)  # without its constant
        return (f(z, mu, logvar).detach() - baseline) * log_q

    return surrogate


def reparameterised(f):
    """d f(mu + sigma eps), through the sample and through whatever else in f depends on the posterior."""
    return lambda mu, logvar, seed: f(pyvae.reparameterize(mu, logvar, seed=seed), mu, logvar)


def path_only(f):
    """The same without what does not go through the sample, which has mean 0 (Roeder, Wu & Duvenaud 2017)."""
    return lambda mu, logvar, seed: f(pyvae.reparameterize(mu, logvar, seed=seed), mu.detach(), logvar.detach())


def closed_form(mu, logvar, seed):
    return pyvae.gaussian_kl(mu.unsqueeze(-1), logvar.unsqueeze(-1))


PARTS = ("gradient_of_mu", "gradient_of_logvar", "value")


# What theory says. Both functions are f0 + f1 eps + f2 eps^2 of the noise eps ~ N(0, 1), and both gradients of the
# expectation are (f1 / sigma, f2); the variances follow from the moments of eps: 1, 3, 15 and 105.
def expansion_of_quadratic(mu, logvar):
    sigma = math.exp(logvar / 2)
    return (mu - target) ** 2, 2 * (mu - target) * sigma, sigma**2


def expansion_of_kl(mu, logvar):
    return 0.5 * (mu**2 - logvar), mu * math.exp(logvar / 2), 0.5 * math.expm1(logvar)


def score_variance(expansion, logvar, baseline):
    f0, f1, f2 = expansion
    f0 -= baseline
    of_mu = (f0**2 + 6 * f0 * f2 + 15 * f2**2 + 2 * f1**2) / math.exp(logvar)
    return of_mu, 0.5 * f0**2 + 5 * f0 * f2 + 18.5 * f2**2 + 2.5 * f1**2


def path_variance(expansion, logvar):
    _, f1, f2 = expansion
    return 4 * f2**2 / math.exp(logvar), 0.25 * f1**2 + 2 * f2**2


def reparameterised_kl_variance(mu, logvar):
    # The gradients are z and (z sigma eps - 1) / 2.
    variance = math.exp(logvar)
    return variance, 0.25 * mu**2 * variance + 0.5 * variance**2


def ways_for_quadratic(mu, logvar):
    """Every estimator by name, with the variances of its gradients and of its value in closed form."""
    f0, f1, f2 = expansion = expansion_of_quadratic(mu, logvar)
    value = f1**2 + 2 * f2**2
    mean = f0 + f2  # a baseline that is known here; elsewhere it is the mean of what was seen so far
    return {
        "score function": (score_function(quadratic, 0.0), score_variance(expansion, logvar, 0.0), value),
        "score function, baseline": (score_function(quadratic, mean), score_variance(expansion, logvar, mean), value),
        "reparameterised": (reparameterised(quadratic), path_variance(expansion, logvar), value),
    }


def ways_for_kl(mu, logvar):
    f0, f1, f2 = expansion = expansion_of_kl(mu, logvar)
    value, mean = f1**2 + 2 * f2**2, f0 + f2
    score = "score function"
    return {
        score: (score_function(one_sample_kl, 0.0), score_variance(expansion, logvar, 0.0), value),
        f"{score}, baseline": (score_function(one_sample_kl, mean), score_variance(expansion, logvar, mean), value),
        "reparameterised": (reparameterised(one_sample_kl), reparameterised_kl_variance(mu, logvar), value),
        "reparameterised, path only": (path_only(one_sample_kl), path_variance(expansion, logvar), value),
        "closed form": (closed_form, (0.0, 0.0), 0.0),
    }


PROBLEMS = {
    "quadratic": (quadratic, ways_for_quadratic, expansion_of_quadratic),
    "kl": (one_sample_kl, ways_for_kl, expansion_of_kl),
}


def measured(problem, at, count, seed):
    """One row for each estimator: of the gradients of mu and logvar and of the value, each from one sample at a time,
    what `count` samples give and what theory says.
    """
    f, ways, expand = PROBLEMS[problem]
    f0, f1, f2 = expand(*at)
    truths = (f1 / math.exp(at[1] / 2), f2, f0 + f2)
    rows = []
    for name, (surrogate, of_gradients, of_value) in ways(*at).items():
        mu, logvar = (torch.full((count,), number, dtype=torch.float64, requires_grad=True) for number in at)
        gradients = torch.autograd.grad(surrogate(mu, logvar, seed).sum(), (mu, logvar))
        value = closed_form if name == "closed form" else reparameterised(f)
        found = (*gradients, value(mu, logvar, seed).detach())
        row = {"problem": problem, "mu": at[0], "logvar": at[1], "estimator": name}
        for what, values, truth, known in zip(PARTS, found, truths, (*of_gradients, of_value), strict=True):
            variance = (values - values[0]).var().item()  # that of equal values is 0, not that of their mean's rounding
            row[what] = {"mean": values.mean().item(), "truth": truth, "variance": variance, "closed_form": known}
        rows.append(row)
    return rows


def shown(value):
    return "0" if value == 0 else f"{value:#.3g}".rstrip(".")


table = []
for problem in PROBLEMS:
    for name, at in points.items():
        table += (of_point := measured(problem, at, samples, seed))
        print(f"\n{problem}, {name}: mu {at[0]:g}, logvar {at[1]:g}; variances, measured (closed form)")
        print(f"{'':28}{'d/d mu':>20}{'d/d logvar':>20}{'value':>20}")
        for row in of_point:
            texts = (f"{shown(row[part]['variance'])} ({shown(row[part]['closed_form'])})" for part in PARTS)
            print(f"{row['estimator']:28}" + "".join(f"{text:>20}" for text in texts))

# the picture: lines in closed form, points measured, each with noise of its own
few = max(2, samples // 4)
shares = torch.linspace(0, 1, 9).tolist()
curves = {
    problem: [measured(problem, line(share), few, seed + 1 + place) for place, share in enumerate(shares)]
    for problem, line in lines.items()
}
colours = dict(
    zip(ways_for_kl(0.0, 0.0), ["#D55E00", "#E69F00", "#0072B2", "#009E73", "#222222"], strict=True)
)  # for colour-blind eyes
figure = new_figure(9.6, 6.4)
grid = figure.subplots(2, 2)
dense = torch.linspace(0, 1, 201).tolist()
for column, (problem, line) in enumerate(lines.items()):
    known = [PROBLEMS[problem][1](*line(share)) for share in dense]
    for place, (axes, name) in enumerate(zip(grid[:, column], ("mu", "logvar"), strict=True)):
        for estimator, row in zip(known[0], zip(*curves[problem], strict=True), strict=True):
            colour, heights = colours[estimator], [ways[estimator][1][place] for ways in known]
            axes.plot(dense, heights, color=colour, label=estimator)
            axes.plot(shares, [cells[PARTS[place]]["variance"] for cells in row], "o", color=colour, markersize=4)
        if problem == "quadratic":
            axes.set_yscale("log")
            axes.set_xticks(shares[::2], [f"{math.exp(line(share)[1] / 2):.2g}" for share in shares[::2]])
            tidy(axes, f"E (z - {target:g})², gradient of {name}", "sigma of the posterior, mu = 1", "variance")
        else:
            axes.set_yscale("symlog", linthresh=0.1)  # down to 0, which a logarithm has no place for
            axes.set_ylim(bottom=-0.01)
            tidy(axes, f"KL, gradient of {name}", "posterior, from collapsed (0) to in use (1)", "variance")
handles, names = grid[0, 1].get_legend_handles_labels()
figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
save_png(figure, out / "gradients.png")

result = {
    "settings": {
        "samples": samples, "samples_of_curves": few, "seed": seed, "target": target, "points": points,
        "torch": torch.__version__, "pyvae": pyvae.__version__, "threads": torch.get_num_threads(),
    },
    "seconds": time.perf_counter() - started,
    "table": table,
    "curves": curves,
}  # fmt: skip
atomic_write_text(out / "result.json", json.dumps(result, indent=1) + "\n")
print(f"\n{out}: gradients.png, result.json; {result['seconds']:.0f} s in all")
