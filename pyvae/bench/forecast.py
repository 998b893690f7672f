"""What a case will cost, judged by the largest case measured so far of the same op, direction and provider."""

from pyvae.bench.cases import Case


class Forecast:
    """Costs (seconds, or bytes) that grow with a case's terms."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], tuple[int, float]] = {}

    def learn(self, case: Case, provider: str, cost: float) -> None:
        """Takes in a measured cost; a larger case than before replaces what was known."""
        key = (case.op, case.direction, provider)
        if case.terms >= self._known.get(key, (0, 0.0))[0]:
            self._known[key] = (case.terms, cost)

    def __call__(self, case: Case, provider: str) -> float | None:
        """The expected cost, None where nothing is known yet."""
        known = self._known.get((case.op, case.direction, provider))
        return None if known is None else known[1] * case.terms / known[0]
