"""Protects the grids: every row trains or is refused beforehand, and no run is taken for another.

On a manifest without tasks, so the paper's tasks are not ours.
"""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from depmap_cli.data.corpus import read_corpus
from depmap_cli.domain.paper_tables import BASELINE, PLAIN_NAME, TABLES, network_name
from depmap_cli.errors import DepmapError
from depmap_cli.evaluation.ablation import AblationRow
from depmap_cli.report.evaluation.ablation import render_ablation, write_ablation
from depmap_cli.weights.locations import default_semantic_weights
from depmap_cli.workflows.train import TrainingJob
from tests.support.runs import depmap

pytestmark = pytest.mark.slow

TINY = [
    *("--set", "train.epochs=1", "--set", "train.frames=2", "--set", "train.batch_size=2"),
    *("--set", "train.score_frames=8", "--device", "cpu", "--jobs", "1"),
]


@pytest.fixture(scope="module")
def data(corpus, tmp_path_factory) -> Path:
    """Training and Development of the tiny corpus, of no task."""
    path = tmp_path_factory.mktemp("untold") / "all.csv"
    rows = [
        f"{r.path},{r.subject},{r.session},,{r.split},{r.score}"
        for r in read_corpus(corpus).videos
        if r.split != "Testing"
    ]
    path.write_text("\n".join(["path,subject,session,task,split,score", *rows]) + "\n")
    return path


@pytest.fixture
def ablate(data, cache, monkeypatch, capfd):
    """Runs the command on Table 3: (exit code, stdout, stderr)."""

    def call(*arguments):
        where = ("--data", data, "--cache", cache, "--table", "3", *TINY, "--seeds", "1")
        capfd.readouterr()
        code = depmap(monkeypatch, "ablate", *where, *arguments)
        return code, *(" ".join(text.split()) for text in capfd.readouterr())

    return call


def entries(out):
    """(row, task, of) -> the record of that line of the table."""
    with (out / "table-3-Development.csv").open(newline="") as file:
        return {(r["row"], r["task"], r["of"]): r for r in csv.DictReader(file)}


@pytest.mark.usefixtures("faces_in_process")
def test_rows_are_trained_once_and_never_taken_for_others(ablate, data, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    out = tmp_path / "grid"
    rows = (
        "--row",
        "7",
        "--row",
        "1",
        "--out",
        out,
        "--semantic-weights",
        default_semantic_weights(),
    )
    code, told, err = ablate(*rows)
    assert code == 0
    assert "row 1, ResNet-18, seed 3407, run 1 of 2: epoch 1: mse" in err
    assert "row 7, Dep-MAP-34, seed 3407, run 2 of 2: epoch 1: mse" in err
    assert "All clips paper: published values, on AVEC2014 ours: " in told
    assert "ours: measured with this code, on all.csv, Development" in told
    assert "Dep-MAP-34 *" in told
    assert "* the backbone was initialised at random" in told
    found = entries(out)
    assert found["7", "", "seed 3407"]["started_from"] == "random"
    assert found["1", "", "seed 3407"]["started_from"] == "semantics"
    assert {(task, of) for _, task, of in found} == {
        *(("", "seed 3407"), ("Northwind", "paper"), ("Freeform", "paper"))
    }
    stored = out / "resnet-18" / "seed-3407" / "Development-evaluation.json"
    rmse = json.loads(stored.read_text())["agreement"]["clips"]["estimates"]["rmse"]["value"]
    assert float(found["1", "", "seed 3407"]["rmse"]) == pytest.approx(rmse, abs=1e-4)
    as_json = json.loads((out / "table-3-Development.json").read_text())
    assert [line["of"] for line in as_json["figures"]] == [of for _, _, of in found]

    before = os.stat(stored)
    assert ablate(*rows)[0] == 0
    assert os.stat(stored) == before  # neither trained nor evaluated again

    code, _, err = ablate(*rows, "--set", "train.epochs=2")
    assert code == 2
    assert "resnet-18/seed-3407 is a run with other settings" in err
    other = tmp_path / "all.csv"
    other.write_text(data.read_text().replace("Development,5\n", "Development,6\n"))
    code, _, err = ablate(*rows, "--data", other)
    assert code == 2
    assert "resnet-18/seed-3407 is a run with other data" in err

    stored.write_text(stored.read_text()[:1000])  # as left by a full disk
    assert ablate("--row", "1", "--out", out)[0] == 0
    assert float(entries(out)["1", "", "seed 3407"]["rmse"]) == pytest.approx(rmse, abs=1e-4)
    assert json.loads(stored.read_text())["n_clips"] == 3


@pytest.fixture
def configs(monkeypatch):
    """Settings of the runs that would be trained; each ends the command."""
    found = []

    def record(job):
        found.append(job.options.config)
        raise DepmapError("recorded")

    monkeypatch.setattr(TrainingJob, "train", record)
    return found


def test_a_row_is_the_network_it_is_called_whatever_the_file_says(ablate, configs, tmp_path):
    file = tmp_path / "plain.yaml"
    switches = {**dict.fromkeys(BASELINE, False), "backbone": "resnet34", "scales": [4]}
    file.write_text(json.dumps({"model": {**switches, "token_dim": 32}}))
    for number in range(1, 9):
        ablate("--row", number, "--config", file, "--out", tmp_path / "grid")
    assert [network_name(config.model) for config in configs] == [
        PLAIN_NAME,
        "Dep-MAP without emotional, esa, sdpm, kdm, map, signals",
        "Dep-MAP without sdpm, kdm, map",
        "Dep-MAP without kdm",
        "Dep-MAP without map",
        *["Dep-MAP"] * 3,
    ]
    backbones = [config.model.backbone for config in configs]
    assert backbones == ["resnet18"] * 6 + ["resnet34", "resnet50"]
    assert {(config.model.scales, config.model.token_dim) for config in configs} == {
        ((1, 2, 3, 4), 32)
    }


def test_a_row_that_cannot_go_on_is_told_before_the_first(ablate, configs, tmp_path):
    started = tmp_path / "grid" / "dep-map-34" / "seed-3407"
    started.mkdir(parents=True)
    (started / "weights.safetensors").touch()
    code, _, err = ablate("--row", "1", "--row", "7", "--out", tmp_path / "grid")
    assert (code, configs) == (1, [])
    assert f"--out {started}: holds weights.safetensors but no state.safetensors" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--row", "1", "--row", "9"), "--row 9: Table 3 has no such row give rows from 1 to 8"),
        (("--row", "0"), "--row 0: Table 3 has no such row"),
        (("--set", "train.freeze_backbone=true"), "row 7, Dep-MAP-34: the image encoder"),
        (("--set", "model.sdpm=false", "--set", "model.kdm=false"), "sdpm"),
    ],
)
def test_what_cannot_be_trained_is_told_before_the_first_row(ablate, tmp_path, arguments, words):
    code, _, err = ablate(*arguments, "--out", tmp_path / "grid")
    assert code == 2
    assert words in err.replace("hint: ", "")
    assert not (tmp_path / "grid").exists()


def test_the_table_tells_mean_and_deviation_of_several_seeds(tmp_path):
    runs = np.array([[9.0, 7.0, 0.5, np.nan], [11.0, 8.0, 0.7, 0.4]])
    row = AblationRow(
        number=6,
        variant=TABLES[3][5],
        started_from="semantics",
        seeds=(1, 2),
        metrics={"": runs, "Freeform": runs},
    )
    console = Console(width=120, record=True, file=(tmp_path / "none").open("w"))
    render_ablation(console, [row], "mine, Development")
    text = console.export_text()
    lines = [line.split() for line in text.splitlines() if "Dep-MAP" in line]
    everything, northwind, freeform = ([w for w in line if w not in "│┃"] for line in lines)
    ours = ["10.00", "7.50", "0.60", "-"]
    assert everything == ["Dep-MAP", *"----", *ours]
    assert northwind == ["Dep-MAP", "6.25", "5.25", "0.95", "0.79", *"----"]
    assert freeform == ["Dep-MAP", "7.42", "5.60", "0.91", "0.69", *ours]
    assert "±1.41" in text
    assert "*" not in text


def test_no_variant_in_the_files_needs_a_guard_against_formulas(tmp_path):
    rows = [
        AblationRow(number=i + 1, variant=v, started_from="semantics", seeds=(1,), metrics={})
        for i, v in enumerate(TABLES[3])
    ]
    write_ablation(rows, tmp_path, 3, "mine", "Development")
    with (tmp_path / "table-3-Development.csv").open(newline="") as file:
        names = list(dict.fromkeys(r["variant"] for r in csv.DictReader(file)))
    assert names[:4] == ["ResNet-18", "with MSR", "with ESA", "with SDPM, MAP"]
    stored = json.loads((tmp_path / "table-3-Development.json").read_text())["figures"]
    assert list(dict.fromkeys(r["variant"] for r in stored)) == names
