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


@dataclass(frozen=True, kw_only=True)
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
        number="1",
        topic="Title",
        asks="Development or evaluation of a model, for whom, of what.",
        author="write it.",
    ),
    ChecklistItem(
        number="2",
        topic="Abstract",
        asks="As TRIPOD+AI for Abstracts asks, in 13 items.",
        author="write it.",
    ),
    ChecklistItem(
        number="3a",
        topic="Background",
        asks="Health care setting, diagnosis or prognosis, rationale, earlier models.",
        author="write it.",
    ),
    ChecklistItem(
        number="3b",
        topic="Background",
        asks="Target population, purpose in the care pathway, intended users.",
        author="say who is meant to use it, and for what.",
        known=_said("The software is for research. It is not for diagnosis or triage."),
    ),
    ChecklistItem(
        number="3c",
        topic="Background",
        asks="Known inequalities in health between social or demographic groups.",
        author="write it.",
    ),
    ChecklistItem(
        number="4",
        topic="Objectives",
        asks="Aims: development, evaluation or both.",
        author="write it.",
    ),
)
_METHODS = (
    ChecklistItem(
        number="5a",
        topic="Data",
        asks="Sources, for development and for evaluation; why these; how representative.",
        author="why this data, and how representative it is.",
        known=known.data,
    ),
    ChecklistItem(
        number="5b",
        topic="Data",
        asks="Dates of collection, and of follow-up if any.",
        author="give them.",
    ),
    ChecklistItem(
        number="6a",
        topic="Participants",
        asks="Setting, number and place of centres.",
        author="describe them.",
    ),
    ChecklistItem(
        number="6b", topic="Participants", asks="Who was eligible.", author="describe it."
    ),
    ChecklistItem(
        number="6c",
        topic="Participants",
        asks="Treatments received, and what was done about them.",
        author="describe it.",
    ),
    ChecklistItem(
        number="7",
        topic="Data preparation",
        asks="Pre-processing and quality checks, and whether alike across sociodemographic groups.",
        author="what was done before depmap saw the videos, and whether alike across groups.",
        known=known.predictors,
    ),
    ChecklistItem(
        number="8a",
        topic="Outcome",
        asks="Definition, time horizon, how and when assessed, why it, whether alike across groups.",
        author="when it was taken, why it was chosen, whether alike across groups.",
        known=_said(_OUTCOME),
    ),
    ChecklistItem(
        number="8b",
        topic="Outcome",
        asks="If judgement is needed: the assessors' qualifications and demographics.",
        author="who scored the forms.",
    ),
    ChecklistItem(
        number="8c",
        topic="Outcome",
        asks="What was done to blind the assessment.",
        author="say what.",
    ),
    ChecklistItem(
        number="9a",
        topic="Predictors",
        asks="Which were begun with, and any selection before building.",
        author="why facial video.",
        known=_said("None was selected by hand: the network learns from the faces of item 7."),
        only=DEVELOPMENT,
    ),
    ChecklistItem(
        number="9b",
        topic="Predictors",
        asks="Definition of each; how, when and how blindly it was measured.",
        author="cameras, task and instructions.",
        known=_said("As item 7, by software, without knowledge of the score."),
    ),
    ChecklistItem(
        number="9c",
        topic="Predictors",
        asks="If judgement is needed: the assessors' qualifications and demographics.",
        author="",
        known=_said("No judgement was needed."),
    ),
    ChecklistItem(
        number="10",
        topic="Sample size",
        asks="How it was arrived at, for each part, and why it is enough.",
        author="justify it; any calculation.",
        known=known.sizes,
    ),
    ChecklistItem(
        number="11",
        topic="Missing data",
        asks="How handled, and why anything was left out.",
        author="missing scores.",
        known=known.missing,
    ),
    ChecklistItem(
        number="12a",
        topic="Analytical methods",
        asks="How the data was used and divided, with regard to its size.",
        author="whether the evaluated split served for any choice.",
        known=known.partition,
        only=DEVELOPMENT,
    ),
    ChecklistItem(
        number="12b",
        topic="Analytical methods",
        asks="How predictors entered: form, scale, transformation.",
        author="",
        known=_said("As aligned pictures, scaled; no predictor was selected by hand."),
        only=DEVELOPMENT,
    ),
    ChecklistItem(
        number="12c",
        topic="Analytical methods",
        asks="Kind of model and why, all steps of building, tuning, internal validation.",
        author="why this model, and what was tried.",
        known=known.model,
        only=DEVELOPMENT,
    ),
    ChecklistItem(
        number="12d",
        topic="Analytical methods",
        asks="How differences between clusters (centres, countries) were handled and quantified; see "
        "TRIPOD-Cluster.",
        author="sites, if several.",
        known=_said(
            "Figures are also given by task, and for people seen and not seen in training."
        ),
    ),
    ChecklistItem(
        number="12e",
        topic="Analytical methods",
        asks="Measures and plots of performance, and why these; comparison of models.",
        author="why these.",
        known=known.measures,
    ),
    ChecklistItem(
        number="12f",
        topic="Analytical methods",
        asks="Updating of the model, such as recalibration, overall or for some.",
        author="",
        known=known.updating,
        only=EVALUATION,
    ),
    ChecklistItem(
        number="12g",
        topic="Analytical methods",
        asks="How predictions were computed.",
        author="",
        known=_said("`depmap evaluate`, each video by itself, with the weights of item 22."),
        only=EVALUATION,
    ),
    ChecklistItem(
        number="13",
        topic="Class imbalance",
        asks="If methods against it were used: why, how, and any recalibration after them.",
        author="anything done beyond this.",
        known=known.balance,
    ),
    ChecklistItem(
        number="14",
        topic="Fairness",
        asks="What was done for it, and why.",
        author="the rationale.",
        known=known.fairness,
    ),
    ChecklistItem(
        number="15",
        topic="Model output",
        asks="What it is; of classes, how thresholds were found and why.",
        author="",
        known=known.output,
        only=DEVELOPMENT,
    ),
    ChecklistItem(
        number="16",
        topic="Training versus evaluation",
        asks="Differences in setting, eligibility, outcome, predictors.",
        author="compare them.",
        known=known.scores,
    ),
    ChecklistItem(
        number="17",
        topic="Ethical approval",
        asks="Board or committee; consent, or its waiver.",
        author="give both.",
    ),
)
_OPEN = (
    ChecklistItem(
        number="18a", topic="Funding", asks="Source and role of funders.", author="state it."
    ),
    ChecklistItem(
        number="18b",
        topic="Conflicts of interest",
        asks="And financial disclosures, of all authors.",
        author="state them.",
    ),
    ChecklistItem(
        number="18c",
        topic="Protocol",
        asks="Where it can be read, or that there was none.",
        author="state it.",
    ),
    ChecklistItem(
        number="18d",
        topic="Registration",
        asks="Register and number, or that there was none.",
        author="state it.",
    ),
    ChecklistItem(
        number="18e",
        topic="Data sharing",
        asks="Whether and how the data can be had.",
        author="state it.",
    ),
    ChecklistItem(
        number="18f",
        topic="Code sharing",
        asks="Whether and how the code of the analysis can be had.",
        author="the address and version.",
        known=_said(_CODE),
    ),
    ChecklistItem(
        number="19",
        topic="Patient and public involvement",
        asks="Their part in the study, from design to dissemination, or that they had none.",
        author="state it.",
    ),
)
_RESULTS = (
    ChecklistItem(
        number="20a",
        topic="Participants",
        asks="Flow through the study, with outcomes, and follow-up if any.",
        author="a diagram.",
        known=known.sizes,
    ),
    ChecklistItem(
        number="20b",
        topic="Participants",
        asks="Characteristics overall and by source: dates, predictors, treatments, sizes, outcomes, "
        "missing data; differences between groups.",
        author="age, sex, treatment and the like.",
        known=known.scores,
    ),
    ChecklistItem(
        number="20c",
        topic="Participants",
        asks="Predictors, demographics and outcome beside those of the development data.",
        author="the rest of it.",
        known=known.scores,
        only=EVALUATION,
    ),
    ChecklistItem(
        number="21",
        topic="Model development",
        asks="People and outcomes in each analysis: development, tuning, evaluation.",
        author="",
        known=known.data,
    ),
    ChecklistItem(
        number="22",
        topic="Model specification",
        asks="The full model, so that others can use and test it; limits of access and reuse.",
        author="the address, and any limits.",
        known=known.specification,
        only=DEVELOPMENT,
    ),
    ChecklistItem(
        number="23a",
        topic="Model performance",
        asks="Figures with confidence intervals, also in key subgroups.",
        author="what the subgroups mean.",
        known=_all(known.performance, known.subgroups),
    ),
    ChecklistItem(
        number="23b",
        topic="Model performance",
        asks="Differences between clusters, if examined; see TRIPOD-Cluster.",
        author="sites, if several.",
        known=known.by_task,
    ),
    ChecklistItem(
        number="24",
        topic="Model updating",
        asks="The updated model, and how it performs.",
        author="",
        known=known.updated,
        only=EVALUATION,
    ),
)
_DISCUSSION = (
    ChecklistItem(
        number="25",
        topic="Interpretation",
        asks="Main results, fairness too, in view of the aims and of earlier work.",
        author="write it.",
    ),
    ChecklistItem(
        number="26",
        topic="Limitations",
        asks="Of sample, size, overfitting, missing data; their effect on bias, uncertainty and "
        "generalisability.",
        author="write them.",
        known=_said("A short clip cannot measure two weeks; intervals hold on average only."),
    ),
    ChecklistItem(
        number="27a",
        topic="Usability",
        asks="How poor or missing input is told and handled in use.",
        author="",
        known=_said(_QUALITY),
        only=DEVELOPMENT,
    ),
    ChecklistItem(
        number="27b",
        topic="Usability",
        asks="What users have to do with the input or the model, and the expertise it takes.",
        author="the expertise.",
        known=_said(_USERS),
        only=DEVELOPMENT,
    ),
    ChecklistItem(
        number="27c",
        topic="Usability",
        asks="Next steps for research, towards applicability and generalisability.",
        author="write them.",
    ),
)
_SECTIONS = {
    "Title, abstract, introduction": _FRONT,
    "Methods": _METHODS,
    "Open science, patients and public": _OPEN,
    "Results": _RESULTS,
    "Discussion": _DISCUSSION,
}
