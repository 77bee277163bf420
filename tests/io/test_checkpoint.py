"""Weights files: self-contained, written atomically, never unpickled; optimizer state restored."""

import hashlib
import json
from pathlib import Path

import pytest
import torch

from depmap_cli.errors import OutputUnwritable, WeightsInvalid
from depmap_cli.io.checkpoint import (
    load_checkpoint,
    load_tensors,
    optimizer_tensors,
    read_document,
    restore_optimizer,
    save_checkpoint,
)
from depmap_cli.io.file_identity import sha256_of


def test_round_trip(tmp_path):
    path = tmp_path / "new" / "w.safetensors"
    save_checkpoint(
        path, "depmap", {"x": [1, 2]}, {"a": torch.ones(2).half(), "n": torch.tensor(3)}
    )
    found = load_checkpoint(path, "depmap")
    assert found.document["x"] == [1, 2]
    assert found.tensors["a"].dtype == torch.float32
    assert found.tensors["n"].dtype == torch.int64
    assert read_document(path) == found.document


def test_another_kind_and_another_format_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    save_checkpoint(path, "semantics", {}, {"a": torch.ones(1)})
    with pytest.raises(WeightsInvalid, match="semantics"):
        load_checkpoint(path, "depmap")
    save_checkpoint(path, "depmap", {"format": 99}, {"a": torch.ones(1)})
    with pytest.raises(WeightsInvalid, match="99"):
        read_document(path)


@pytest.mark.parametrize(
    "content", [b"", b"x" * 100, b"\xff" * 100, (8).to_bytes(8, "little") + b"[1,2,34]"]
)
def test_foreign_bytes_are_refused(tmp_path, content):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsInvalid, match="not a depmap weights file"):
        read_document(path)


def test_a_failed_write_keeps_the_old_file_only(tmp_path, monkeypatch):
    import safetensors.torch

    path = tmp_path / "w.safetensors"
    save_checkpoint(path, "depmap", {"v": 1}, {"a": torch.ones(1)})

    def full(tensors, target, metadata):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(OutputUnwritable, match="No space left"):
        save_checkpoint(path, "depmap", {"v": 2}, {"a": torch.ones(1)})
    assert read_document(path)["v"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]


def test_optimizer_state_is_restored(tmp_path):
    def optimiser():
        torch.manual_seed(0)
        layer = torch.nn.Linear(3, 2)
        return layer, torch.optim.AdamW(layer.parameters(), 0.1)

    def step(layer, optimizer):
        layer(torch.ones(1, 3)).sum().backward()
        optimizer.step()

    layer, optimizer = optimiser()
    step(layer, optimizer)
    save_checkpoint(tmp_path / "s", "training", {}, optimizer_tensors(optimizer))
    weights = {k: v.clone() for k, v in layer.state_dict().items()}
    step(layer, optimizer)
    other, fresh = optimiser()
    other.load_state_dict(weights)
    other(torch.ones(1, 3)).sum().backward()  # gradients add up in ``step`` above; match them
    restore_optimizer(fresh, load_checkpoint(tmp_path / "s", "training").tensors)
    step(other, fresh)
    for a, b in zip(layer.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def test_shipped_weights_describe_themselves():
    """The document alone says how to rebuild the model and what it was trained on."""
    from depmap_cli.config import Config
    from depmap_cli.weights.locations import (
        DEFAULT_WEIGHTS,
        default_semantic_weights,
        weights_folder,
    )

    document = read_document(weights_folder() / DEFAULT_WEIGHTS)
    Config.model_validate(document["config"])
    for key in ("version", "torch", "sampling", "semantics", "training_data", "development"):
        assert document[key]
    assert document["simulated"] is True
    assert len(set(document["calibration"]["people"])) >= 9
    assert len(document["semantics"]["phrases"]) == 18
    semantics = read_document(default_semantic_weights())
    assert semantics["simulated"] is True
    assert len(semantics["calibration"]["scale"]) == 18
    assert "pickle" not in json.dumps(document)


def test_a_file_is_hashed_once_and_again_when_it_changes(tmp_path, monkeypatch):
    path, opened = tmp_path / "a.bin", []
    path.write_bytes(b"abc")
    real = Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, *a, **k: opened.append(self) or real(self, *a, **k)
    )
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert sha256_of(path) == sha256_of(path) == known
    assert opened == [path]
    replaced = tmp_path / "b.bin"
    replaced.write_bytes(b"abd")
    replaced.rename(path)
    assert sha256_of(path) == hashlib.sha256(b"abd").hexdigest()
    assert sha256_of(path, b"x") == hashlib.sha256(b"xabd").hexdigest()


@pytest.mark.parametrize("prefix", ["", "model.", "averaged."])
def test_tensors_of_earlier_versions_get_their_current_names(tmp_path, prefix):
    renamed = {
        "standardise.spread": "standardise.std",
        "standardise.started": "standardise.initialised",
        "level_logits.spread": "level_logits.std",
        "level_logits.started": "level_logits.initialised",
        "clusters.started": "clusters.initialised",
        "training_faces.spread": "training_faces.spread",  # not a buffer of the network
        "standardise.mean": "standardise.mean",
    }
    path = tmp_path / "w.safetensors"
    tensors = {prefix + name: torch.tensor(float(i)) for i, name in enumerate(renamed)}
    save_checkpoint(path, "depmap", {}, tensors)
    loaded = load_checkpoint(path, "depmap").tensors
    assert loaded == {prefix + name: float(i) for i, name in enumerate(renamed.values())}


def test_the_shipped_weights_fill_the_current_buffers():
    from depmap_cli.weights.loading import load_networks
    from depmap_cli.weights.locations import DEFAULT_WEIGHTS, weights_folder

    stored = load_tensors(weights_folder() / DEFAULT_WEIGHTS)
    model = load_networks(None, torch.device("cpu")).model
    assert bool(model.standardise.initialised)
    assert bool(model.level_logits.initialised)
    assert bool(model.clusters.initialised.all())
    assert torch.equal(model.standardise.std, stored["standardise.std"])
    assert torch.equal(model.level_logits.std, stored["level_logits.std"])
