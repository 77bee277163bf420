"""A tiny corpus cut from the rendered interview, its faces, and a run trained on it: made once a
process, since files of other packages may come between those of this one."""

import shutil
from pathlib import Path

import pytest

from tests.support.process_pool import work_here
from tests.support.runs import FEW, depmap, train
from tests.support.videos import write_video


@pytest.fixture(scope="session")
def corpus(tmp_path_factory, face_frames) -> Path:
    """Four Training and three Development clips of 10 frames; Testing holds what cannot be read."""
    root = tmp_path_factory.mktemp("corpus")
    plan = {"Training": [2, 15, 24, 40], "Development": [5, 18, 33], "Testing": [9]}
    start = 0
    for number, (split, scores) in enumerate(plan.items()):
        (root / split / "Freeform").mkdir(parents=True)
        (root / split / "DepressionLabels").mkdir()
        for i, score in enumerate(scores):
            person = 100 * (number + 1) + i
            video = root / split / "Freeform" / f"{person}_1_Freeform_video.mp4"
            if split == "Testing":
                video.write_text("must never be opened by training")
            else:
                write_video(video, face_frames[start : start + 10])
                start += 9
            (root / split / "DepressionLabels" / f"{person}_1_Depression.csv").write_text(
                f"{score}\n"
            )
    return root


@pytest.fixture(scope="session")
def cache(corpus, tmp_path_factory) -> Path:
    """With the faces of the corpus as ``train`` uses them."""
    readable, folder = tmp_path_factory.mktemp("readable"), tmp_path_factory.mktemp("cache")
    for split in ("Training", "Development"):
        shutil.copytree(corpus / split, readable / split)
    with pytest.MonkeyPatch.context() as patch:
        work_here(patch)
        assert depmap(patch, "prepare", "--data", readable, "--cache", folder, *FEW, "-q") == 0
    return folder


@pytest.fixture(scope="session")
def trained(corpus, cache, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("run") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, corpus, cache, out, "--statement", "seven snippets") == 0
    return out
