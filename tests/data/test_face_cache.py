"""The cache of faces: what disturbs it is told in one line, and costs what was hit and no more."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from importlib import metadata
from multiprocessing import active_children
from pathlib import Path
from threading import Barrier, Thread

import numpy as np
import pytest
import torch
from safetensors.torch import save

from depmap_cli.config import FaceConfig, SamplingConfig
from depmap_cli.data import face_cache as cache_module
from depmap_cli.data.clips import load_clips
from depmap_cli.data.corpus import read_corpus
from depmap_cli.data.face_cache import FaceCache, content_hash
from depmap_cli.errors import DepmapError, OutputUnwritable
from depmap_cli.io import atomic_files
from depmap_cli.io.checkpoint import load_tensors
from depmap_cli.io.settings import read_settings
from depmap_cli.workflows import labelled_data
from tests.support.runs import depmap, disk_full_at
from tests.support.videos import ffmpeg

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")


def quiet(*_) -> None:
    pass


@pytest.fixture
def videos(corpus):
    return [r for r in read_corpus(corpus).videos if r.split == "Training"][:2]


@pytest.fixture
def readable(corpus, tmp_path) -> Path:
    """A copy of the corpus without what cannot be read: seven videos."""
    for split in ("Training", "Development"):
        shutil.copytree(corpus / split, tmp_path / "data" / split)
    return tmp_path / "data"


@pytest.fixture
def store(tmp_path, faces_in_process) -> FaceCache:
    """An empty cache; faces are prepared in this process."""
    return FaceCache(tmp_path / "cache", SamplingConfig(frames=4), FaceConfig())


@pytest.fixture
def semantics():
    return labelled_data.SemanticModelSpec().load()


def contents(folder: Path) -> dict[Path, bytes]:
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def inodes(folder: Path) -> dict[Path, int]:
    return {p: p.stat().st_ino for p in folder.rglob("*")}


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_cache_that_cannot_be_made(corpus, tmp_path, place, monkeypatch, capfd):
    (tmp_path / "file").write_text("x")
    where = ("--data", corpus, "--cache", tmp_path / place)
    assert depmap(monkeypatch, "train", *where, "--out", tmp_path / "run", "-q") == 1
    err = capfd.readouterr().err
    assert f"error: the face cache {tmp_path / place}" in err
    assert "--cache" in err


def test_a_disk_that_is_full_when_faces_are_kept(store, videos):
    with (
        disk_full_at(50_000),
        pytest.raises(OutputUnwritable, match="the face cache.*: File too large"),
    ):
        store.prepare(videos, 1, quiet)
    assert list(store.root.iterdir()) == []  # nothing half-written
    assert len(store.prepare(videos, 1, quiet)) == 2


def test_a_disk_that_is_full_when_views_are_kept(store, videos, semantics):
    entries = store.prepare(videos, 1, quiet)
    before = contents(store.root)
    with disk_full_at(1000), pytest.raises(OutputUnwritable, match="the face cache"):
        load_clips(videos, entries, semantics, CPU, quiet)
    assert contents(store.root) == before


def test_a_process_that_is_killed(videos, tmp_path):
    def kill():
        while not (children := active_children()):
            time.sleep(0.01)
        os.kill(children[0].pid, signal.SIGKILL)

    killer = Thread(target=kill)
    killer.start()
    store = FaceCache(tmp_path / "cache", SamplingConfig(frames=4), FaceConfig())
    with pytest.raises(
        DepmapError, match="preparing faces: a process ended unexpectedly"
    ) as caught:
        store.prepare(videos, 1, quiet)
    killer.join()
    assert "--jobs" in caught.value.hint


def cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize(
    "harm",
    [
        lambda entry: cut(entry / "index.json"),
        lambda entry: (entry / "index.json").write_text("[]"),
        lambda entry: (entry / "index.json").unlink(),
        lambda entry: cut(entry / "faces.npy"),
        lambda entry: (entry / "faces.npy").write_bytes(b""),
        lambda entry: (entry / "faces.npy").unlink(),
    ],
)
def test_a_damaged_entry_is_made_anew(store, videos, harm):
    damaged, other = (entry.folder for entry in store.prepare(videos, 1, quiet))
    before, kept = contents(store.root), inodes(other)
    harm(damaged)
    store.prepare(videos, 1, quiet)
    assert contents(store.root) == before
    assert inodes(other) == kept


def shorten(view: Path) -> None:
    view.write_bytes(save({name: rows[:3].clone() for name, rows in load_tensors(view).items()}))


@pytest.mark.parametrize("harm", [cut, shorten])
def test_a_damaged_view_is_made_anew(store, videos, semantics, harm):
    entries = store.prepare(videos, 1, quiet)
    load_clips(videos, entries, semantics, CPU, quiet)
    before = contents(store.root)
    harm(next(entries[0].folder.glob("seen-*")))
    load_clips(videos, entries, semantics, CPU, quiet)
    assert contents(store.root) == before


def test_what_killed_runs_left_is_removed_once_it_is_surely_nobodys(store, videos):
    (entry, _) = store.prepare(videos, 1, quiet)
    places = (store.root, entry.folder, store.root / "views" / "0")
    old, new = ([place / f".making-{name}" for place in places] for name in ("old", "new"))
    for left in (*old, *new):
        left.mkdir(parents=True)
        (left / "faces.npy").write_bytes(b"half")
    for left in old:
        os.utime(left, (time.time() - 7200,) * 2)
    store.prepare(videos, 1, quiet)  # nothing to make
    assert [left.exists() for left in (*old, *new)] == [False] * 3 + [True] * 3


def test_a_video_is_read_once_to_find_its_faces(store, videos, monkeypatch):
    made, opened, real = store.prepare(videos, 1, quiet), [], Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, *a, **k: opened.append(self) or real(self, *a, **k)
    )
    found = store.prepare(videos, 1, quiet)
    assert [entry.folder for entry in found] == [entry.folder for entry in made]
    assert not {r.path for r in videos}.intersection(opened)


def test_prepared_faces_are_told_by_their_pictures(store, videos, tmp_path):
    (entry, _) = store.prepare(videos, 1, quiet)
    held = replace(videos[0], path=shutil.copytree(entry.folder, tmp_path / "1_1.faces"))
    again = replace(held, path=shutil.copytree(held.path, tmp_path / "again.faces"))
    before = content_hash(held)
    assert content_hash(again) == before
    np.save(held.path / "faces.npy", 255 - np.asarray(entry.faces))
    assert content_hash(held) != before


@pytest.fixture
def together(monkeypatch):
    """Runs ``work`` twice at once: neither renames what it made before both have made it."""
    rename, barrier = os.replace, Barrier(2, timeout=20)

    def after_both(source, target):
        barrier.wait()
        rename(source, target)

    monkeypatch.setattr(atomic_files.os, "replace", after_both)

    def run(work):
        failed = []

        def guarded():
            try:
                work()
            except Exception as error:
                failed.append(error)

        threads = [Thread(target=guarded) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []

    return run


def test_runs_at_once_share_a_cache(store, videos, semantics, together):
    def work():
        entries = store.prepare(videos, 1, quiet)
        load_clips(videos, entries, semantics, CPU, quiet)

    together(work)
    found = sorted(p.name for p in store.root.rglob("*") if p.is_file())
    assert found[:4] == ["faces.npy", "faces.npy", "index.json", "index.json"]
    assert [name[:5] for name in found[4:]] == ["seen-", "seen-"]


def test_nothing_is_written_into_a_corpus(store, videos, semantics, tmp_path):
    data, made = tmp_path / "corpus", store.prepare(videos, 1, quiet)
    held = [
        replace(r, path=shutil.copytree(entry.folder, data / f"{r.subject}.faces"))
        for r, entry in zip(videos, made, strict=True)
    ]
    before = contents(data)
    other = FaceCache(tmp_path / "other", store.sampling, store.faces)
    load_clips(held, other.prepare(held, 1, quiet), semantics, CPU, quiet)
    assert contents(data) == before
    kept = inodes(other.root)
    assert len([path for path in kept if path.suffix == ".safetensors"]) == len(held)
    load_clips(held, other.prepare(held, 1, quiet), semantics, CPU, quiet)
    assert inodes(other.root) == kept


@pytest.fixture
def versions(monkeypatch):
    """Versions of packages as they might be; None for one that is not installed."""
    real, told = metadata.version, {}

    def version(package):
        found = told.get(package, real)
        if found is None:
            raise metadata.PackageNotFoundError(package)
        return real(package) if found is real else found

    monkeypatch.setattr(metadata, "version", version)

    def tell(**changed):
        told.update({name.replace("_", "-"): value for name, value in changed.items()})
        cache_module._versions.cache_clear()

    tell()
    yield tell
    cache_module._versions.cache_clear()


def test_a_changed_package_is_noticed(store, videos, versions):
    versions(opencv_python="5.0.0.1")
    (first,) = store.prepare(videos[:1], 1, quiet)
    versions(opencv_python=None, opencv_python_headless="5.0.0.1")
    (same,) = store.prepare(videos[:1], 1, quiet)
    assert same.folder == first.folder
    for package in ("opencv_python_headless", "facenet_pytorch", "torch", "torchvision"):
        before = set(store.root.iterdir())
        versions(**{package: "99"})
        (other,) = store.prepare(videos[:1], 1, quiet)
        assert other.folder not in before


@pytest.mark.usefixtures("faces_in_process")
def test_a_video_that_was_cut_off_is_refused(readable, interview, tmp_path, monkeypatch, capfd):
    """Before anything is made of it, and by the commands that look at faces alone."""
    video = readable / "Development" / "Freeform" / "201_1_Freeform_video.mp4"
    ffmpeg("-i", interview, "-c", "copy", "-movflags", "+faststart", video)
    data = video.read_bytes()
    video.write_bytes(data[: len(data) // 3])
    where = ("--data", readable, "--cache", tmp_path / "cache")
    for command in (("train", "--dry-run"), ("prepare", "-q")):
        assert depmap(monkeypatch, *command, *where) == 1
        err = capfd.readouterr().err
        assert "error: Development/Freeform/201_1_Freeform_video.mp4: truncated" in err
        assert "11.0 s of 33.3 s" in err


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.usefixtures("faces_in_process")
def test_prepare_goes_on_after_sigkill(readable, tmp_path, monkeypatch, capfd):
    cache = tmp_path / "cache"
    arguments = ["prepare", "--data", readable, "--cache", cache, "--jobs", "1"]
    command = [sys.executable, "-m", "depmap_cli", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: list(cache.glob("[!.]*/index.json")) or process.poll() is not None)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    wait_for(lambda: not any(is_running(int(pid)) for pid in children))
    before = inodes(cache)
    assert 0 < len(list(cache.glob("[!.]*/index.json"))) < 7
    assert depmap(monkeypatch, *arguments) == 0
    assert capfd.readouterr().out.count("_1_Freeform") == 7
    after = inodes(cache)
    assert len(list(cache.glob("[!.]*/index.json"))) == 7
    assert before.items() <= after.items()


@pytest.mark.slow
@pytest.mark.usefixtures("faces_in_process")
def test_prepare_makes_what_training_uses(readable, tmp_path, monkeypatch):
    cache, pairs = tmp_path / "cache", ["faces.size=224", "faces.min_face=30"]
    settings = [word for pair in pairs for word in ("--set", pair)]
    where = ("--data", readable, "--cache", cache, "-q")
    assert depmap(monkeypatch, "prepare", *where, *settings) == 0
    before = inodes(cache)
    source = labelled_data.LabelledData(data=readable, cache=cache)
    config = read_settings(pairs)
    videos = source.read()[0]
    made = source.prepare(videos, config.faces, quiet, labelled_data.prepared_frames(32))
    assert inodes(cache) == before
    assert {entry.faces.shape[1] for entry in made} == {224}
