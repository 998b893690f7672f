"""dci's fast probe beside scikit-learn's GradientBoostingClassifier: time, and whether both rank codes alike.

    python -m benchmarks.metrics.probes            # probes.json into the results of this machine, about an hour
    python -m benchmarks.metrics.probes --quick    # small ones, two minutes; nothing is written without --out

Five factors of dSprites' sizes and codes of ten latents. The time is that of a whole `dci` of 10 000 points, two thirds
of which train; the boosted one is taken once. Thirty codes of all qualities, of 1000 points, which all train: their
disentanglement and completeness by both probes, and the rank correlation (Spearman) between the two.
"""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from rich.console import Console
from rich.progress import track
from scipy.stats import spearmanr

from benchmarks.script import Script, begin, parser_of
from pyvae.metrics import DCI, dci
from pyvae.metrics.dci import shares, weighted
from pyvae.metrics.estimators.importances import IMPORTANCES, importances

SIZES = (3, 6, 40, 32, 32)
QUICK_SIZES = (3, 4, 5)
FAST, REFERENCE = "tree", "gradient_boosting"
SEED = 0

Array = np.ndarray


# --- Codes ------------------------------------------------------------------------------------------------------------


def drawn_factors(rows: int, sizes: tuple[int, ...]) -> Array:
    rng = np.random.default_rng(SEED)
    return np.stack([rng.integers(size, size=rows) for size in sizes], 1)


def turned(z: Array, degrees: float) -> Array:
    """Two pairs of factors, if there are, each turned in its plane."""
    out, angle = z.copy(), np.radians(degrees)
    for a, b in ((0, 1), (2, 3)):
        if b < z.shape[1]:
            out[:, a] = np.cos(angle) * z[:, a] + np.sin(angle) * z[:, b]
            out[:, b] = np.cos(angle) * z[:, b] - np.sin(angle) * z[:, a]
    return out


def rotated(z: Array, strength: float, rng: np.random.Generator) -> Array:
    """By a rotation of all factors, `strength` of the way from none to a random one."""
    random = np.linalg.qr(rng.normal(size=(z.shape[1], z.shape[1])))[0]
    values, vectors = np.linalg.eig(random - random.T)  # turns are exponentials of antisymmetric matrices
    return z @ np.real(vectors @ np.diag(np.exp(strength * values)) @ np.linalg.inv(vectors))


def thirty_codes(factors: Array) -> dict[str, Array]:
    """By name: perfect, turned, noisy, duplicated, bent, incomplete and mixed, of at least ten latents."""
    rng = np.random.default_rng(SEED + 1)
    z = (factors - factors.mean(0)) / factors.std(0)
    rows, count = z.shape

    def noise(latents: int) -> Array:
        return rng.normal(size=(rows, latents))

    def filled(codes: Array) -> Array:
        return np.concatenate([codes, noise(10 - codes.shape[1])], 1)

    codes = {"perfect": filled(z), "perfect, dead": np.concatenate([z, np.zeros((rows, 10 - count))], 1)}
    codes |= {f"turned by {degrees}": filled(turned(z, degrees)) for degrees in (5, 10, 20, 45)}
    codes |= {f"rotated by {s}": filled(rotated(z, s, np.random.default_rng(7))) for s in (0.1, 0.3, 0.6, 1.0)}
    codes |= {f"noise {std}": filled(z + std * noise(count)) for std in (0.1, 0.3, 0.5, 1.0, 2.0, 4.0)}
    codes["one twice"] = filled(np.concatenate([z, z[:, -1:]], 1))
    codes["all twice, noise 0.3"] = np.concatenate([z, z], 1) + 0.3 * noise(2 * count)
    codes |= {"exp": filled(np.exp(z)), "square": filled(z**2)}
    product, total = z[:, -1] * z[:, -2], z[:, -1] + z[:, -2]
    codes["product and sum"] = filled(np.concatenate([z[:, :-2], product[:, None], total[:, None]], 1))
    codes |= {"nothing": noise(10), "two missing": filled(z[:, : max(1, count - 2)])}
    for share in (1.0, 0.5, 0.4, 0.3, 0.2):
        mixing = rng.normal(size=(count, 10)) * (rng.random((count, 10)) < share)
        codes[f"mixed, {share:.0%} of weights"] = z @ mixing + 0.1 * noise(10)
    stds = np.resize([0.1, 0.5, 0.1, 1.0, 0.3], count)
    codes["unequal noise"] = filled(z + stds * noise(count))
    codes["leaks of 0.2"] = filled(z + 0.2 * np.roll(z, 1, 1))
    assert len(codes) == 30
    return codes


# --- Measuring --------------------------------------------------------------------------------------------------------


def seconds(call: Callable[[], DCI]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def times(rows: int, sizes: tuple[int, ...], repeats: int) -> dict[str, object]:
    factors = drawn_factors(rows, sizes)
    codes = thirty_codes(factors)["noise 0.3"]
    seconds(lambda: dci(codes[:100], factors[:100]))  # scikit-learn is imported once
    fast = statistics.median(seconds(lambda: dci(codes, factors)) for _ in range(repeats))
    boosted = seconds(lambda: dci(codes, factors, probe=REFERENCE))
    return {"rows": rows, "seconds": {FAST: fast, REFERENCE: boosted}, f"{REFERENCE} over {FAST}": boosted / fast}


def scores(probe: str, codes: Array, factors: Array) -> tuple[float, float]:
    """Disentanglement and completeness."""
    used = importances(probe, codes, factors, codes[:2], SEED)
    matrix = shares(np.stack([one.importance for one in used], 1))
    return float(weighted(matrix)), float(weighted(matrix.T))


def ranks(rows: int, sizes: tuple[int, ...], processes: int) -> dict[str, object]:
    factors = drawn_factors(rows, sizes)
    codes = thirty_codes(factors)
    with ProcessPoolExecutor(processes) as pool:
        waiting = [pool.submit(scores, REFERENCE, code, factors) for code in codes.values()]
        bar = track(waiting, description="boosting", console=Console(stderr=True))
        boosted = np.array([one.result() for one in bar])
    fast = np.array([scores(FAST, code, factors) for code in codes.values()])
    found: dict[str, object] = {"rows": rows, "sizes": sizes}
    for k, name in enumerate(("disentanglement", "completeness")):
        found[name] = {
            "rank_correlation": float(spearmanr(fast[:, k], boosted[:, k]).statistic),
            "mean_difference": float(np.abs(fast[:, k] - boosted[:, k]).mean()),
            "largest_difference": float(np.abs(fast[:, k] - boosted[:, k]).max()),
            "of_codes": {
                code: {FAST: float(one), REFERENCE: float(other)}
                for code, one, other in zip(codes, fast[:, k], boosted[:, k], strict=True)
            },
        }
    return found


def report(found: dict[str, object], taken: dict[str, object]) -> None:
    for name in ("disentanglement", "completeness"):
        of_score: dict[str, object] = found[name]  # type: ignore[assignment]
        print(
            f"{name}: rank correlation {of_score['rank_correlation']:.3f} over 30 codes, mean difference "
            f"{of_score['mean_difference']:.3f}, largest {of_score['largest_difference']:.3f}"
        )
    by_probe = ", ".join(f"{name} {value:.2f} s" for name, value in taken["seconds"].items())  # type: ignore[attr-defined]
    print(f"{taken['rows']} rows: {by_probe}, {taken[f'{REFERENCE} over {FAST}']:.0f} times")


def main() -> None:
    parser = parser_of(__doc__, "probes.json")
    parser.add_argument("--quick", action="store_true", help="fewer rows and factors with fewer values")
    parser.add_argument("--rows", type=int, default=1000, help="of the thirty codes")
    parser.add_argument("--processes", type=int, default=2, help="that boost at the same time")
    parser.add_argument("--repeats", type=int, default=7, help="of the fast probe")
    arguments = parser.parse_args()
    script: Script = begin(arguments)
    sizes, rows, timed = (QUICK_SIZES, 300, 1000) if arguments.quick else (SIZES, arguments.rows, 10_000)
    found = ranks(rows, sizes, arguments.processes)
    taken = times(timed, sizes, arguments.repeats)
    report(found, taken)
    if not arguments.quick or arguments.out:
        probes = {name: IMPORTANCES[name].said for name in (FAST, REFERENCE)}
        script.save("probes.json", {"probes": probes, "sizes": sizes, "time": taken, "ranks": found})


if __name__ == "__main__":
    main()
