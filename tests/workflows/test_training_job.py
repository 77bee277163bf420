"""All runs of one `depmap train` share what is expensive to load."""

from collections import Counter

import pytest

from depmap_cli.data.corpus import read_corpus
from depmap_cli.workflows import labelled_data, train, training_inputs
from tests.support.runs import SMALL, depmap

pytestmark = pytest.mark.slow


@pytest.fixture
def seven(corpus, tmp_path):
    """The videos of the tiny corpus that can be read, as a list."""
    lines = ["path,subject,session,task,split,score"]
    for video in read_corpus(corpus).videos:
        if video.split != "Testing":
            lines.append(f"{video.path},{video.subject},{video.session},,Training,{video.score}")
    path = tmp_path / "seven.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def calls(monkeypatch):
    """Counts calls of the functions that load and build things."""
    counts = Counter()

    def count(module, name):
        real = getattr(module, name)

        def counted(*arguments, **named):
            counts[name] += 1
            if name == "load_clips":
                counts["clips"] += len(arguments[0])
            return real(*arguments, **named)

        monkeypatch.setattr(module, name, counted)

    count(training_inputs, "read_corpus")
    count(labelled_data, "load_semantic_model")
    count(labelled_data, "load_clips")
    count(train, "build_model")
    return counts


@pytest.mark.usefixtures("faces_in_process")
def test_folds_and_seeds_share_corpus_semantic_model_and_clips(
    seven, cache, tmp_path, monkeypatch, calls
):
    out = tmp_path / "runs"
    options = ("--folds", 3, "--seeds", 2, "--from-scratch", "--set", "train.epochs=1")
    where = ("train", "--data", seven, "--cache", cache, "--out", out)
    assert depmap(monkeypatch, *where, *SMALL, *options) == 0
    assert len(list(out.glob("fold-*/seed-*/weights.safetensors"))) == 6
    assert calls["read_corpus"] == calls["load_semantic_model"] == 1
    assert calls["build_model"] == 1 + 6  # to check the settings, then one for each run
    assert calls["clips"] == 7  # each video once, for Training and Development alike


def test_a_dry_run_builds_one_network(seven, tmp_path, monkeypatch, calls):
    options = ("--folds", 3, "--seeds", 2, "--from-scratch", "--dry-run")
    where = ("train", "--data", seven, "--out", tmp_path / "runs")
    assert depmap(monkeypatch, *where, *SMALL, *options) == 0
    assert calls == {"read_corpus": 1, "load_semantic_model": 1, "build_model": 1}
