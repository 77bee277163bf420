"""Corpora on disk: layout, splits, resuming, and the same bytes with any number of processes."""

import json
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from depmap_cli.config import FaceConfig, SamplingConfig
from depmap_cli.data.corpus import read_corpus
from depmap_cli.data.face_cache import FaceCache, duration_of
from depmap_cli.errors import DataInvalid, UsageProblem
from depmap_cli.runtime import process_pool
from depmap_cli.semantics_training import read_au_frames
from depmap_cli.simulation.corpus import cohort
from depmap_cli.simulation.corpus.cohort import CohortOptions, make_cohort, plan
from tests.simulation.still_renderer import StillRenderer

pytestmark = pytest.mark.usefixtures("in_process")


def quiet(stage, done, total):
    pass


def small(out):
    return CohortOptions(out=out, sessions=6, splits=(2, 2, 2), seconds=3.0, fps=5.0, size=96)


@pytest.fixture
def options(tmp_path):
    return small(tmp_path / "out")


@pytest.fixture(scope="module")
def made(in_process, tmp_path_factory):
    """A small corpus that is there already. It is only read."""
    options = small(tmp_path_factory.mktemp("made") / "out")
    make_cohort(options, StillRenderer(), quiet)
    return options


@pytest.fixture(scope="module")
def null(in_process, tmp_path_factory):
    """The same without effect. It is only read."""
    options = replace(small(tmp_path_factory.mktemp("null") / "out"), effect=0.0)
    make_cohort(options, StillRenderer(), quiet)
    return options


@pytest.fixture
def copied(made, options):
    """A copy of the small corpus, to be changed."""
    shutil.copytree(made.out, options.out)
    return options


def truths(out):
    return {p.relative_to(out): p.read_bytes() for p in sorted(out.glob("ground_truth/*/*.npz"))}


def test_layout_is_read_back(copied):
    corpus = read_corpus(copied.out)
    assert not corpus.notes
    sessions = corpus.videos
    assert len(sessions) == 12
    assert {r.task for r in sessions} == {"Freeform", "Northwind"}
    people = {s: {r.subject for r in sessions if r.split == s} for s in ("Training", "Testing")}
    assert not people["Training"] & people["Testing"]
    first = sessions[-1]
    number = first.subject.removeprefix("s1-")  # people of another seed have other names
    assert first.path.name == f"{number}_{first.session}_{first.task}_video.mp4"
    assert first.fps == 5
    (copied.out / "manifest.csv").unlink()  # AVEC's label files say the same
    named = [replace(r, fps=None, subject=r.subject.removeprefix("s1-")) for r in sessions]
    assert named == read_corpus(copied.out).videos


def test_ground_truth_of_a_clip(made):
    clip = plan(made)[0]
    with np.load(made.out / "ground_truth" / clip.split / f"{clip.name}.npz") as truth:
        n = truth["au"].shape[1]
        assert truth["au"].dtype == np.float16
        assert truth["au_names"].shape == (18,)
        assert truth["pose"].shape == (3, n)
        assert truth["gaze"].shape == (2, n)
        assert truth["cue"].shape == (n,)
        assert truth["landmarks"].shape == (n, 68, 2)
        assert int(truth["bdi"]) == clip.session.score
        assert 0 <= float(truth["tone"]) <= 1
        assert float(truth["fps"]) == 5


def test_the_card_tells_counts_and_command(made, null):
    card = (made.out / "README.md").read_text()
    assert "--sessions 6 --splits 2,2,2" in card
    assert "log strength of smiles" in card
    assert str(made.out) not in card
    assert "null cohort" in (null.out / "README.md").read_text()


def test_nobody_is_in_two_splits():
    clips = plan(CohortOptions(out=Path(), sessions=90, splits=(80, 10, 0)))
    people = {split: {c.session.person for c in clips if c.split == split} for split, _ in _pairs()}
    assert not people["Training"] & people["Development"]
    assert not people["Testing"]
    assert len({(c.session.person, c.session.session) for c in clips}) == 90


def _pairs():
    return zip(("Training", "Development", "Testing"), range(3), strict=True)


@pytest.mark.parametrize(
    ("sessions", "splits", "counts"),
    [(150, (50, 50, 50), [50, 50, 50]), (10, (80, 10, 10), [8, 1, 1]), (7, (1, 1, 1), [3, 2, 2])],
)
def test_splits_are_shares(sessions, splits, counts):
    assert CohortOptions(out=Path(), sessions=sessions, splits=splits).sessions_by_split == counts


def test_looks_and_lengths_do_not_depend_on_effect_or_severity(made, null):
    for clip in plan(made):
        parts = [
            np.load(o.out / "ground_truth" / clip.split / f"{clip.name}.npz") for o in (made, null)
        ]
        for name in ("tone", "age", "fps", "frames"):
            assert np.array_equal(parts[0][name], parts[1][name])


def test_a_killed_run_goes_on(copied, still_renderer, monkeypatch):
    expected = truths(copied.out)
    clip = plan(copied)[3]
    truth = copied.out / "ground_truth" / clip.split / f"{clip.name}.npz"
    truth.unlink()
    left = truth.with_name(f".making-999-{truth.name}")
    left.write_bytes(b"half")
    made = []
    make = cohort.make_clip
    monkeypatch.setattr(cohort, "make_clip", lambda *a: (made.append(a[-1]), make(*a))[1])
    make_cohort(copied, still_renderer, quiet)
    assert made == [clip]
    assert not left.exists()
    assert truths(copied.out) == expected


def test_other_options_do_not_mix(copied, still_renderer):
    with pytest.raises(UsageProblem, match="seed 1, not 2"):
        make_cohort(replace(copied, seed=2), still_renderer, quiet)
    make_cohort(replace(copied, jobs=5), still_renderer, quiet)


def test_a_folder_of_other_things_is_left_alone(options, still_renderer):
    options.out.mkdir()
    (options.out / "mine.txt").write_text("x")
    with pytest.raises(UsageProblem, match="not empty"):
        make_cohort(options, still_renderer, quiet)


def test_same_bytes_in_other_processes(made, options, monkeypatch):
    monkeypatch.setattr(process_pool, "ProcessPoolExecutor", ProcessPoolExecutor)
    apart = replace(options, jobs=2)
    make_cohort(apart, StillRenderer(), quiet)
    assert truths(apart.out) == truths(made.out)


def test_faces_in_place_of_videos(options, face_renderer, tmp_path):
    options = replace(
        options, sessions=2, splits=(1, 1, 0), tasks=("Northwind",), faces=4, size=192
    )
    make_cohort(options, face_renderer, quiet)
    sessions = read_corpus(options.out).videos
    assert [r.path.suffix for r in sessions] == [".faces", ".faces"]
    store = FaceCache(tmp_path / "cache", SamplingConfig(), FaceConfig())
    entries = store.prepare(sessions, 1, lambda done, total: None)
    assert [len(e) for e in entries] == [4, 4]
    assert not (tmp_path / "cache").exists()
    assert entries[0].faces.shape == (4, 128, 128, 3)
    assert duration_of(sessions[0]) == 3
    frames = read_au_frames(options.out, sessions, entries)
    truth = np.load(
        options.out / "ground_truth" / sessions[0].split / f"{sessions[0].path.stem}.npz"
    )
    assert truth["au"].shape == (18, 15)
    assert truth["landmarks"].shape == (4, 68, 2)
    assert np.array_equal(frames.intensity[:4], truth["au"][:, truth["frames"]].T)
    large = FaceCache(tmp_path / "cache", SamplingConfig(), FaceConfig(size=224))
    with pytest.raises(DataInvalid, match="128 px, but 224 px"):
        large.prepare(sessions, 1, lambda done, total: None)
    (sessions[0].path / "index.json").write_text(json.dumps({}))
    with pytest.raises(DataInvalid, match="not a folder of prepared faces"):
        store.prepare(sessions, 1, lambda done, total: None)


def test_no_face_is_an_error_in_one_line(options, still_renderer):
    with pytest.raises(DataInvalid, match="no face found"):
        make_cohort(replace(options, faces=2), still_renderer, quiet)
