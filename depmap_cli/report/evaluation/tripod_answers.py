"""What the software can say to the items of a reporting checklist, in Markdown."""

import re
from html import escape

from depmap_cli.evaluation.results import OUT_OF_FOLD, Agreement, Baseline, EvaluationReport
from depmap_cli.io.clean_text import clean
from depmap_cli.report.text import (
    SELECTED,
    about_data,
    figure_text,
    joined,
    missing_intervals,
    percent,
    range_text,
    share_range_text,
    share_text,
    training_text,
)


def plain(text: str) -> str:
    """A user's words on one line, with what Markdown or HTML would read as markup escaped."""
    return re.sub(r"([\\`*_{}\[\]()#|!~])", r"\\\1", escape(clean(text), quote=False))


def data(r: EvaluationReport) -> str:
    """Where the model and its figures come from."""
    trained = plain(training_text(r.weights)).rstrip(". ")
    return f"Development: {trained}. Evaluation: {r.split} of {plain(r.data)}. {sizes(r)}"


def sizes(r: EvaluationReport) -> str:
    """Clips, recordings and people of each part."""
    seen = r.n_people - r.n_unseen
    counts = [
        f"{s.name}: {s.clips} clips, {s.sessions} recordings, {s.people} people" for s in r.splits
    ]
    here = (
        f"Evaluated: {r.n_clips} clips, {r.n_sessions} recordings of {r.n_people} people, "
        f"{seen} of whom the weights know from training"
        f"{'' if r.split == 'Development' else ' or Development'}"
    )
    return "; ".join([*counts, here]) + "."


def scores(r: EvaluationReport) -> str:
    """How scores spread."""
    bands = joined([f"{g.name} {g.errors.n}" for g in r.bands])
    spread = [f"{s.name} {s.mean:.1f} (SD {s.sd:.1f})" for s in r.splits]
    means = f" Mean score: {', '.join(spread)}." if spread else ""
    return f"Clips by severity band of the score: {bands}.{means}"


def missing(r: EvaluationReport) -> str:
    """Frames and videos without an estimate."""
    parts = ["Frames without a usable face (none found, covered, another person) carry no weight."]
    if r.sampled_frames and r.usable_frames is not None:
        share = percent(1 - r.usable_frames / r.sampled_frames)
        parts.append(f"{r.sampled_frames - r.usable_frames} of {r.sampled_frames} ({share}).")
    parts += [f"{plain(line)[:1].upper()}{plain(line)[1:]}." for line in about_data(r)]
    return " ".join([*parts, "No score was imputed."])


def performance(r: EvaluationReport) -> str:
    """The figures, with intervals and baselines."""
    found = r.agreement
    parts = [f"Clips: {_agreement(found.clips.estimates)}"]
    parts.append(f"Recordings: {_agreement(found.sessions.estimates)}")
    for name, part in (("whom the weights know", found.seen), ("not seen", found.unseen)):
        if part:
            parts.append(f"People {name}: {_agreement(part.estimates)}")
    informed = {b.name: b for b in r.baselines if b.informed}
    beside = [
        f"{plain(informed[b.baseline].title)} {figure_text(b.agreement.rmse)} "
        f"(difference {figure_text(b.rmse_difference)}{_range(range_text(b.rmse_difference))}"
        f"{_knew(informed[b.baseline], r.n_clips)})"
        for b in found.clips.baselines
        if b.baseline in informed
    ]
    parts.append(f"RMSE of baselines, clips: {', '.join(beside)}")
    slope, bias = r.calibration.slope, r.bland_altman.bias
    parts.append(
        f"Calibration slope of clips {figure_text(slope)}{_range(range_text(slope))}; bias of "
        f"recordings {figure_text(bias)}{_range(range_text(bias))} points"
    )
    parts.append(_coverage(r))
    return ". ".join(parts) + ". Plots: figures/."


def _knew(baseline: Baseline, clips: int) -> str:
    """Of how many clips it had to say the training mean; empty if of none."""
    return "" if baseline.informed == clips else f"; it knew {baseline.informed} of {clips} clips"


def _coverage(r: EvaluationReport) -> str:
    missing = missing_intervals(r.intervals)
    if r.intervals is None or missing:
        return f"No prediction intervals: {missing}"
    covered = r.errors.coverage
    text = f"{share_text(covered)}{_range(share_range_text(covered))}"
    caution = f" ({r.intervals.caution})" if r.intervals.caution else ""
    return f"{percent(r.intervals.level)} prediction intervals{caution} cover {text}"


def _agreement(found: Agreement) -> str:
    named = [("RMSE", found.rmse), ("MAE", found.mae), ("PCC", found.pcc), ("CCC", found.ccc)]
    return ", ".join(f"{name} {figure_text(f)}{_range(range_text(f))}" for name, f in named)


def _range(text: str) -> str:
    return f" [{text}]" if text else ""


def subgroups(r: EvaluationReport) -> str:
    """Errors by the user's groups."""
    if not r.subgroups:
        return "No subgroups were given (a table with a column `subject` and others)."
    parts = []
    for split in r.subgroups:
        groups = [
            f"{plain(g.name)} (n = {g.errors.n}, {g.errors.people} people) RMSE "
            f"{figure_text(g.errors.rmse)}{_range(range_text(g.errors.rmse))}, bias "
            f"{figure_text(g.errors.bias)}{_range(range_text(g.errors.bias))}"
            for g in split.groups
        ]
        parts.append(f"{plain(split.attribute)}: {'; '.join(groups)}")
    return f"By subgroup. {'. '.join(parts)}."


def fairness(r: EvaluationReport) -> str:
    """Whether groups were compared."""
    names = [plain(split.attribute) for split in r.subgroups]
    made = f"compared by {joined(names)} (23a)" if names else "not compared between subgroups"
    return f"Errors were {made}. The model was not constrained to be fair between groups."


def measures(r: EvaluationReport) -> str:
    """Which figures and plots there are, and how sure they are."""
    return (
        "RMSE, MAE, Pearson correlation (PCC) and Lin's concordance (CCC), per clip and per "
        "recording (mean over the tasks); bias, RMSE and MAE by severity band; calibration slope, "
        "intercept and curve; Bland-Altman limits; coverage and width of prediction intervals. "
        f"{r.bootstrap.confidence * 100:g} % confidence intervals: percentile bootstrap over "
        f"people, {r.bootstrap.draws} draws, seed {r.bootstrap.seed}. Compared, paired, with "
        f"{joined([plain(b.title) for b in r.baselines])}."
    )


def predictors(r: EvaluationReport) -> str:
    """What the model looks at."""
    return (
        "Faces cut from sampled video frames, found, tracked and aligned automatically; facial "
        f"action units from {plain(r.weights.au_source)}. Neither audio nor the clip's length "
        f"enters. Settings: {_settings(r)}."
    )


def _settings(r: EvaluationReport) -> str:
    pairs = [f"{name} = {value}" for name, value in r.settings.items() if value is not None]
    return plain(", ".join(pairs)) or "those stored with the weights"


def model(r: EvaluationReport) -> str:
    """What it is and how it was selected."""
    figures = ", ".join(f"{k} {v:g}" for k, v in r.weights.development.items())
    tuned = f" On the Development split that it was selected on: {figures}." if figures else ""
    paper = " (Wang, Ye and Wang, AAAI 2026)" if "Dep-MAP" in r.origin.network else ""
    return (
        f"A neural network: {plain(r.origin.network)}{paper}; backbone "
        f"{plain(r.weights.backbone)}, semantics {plain(r.weights.semantics)}.{tuned}"
    )


def partition(r: EvaluationReport) -> str:
    """What each split served for."""
    calibrated = _recalibrated(r) or "calibrated on Development"
    use = f"fitted on Training, selected on Development, their intervals {calibrated}"
    if r.split == OUT_OF_FOLD:
        return (
            "Cross-validation in folds of whole people, each of which is Testing once and "
            f"Development once: the weights of each were {use}, and score its Testing."
        )
    if not r.origin.known_people:
        return _other_data(r)
    if r.split == "Development":
        return f"The weights were {use}: {SELECTED}"
    known = f"{r.origin.known_people} of the {r.origin.training_people} people of its Training"
    return (
        f"The weights were {use}; {known}, by name or recording, are among those whom they were "
        f"trained on. {r.split} is not read by training."
    )


def _other_data(r: EvaluationReport) -> str:
    """That the weights come from elsewhere, as far as names of people tell."""
    people = r.origin.training_people
    why = "The data has no Training split on which the weights could have been fitted"
    if people:
        why = (
            f"By name and recording, none of the {people} people of its Training split are among "
            "those on whom the weights were trained"
        )
    calibrated = f" Their intervals were {again}." if (again := _recalibrated(r)) else ""
    return (
        f"{why} (item 5a): unless the weights know them otherwise, {plain(r.data)} served "
        f"neither for fitting nor for selection, and this is an external evaluation.{calibrated}"
    )


def _recalibrated(r: EvaluationReport) -> str:
    """What `depmap calibrate` did to the intervals; empty if it did nothing."""
    if r.origin.recalibrated_on is None:
        return ""
    people = f"{r.origin.calibration_people} people of {plain(r.origin.recalibrated_on)}"
    return f"calibrated anew on {people}"


def updating(r: EvaluationReport) -> str:
    """Whether the weights were changed after their training."""
    if not (again := _recalibrated(r)):
        return "None in this evaluation."
    return f"Prediction intervals were {again} (`depmap calibrate`); the network was not changed."


def updated(r: EvaluationReport) -> str:
    """What became of the weights that way."""
    if not (again := _recalibrated(r)):
        return "Not done."
    return f"The estimates are those of before; intervals were {again}. {_coverage(r)}."


def balance(r: EvaluationReport) -> str:
    """Whether scores were resampled, in training or here."""
    here = "Scores were not resampled or weighted by this evaluation."
    if not r.origin.balance:
        return f"In training, all recordings came alike. {here}"
    return (
        "In training, recordings were drawn with replacement so that severity bands came more "
        f"alike (train.band_balance = {r.origin.balance:g}; 0: as they are, 1: all alike); estimates "
        f"were not recalibrated after it. {here}"
    )


def by_task(r: EvaluationReport) -> str:
    """Agreement within each task."""
    tasks = [f"{plain(t.name or 'unnamed')}: {_agreement(t.estimates)}" for t in r.agreement.tasks]
    return f"By task. {'. '.join(tasks)}."


def specification(r: EvaluationReport) -> str:
    """The very weights."""
    return f"Weights {plain(r.weights.file)}, sha256 `{r.weights.sha256}`, with their settings."


def output(r: EvaluationReport) -> str:
    """What comes out."""
    missing = missing_intervals(r.intervals)
    interval = f"without an interval ({missing})"
    if r.intervals and not missing:
        interval = f"with a {percent(r.intervals.level)} interval"
    return f"A score in BDI-II points, 0 to 63, {interval}; no class, no threshold, no probability."
