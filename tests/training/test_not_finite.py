"""A number that is not finite stops a run before it is kept, and the weights before it stay."""

import csv
import json
from dataclasses import replace

import pytest
import torch

from depmap_cli.errors import DataInvalid
from depmap_cli.io.checkpoint import load_checkpoint, read_document, save_checkpoint
from depmap_cli.runtime.distributed import ProcessGroup
from depmap_cli.training.export import export_weights
from depmap_cli.training.trainer import Trainer
from depmap_cli.workflows.labelled_data import SemanticModelSpec
from tests.support.runs import depmap, train

pytestmark = pytest.mark.slow

TOO_FAST = ("--set", "train.learning_rate=1e30", "--set", "train.warmup=0")


def test_in_the_first_epoch_nothing_is_kept(corpus, cache, tmp_path, monkeypatch, capfd):
    out = tmp_path / "run"
    assert train(monkeypatch, corpus, cache, out, *TOO_FAST) == 1
    told = capfd.readouterr().err
    for words in ("the loss is nan at epoch 0", "Freeform_video.mp4", "no weights of an earlier"):
        assert words in told
    assert not list(out.glob("*.safetensors"))
    assert train(monkeypatch, corpus, cache, out, "--resume", "--set", "train.epochs=1") == 0


def test_weights_that_only_development_shows_to_be_broken(
    corpus, cache, tmp_path, monkeypatch, capfd
):
    """One step an epoch: its loss and gradient are those of the weights before."""
    out = tmp_path / "run"
    assert train(monkeypatch, corpus, cache, out, *TOO_FAST, "--set", "train.batch_size=4") == 1
    assert "the weights after epoch 0: not all numbers are finite" in capfd.readouterr().err
    assert not list(out.glob("*.safetensors"))


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda total, weight: total * float("nan"), "the loss is nan at epoch 1 on "),
        (
            lambda total, weight: total + (0 * weight).sum().sqrt(),
            "the gradient's norm is nan at epoch 1 on ",
        ),
    ],
)
def test_later_the_epochs_before_are_kept_and_score(
    corpus, cache, interview, tmp_path, monkeypatch, capfd, broken, words
):
    real, out = Trainer._loss, tmp_path / "run"

    def breaking(self, draws):
        loss, added = real(self, draws)
        if self.progress.epoch == 1:
            loss = replace(loss, total=broken(loss.total, self.model.head.weight))
        return loss, added

    monkeypatch.setattr(Trainer, "_loss", breaking)
    assert train(monkeypatch, corpus, cache, out) == 1
    told = capfd.readouterr().err
    assert words in told
    assert "best.safetensors and last.safetensors hold the epochs before" in told
    assert load_checkpoint(out / "state.safetensors", "training").document["epoch"] == 1
    for name in ("best", "last"):
        weights = out / f"{name}.safetensors"
        assert read_document(weights)["epoch"] == 0
        options = ("--weights", weights, "--frames", "8", "--device", "cpu", "--json")
        assert depmap(monkeypatch, "score", interview, *options) == 0
        assert json.loads(capfd.readouterr().out)["estimate"]["interval"]["n_people"] == 3


def test_a_gradient_of_several_processes_names_the_whole_batch(
    corpus, cache, tmp_path, monkeypatch, capfd
):
    """The mean over processes does not tell whose share broke it."""

    def broken(self, model):
        for parameter in model.parameters():
            parameter.grad = torch.full_like(parameter, float("nan"))

    monkeypatch.setattr(ProcessGroup, "share", lambda self, rows: rows[:1])
    monkeypatch.setattr(ProcessGroup, "average_gradients", broken)
    assert train(monkeypatch, corpus, cache, tmp_path / "run") == 1
    told = "".join(capfd.readouterr().err.split())
    assert "thegradient'snormisnanatepoch0on" in told
    assert told.count("Freeform_video.mp4") == 2  # a batch


def test_the_last_epoch_is_kept_beside_the_best(trained):
    with (trained / "log.csv").open(newline="") as file:
        errors = [float(row["rmse"]) for row in csv.DictReader(file)]
    best, last = (read_document(trained / f"{name}.safetensors") for name in ("best", "last"))
    assert (best["epoch"], last["epoch"]) == (errors.index(min(errors)), len(errors) - 1)
    assert last["development"]["rmse"] == pytest.approx(errors[-1], abs=1e-3)


def test_weights_too_large_for_half_precision(trained, tmp_path):
    best = load_checkpoint(trained / "best.safetensors", "depmap")
    document = {k: v for k, v in best.document.items() if k not in ("format", "kind")}
    tensors = {**best.tensors, "head.bias": torch.tensor([1e6])}
    save_checkpoint(tmp_path / "best.safetensors", "depmap", document, tensors)
    given = (
        tmp_path / "best.safetensors",
        tmp_path / "weights.safetensors",
        SemanticModelSpec().load(),
    )
    with pytest.raises(DataInvalid, match="half precision: not all numbers are finite"):
        export_weights(*given, [], [], 4, torch.device("cpu"))
    assert not (tmp_path / "weights.safetensors").exists()
