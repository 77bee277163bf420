"""A TRIPOD+AI checklist, filled in as far as the software knows; the rest is for the author.

Items after Collins et al., "TRIPOD+AI statement", BMJ 2024;385:e078378, in our own words: read them
there before submitting.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

from depmap_cli.evaluation.results import Agreement, EvaluationReport
from depmap_cli.report.files import write_file
from depmap_cli.report.text import (
    SELECTED,
    clean,
    figure_text,
    joined,
    percent,
    range_text,
    share_range_text,
    share_text,
    training_text,
)

AUTHOR = "FOR THE AUTHOR"
Known = Callable[[EvaluationReport], str]


@dataclass(frozen=True)
class Item:
    """One item of the checklist."""

    number: str
    topic: str
    asks: str
    author: str  # what only the author can say; "" if nothing
    known: Known | None = None  # what the software can say


def write_tripod(report: EvaluationReport, folder: Path) -> None:
    """Write ``tripod.md`` to ``folder``.

    Raises:
        OutputUnwritable: it cannot be written.
    """
    write_file(folder, "tripod.md", render_tripod(report).encode())


def render_tripod(report: EvaluationReport) -> str:
    """The checklist in Markdown."""
    lines = [
        f"# TRIPOD+AI checklist: {_plain(report.weights.file)} on {_plain(report.data)}",
        "",
        f"Written by depmap {report.depmap_version} on {report.created}. Items after Collins et "
        "al., BMJ 2024;385:e078378, paraphrased. What the software knows stands under its item; "
        f"what it cannot know is marked {AUTHOR}. Check every line before you submit it.",
        "",
        f"{report.disclaimer}",
    ]
    for section, items in _SECTIONS.items():
        lines += ["", f"## {section}"]
        for item in items:
            lines += ["", f"**{item.number} {item.topic}.** {item.asks}", ""]
            lines += [f"- {line}" for line in _answers(item, report)]
    return "\n".join(lines) + "\n"


def _answers(item: Item, report: EvaluationReport) -> list[str]:
    known = item.known(report) if item.known else ""
    author = f"**{AUTHOR}**: {item.author}" if item.author else ""
    return [answer for answer in (known, author) if answer]


def _plain(text: str) -> str:
    """A user's words on one line, with what Markdown or HTML would read as markup escaped."""
    return re.sub(r"([\\`*_{}\[\]()#|!~])", r"\\\1", escape(clean(text), quote=False))


def _data(r: EvaluationReport) -> str:
    trained = _plain(training_text(r.weights)).rstrip(". ")
    return f"Development: {trained}. Evaluation: {r.split} of {_plain(r.data)}. {_sizes(r)}"


def _sizes(r: EvaluationReport) -> str:
    seen = r.n_people - r.n_unseen
    counts = [
        f"{s.name}: {s.clips} clips, {s.recordings} recordings, {s.people} people" for s in r.splits
    ]
    here = (
        f"Evaluated: {r.n_clips} clips, {r.n_recordings} recordings of {r.n_people} people, "
        f"{seen} of whom were in the training data"
    )
    return "; ".join([*counts, here]) + "."


def _scores(r: EvaluationReport) -> str:
    bands = joined([f"{g.name} {g.errors.n}" for g in r.bands])
    spread = [f"{s.name} {s.mean:.1f} (SD {s.sd:.1f})" for s in r.splits]
    means = f" Mean score: {', '.join(spread)}." if spread else ""
    return f"Clips by severity band of the score: {bands}.{means}"


def _missing(r: EvaluationReport) -> str:
    parts = ["Frames without a usable face (none found, covered, another person) carry no weight."]
    if r.sampled_frames and r.usable_frames is not None:
        share = percent(1 - r.usable_frames / r.sampled_frames)
        parts.append(f"{r.sampled_frames - r.usable_frames} of {r.sampled_frames} ({share}).")
    names = [f"{_plain(video)} ({_plain(reason)})" for video, reason in r.left_out.items()]
    parts.append(f"Videos left out: {'; '.join(names) or 'none'}. No score was imputed.")
    return " ".join(parts)


def _performance(r: EvaluationReport) -> str:
    found = r.agreement
    parts = [f"Clips: {_agreement(found.clips.estimates)}"]
    parts.append(f"Recordings: {_agreement(found.recordings.estimates)}")
    for name, part in (("seen in training", found.seen), ("not seen", found.unseen)):
        if part:
            parts.append(f"People {name}: {_agreement(part.estimates)}")
    titles = {baseline.name: baseline.title for baseline in r.baselines}
    beside = [
        f"{titles[b.baseline]} {figure_text(b.agreement.rmse)} "
        f"(difference {figure_text(b.rmse_difference)}{_range(range_text(b.rmse_difference))})"
        for b in found.clips.baselines
    ]
    parts.append(f"RMSE of baselines, clips: {', '.join(beside)}")
    slope, bias = r.calibration.slope, r.bland_altman.bias
    parts.append(
        f"Calibration slope {figure_text(slope)}{_range(range_text(slope))}; bias of recordings "
        f"{figure_text(bias)}{_range(range_text(bias))} points"
    )
    covered = r.errors.coverage
    if r.intervals:
        text = f"{share_text(covered)}{_range(share_range_text(covered))}"
        parts.append(f"{percent(r.intervals.level)} prediction intervals cover {text}")
    return ". ".join(parts) + ". Plots: figures/."


def _agreement(found: Agreement) -> str:
    named = [("RMSE", found.rmse), ("MAE", found.mae), ("PCC", found.pcc), ("CCC", found.ccc)]
    return ", ".join(f"{name} {figure_text(f)}{_range(range_text(f))}" for name, f in named)


def _range(text: str) -> str:
    return f" [{text}]" if text else ""


def _subgroups(r: EvaluationReport) -> str:
    if not r.subgroups:
        return "No subgroups were given (a table with a column `subject` and others)."
    parts = []
    for split in r.subgroups:
        groups = [
            f"{_plain(g.name)} (n = {g.errors.n}, {g.errors.people} people) RMSE "
            f"{figure_text(g.errors.rmse)}{_range(range_text(g.errors.rmse))}, bias "
            f"{figure_text(g.errors.bias)}{_range(range_text(g.errors.bias))}"
            for g in split.groups
        ]
        parts.append(f"{_plain(split.attribute)}: {'; '.join(groups)}")
    return ". ".join(parts) + "."


def _fairness(r: EvaluationReport) -> str:
    names = [_plain(split.attribute) for split in r.subgroups]
    made = f"compared by {joined(names)} (23a)" if names else "not compared between subgroups"
    return f"Errors were {made}. The model was not constrained to be fair between groups."


def _measures(r: EvaluationReport) -> str:
    return (
        "RMSE, MAE, Pearson correlation (PCC) and Lin's concordance (CCC), per clip and per "
        "recording (mean over the tasks); bias, RMSE and MAE by severity band; calibration slope, "
        "intercept and curve; Bland-Altman limits; coverage and width of prediction intervals. "
        f"{r.bootstrap.confidence * 100:g} % confidence intervals: percentile bootstrap over "
        f"people, {r.bootstrap.draws} draws, seed {r.bootstrap.seed}. Compared, paired, with "
        f"{joined([b.title for b in r.baselines])}."
    )


def _predictors(r: EvaluationReport) -> str:
    return (
        "Faces cut from sampled video frames, found, tracked and aligned automatically; facial "
        f"action units from {_plain(r.weights.au_source)}. Neither audio nor the clip's length "
        f"enters. Settings: {_settings(r)}."
    )


def _settings(r: EvaluationReport) -> str:
    pairs = [f"{name} = {value}" for name, value in r.settings.items() if value is not None]
    return _plain(", ".join(pairs)) or "those stored with the weights"


def _model(r: EvaluationReport) -> str:
    figures = ", ".join(f"{k} {v:g}" for k, v in r.weights.development.items())
    tuned = f" On Development, where it was selected: {figures}." if figures else ""
    return (
        "Dep-MAP (Wang, Ye and Wang, AAAI 2026), a neural network; backbone "
        f"{_plain(r.weights.backbone)}, semantics {_plain(r.weights.semantics)}.{tuned}"
    )


def _partition(r: EvaluationReport) -> str:
    use = "fitted on Training, selected and calibrated on Development"
    if r.split == "Development":
        return f"The weights were {use}: {SELECTED}"
    return f"The weights were {use}; {r.split} is not read by training."


def _by_task(r: EvaluationReport) -> str:
    tasks = [f"{_plain(t.name or 'unnamed')}: {_agreement(t.estimates)}" for t in r.agreement.tasks]
    return f"By task. {'. '.join(tasks)}."


def _specification(r: EvaluationReport) -> str:
    return f"Weights {_plain(r.weights.file)}, sha256 `{r.weights.sha256}`, with their settings."


def _output(r: EvaluationReport) -> str:
    interval = f" with a {percent(r.intervals.level)} interval" if r.intervals else ""
    return f"A score in BDI-II points, 0 to 63{interval}; no class, no threshold, no probability."


def _said(text: str) -> Known:
    return lambda report: text


_OUTCOME = (
    "BDI-II total score (0 to 63), a questionnaire that the person answers about the past two "
    "weeks; bands 0-13 minimal, 14-19 mild, 20-28 moderate, 29-63 severe."
)
_CODE = "depmap, Apache-2.0: code, tests and the commands that made these figures."
_QUALITY = (
    "`depmap score` checks length, usable frames, gaps, face size, sharpness, light, head turns "
    "and other faces, warns, and refuses recordings that cannot carry a score."
)
_FRONT = (
    Item("1", "Title", "Name the kind of study, the population and the outcome.", "write it."),
    Item("2", "Abstract", "Follow TRIPOD+AI for Abstracts.", "write it."),
    Item("3a", "Background", "Health care setting, rationale, earlier models.", "write it."),
    Item(
        "3b",
        "Background",
        "Target population, purpose in the care pathway, intended users.",
        "say who is meant to use it, and for what.",
        _said("The software is for research. It is not for diagnosis or triage."),
    ),
    Item("3c", "Background", "Known health inequalities between groups.", "write it."),
    Item("4", "Objectives", "Aims: development, evaluation or both.", "write it."),
)
_METHODS = (
    Item("5a", "Data", "Sources, for development and evaluation.", "how representative.", _data),
    Item("5b", "Data", "Dates of collection and follow-up.", "give them."),
    Item("6a", "Participants", "Setting, number and place of centres.", "describe them."),
    Item("6b", "Participants", "Who was eligible.", "describe it."),
    Item("6c", "Participants", "Treatments received.", "describe them."),
    Item(
        "7",
        "Data preparation",
        "Pre-processing and quality checks, alike across groups?",
        "what was done before depmap saw the videos.",
        _predictors,
    ),
    Item("8a", "Outcome", "Definition, time, assessment.", "when it was taken.", _said(_OUTCOME)),
    Item("8b", "Outcome", "Who assessed it, if judgement is needed.", "who scored the forms."),
    Item("8c", "Outcome", "Blinding of the assessment.", "say whether."),
    Item(
        "9a",
        "Predictors",
        "How they were chosen.",
        "why facial video.",
        _said("None was selected by hand: the network learns from the faces of item 7."),
    ),
    Item(
        "9b",
        "Predictors",
        "Definition and measurement of each.",
        "cameras, task and instructions.",
        _said("As item 7, by software, without knowledge of the score."),
    ),
    Item("9c", "Predictors", "Who measured them, if judgement is needed.", "", _said("Nobody.")),
    Item("10", "Sample size", "How it was arrived at, for each part.", "justify it.", _sizes),
    Item("11", "Missing data", "How handled, and what was left out.", "missing scores.", _missing),
    Item(
        "12a",
        "Analysis",
        "How the data was used and divided.",
        "whether the evaluated split served for any choice.",
        _partition,
    ),
    Item(
        "12b",
        "Analysis",
        "How predictors entered.",
        "",
        _said("As aligned pictures, scaled; no predictor was selected by hand."),
    ),
    Item("12c", "Analysis", "Kind of model, building, tuning.", "what was tried.", _model),
    Item(
        "12d",
        "Analysis",
        "Differences between clusters.",
        "sites, if several.",
        _said("Figures are also given by task, and for people seen and not seen in training."),
    ),
    Item("12e", "Analysis", "Measures and plots of performance.", "", _measures),
    Item("12f", "Analysis", "Updating of the model.", "", _said("None in this evaluation.")),
    Item(
        "12g",
        "Analysis",
        "How predictions were computed.",
        "",
        _said("`depmap evaluate`, each video by itself, with the weights of item 22."),
    ),
    Item(
        "13",
        "Class imbalance",
        "Methods used, and recalibration.",
        "anything done beyond this.",
        _said("Scores were not resampled or weighted by this evaluation."),
    ),
    Item("14", "Fairness", "What was done for it, and why.", "the rationale.", _fairness),
    Item("15", "Model output", "What it is; thresholds.", "", _output),
    Item(
        "16",
        "Training versus evaluation",
        "Differences in setting, eligibility, outcome, predictors.",
        "compare them.",
        _scores,
    ),
    Item("17", "Ethical approval", "Board, consent or waiver.", "give both."),
)
_OPEN = (
    Item("18a", "Funding", "Source and role of funders.", "state it."),
    Item("18b", "Conflicts of interest", "Of all authors.", "state them."),
    Item("18c", "Protocol", "Where it can be read.", "state it."),
    Item("18d", "Registration", "Register and number.", "state it."),
    Item("18e", "Data sharing", "Whether and how data can be had.", "state it."),
    Item("18f", "Code sharing", "Where the code is.", "the address and version.", _said(_CODE)),
    Item("19", "Patients and public", "Their part in the study.", "state it."),
)
_RESULTS = (
    Item("20a", "Participants", "Flow through the study.", "a diagram.", _sizes),
    Item(
        "20b",
        "Participants",
        "Characteristics overall and by group.",
        "age, sex, treatment and the like.",
        _scores,
    ),
    Item("20c", "Participants", "Comparison with development data.", "the rest of it.", _scores),
    Item("21", "Model development", "People and outcomes in each analysis.", "", _data),
    Item(
        "22", "Model specification", "The full model, and access.", "the address.", _specification
    ),
    Item("23a", "Model performance", "Figures with intervals.", "", _performance),
    Item("23a", "Model performance", "In key subgroups.", "what they mean.", _subgroups),
    Item("23b", "Model performance", "Between clusters.", "sites, if several.", _by_task),
    Item("24", "Model updating", "Results of it.", "", _said("Not done.")),
)
_DISCUSSION = (
    Item("25", "Interpretation", "Main results, fairness, earlier work.", "write it."),
    Item(
        "26",
        "Limitations",
        "Of sample, size, overfitting, missing data.",
        "write them.",
        _said("A short clip cannot measure two weeks; intervals hold on average only."),
    ),
    Item("27a", "Usability", "How poor input is told and handled.", "", _said(_QUALITY)),
    Item("27b", "Usability", "What users have to do and know.", "state it."),
    Item("27c", "Usability", "Next steps.", "write them."),
)
_SECTIONS = {
    "Title, abstract, introduction": _FRONT,
    "Methods": _METHODS,
    "Open science, patients and public": _OPEN,
    "Results": _RESULTS,
    "Discussion": _DISCUSSION,
}
