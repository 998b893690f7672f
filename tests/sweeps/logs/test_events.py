"""The files that TensorBoard reads: numbers are what they are, and what is none is not there."""

import math
from pathlib import Path

import pytest

from pyvae.sweeps.logs.models import Model

events = pytest.importorskip(
    "pyvae.sweeps.logs.events",
    reason="needs TensorBoard, which is not installed: pip install 'pyvae-torch[tensorboard]'",
    exc_type=ImportError,
)


def read(tmp_path: Path, held: bytes):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (tmp_path / "events.out.tfevents.1").write_bytes(held)
    return EventAccumulator(str(tmp_path)).Reload()


def test_what_is_no_finite_number_is_left_out(tmp_path) -> None:
    measures = {"a": 1.5, "nan": math.nan, "inf": -math.inf, "none": None, "double": 1e300, "text": "x", "finite": True}
    model = Model("name", {}, measures, {"status": "finished", "steps_taken": 7})
    points = {1: {"train/loss": 2.0, "train/kl": math.nan}, 5: {"train/loss": math.inf}, 9: {"train/loss": 3.0}}
    held = read(tmp_path, events.run(model, points))
    seen = {tag: [(event.step, event.value) for event in held.Scalars(tag)] for tag in held.Tags()["scalars"]}
    assert seen == {"final/a": [(7, 1.5)], "final/finite": [(7, 1.0)], "train/loss": [(1, 2.0), (9, 3.0)]}


def test_settings_keep_their_kinds(tmp_path) -> None:
    from tensorboard.plugins.hparams import metadata

    settings = {"whole": 64, "number": 0.5, "text": "64,64", "flag": True}
    model = Model("name", settings, {}, {"status": "diverged"})
    content = read(tmp_path, events.run(model, {})).SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    found = metadata.parse_session_start_info_plugin_data(content).hparams
    kinds = {name: value.WhichOneof("kind") for name, value in found.items()}
    expected = {"whole": "number_value", "number": "number_value", "text": "string_value", "flag": "bool_value"}
    assert kinds == expected and {name: getattr(found[name], kinds[name]) for name in found} == settings


def test_columns_have_the_kinds_and_values_of_settings(tmp_path) -> None:
    from tensorboard.plugins.hparams import api_pb2, metadata

    settings = {"rate": [1e-3, None, 1e-2], "kind": ["b", None, "a", "b"], "flag": [True, True], "none": [None]}
    content = read(tmp_path, events.columns(settings, ["mig"])).SummaryMetadata(metadata.EXPERIMENT_TAG)
    found = metadata.parse_experiment_plugin_data(content.plugin_data.content)
    rate, kind, flag, none = found.hparam_infos
    assert (rate.type, rate.domain_interval.min_value, rate.domain_interval.max_value) == (3, 1e-3, 1e-2)
    assert (kind.type, [value.string_value for value in kind.domain_discrete.values]) == (1, ["b", "a"])
    assert flag.type == api_pb2.DATA_TYPE_BOOL and [flag.differs, kind.differs, none.differs] == [False, True, False]
    assert [(info.name.tag, info.display_name) for info in found.metric_infos] == [("final/mig", "mig")]
