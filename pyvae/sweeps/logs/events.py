"""What TensorBoard reads: a run's scalars and its entry in HPARAMS, and what HPARAMS has columns for, as files' bytes.

Written with TensorBoard's own messages and its writer of records, not with torch's SummaryWriter, which names files and
events by the clock, imports TensorFlow where there is one, and repeats the columns of HPARAMS in every run, of which
TensorBoard then shows an arbitrary one's. No time is written, and the same results give the same bytes.
"""

import io
from collections.abc import Mapping, Sequence

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import (
    DATA_TYPE_BOOL,
    DATA_TYPE_FLOAT64,
    DATA_TYPE_STRING,
    STATUS_FAILURE,
    STATUS_SUCCESS,
    Experiment,
    HParamInfo,
    Interval,
    MetricInfo,
    MetricName,
)
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
from tensorboard.summary.writer.record_writer import RecordWriter

from pyvae.sweeps.logs.models import Model, Points, last_step
from pyvae.sweeps.report.axes import Value

FORMAT = Event(file_version="brain.Event:2")
"""The first event of every file: the format in which a later step may come before an earlier one."""
MEASURED = "final"
"""What the tags of measures begin with."""
LARGEST = 3.4028234e38
"""Scalars are in single precision, in which what is larger would be infinite."""


def run(model: Model, points: Points) -> bytes:
    """A model's file: its curves, what was measured of it, and its settings."""
    start = SessionStartInfo(group_name=model.name)  # TensorBoard shows the mean of what is in one group
    for name, value in model.settings.items():
        _set(start, name, value)
    end = SessionEndInfo(status=STATUS_SUCCESS if model.has_finished else STATUS_FAILURE)
    entry = [
        _hparams(metadata.SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=start)),
        _hparams(metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=end)),
    ]
    measures = {f"{MEASURED}/{name}": value for name, value in model.measures.items()}
    return _file(
        [
            Event(summary=Summary(value=entry)),
            *(Event(step=step, summary=_scalars(values)) for step, values in points.items()),
            Event(step=last_step(model, points), summary=_scalars(measures)),
        ]
    )


def columns(settings: Mapping[str, Sequence[Value]], measures: Sequence[str]) -> bytes:
    """The file that says what HPARAMS has columns for: settings, with all of their values, and measures."""
    experiment = Experiment(
        hparam_infos=[_setting(name, values) for name, values in settings.items()],
        metric_infos=[MetricInfo(name=MetricName(tag=f"{MEASURED}/{name}"), display_name=name) for name in measures],
    )
    tagged = _hparams(metadata.EXPERIMENT_TAG, HParamsPluginData(experiment=experiment))
    return _file([Event(summary=Summary(value=[tagged]))])


def _file(events: Sequence[Event]) -> bytes:
    held = io.BytesIO()
    writer = RecordWriter(held)
    for event in (FORMAT, *events):
        writer.write(event.SerializeToString())
    return held.getvalue()


def _scalars(values: Mapping[str, Value]) -> Summary:
    """Those of some values that are numbers, and finite ones: TensorBoard would draw others as if they were."""
    return Summary(
        value=[
            Summary.Value(tag=tag, simple_value=value)
            for tag, value in values.items()
            if isinstance(value, int | float) and abs(value) <= LARGEST
        ]
    )


def _set(start: SessionStartInfo, name: str, value: Value) -> None:
    if isinstance(value, bool):
        start.hparams[name].bool_value = value
    elif isinstance(value, int | float):
        start.hparams[name].number_value = value
    else:
        start.hparams[name].string_value = str(value)


def _setting(name: str, values: Sequence[Value]) -> HParamInfo:
    """A column; of numbers with their range, in which values that come later are not left out."""
    if any(isinstance(value, str) for value in values):
        info = HParamInfo(name=name, type=DATA_TYPE_STRING)
        info.domain_discrete.extend(dict.fromkeys(str(value) for value in values if value is not None))
    elif any(isinstance(value, bool) for value in values):
        info = HParamInfo(name=name, type=DATA_TYPE_BOOL)
        info.domain_discrete.extend([False, True])
    else:
        numbers = [float(value) for value in values if value is not None] or [0.0]
        interval = Interval(min_value=min(numbers), max_value=max(numbers))
        info = HParamInfo(name=name, type=DATA_TYPE_FLOAT64, domain_interval=interval)
    info.differs = len(set(values)) > 1
    return info


def _hparams(tag: str, held: HParamsPluginData) -> Summary.Value:
    """What the plugin has in the metadata of an empty summary; maps in order, so that bytes do not vary."""
    held.version = metadata.PLUGIN_DATA_VERSION
    content = held.SerializeToString(deterministic=True)
    plugin = SummaryMetadata.PluginData(plugin_name=metadata.PLUGIN_NAME, content=content)
    return Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=plugin), tensor=metadata.NULL_TENSOR)
