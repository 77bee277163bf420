"""A manifest's frame rate replaces the header's, in every command that prepares faces."""

import csv
import json
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest

from depmap_cli.config import FaceConfig
from depmap_cli.data.face_cache import duration_of
from depmap_cli.workflows.labelled_data import LabelledData
from tests.support.process_pool import work_here
from tests.support.runs import depmap, train
from tests.support.videos import write_video

pytestmark = pytest.mark.slow

PEOPLE = {"Training": (3, 30), "Development": (10, 20), "Testing": (15,)}
HEADER, TRUE, FRAMES = 30.0, 10.0, 12


@pytest.fixture(scope="module")
def hasty(tmp_path_factory, face_frames):
    """Clips of 1.2 s whose headers say 0.4 s; two manifests, of which one tells the rate."""
    root = tmp_path_factory.mktemp("hasty")
    rows = []
    for split, scores in PEOPLE.items():
        for score in scores:
            start = len(rows) * FRAMES
            write_video(root / f"{score}.mp4", face_frames[start : start + FRAMES], HEADER)
            rows.append(f"{score}.mp4,p{score},1,talk,{split},{score}")
    columns = "path,subject,session,task,split,score"
    (root / "silent.csv").write_text("\n".join([columns, *rows]))
    told = [f"{row},{TRUE}" for row in rows]
    (root / "told.csv").write_text("\n".join([f"{columns},fps", *told]))
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def prepared(hasty, cache):
    """Recordings and their faces: as each manifest has them, and one with a rate hardly changed."""
    source = LabelledData(data=hasty / "told.csv", cache=cache)
    told, _ = source.read()
    source.check_videos(told)
    silent, _ = LabelledData(data=hasty / "silent.csv").read()
    parts = {"silent": silent, "told": told, "changed": [replace(told[0], fps=TRUE + 0.1)]}
    with pytest.MonkeyPatch.context() as patch:
        work_here(patch)
        made = source.prepare([*chain(*parts.values())], FaceConfig(), lambda *_: None)
    found = iter(made)
    return {name: [(r, next(found)) for r in part] for name, part in parts.items()}


def entries(cache):
    return {path.name for path in cache.iterdir()}


def test_times_and_lengths_are_those_of_the_manifest(prepared):
    for (fast, quick), (slow, right) in zip(prepared["silent"], prepared["told"], strict=True):
        assert len(right) == FRAMES
        assert quick.times == pytest.approx(np.arange(FRAMES) / HEADER, abs=1e-3)
        assert right.times == pytest.approx(np.arange(FRAMES) / TRUE)
        assert quick.duration == duration_of(fast) == pytest.approx(FRAMES / HEADER)
        assert right.duration == duration_of(slow) == pytest.approx(FRAMES / TRUE)
        assert right.quality.checks[0].value == pytest.approx(FRAMES / TRUE)


def test_faces_of_one_rate_are_not_taken_for_those_of_another(prepared, cache):
    names = [entry.folder.name for part in prepared.values() for _, entry in part]
    assert len(set(names)) == len(names)
    assert entries(cache) == set(names)


@pytest.mark.usefixtures("faces_in_process")
def test_every_command_goes_by_the_manifest(prepared, hasty, cache, tmp_path, monkeypatch):
    """Whatever they prepare or find prepared lies at the manifest's times."""
    data, cache = hasty / "told.csv", tmp_path / "cache"
    assert depmap(monkeypatch, "prepare", "--data", data, "--cache", cache, "-q") == 0
    assert train(monkeypatch, data, cache, tmp_path / "run", "--set", "train.epochs=1") == 0
    more = ("--weights", tmp_path / "run/weights.safetensors", "-o", tmp_path / "out", "-q")
    assert depmap(monkeypatch, "evaluate", "--data", data, "--cache", cache, *more) == 0
    for entry in entries(cache):
        times = np.array(json.loads((cache / entry / "index.json").read_text())["times"])
        assert times * TRUE == pytest.approx((times * TRUE).round())
        assert times[-1] > FRAMES / HEADER
    (row,) = csv.DictReader((tmp_path / "out/clips.csv").open())
    assert float(row["duration"]) == pytest.approx(FRAMES / TRUE)
