"""Settings from YAML and the command line; the grids of the paper's tables."""

import pytest

from depmap_cli.config import MIN_FRAMES, ModelConfig, QualityConfig
from depmap_cli.domain.paper_tables import (
    BASELINE,
    TABLE_2,
    TABLE_3,
    select_rows,
    settings_fixed_by,
)
from depmap_cli.errors import UsageProblem
from depmap_cli.io.settings import read_settings


def test_pairs_override_the_file_and_the_file_the_base(tmp_path):
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
        ("train: {1: 2}", "setting train.1: no setting has this name"),
        ("train: {on: 1}", "no setting has this name"),  # in YAML, on is a boolean
        ("1: {epochs: 2}", "expected sections with settings"),
        ("train: {epochs: 2024-13-45}", "run.yaml: not valid YAML"),
        ("train: {learning_rate: .inf}", "train.learning_rate: Input should be a finite number"),
        ("faces: {detection_interval: .inf}", "faces.detection_interval"),
    ],
)
def test_a_bad_file_is_a_one_line_error(tmp_path, text, words):
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(UsageProblem, match=words) as raised:
        read_settings([], file)
    assert "\n" not in raised.value.message


@pytest.mark.parametrize(
    ("pair", "hint"),
    [
        ("train.epoch=3", "did you mean train.epochs?"),
        ("model.zzz=3", "model has backbone, scales, msr"),
        ("trian.epochs=3", "did you mean train?"),
        ("zzz.epochs=3", "the sections are faces, model, train"),
        ("train.frames=200", "from 128 prepared ones. Its default is 32."),
        ("train.seed=-1", "Its default is 3407."),
        ("faces.detection_sides=[x]", "Its default is (320, 640, 1280)."),
        ("train.epochs=2024-13-45", "Its default is 18."),
    ],
)
def test_hints_suggest_settings(pair, hint):
    with pytest.raises(UsageProblem) as raised:
        read_settings([pair])
    assert hint in raised.value.hint
    assert not raised.value.message.endswith("config.py")


@pytest.mark.parametrize(
    "pair",
    [
        *(f"faces.detection_sides={sides}" for sides in ("[]", "[0]", "[-3]", "[20]", "[640,320]")),
        *("faces.detection_sides=[640,640]", "faces.min_face=100000"),
    ],
)
def test_sides_in_which_no_face_could_be_found(pair):
    with pytest.raises(
        UsageProblem, match="detection_sides must be one or more increasing numbers"
    ):
        read_settings([pair])
    assert read_settings(["faces.detection_sides=[24]"]).faces.detection_sides == (24,)


def test_enough_frames_are_scored_for_the_quality_gate():
    _, usable = QualityConfig().usable_frames
    fewest = MIN_FRAMES
    assert fewest >= usable
    assert read_settings([f"train.score_frames={fewest}"]).train.score_frames == fewest
    with pytest.raises(UsageProblem, match=r"train\.score_frames"):
        read_settings([f"train.score_frames={fewest - 1}"])


def test_the_resnet_baseline_overrides_the_file(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("model: {msr: true, esa: true, backbone: resnet34}\ntrain: {epochs: 7}\n")
    plain = {"--model resnet-baseline": BASELINE}
    found = read_settings(["model.map=false"], file, fixed_settings=plain)
    assert not any(getattr(found.model, name) for name in BASELINE)
    assert (found.model.backbone, found.train.epochs) == ("resnet34", 7)
    with pytest.raises(UsageProblem, match=r"--set model\.msr contradicts --model resnet-baseline"):
        read_settings(["model.msr=true"], file, fixed_settings=plain)


@pytest.mark.parametrize(
    ("pair", "table", "row", "name"),
    [
        ("model.map=false", 3, 6, "Dep-MAP"),
        ("model.backbone=resnet34", 3, 1, "ResNet-18"),
        ("model.scales=[4]", 3, 8, "Dep-MAP-50"),
        ("model.msr=false", 2, 7, "S1 S2 S3 S4"),
    ],
)
def test_settings_must_not_change_the_network_of_a_table_row(pair, table, row, name):
    rows = select_rows(table, [row])
    setting = pair.partition("=")[0]
    with pytest.raises(UsageProblem, match=f"--set {setting} contradicts row {row}, {name}"):
        read_settings([pair], fixed_settings=settings_fixed_by(rows))
    free = ["model.token_dim=32", "model.scales=[1,2,3,4]"]
    assert read_settings(free, fixed_settings=settings_fixed_by(rows)).model.token_dim == 32


def test_the_grids_are_the_papers():
    full = ModelConfig()

    def applied(variant):
        return ModelConfig.model_validate({**full.model_dump(), **variant.switches})

    assert [applied(v).scales for v in TABLE_2][-3:] == [(3, 4), (2, 3, 4), (1, 2, 3, 4)]
    assert len({applied(v).model_dump_json() for v in TABLE_3}) == 8  # all rows differ
    plain = applied(TABLE_3[0])
    assert all(getattr(plain, name) is False for name in BASELINE)
    assert (
        len({tuple(v.switches) for v in (*TABLE_2, *TABLE_3)}) == 1
    )  # each fixes the same settings
    assert applied(TABLE_3[5]) == full
    assert TABLE_3[5].paper["Northwind"] == (6.25, 5.25, 0.95, 0.79)
