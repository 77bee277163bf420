"""Several runs: mean and standard deviation over seeds, whatever lies between folds."""

import csv

import numpy as np
import pytest

from depmap_cli.training.seed_summary import (
    TrainResult,
    left_out,
    seed_summary_csv,
    seed_summary_rows,
)
from tests.support.runs import SMALL, depmap

pytestmark = pytest.mark.slow


def result(tmp_path, fold, seed, rmse, names=()):
    return TrainResult(
        folder=tmp_path,
        fold=fold,
        seed=seed,
        development={"rmse": rmse, "pcc": 0.5},
        left_out=list(names),
    )


def test_over_seeds_by_hand(tmp_path):
    rows = seed_summary_rows(
        [result(tmp_path, None, s, e) for s, e in ((3, 1.0), (4, 2.0), (5, 6.0))]
    )
    assert [row[:2] for row in rows] == [("", name) for name in ("3", "4", "5", "mean", "sd")]
    assert [row[2]["rmse"] for row in rows] == pytest.approx([1, 2, 6, 3, 7**0.5])


def test_folds_are_averaged_before_seeds_are_compared(tmp_path):
    found = [result(tmp_path, f, s, 10 * f + s) for f in (0, 1, 2) for s in (3, 5)]
    rows = {row[:2]: row[2]["rmse"] for row in seed_summary_rows(found)}
    assert len(rows) == 6 + 4
    assert rows["2", "5"] == 25
    assert rows["all", "3"] == pytest.approx(13)
    assert (rows["all", "mean"], rows["all", "sd"]) == pytest.approx((14, 2**0.5))


def test_one_seed_has_no_spread(tmp_path):
    rows = seed_summary_rows([result(tmp_path, fold, 3, 10.0 + fold) for fold in range(3)])
    assert [row[:2] for row in rows[3:]] == [("all", "3")]
    assert seed_summary_rows([result(tmp_path, None, 3, 10.0)])[1:] == []
    assert (
        seed_summary_csv([result(tmp_path, None, 3, 10.0)])
        == "fold,seed,rmse,pcc\n,3,10.0000,0.5000\n"
    )


def test_who_was_left_out_of_any_run_is_named_once(tmp_path):
    found = [result(tmp_path, f, 3, 1.0, n) for f, n in enumerate(("", "a", "ba"))]
    assert left_out(found) == ["a", "b"]


def test_training_writes_them_beside_the_runs(corpus, cache, tmp_path, monkeypatch, capfd):
    loud = [word for word in SMALL if word != "-q"]
    where = ("--data", corpus, "--cache", cache, "--out", tmp_path / "run")
    more = ("--seeds", "2", "--set", "train.epochs=1", "--set", "train.seed=7")
    assert depmap(monkeypatch, "train", *where, *loud, *more) == 0
    with (tmp_path / "run" / "seeds.csv").open(newline="") as file:
        rows = {row["seed"]: float(row["rmse"]) for row in csv.DictReader(file)}
    assert list(rows) == ["7", "8", "mean", "sd"]
    assert rows["mean"] == pytest.approx(np.mean([rows["7"], rows["8"]]), abs=1e-3)
    told = capfd.readouterr().err
    assert f"sd over seeds: Development RMSE {rows['sd']:.3f}" in told
    for number, seed in enumerate((7, 8), start=1):
        assert f"seed {seed}, run {number} of 2: epoch 1: mse" in told
        assert (tmp_path / "run" / f"seed-{seed}" / "weights.safetensors").is_file()
