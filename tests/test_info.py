"""`pyvae info`."""

import json

from typer.testing import CliRunner

import pyvae
from pyvae.cli import commands
from pyvae.info import facts


def test_info_prints_every_fact() -> None:
    result = CliRunner().invoke(commands(), ["info"])
    assert result.exit_code == 0
    for label, value in facts().items():
        assert label in result.output and value in result.output


def test_info_as_json() -> None:
    result = CliRunner().invoke(commands(), ["info", "--json"])
    found = json.loads(result.output)
    assert found.pop("training steps").startswith(("fused (", "autograd ("))
    assert found.pop("stacked layers").startswith(("products by own (", "products by torch ("))
    assert found == facts()


def test_info_follows_the_cap() -> None:
    try:
        pyvae.set_cpu_isa("baseline")
        assert facts()["cpu kernels"].startswith("baseline")
    finally:
        pyvae.set_cpu_isa("avx512")
