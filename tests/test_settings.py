"""Settings from YAML and the command line; the grids of the paper's tables."""

import pytest

from depmap_cli.ablation import BASELINE, TABLE_2, TABLE_3
from depmap_cli.config import ModelConfig
from depmap_cli.errors import UsageProblem
from depmap_cli.settings import read_settings


def test_pairs_go_over_the_file_and_the_file_over_the_base(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("train:\n  epochs: 7\n  learning_rate: 2e-4\nmodel:\n  scales: [3, 4]\n")
    found = read_settings(["train.epochs=9"], file, {"train": {"epochs": 3, "seed": 5}})
    assert (found.train.epochs, found.train.seed, found.train.learning_rate) == (9, 5, 2e-4)
    assert found.model.scales == (3, 4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("train: [1", "line 1"),
        ("- 1\n", "sections"),
        ("train: {epoch: 3}", "train.epoch"),
        ("train: {epochs: 0}", "train.epochs"),
        ("train: {frames: 200}", "less than or equal to 128"),
        ("train: {score_frames: 200000}", "less than or equal to 100000"),
        ("train: {seed: 99999999999999999999}", "train.seed"),
    ],
)
def test_a_bad_file_is_told_in_one_line(tmp_path, text, words):
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(UsageProblem, match=words) as told:
        read_settings([], file)
    assert "\n" not in told.value.message


@pytest.mark.parametrize(
    ("pair", "hint"),
    [
        ("train.epoch=3", "did you mean train.epochs?"),
        ("model.zzz=3", "model has backbone, scales, msr"),
        ("trian.epochs=3", "did you mean train?"),
        ("zzz.epochs=3", "the sections are faces, model, train"),
        ("train.frames=200", "of the 128 that are kept of a video. Its default is 32."),
        ("train.seed=-1", "Its default is 3407."),
        ("faces.detection_sides=[x]", "Its default is (320, 640, 1280)."),
    ],
)
def test_what_was_meant_is_told(pair, hint):
    with pytest.raises(UsageProblem) as told:
        read_settings([pair])
    assert hint in told.value.hint
    assert not told.value.message.endswith("config.py")


def test_a_plain_resnet_is_one_whatever_the_file_says(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("model: {msr: true, esa: true, backbone: resnet34}\ntrain: {epochs: 7}\n")
    found = read_settings(["model.map=false"], file, plain=True)
    assert not any(getattr(found.model, name) for name in BASELINE)
    assert (found.model.backbone, found.train.epochs) == ("resnet34", 7)
    with pytest.raises(UsageProblem, match=r"--set model\.msr and --model resnet-baseline exclude"):
        read_settings(["model.msr=true"], file, plain=True)


def test_the_grids_are_the_papers():
    full = ModelConfig()

    def applied(variant):
        return ModelConfig.model_validate({**full.model_dump(), **variant.changes})

    assert [applied(v).scales for v in TABLE_2][-3:] == [(3, 4), (2, 3, 4), (1, 2, 3, 4)]
    assert len({applied(v).model_dump_json() for v in TABLE_3}) == 8  # all rows differ
    plain = applied(TABLE_3[0])
    assert all(getattr(plain, name) is False for name in BASELINE)
    assert applied(TABLE_3[5]) == full
    assert TABLE_3[5].paper["Northwind"] == (6.25, 5.25, 0.95, 0.79)
