"""What would stop a run is said by a dry run, and by a real one before faces are prepared."""

import shutil

import pytest
import torch
from safetensors.torch import save_file

from depmap_cli.data.corpus import read_corpus
from depmap_cli.io.checkpoint import load_checkpoint, save_checkpoint
from depmap_cli.io.settings import read_settings
from depmap_cli.runtime.devices import available_devices
from depmap_cli.semantics.clip_model import BUNDLED_MODEL
from depmap_cli.training.initialise import weights_to_start_from
from depmap_cli.weights.locations import (
    BASELINE_WEIGHTS,
    DEFAULT_WEIGHTS,
    default_semantic_weights,
    weights_folder,
)
from depmap_cli.workflows.labelled_data import LabelledData
from tests.support.runs import SMALL, depmap

pytestmark = pytest.mark.slow

MISSING = next(name for name in ("mps", "cuda") if name not in available_devices())

SEEDS, FOLDS = ("--seeds", "2"), ("--folds", "3")

DEFAULT_WEIGHTS = str(weights_folder() / DEFAULT_WEIGHTS)


@pytest.fixture
def _unprepared(monkeypatch):
    def unwanted(*_):
        raise AssertionError("faces are prepared")

    monkeypatch.setattr(LabelledData, "prepare", unwanted)


@pytest.fixture
def refused(_unprepared, corpus, tmp_path, monkeypatch, capfd):
    """Gives the command both ways, with more options; its exit code and its error."""
    (tmp_path / "occupied").mkdir()
    (tmp_path / "occupied" / "notes.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)

    def call(*arguments, data=corpus):
        given = ("train", "--data", data, *SMALL, "--out", "run", *arguments)
        codes = [depmap(monkeypatch, *given, *more) for more in (("--dry-run",), ())]
        first, *others = capfd.readouterr().err.replace("hint:", "error:").split("error:")[1::2]
        assert not first or others == [first]
        assert codes[0] == codes[1]
        assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["occupied"]
        return codes[0], first

    return call


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--set", "model.scales=[3,4]"), 1, "has another architecture: scales"),
        (("--set", "model.backbone=resnet34", "--from-scratch"), 2, "is not a resnet34"),
        (("--device", MISSING), 2, "is not available"),
        (("--semantic-weights", "nowhere.safetensors"), 2, "nowhere.safetensors: neither a file"),
        (("--out", "occupied"), 1, "the folder is not empty"),
        (("--out", "occupied/notes.txt"), 1, "Not a directory"),
        (("--out", "occupied/notes.txt/run"), 1, "cannot write there"),
    ],
)
def test_settings_that_would_stop_a_run(refused, arguments, code, words):
    found, told = refused(*arguments)
    assert (found, words in told) == (code, True), told


def test_a_later_fold_that_cannot_be_learned_from(corpus, tmp_path, refused):
    """Of seven people in four folds one is alone, and is not the first fold's Development."""
    lines = ["path,subject,session,task,split,score"]
    for r in read_corpus(corpus).videos:
        if r.split != "Testing":  # unreadable
            lines.append(f"{r.path},{r.subject},{r.session},{r.task},Training,{r.score}")
    data = tmp_path / "seven.csv"
    data.write_text("\n".join(lines))
    found, told = refused("--folds", "4", data=data)
    assert (found, "split of fold 2 has one person only" in told) == (1, True), told


@pytest.mark.usefixtures("_unprepared")
def test_a_later_fold_that_cannot_go_on(corpus, tmp_path, monkeypatch, capfd):
    fold = tmp_path / "run" / "fold-1"
    fold.mkdir(parents=True)
    (fold / "weights.safetensors").touch()
    given = ("train", "--data", corpus, *SMALL, "--out", tmp_path / "run", *FOLDS, "--from-scratch")
    assert depmap(monkeypatch, *given, "--resume") == 1
    assert f"--out {fold}: holds weights.safetensors but no state" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("there", "arguments", "words"),
    [
        ("run.json", SEEDS, "run: holds a single run; runs of several seeds in it"),
        ("weights.safetensors", FOLDS, "run: holds a single run; runs by folds in it"),
        ("fold-0/run.json", (*FOLDS, *SEEDS), "fold-0: holds a single run; runs of several"),
        ("fold-0/run.json", SEEDS, "run: holds runs by folds; runs of several seeds in it"),
        ("fold-0/seed-7/run.json", (), "run: holds runs by folds; a single run in it"),
        ("seed-7/run.json", (), "run: holds runs of several seeds; a single run in it"),
        ("seed-7/run.json", FOLDS, "run: holds runs of several seeds; runs by folds in it"),
    ],
)
def test_a_folder_holds_what_evaluation_can_tell_apart(
    corpus, tmp_path, monkeypatch, capfd, there, arguments, words
):
    place = tmp_path / "run" / there
    place.parent.mkdir(parents=True)
    place.touch()
    where = ("--data", corpus, "--out", tmp_path / "run", "--resume", "--dry-run")
    assert depmap(monkeypatch, "train", *where, *arguments) == 1
    told = " ".join(capfd.readouterr().err.split())
    assert f"--out {tmp_path}/run" in told
    assert words in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("--init", DEFAULT_WEIGHTS, "--model", "resnet-baseline"),
            "depmap-resnet18-simulated.safetensors, which holds Dep-MAP",
        ),
        (
            ("--model", "resnet-baseline", "--set", "model.msr=true"),
            "--set model.msr contradicts --model resnet-baseline",
        ),
        (("--init", "w", "--from-scratch"), "--init and --from-scratch exclude each other"),
        (("--folds", "2"), "Invalid value for '--folds'"),
        (("--set", "train.frames=200"), "from 128 prepared ones"),
        (("--set", "train.seed=99999999999999999999"), "setting train.seed"),
    ],
)
def test_no_option_is_ignored(corpus, monkeypatch, capfd, arguments, words):
    assert depmap(monkeypatch, "train", "--data", corpus, "--dry-run", *arguments) == 2
    assert words in " ".join(capfd.readouterr().err.replace("│", " ").split())


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """The weights folder, with what is foreign and another semantic model before the shipped."""
    folder, shipped = tmp_path / "weights", load_checkpoint(default_semantic_weights(), "semantics")
    shutil.copytree(weights_folder(), folder)
    save_file({"x": torch.zeros(1)}, folder / "A.safetensors")
    document = {k: v for k, v in shipped.document.items() if k not in ("format", "kind")}
    other = {k: v + 1 if k == "logit_scale" else v for k, v in shipped.tensors.items()}
    save_checkpoint(folder / "another.safetensors", "semantics", document, other)
    monkeypatch.setenv("DEPMAP_WEIGHTS", str(folder))
    return folder


@pytest.fixture
def dry(corpus, tmp_path, monkeypatch, capfd):
    """Checks a run on what of the corpus can be read: (exit code, error)."""
    lines = ["path,subject,session,task,split,score"]
    for r in read_corpus(corpus).videos:
        if r.split != "Testing":
            lines.append(f"{r.path},{r.subject},{r.session},{r.task},{r.split},{r.score}")
    data = tmp_path / "readable.csv"
    data.write_text("\n".join(lines))

    def call(*arguments):
        where = ("--data", data, "--out", tmp_path / "run", "--dry-run", "--device", "cpu")
        code = depmap(monkeypatch, "train", *where, *arguments)
        return code, " ".join(capfd.readouterr().err.split())

    return call


def test_the_kind_of_tokens_is_that_of_the_weights_at_the_start(dry):
    other = ("--set", "model.tokens=readings")
    code, error = dry(*other)
    assert code == 1
    assert "has another architecture: tokens hint: train with --from-scratch" in error
    assert dry(*other, "--from-scratch") == (0, "")
    assert dry(*other, "--model", "resnet-baseline") == (0, "")  # it has no tokens


def test_the_semantic_model_is_that_of_the_weights_at_the_start(weights, dry):
    assert default_semantic_weights() == weights / "another.safetensors"  # past the foreign one
    assert dry() == (0, "")
    assert dry("--from-scratch") == (0, "")
    code, told = dry("--semantic-weights", weights / "another.safetensors")
    assert code == 1
    assert "trained with another semantic model" in told
    assert "hint: name that model with --semantic-weights, or train with --from-scratch" in told


@pytest.mark.parametrize(
    ("model", "hint"),
    [
        (BUNDLED_MODEL, "put them into the same folder, or name them with --semantic-weights"),
        ("RN50", "name them with --semantic-weights"),  # such a file is not found by itself
    ],
)
def test_where_a_semantic_model_that_is_not_there_belongs(weights, dry, model, hint):
    shipped = load_checkpoint(weights / DEFAULT_WEIGHTS, "depmap")
    document = {k: v for k, v in shipped.document.items() if k not in ("format", "kind")}
    document["semantics"] = {**document["semantics"], "model": model, "sha256": "0" * 64}
    save_checkpoint(weights / "mine.safetensors", "depmap", document, shipped.tensors)
    code, told = dry("--init", weights / "mine.safetensors")
    assert code == 1
    assert (
        f"mine.safetensors: its semantic weights ({model}, sha256 0000000000000000...) were" in told
    )
    assert told.endswith(f"not found hint: {hint}")


def test_how_many_key_frames_there_are_is_no_matter_of_tensors(dry):
    assert dry("--set", "model.sampling_factor=4") == (0, "")


@pytest.mark.parametrize("command", ["evaluate", "calibrate"])
def test_no_more_frames_than_a_video_may_have(corpus, monkeypatch, capfd, command):
    where = ("--data", corpus, "--out" if command == "calibrate" else "-o", "x")
    assert depmap(monkeypatch, command, *where, "--frames", "200000") == 2
    assert "--frames" in capfd.readouterr().err


@pytest.mark.parametrize("command", ["train", "prepare"])
@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("semantics", "{name}: contains a 'semantics' model, but a 'depmap' model is needed"),
        ("training", "{name}: contains a 'training' model, but a 'depmap' model is needed"),
        ("depmap", "{name}: its settings cannot be read"),
        (None, "{name}: no weights.safetensors in this folder"),
    ],
)
def test_what_a_run_cannot_start_from(corpus, tmp_path, monkeypatch, capfd, command, kind, told):
    init = tmp_path / "other"
    if kind is None:
        init.mkdir()
    else:
        save_checkpoint(init, kind, {}, {})
    assert depmap(monkeypatch, command, "--data", corpus, "--init", init) == 1
    assert told.format(name="other") in " ".join(capfd.readouterr().err.split())


def test_the_folder_of_a_run_stands_for_its_weights(trained, corpus, tmp_path, monkeypatch, capfd):
    assert weights_to_start_from(trained, False)[0] == trained / "weights.safetensors"
    where = ("--data", corpus, "--weights", trained, "--out", tmp_path / "w.safetensors")
    one = tmp_path / "one.csv"
    shown = next(r for r in read_corpus(corpus).videos if r.split == "Training")
    one.write_text(
        f"path,subject,session,task,split,score\n{shown.path},{shown.subject},1,,Development,1"
    )
    assert depmap(monkeypatch, "calibrate", *where, "--data", one) == 1
    assert "the weights were trained on everyone in Development" in capfd.readouterr().err


def test_faces_are_those_of_the_weights_at_the_start(tmp_path):
    shipped = load_checkpoint(weights_folder() / DEFAULT_WEIGHTS, "depmap")
    document = {k: v for k, v in shipped.document.items() if k not in ("format", "kind")}
    document["config"]["faces"]["size"] = 224
    save_checkpoint(tmp_path / "large.safetensors", "depmap", document, shipped.tensors)
    _, base = weights_to_start_from(tmp_path / "large.safetensors", False)
    assert read_settings([], None, base).faces.size == 224
    assert read_settings(["faces.size=128"], None, base).faces.size == 128
    assert read_settings([], None, base).train == read_settings([]).train


def test_a_plain_resnet_starts_at_the_one_that_was_trained_as_dep_map_was():
    start, base = weights_to_start_from(None, False, plain=True)
    assert start == weights_folder() / BASELINE_WEIGHTS
    assert base["model"]["backbone"] == "resnet18"
    assert weights_to_start_from(None, True, plain=True) == (None, {})
    assert weights_to_start_from(weights_folder() / BASELINE_WEIGHTS, False, plain=True)[0] == start
