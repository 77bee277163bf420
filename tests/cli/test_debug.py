"""Unexpected errors: one line for the user, the traceback in a file or, with --debug, on stderr."""

import logging
import re
from traceback import format_exception

import pytest

from depmap_cli.batch import job as job_module
from depmap_cli.results import ScoreResult, Status
from depmap_cli.scoring.scorer import Scorer
from tests.support.stub_job import report_of

REASON = "unexpected ZeroDivisionError while scoring"


class StubScorer:
    """Scores 7, unless an error is planted, which it returns like the scorer or raises."""

    def __init__(self):
        self.error, self.raises = None, True

    def score(self, path, options, name, progress, decoding):
        logging.getLogger("depmap_cli.scoring.scorer").warning("a library message")
        report = report_of(name, "7")
        if self.error is not None and self.raises:
            raise self.error
        if self.error is not None:
            failed = {"status": Status.failed, "reason": REASON, "estimate": None}
            text = "".join(format_exception(self.error))
            return ScoreResult(report=report.model_copy(update=failed), traceback=text)
        return ScoreResult(report=report)


@pytest.fixture
def scorer(monkeypatch):
    scorer = StubScorer()
    monkeypatch.setattr(Scorer, "load", lambda *arguments: scorer)
    return scorer


@pytest.fixture(params=["raised", "returned"])
def crash(scorer, request):
    try:
        raise ZeroDivisionError("planted in scoring")
    except ZeroDivisionError as error:
        scorer.error = error
    scorer.raises = request.param == "raised"
    return scorer


@pytest.fixture
def workdir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def broken_page(monkeypatch):
    def raise_error(*arguments):
        raise ZeroDivisionError("planted in rendering")

    monkeypatch.setattr(job_module, "render_result", raise_error)


def flat(text):
    """Text without line breaks of the terminal."""
    return " ".join(text.split())


def test_with_a_results_folder_the_message_names_the_file(run, crash, interview, workdir):
    code, out, err = run("score", interview, "-o", "out")
    assert code == 1, err
    assert f"{REASON}; traceback: interview.mp4/traceback.txt" in flat(out), err
    assert "report this error with that file" in flat(out)
    assert "Traceback" not in out + err
    assert "a library message" not in err
    assert "planted in scoring" in (workdir / "out/interview.mp4/traceback.txt").read_text()
    crash.error = None
    assert run("score", interview, "-o", "out", "--frames", "20")[0] == 0
    assert not (workdir / "out/interview.mp4/traceback.txt").exists()


def test_without_a_results_folder_the_message_names_the_option(run, crash, interview, workdir):
    code, out, err = run("score", interview)
    assert code == 1, err
    assert f"{REASON} Hint: run again with --debug to see the traceback" in flat(out)
    assert "Traceback" not in out + err
    assert list(workdir.iterdir()) == []


@pytest.mark.parametrize("how", ["option", "environment"])
def test_debug_prints_the_traceback_and_the_log(run, crash, interview, workdir, monkeypatch, how):
    monkeypatch.setenv("DEPMAP_DEBUG", "1" if how == "environment" else "")
    code, _, err = run(*["--debug"] * (how == "option"), "score", interview)
    assert code == 1, err
    assert err.count("Traceback") == 1
    assert "ZeroDivisionError: planted in scoring" in err
    assert "WARNING depmap_cli.scoring.scorer" in err


def test_an_empty_environment_variable_does_not_turn_debug_on(
    run, crash, interview, workdir, monkeypatch
):
    monkeypatch.setenv("DEPMAP_DEBUG", "")
    assert "Traceback" not in run("score", interview)[2]


def test_debug_works_for_expected_errors_too(run, workdir):
    assert "Traceback" not in run("score", "missing/*.mp4")[2]
    code, _, err = run("--debug", "score", "missing/*.mp4")
    assert code == 2
    assert "UsageProblem: no file matches" in err


def test_a_report_that_cannot_be_rendered_keeps_its_traceback(
    run, scorer, broken_page, interview, workdir
):
    code, out, err = run("score", interview, "-o", "out", "--frames", "20")
    assert code == 1, err
    assert "unexpected ZeroDivisionError while rendering the report; traceback:" in flat(out)
    assert "Traceback" not in out + err
    file = workdir / "out" / "interview.mp4" / "traceback.txt"
    assert "planted in rendering" in file.read_text()
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_without_a_folder_a_report_that_cannot_be_rendered_is_one_failure(
    run, scorer, broken_page, interview, workdir
):
    code, out, _ = run("score", interview, "--json", "--frames", "20")
    assert (code, out.count("\n")) == (1, 1)
    assert "run again with --debug" in out


@pytest.mark.parametrize("folder", [None, "out"])
def test_a_crash_of_the_command_leaves_a_traceback_where_results_go(
    run, interview, workdir, monkeypatch, folder
):
    def load(*arguments):
        raise ZeroDivisionError("planted in loading")

    monkeypatch.setattr(Scorer, "load", load)
    code, out, err = run("score", interview, *(("-o", folder) if folder else ()))
    assert (code, out) == (1, "")
    lines = err.splitlines()
    assert len(lines) == 2
    path = re.fullmatch(r"error: unexpected ZeroDivisionError; traceback: (\S+)", lines[0])[1]
    assert (workdir / path).parent == (workdir / folder if folder else workdir)
    text = (workdir / path).read_text()
    assert text.startswith("depmap ")
    assert "planted in loading" in text
    assert lines[1] == "hint: report this error with that file"


def test_a_crash_of_any_command_is_one_line(run, workdir, monkeypatch):
    from depmap_cli.workflows import installation_check

    def raise_error():
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(installation_check, "describe", raise_error)
    code, _, err = run("info")
    assert (code, err.count("error:")) == (1, 1)
    assert len(list(workdir.glob("depmap-traceback-*.txt"))) == 1
    code, _, err = run("--debug", "info")
    assert code == 1, err
    assert "ZeroDivisionError: planted" in err
    assert len(list(workdir.glob("depmap-traceback-*.txt"))) == 1


def test_a_single_video_with_jobs_or_timeout_is_scored_in_a_worker_process(
    run, scorer, interview, monkeypatch
):
    from depmap_cli.batch import workers

    calls = []

    def local_workers(*arguments):
        calls.append(arguments[1:])
        return [workers.InProcessWorker(arguments[0])]

    monkeypatch.setattr(workers, "local_workers", local_workers)
    for options in ((), ("--jobs", "2"), ("--timeout", "9")):
        assert run("score", interview, "--frames", "20", *options)[0] == 0
    assert calls == [(1, 2, 600.0), (1, 1, 9.0)]


def test_the_help_lists_every_exit_code_and_environment_variable(run):
    from depmap_cli import errors

    text = flat(run("--help")[1])
    for name, value in vars(errors).items():
        if name.startswith("EXIT_"):
            assert re.search(rf"[:;] {value} ", text), name
            assert re.search(rf"^{value} ", errors.__doc__, re.MULTILINE), name
    for name in ("WEIGHTS", "DEVICE", "CACHE", "FACE_MODEL", "DEBUG"):
        assert f"DEPMAP_{name}" in text
