import json
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

import pyvae
from pyvae import cli
from pyvae.losses import OBJECTIVES
from pyvae.studies import NAMES, asked, memory, study_named
from pyvae.studies.biased_grid import PRESETS, BiasedGridConfig
from tests.studies.biased_grid.tiny import TINY

ROOT = Path(__file__).parents[2]
TINY_SETTINGS = [
    "mus=0", "betas=1", "steps=3", "hidden=16", "latents=4", "blocks=2", "pixels=2", "batch_size=16",
    "validation_images=16", "information_images=32", "sample_images=2", "baseline_runs=1",
]  # fmt: skip


def run(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `pyvae` with these arguments."""
    monkeypatch.setattr(sys, "argv", ["pyvae", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


def tiny_settings() -> list[str]:
    return [word for setting in TINY_SETTINGS for word in ("--set", setting)]


def test_a_study_from_the_command_line_and_again_with_resume(tmp_path, monkeypatch, capsys) -> None:
    out = str(tmp_path / "out")
    code, text, _ = run(monkeypatch, capsys, "study", "--preset", "quick", "--out", out, *tiny_settings())
    assert code == 0 and text.rstrip().endswith(f"report: {out}/report.html")
    config = BiasedGridConfig.from_json((tmp_path / "out" / "config.json").read_text())
    assert (config.preset, config.axes.mus, config.training.steps, config.model.hidden) == ("quick", (0.0,), 3, (16,))
    code, text, _ = run(monkeypatch, capsys, "study", "--out", out, "--resume")
    assert code == 0 and "training" not in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--preset", "fast"], "unknown preset 'fast': expected one of quick, seed, long"),
        (["--set", "step=1"], "unknown field 'step': did you mean steps"),
        (["nonsense"], "unknown study 'nonsense': expected one of biased-grid"),
        (["--set", "steps=soon"], "steps must be a whole number, got 'soon'"),
        (["--set", "betas=1,-5"], "betas must be at least 0, got -5"),
        (["--device", "gpu"], "device must be cpu, cuda or a certain one such as cuda:1, got 'gpu'"),
        (["--device", "mps"], "device must be cpu, cuda or a certain one such as cuda:1, got 'mps'"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(tmp_path, monkeypatch, capsys, arguments, sentence) -> None:
    code, _, errors = run(monkeypatch, capsys, "study", "--out", str(tmp_path / "out"), *arguments)
    assert code == 2 and errors.startswith(f"pyvae: error: {sentence}")
    assert errors.count("\n") == 1 and not (tmp_path / "out").exists()


def test_another_study_in_the_folder_is_exit_2(tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "config.json").write_text(TINY.to_json())
    code, _, errors = run(monkeypatch, capsys, "study", "--out", str(tmp_path), "--set", "steps=3")
    assert code == 2 and "already holds another study (other mus" in errors and errors.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_exit_2(monkeypatch, capsys) -> None:
    code, _, errors = run(monkeypatch, capsys, "study", "--out", "/proc/no/such/place", *tiny_settings())
    assert code == 2 and errors.startswith("pyvae: error: ") and errors.count("\n") == 1


@pytest.mark.parametrize("arguments", [["study", "--out"], ["nonsense"], ["study", "--out", "x", "--threads", "0"]])
def test_mistyped_commands_are_exit_2(monkeypatch, capsys, arguments) -> None:
    code, _, errors = run(monkeypatch, capsys, *arguments)
    assert code == 2 and "Traceback" not in errors


def test_interruption_is_exit_130(tmp_path, monkeypatch, capsys) -> None:
    from pyvae.training.train import Training

    monkeypatch.setattr(Training, "advance", lambda training: (_ for _ in ()).throw(KeyboardInterrupt))
    code, _, errors = run(monkeypatch, capsys, "study", "--out", str(tmp_path), *tiny_settings())
    assert code == 130 and "Traceback" not in errors


def test_a_warm_up_that_outlasts_training_is_warned_of(tmp_path, monkeypatch, capsys) -> None:
    arguments = ["study", "--out", str(tmp_path / "out"), *tiny_settings()]
    _, _, errors = run(monkeypatch, capsys, *arguments, "--set", "warmup_steps=20")
    assert errors == "pyvae: warning: warmup_steps is 20, but training ends after 3, with beta at 10% of its value\n"
    assert "beta at 10% of its value" in (tmp_path / "out" / "findings.md").read_text()


def test_the_study_and_the_folder_have_defaults(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    code, text, _ = run(monkeypatch, capsys, "study", *tiny_settings())
    assert code == 0 and text.rstrip().endswith("report: runs/biased-grid-quick/report.html")
    code, text, _ = run(monkeypatch, capsys, "study", "biased-grid", "--resume")
    assert code == 0 and "training" not in text


OF_OBJECTIVES = {  # settings that keep a tiny run short, and a term that its curves hold
    "beta-vae": ([], "kl"),
    "beta-tcvae": ([], "total_correlation"),
    "factor-vae": (["discriminator=16"], "discriminator"),
    "dip-vae": (["kind=ii"], "off_diagonal"),
    "info-vae": (["kernel=rbf", "scales=1,2"], "mmd"),
    "controlled-capacity": (["schedule=warmup(100%)"], "capacity_gap"),
    "free-nats": (["per=item"], "bounded_kl"),
    "autoencoder": ([], "code_norm"),
    "denoising-autoencoder": (["noise=masking"], "code_norm"),
}


def test_every_objective_has_a_case_here() -> None:
    assert OF_OBJECTIVES.keys() == OBJECTIVES.keys()


@pytest.mark.parametrize("name", OF_OBJECTIVES)
def test_every_objective_trains_by_its_name(tmp_path, monkeypatch, capsys, name) -> None:
    out, (settings, term) = tmp_path / "out", OF_OBJECTIVES[name]
    chosen = [f"objective={name}", "betas=0.5,2", "seeds=0", "batch_size=32", "warmup_steps=0", *settings]
    asked = [word for setting in chosen for word in ("--set", setting)]
    code, text, errors = run(monkeypatch, capsys, "study", "--out", str(out), *tiny_settings(), *asked)
    assert (code, errors) == (0, "") and f"report: {out}/report.html" in text
    kind = OBJECTIVES[name]
    curves, results = pq.read_table(out / "curves.parquet"), pq.read_table(out / "results.parquet")
    assert {term, kind.strength} <= set(curves.column_names)
    assert results[kind.strength].to_pylist() == [0.5, 2.0] and results["finite"].to_pylist() == [True, True]
    assert results["train_kl_nats"].null_count == curves["elbo"].null_count / len(curves) * 2 == 2 * kind.deterministic
    findings, page = (out / "findings.md").read_text(), (out / "report.html").read_text()
    assert (f"objective {name}" in findings) == (name != "beta-vae")
    for told in (findings, page):
        assert f"{kind.symbol} = 0.5" in told and ("β = " in told) == (kind.symbol == "β")
    code, text, _ = run(monkeypatch, capsys, "study", "--out", str(out), "--resume")
    assert code == 0 and "training" not in text


def test_the_config_can_be_seen_before_a_run(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    code, text, _ = run(monkeypatch, capsys, "study", "--preset", "long", "--set", "betas=3", "--show-config")
    config = BiasedGridConfig.from_json(text)
    assert code == 0 and config == PRESETS["long"].overridden(["betas=3"]) and not list(tmp_path.iterdir())


def test_the_version_is_told(monkeypatch, capsys) -> None:
    assert run(monkeypatch, capsys, "--version")[:2] == (0, f"pyvae {pyvae.__version__}\n")
    told = subprocess.run([sys.executable, "-m", "pyvae", "--version"], capture_output=True, text=True, check=True)
    assert told.stdout == f"pyvae {pyvae.__version__}\n"


def test_fields_are_told_with_their_types_and_values(monkeypatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    config = PRESETS["quick"].overridden(["objective=beta-tcvae", "steps=77"])
    _, text, _ = run(monkeypatch, capsys, "study", "--fields", "--set", "objective=beta-tcvae", "--set", "steps=77")
    for name, spec in config.specs().items():
        assert f"{spec.expected}; {spec.shown(config.values()[name])}. {spec.help}"[:60] in text, name


def test_help_shows_how_to_call_it(monkeypatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    code, text, _ = run(monkeypatch, capsys, "study", "--help")
    assert code == 0 and "pyvae study --out runs/mine --resume" in text
    for name in NAMES:
        assert asked(name).endswith("?") and f"{name}: {asked(name)} Presets: quick, " in text


def test_resume_without_a_study_starts_nothing(tmp_path, monkeypatch, capsys) -> None:
    code, _, errors = run(monkeypatch, capsys, "study", "--out", str(tmp_path / "mistyped"), "--resume")
    assert code == 2 and "--resume needs a study to go on with" in errors
    assert not (tmp_path / "mistyped").exists()


CONFIGS = {"biased-grid": TINY, **{name: study_named(name).preset("quick") for name in NAMES[1:]}}


@pytest.mark.parametrize("held", NAMES)
@pytest.mark.parametrize("name", NAMES)
def test_another_study_than_the_folders_is_one_sentence(tmp_path, monkeypatch, capsys, held, name) -> None:
    (tmp_path / "config.json").write_text(CONFIGS[held].to_json())
    for preset in ([], ["--preset", "quick"]):
        resumed = ["study", name, "--out", str(tmp_path), "--resume", "--show-config", *preset]
        code, text, errors = run(monkeypatch, capsys, *resumed)
        if name == held:
            assert code == 0 and json.loads(text)["study"] == held
        else:
            assert code == 2 and errors.count("\n") == 1
            assert re.match(rf"pyvae: error: {tmp_path} holds an? {held} study, not an? {name} one: ", errors)


@pytest.mark.parametrize("held", NAMES)
def test_without_a_name_the_study_of_the_folder_goes_on(tmp_path, monkeypatch, capsys, held) -> None:
    (tmp_path / "config.json").write_text(CONFIGS[held].to_json())
    code, text, _ = run(monkeypatch, capsys, "study", "--out", str(tmp_path), "--resume", "--show-config")
    assert code == 0 and text == CONFIGS[held].to_json()
    (tmp_path / "config.json").unlink()
    code, text, _ = run(monkeypatch, capsys, "study", "--show-config")
    assert code == 0 and json.loads(text)["study"] == NAMES[0]


@pytest.mark.parametrize(
    "settings", ["latents=100000000", "hidden=1000000000", "latents=1000000000000000", "latents=900000"]
)
@pytest.mark.parametrize("name", NAMES)
def test_what_no_memory_holds_is_one_sentence(tmp_path, monkeypatch, capsys, name, settings) -> None:
    monkeypatch.setattr(memory.os, "sysconf", lambda what: 65536)  # a machine of 4 GB
    code, _, errors = run(monkeypatch, capsys, "study", name, "--out", str(tmp_path / "out"), "--set", settings)
    assert code == 2 and errors.count("\n") == 1 and "memory" in errors
    assert errors.startswith("pyvae: error: ") and not (tmp_path / "out").exists()


def test_damaged_results_are_one_sentence(tmp_path, monkeypatch, capsys) -> None:
    out = tmp_path / "out"
    run(monkeypatch, capsys, "study", "--out", str(out), *tiny_settings())
    (out / "results.parquet").write_bytes(b"PAR1")
    code, _, errors = run(monkeypatch, capsys, "study", "--out", str(out), "--resume")
    assert code == 2 and errors.startswith("pyvae: error: ") and "Traceback" not in errors


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_a_device_that_is_not_there_is_one_sentence(tmp_path, monkeypatch, capsys) -> None:
    code, _, errors = run(monkeypatch, capsys, "study", "--out", str(tmp_path / "out"), "--device", "cuda")
    assert code == 2 and errors.startswith("pyvae: error: device cuda cannot be used: ") and errors.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_device_is_where_and_not_what(tmp_path, monkeypatch, capsys) -> None:
    out = tmp_path / "out"
    code, _, _ = run(monkeypatch, capsys, "study", "--out", str(out), "--device", "cpu", *tiny_settings())
    assert code == 0 and "device" not in (out / "config.json").read_text()
    assert json.loads((out / "about.json").read_text())["devices"] == ["cpu"]
    assert re.search(r"steps by (fused|autograd), on cpu", (out / "report.html").read_text())
    code, text, _ = run(monkeypatch, capsys, "study", "--out", str(out), "--resume")
    assert code == 0 and "training" not in text
