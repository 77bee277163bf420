"""`depmap weights`: listing, verification, import and download of weights files."""

import hashlib
import json
import pickle
import shutil
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from safetensors.torch import load_file, save_file

from depmap_cli.errors import WeightsInvalid
from depmap_cli.io.checkpoint import read_document
from depmap_cli.scoring.report_builder import estimate_of
from depmap_cli.weights.loading import load_networks
from depmap_cli.weights.locations import (
    BASELINE_WEIGHTS,
    DEFAULT_WEIGHTS,
    default_semantic_weights,
    weights_folder,
)

SHIPPED = weights_folder()


@pytest.fixture
def run(capfd, monkeypatch, tmp_path):
    """Runs ``depmap weights ARGS`` on a temporary folder: (exit code, stdout, stderr)."""
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.setenv("DEPMAP_WEIGHTS", str(folder))

    def call(*arguments):
        from depmap_cli.cli import main

        monkeypatch.setattr(sys, "argv", ["depmap", "weights", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    call.folder = folder
    return call


def sha256_of(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def server():
    """Runs a local server; yields a function that adds a file and returns its URL."""
    contents = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path not in contents:
                self.send_error(404)
                return
            data, claimed = contents[self.path]
            self.send_response(200)
            if claimed is not None:
                self.send_header("Content-Length", str(claimed))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    serving = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=serving.serve_forever, daemon=True).start()

    def offer(name, data, claimed=None):
        contents[f"/{name}"] = data, len(data) if claimed is None else claimed
        return f"http://127.0.0.1:{serving.server_port}/{name}"

    yield offer
    serving.shutdown()


def test_the_shipped_files_are_valid(run, monkeypatch):
    monkeypatch.setenv("DEPMAP_WEIGHTS", str(SHIPPED))
    code, out, _ = run("verify", "--json")
    entries = {entry["file"]: entry for entry in json.loads(out)}
    assert code == 0
    assert [e["problem"] for e in entries.values()] == ["", "", ""]
    assert entries[DEFAULT_WEIGHTS]["kind"] == "depmap"
    assert entries[DEFAULT_WEIGHTS]["simulated"] is True
    sums = dict(line.split()[::-1] for line in (SHIPPED / "SHA256SUMS").read_text().splitlines())
    assert {e["file"]: e["sha256"] for e in entries.values()} == sums
    assert DEFAULT_WEIGHTS[:20] in run("list")[1]


def test_imported_files_are_listed_and_verified(run):
    assert run("import", default_semantics_shipped())[0] == 0
    code, _, err = run("import", SHIPPED / DEFAULT_WEIGHTS)
    assert (code, err) == (0, f"stored: {DEFAULT_WEIGHTS}\n")
    assert (run.folder / DEFAULT_WEIGHTS).read_bytes() == (SHIPPED / DEFAULT_WEIGHTS).read_bytes()
    assert run("verify")[0] == 0
    assert not list(run.folder.glob(".making*"))
    assert len((run.folder / "SHA256SUMS").read_text().splitlines()) == 2


def default_semantics_shipped():
    return next(p for p in SHIPPED.glob("*.safetensors") if "-au-" in p.name)


def test_import_needs_the_semantic_weights(run):
    code, _, err = run("import", SHIPPED / BASELINE_WEIGHTS)
    assert code == 1
    assert "semantic weights" in err
    assert list(run.folder.iterdir()) == []


def test_other_safetensors_are_accepted_as_foreign(run, tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "clip.safetensors")
    assert run("import", tmp_path / "clip.safetensors")[0] == 0
    (entry,) = json.loads(run("list", "--json")[1])
    assert (entry["kind"], entry["problem"]) == ("foreign", "")


def test_a_file_of_the_same_name_is_replaced_only_with_force(run, tmp_path):
    for value in (1.0, 2.0):
        save_file({"a": torch.full((2,), value)}, tmp_path / "clip.safetensors")
        code, _, err = run("import", tmp_path / "clip.safetensors")
    assert code == 2
    assert "another file of this name" in err
    assert run("import", tmp_path / "clip.safetensors")[0] == 2
    assert run("import", tmp_path / "clip.safetensors", "--force")[0] == 0
    kept = (run.folder / "clip.safetensors").read_bytes()
    assert kept == (tmp_path / "clip.safetensors").read_bytes()


class Bomb:
    def __reduce__(self):
        return (print, ("executed",))


@pytest.mark.parametrize("name", ["evil.pt", "evil.bin", "evil.safetensors"])
def test_a_pickle_is_neither_executed_nor_stored(run, tmp_path, name):
    (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
    code, out, err = run("import", tmp_path / name)
    assert code == 1
    assert "executed" not in out + err
    assert list(run.folder.iterdir()) == []


def test_verification_finds_damaged_files(run, tmp_path):
    shutil.copy(SHIPPED / DEFAULT_WEIGHTS, run.folder)
    shutil.copy(default_semantics_shipped(), run.folder)
    shutil.copy(SHIPPED / "SHA256SUMS", run.folder)
    data = bytearray((run.folder / DEFAULT_WEIGHTS).read_bytes())
    data[-5] ^= 1
    (run.folder / DEFAULT_WEIGHTS).write_bytes(data)
    save_file({"a": torch.tensor([1.0, float("nan")])}, run.folder / "nan.safetensors")
    (run.folder / "half.safetensors").write_bytes(data[: len(data) // 2])
    code, out, _ = run("verify", "--json")
    problems = {entry["file"]: entry["problem"] for entry in json.loads(out)}
    assert code == 1
    assert "SHA256SUMS" in problems[DEFAULT_WEIGHTS]
    assert "not finite" in problems["nan.safetensors"]
    assert problems["half.safetensors"]
    assert problems[default_semantics_shipped().name] == ""


def test_verification_finds_missing_files(run):
    shutil.copy(SHIPPED / "SHA256SUMS", run.folder)
    code, out, err = run("verify")
    assert code == 1
    assert out.count("missing") == len(list(SHIPPED.glob("*.safetensors")))


def test_a_missing_weights_folder_is_an_error(run, monkeypatch):
    monkeypatch.setenv("DEPMAP_WEIGHTS", str(run.folder / "nowhere"))
    for command in ("list", "verify"):
        code, _, err = run(command)
        assert code == 1
        assert "nowhere: no such weights folder" in err


def test_a_file_with_the_right_hash_is_fetched(run, server):
    data = default_semantics_shipped().read_bytes()
    url = server("model.safetensors", data)
    code, _, err = run("fetch", url, "--sha256", sha256_of(data).upper())
    assert (code, err) == (0, "stored: model.safetensors\n")
    assert (run.folder / "model.safetensors").read_bytes() == data


def test_a_failed_download_stores_nothing(run, server):
    data = (SHIPPED / BASELINE_WEIGHTS).read_bytes()
    right = sha256_of(data)
    bad = b"no weights at all"
    cases = [
        (server("other.safetensors", data[:-1] + b"x"), right, "another SHA-256"),
        (server("short.safetensors", data[:-9], len(data)), right, ""),
        (server("huge.safetensors", data, 1 << 50), right, "larger than weights can be"),
        (server("missing.safetensors", data) + "x.safetensors", right, "404"),
        (server("text.safetensors", bad), sha256_of(bad), "not a safetensors file"),
        ("http://127.0.0.1:9/closed.safetensors", right, "cannot be fetched"),
    ]
    for url, sha256, words in cases:
        code, _, err = run("fetch", url, "--sha256", sha256)
        assert code == 1, url
        assert len([line for line in err.splitlines() if line.startswith("error:")]) == 1
        assert words in err
        assert list(run.folder.iterdir()) == [], url


@pytest.mark.parametrize(
    ("url", "sha256"),
    [
        ("http://example.org/a.safetensors", "0" * 64),
        ("ftp://example.org/a.safetensors", "0" * 64),
        ("file:///etc/passwd", "0" * 64),
        ("https://example.org/a.pt", "0" * 64),
        ("https://example.org/.safetensors", "0" * 64),
        ("https://example.org/a.safetensors", "0" * 63),
        ("https://[broken/a.safetensors", "0" * 64),
    ],
)
def test_invalid_addresses_and_hashes_are_usage_errors(run, url, sha256):
    code, _, err = run("fetch", url, "--sha256", sha256)
    assert code == 2
    assert "Traceback" not in err


def test_fetching_needs_a_hash(run):
    assert run("fetch", "https://example.org/a.safetensors")[0] == 2


def test_shipped_semantics_are_the_default():
    assert default_semantic_weights() == default_semantics_shipped()


ONE_PERSON = {"people": [1], "residuals": [5.0]}


@pytest.mark.parametrize(
    "odd",
    [
        {"calibration": 0},
        {"calibration": {"people": [1], "residuals": 5}},
        {"calibration": {"people": [1], "residuals": []}},
        {"calibration": {**ONE_PERSON, "typical_errors": [1.0] * 5}},
        {"calibration": {**ONE_PERSON, "estimates": [4.0], "typical_errors": [1.0] * 4}},
        {"calibration": {**ONE_PERSON, "estimates": [4.0], "typical_errors": [0.0] * 5}},
        {"calibration": {**ONE_PERSON, "estimates": [4.0], "typical_errors": "x"}},
        {"training_mean": "x"},
        {"development": {"mae": None}},
    ],
)
def test_invalid_documents_are_refused_when_weights_are_loaded(tmp_path, odd):
    document = {**read_document(SHIPPED / BASELINE_WEIGHTS), **odd}
    save_file(
        load_file(SHIPPED / BASELINE_WEIGHTS),
        tmp_path / BASELINE_WEIGHTS,
        {"depmap": json.dumps(document)},
    )
    with pytest.raises(WeightsInvalid, match="does not fit its description"):
        load_networks(tmp_path / BASELINE_WEIGHTS, torch.device("cpu"))


def test_a_score_that_is_not_a_number_is_an_error():
    with pytest.raises(WeightsInvalid, match="not a number"):
        estimate_of(float("nan"), read_document(SHIPPED / BASELINE_WEIGHTS), 0.9)
