"""A TRIPOD+AI checklist, filled in as far as the software knows; the rest is for the author.

Items after Collins et al., "TRIPOD+AI statement", BMJ 2024;385:e078378, in our own words: read them
there before submitting.
"""

from collections.abc import Callable
from dataclasses import dataclass

from depmap_cli.evaluation.results import EvaluationReport
from depmap_cli.report import tripod_answers as known

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


def render_tripod(report: EvaluationReport) -> str:
    """The checklist in Markdown."""
    lines = [
        f"# TRIPOD+AI checklist: {known.plain(report.weights.file)} on {known.plain(report.data)}",
        "",
        f"Written by depmap {report.depmap_version} on {report.created}. Items after Collins et "
        "al., BMJ 2024;385:e078378, paraphrased. What the software knows stands under its item; "
        f"what it cannot know is marked {AUTHOR}. Check every line before you submit it.",
        "",
        report.disclaimer,
    ]
    for section, items in _SECTIONS.items():
        lines += ["", f"## {section}"]
        for item in items:
            lines += ["", f"**{item.number} {item.topic}.** {item.asks}", ""]
            lines += [f"- {line}" for line in _answers(item, report)]
    return "\n".join(lines) + "\n"


def _answers(item: Item, report: EvaluationReport) -> list[str]:
    said = item.known(report) if item.known else ""
    author = f"**{AUTHOR}**: {item.author}" if item.author else ""
    return [answer for answer in (said, author) if answer]


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
    Item(
        "5a", "Data", "Sources, for development and evaluation.", "how representative.", known.data
    ),
    Item("5b", "Data", "Dates of collection and follow-up.", "give them."),
    Item("6a", "Participants", "Setting, number and place of centres.", "describe them."),
    Item("6b", "Participants", "Who was eligible.", "describe it."),
    Item("6c", "Participants", "Treatments received.", "describe them."),
    Item(
        "7",
        "Data preparation",
        "Pre-processing and quality checks, alike across groups?",
        "what was done before depmap saw the videos.",
        known.predictors,
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
    Item("10", "Sample size", "How it was arrived at, for each part.", "justify it.", known.sizes),
    Item(
        "11",
        "Missing data",
        "How handled, and what was left out.",
        "missing scores.",
        known.missing,
    ),
    Item(
        "12a",
        "Analysis",
        "How the data was used and divided.",
        "whether the evaluated split served for any choice.",
        known.partition,
    ),
    Item(
        "12b",
        "Analysis",
        "How predictors entered.",
        "",
        _said("As aligned pictures, scaled; no predictor was selected by hand."),
    ),
    Item("12c", "Analysis", "Kind of model, building, tuning.", "what was tried.", known.model),
    Item(
        "12d",
        "Analysis",
        "Differences between clusters.",
        "sites, if several.",
        _said("Figures are also given by task, and for people seen and not seen in training."),
    ),
    Item("12e", "Analysis", "Measures and plots of performance.", "", known.measures),
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
    Item("14", "Fairness", "What was done for it, and why.", "the rationale.", known.fairness),
    Item("15", "Model output", "What it is; thresholds.", "", known.output),
    Item(
        "16",
        "Training versus evaluation",
        "Differences in setting, eligibility, outcome, predictors.",
        "compare them.",
        known.scores,
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
    Item("20a", "Participants", "Flow through the study.", "a diagram.", known.sizes),
    Item(
        "20b",
        "Participants",
        "Characteristics overall and by group.",
        "age, sex, treatment and the like.",
        known.scores,
    ),
    Item(
        "20c", "Participants", "Comparison with development data.", "the rest of it.", known.scores
    ),
    Item("21", "Model development", "People and outcomes in each analysis.", "", known.data),
    Item(
        "22",
        "Model specification",
        "The full model, and access.",
        "the address.",
        known.specification,
    ),
    Item("23a", "Model performance", "Figures with intervals.", "", known.performance),
    Item("23a", "Model performance", "In key subgroups.", "what they mean.", known.subgroups),
    Item("23b", "Model performance", "Between clusters.", "sites, if several.", known.by_task),
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
