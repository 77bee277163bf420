"""A TRIPOD+AI checklist, filled in as far as the software knows; the rest is for the author.

Items after Table 2 of Collins et al., "TRIPOD+AI statement", BMJ 2024;385:e078378, in our own
words: read them there before submitting. Numbers, topics, what each item asks for, and which ones
concern development or evaluation only, were compared with five transcriptions of that table in
public repositories, one of them from Europe PMC's copy of the article (PMC11019967). They agree on
all 52 parts of the 27 items but for spelling; the journal's own page was not at hand.
"""

from collections.abc import Callable
from dataclasses import dataclass

from depmap_cli.evaluation.results import EvaluationReport
from depmap_cli.report.evaluation import tripod_answers as known

AUTHOR = "FOR THE AUTHOR"
DEVELOPMENT, EVALUATION = "development", "evaluation"
Known = Callable[[EvaluationReport], str]


@dataclass(frozen=True)
class ChecklistItem:
    """One item of the checklist."""

    number: str
    topic: str
    asks: str
    author: str  # what only the author can say; "" if nothing
    known: Known | None = None  # what the software can say
    only: str = ""  # DEVELOPMENT or EVALUATION where it concerns one of them; "" if both


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
            of = f" ({item.only} only)" if item.only else ""
            lines += ["", f"**{item.number} {item.topic}{of}.** {item.asks}", ""]
            lines += [f"- {line}" for line in _answers(item, report)]
    return "\n".join(lines) + "\n"


def _answers(item: ChecklistItem, report: EvaluationReport) -> list[str]:
    said = item.known(report) if item.known else ""
    author = f"**{AUTHOR}**: {item.author}" if item.author else ""
    return [answer for answer in (said, author) if answer]


def _said(text: str) -> Known:
    return lambda report: text


def _all(*parts: Known) -> Known:
    return lambda report: " ".join(part(report) for part in parts)


_OUTCOME = (
    "BDI-II total score (0 to 63), a questionnaire that the person answers about the past two "
    "weeks; bands 0-13 minimal, 14-19 mild, 20-28 moderate, 29-63 severe."
)
_CODE = "depmap, Apache-2.0: code, tests and the commands that made these figures."
_QUALITY = (
    "`depmap score` checks length, usable frames, gaps, face size, sharpness, light, head turns "
    "and other faces, warns, and refuses recordings that cannot carry a score."
)
_USERS = (
    "`depmap score` is given a video and nothing else; `--subject` says whose face, if there are "
    "several."
)
_FRONT = (
    ChecklistItem(
        "1", "Title", "Development or evaluation of a model, for whom, of what.", "write it."
    ),
    ChecklistItem("2", "Abstract", "As TRIPOD+AI for Abstracts asks, in 13 items.", "write it."),
    ChecklistItem(
        "3a",
        "Background",
        "Health care setting, diagnosis or prognosis, rationale, earlier models.",
        "write it.",
    ),
    ChecklistItem(
        "3b",
        "Background",
        "Target population, purpose in the care pathway, intended users.",
        "say who is meant to use it, and for what.",
        _said("The software is for research. It is not for diagnosis or triage."),
    ),
    ChecklistItem(
        "3c",
        "Background",
        "Known inequalities in health between social or demographic groups.",
        "write it.",
    ),
    ChecklistItem("4", "Objectives", "Aims: development, evaluation or both.", "write it."),
)
_METHODS = (
    ChecklistItem(
        "5a",
        "Data",
        "Sources, for development and for evaluation; why these; how representative.",
        "why this data, and how representative it is.",
        known.data,
    ),
    ChecklistItem("5b", "Data", "Dates of collection, and of follow-up if any.", "give them."),
    ChecklistItem("6a", "Participants", "Setting, number and place of centres.", "describe them."),
    ChecklistItem("6b", "Participants", "Who was eligible.", "describe it."),
    ChecklistItem(
        "6c", "Participants", "Treatments received, and what was done about them.", "describe it."
    ),
    ChecklistItem(
        "7",
        "Data preparation",
        "Pre-processing and quality checks, and whether alike across sociodemographic groups.",
        "what was done before depmap saw the videos, and whether alike across groups.",
        known.predictors,
    ),
    ChecklistItem(
        "8a",
        "Outcome",
        "Definition, time horizon, how and when assessed, why it, whether alike across groups.",
        "when it was taken, why it was chosen, whether alike across groups.",
        _said(_OUTCOME),
    ),
    ChecklistItem(
        "8b",
        "Outcome",
        "If judgement is needed: the assessors' qualifications and demographics.",
        "who scored the forms.",
    ),
    ChecklistItem("8c", "Outcome", "What was done to blind the assessment.", "say what."),
    ChecklistItem(
        "9a",
        "Predictors",
        "Which were begun with, and any selection before building.",
        "why facial video.",
        _said("None was selected by hand: the network learns from the faces of item 7."),
        DEVELOPMENT,
    ),
    ChecklistItem(
        "9b",
        "Predictors",
        "Definition of each; how, when and how blindly it was measured.",
        "cameras, task and instructions.",
        _said("As item 7, by software, without knowledge of the score."),
    ),
    ChecklistItem(
        "9c",
        "Predictors",
        "If judgement is needed: the assessors' qualifications and demographics.",
        "",
        _said("No judgement was needed."),
    ),
    ChecklistItem(
        "10",
        "Sample size",
        "How it was arrived at, for each part, and why it is enough.",
        "justify it; any calculation.",
        known.sizes,
    ),
    ChecklistItem(
        "11",
        "Missing data",
        "How handled, and why anything was left out.",
        "missing scores.",
        known.missing,
    ),
    ChecklistItem(
        "12a",
        "Analytical methods",
        "How the data was used and divided, with regard to its size.",
        "whether the evaluated split served for any choice.",
        known.partition,
        DEVELOPMENT,
    ),
    ChecklistItem(
        "12b",
        "Analytical methods",
        "How predictors entered: form, scale, transformation.",
        "",
        _said("As aligned pictures, scaled; no predictor was selected by hand."),
        DEVELOPMENT,
    ),
    ChecklistItem(
        "12c",
        "Analytical methods",
        "Kind of model and why, all steps of building, tuning, internal validation.",
        "why this model, and what was tried.",
        known.model,
        DEVELOPMENT,
    ),
    ChecklistItem(
        "12d",
        "Analytical methods",
        "How differences between clusters (centres, countries) were handled and quantified; see "
        "TRIPOD-Cluster.",
        "sites, if several.",
        _said("Figures are also given by task, and for people seen and not seen in training."),
    ),
    ChecklistItem(
        "12e",
        "Analytical methods",
        "Measures and plots of performance, and why these; comparison of models.",
        "why these.",
        known.measures,
    ),
    ChecklistItem(
        "12f",
        "Analytical methods",
        "Updating of the model, such as recalibration, overall or for some.",
        "",
        known.updating,
        EVALUATION,
    ),
    ChecklistItem(
        "12g",
        "Analytical methods",
        "How predictions were computed.",
        "",
        _said("`depmap evaluate`, each video by itself, with the weights of item 22."),
        EVALUATION,
    ),
    ChecklistItem(
        "13",
        "Class imbalance",
        "If methods against it were used: why, how, and any recalibration after them.",
        "anything done beyond this.",
        known.balance,
    ),
    ChecklistItem(
        "14", "Fairness", "What was done for it, and why.", "the rationale.", known.fairness
    ),
    ChecklistItem(
        "15",
        "Model output",
        "What it is; of classes, how thresholds were found and why.",
        "",
        known.output,
        DEVELOPMENT,
    ),
    ChecklistItem(
        "16",
        "Training versus evaluation",
        "Differences in setting, eligibility, outcome, predictors.",
        "compare them.",
        known.scores,
    ),
    ChecklistItem(
        "17", "Ethical approval", "Board or committee; consent, or its waiver.", "give both."
    ),
)
_OPEN = (
    ChecklistItem("18a", "Funding", "Source and role of funders.", "state it."),
    ChecklistItem(
        "18b", "Conflicts of interest", "And financial disclosures, of all authors.", "state them."
    ),
    ChecklistItem("18c", "Protocol", "Where it can be read, or that there was none.", "state it."),
    ChecklistItem(
        "18d", "Registration", "Register and number, or that there was none.", "state it."
    ),
    ChecklistItem("18e", "Data sharing", "Whether and how the data can be had.", "state it."),
    ChecklistItem(
        "18f",
        "Code sharing",
        "Whether and how the code of the analysis can be had.",
        "the address and version.",
        _said(_CODE),
    ),
    ChecklistItem(
        "19",
        "Patient and public involvement",
        "Their part in the study, from design to dissemination, or that they had none.",
        "state it.",
    ),
)
_RESULTS = (
    ChecklistItem(
        "20a",
        "Participants",
        "Flow through the study, with outcomes, and follow-up if any.",
        "a diagram.",
        known.sizes,
    ),
    ChecklistItem(
        "20b",
        "Participants",
        "Characteristics overall and by source: dates, predictors, treatments, sizes, outcomes, "
        "missing data; differences between groups.",
        "age, sex, treatment and the like.",
        known.scores,
    ),
    ChecklistItem(
        "20c",
        "Participants",
        "Predictors, demographics and outcome beside those of the development data.",
        "the rest of it.",
        known.scores,
        EVALUATION,
    ),
    ChecklistItem(
        "21",
        "Model development",
        "People and outcomes in each analysis: development, tuning, evaluation.",
        "",
        known.data,
    ),
    ChecklistItem(
        "22",
        "Model specification",
        "The full model, so that others can use and test it; limits of access and reuse.",
        "the address, and any limits.",
        known.specification,
        DEVELOPMENT,
    ),
    ChecklistItem(
        "23a",
        "Model performance",
        "Figures with confidence intervals, also in key subgroups.",
        "what the subgroups mean.",
        _all(known.performance, known.subgroups),
    ),
    ChecklistItem(
        "23b",
        "Model performance",
        "Differences between clusters, if examined; see TRIPOD-Cluster.",
        "sites, if several.",
        known.by_task,
    ),
    ChecklistItem(
        "24",
        "Model updating",
        "The updated model, and how it performs.",
        "",
        known.updated,
        EVALUATION,
    ),
)
_DISCUSSION = (
    ChecklistItem(
        "25",
        "Interpretation",
        "Main results, fairness too, in view of the aims and of earlier work.",
        "write it.",
    ),
    ChecklistItem(
        "26",
        "Limitations",
        "Of sample, size, overfitting, missing data; their effect on bias, uncertainty and "
        "generalisability.",
        "write them.",
        _said("A short clip cannot measure two weeks; intervals hold on average only."),
    ),
    ChecklistItem(
        "27a",
        "Usability",
        "How poor or missing input is told and handled in use.",
        "",
        _said(_QUALITY),
        DEVELOPMENT,
    ),
    ChecklistItem(
        "27b",
        "Usability",
        "What users have to do with the input or the model, and the expertise it takes.",
        "the expertise.",
        _said(_USERS),
        DEVELOPMENT,
    ),
    ChecklistItem(
        "27c",
        "Usability",
        "Next steps for research, towards applicability and generalisability.",
        "write them.",
    ),
)
_SECTIONS = {
    "Title, abstract, introduction": _FRONT,
    "Methods": _METHODS,
    "Open science, patients and public": _OPEN,
    "Results": _RESULTS,
    "Discussion": _DISCUSSION,
}
