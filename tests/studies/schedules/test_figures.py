"""Figures show what was measured: nothing below their lower edge is drawn along it."""

import dataclasses
import itertools

import numpy as np
import pyarrow as pa
import pytest

from pyvae.studies.schedules.texts import CAPTIONS, LEAST_KL
from tests.studies.schedules import synthetic

pytest.importorskip("matplotlib")


def test_latents_that_hold_next_to_nothing_leave_the_frame(tmp_path) -> None:
    from pyvae.studies.schedules.figures import latents

    results = synthetic.write_folder(tmp_path)
    rows = [{**row, "kl_nats": 10.0 ** (-2 * row["latent"])} for row in results.latents.to_pylist()]
    (axes,) = latents(dataclasses.replace(results, latents=pa.Table.from_pylist(rows))).axes
    assert axes.get_ylim()[0] == LEAST_KL and len(axes.lines) == len(results.arms)
    for line in axes.lines:
        np.testing.assert_allclose(line.get_ydata(), [1.0, 1e-2, 1e-4, 1e-6])
    assert "A line leaves the frame where latents hold less than 0.001 nats." in " ".join(CAPTIONS["latents"].split())


@pytest.mark.parametrize("name", ["kl_constant", "kl_scheduled", "kl_against_beta"])
def test_curves_have_the_values_that_were_measured(tmp_path, name) -> None:
    """Of models whose KL is 0.01 and 1e-6 nats in turn; points of the end stand on the edge, as captions say."""
    from pyvae.studies.schedules.figures import FIGURES

    turns = itertools.cycle([0.01, 1e-6])
    (axes,) = FIGURES[name](synthetic.write_folder(tmp_path, kl=lambda *_: next(turns))).axes
    assert axes.get_ylim()[0] == LEAST_KL
    drawn = np.concatenate([line.get_ydata() for line in axes.lines if len(line.get_xdata()) > 10])
    assert set(np.unique(drawn)) == {0.01, 1e-6}
    assert "0.001 nats or less" in " ".join(CAPTIONS[name].split())


def test_models_of_no_kl_at_all_are_drawn_too(tmp_path) -> None:
    from pyvae.studies.schedules.figures import draw

    results = synthetic.write_folder(
        tmp_path, synthetic.CONFIG.replaced(betas=(0.0, 1.0), scale=1e-4), kl=lambda *_: 0.0
    )
    assert len(draw(tmp_path)) == len(CAPTIONS) and results.arms


def test_a_beta_that_starts_at_nothing_is_not_drawn_as_one_that_does_not(tmp_path) -> None:
    from pyvae.studies.schedules.figures import schedules

    (axes,) = schedules(synthetic.write_folder(tmp_path)).axes
    assert axes.lines[0].get_ydata()[0] == 0 and axes.get_yscale() == "log"
