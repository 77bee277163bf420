"""The metrics of a ``ScoreTable``: agreement, errors, calibration, Bland-Altman limits."""

import numpy as np

from depmap_cli.domain.bdi import MAX_SCORE
from depmap_cli.evaluation.bootstrap import PeopleBootstrap, drawn_metrics
from depmap_cli.evaluation.results import (
    Agreement,
    BaselineAgreement,
    BlandAltman,
    Bootstrap,
    Calibration,
    CalibrationBin,
    Comparison,
    Errors,
    Metric,
)
from depmap_cli.evaluation.score_table import OURS, ScoreTable

N_BINS = 5
"""Number of bins of the calibration curve."""


def compare(name: str, table: ScoreTable, bootstrap: Bootstrap) -> Comparison:
    """Return the agreement of the estimates and of every baseline, on the same draws of people."""
    sample = PeopleBootstrap(table.people, bootstrap)
    drawn = {m: drawn_metrics(sample, table.truth, e) for m, e in table.estimates.items()}
    ours = drawn.pop(OURS)
    baselines = [
        BaselineAgreement(
            baseline=method,
            agreement=_agreement(sample, theirs),
            rmse_difference=sample.metric(ours["rmse"] - theirs["rmse"]),
        )
        for method, theirs in drawn.items()
    ]
    return Comparison(name=name, estimates=_agreement(sample, ours), baselines=baselines)


def _agreement(sample: PeopleBootstrap, drawn: dict[str, np.ndarray]) -> Agreement:
    names = ("rmse", "mae", "pcc", "ccc")
    return Agreement(n=sample.n, people=sample.people, **sample.metrics(drawn, names))


def interval_ends(estimate: np.ndarray, half_width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both ends of the prediction intervals, clipped to 0-63."""
    low, high = estimate - half_width, estimate + half_width
    return np.clip(low, 0, MAX_SCORE), np.clip(high, 0, MAX_SCORE)


def errors_of(table: ScoreTable, bootstrap: Bootstrap) -> Errors:
    """Return the errors of the estimates and, if there are intervals, their coverage and width."""
    if not len(table.truth):
        return Errors(n=0, people=0)
    sample = PeopleBootstrap(table.people, bootstrap)
    drawn = drawn_metrics(sample, table.truth, table.estimates[OURS])
    names = ["rmse", "mae", "bias", "pcc", "ccc"]
    coverage: dict[str, Metric] = {}
    if table.half_widths is not None:
        low, high = interval_ends(table.estimates[OURS], table.half_widths)
        inside = np.abs(table.truth - table.estimates[OURS]) <= table.half_widths + 1e-9
        covered, drawn["width"] = sample.means(inside.astype(float), high - low)
        names.append("width")
        coverage["coverage"] = sample.share(covered)
    return Errors(n=sample.n, people=sample.people, **sample.metrics(drawn, names), **coverage)


def calibration_of(table: ScoreTable, bootstrap: Bootstrap) -> Calibration:
    """Regress scores on estimates; average the scores of clips with similar estimates."""
    estimate = table.estimates[OURS]
    sample = PeopleBootstrap(table.people, bootstrap)
    drawn = drawn_metrics(sample, table.truth, estimate)
    edges = np.quantile(estimate, np.arange(1, N_BINS) / N_BINS)
    number = np.searchsorted(edges, estimate)  # equal estimates share a bin
    bins = [_bin(table.where(number == i), bootstrap) for i in np.unique(number)]
    return Calibration(**sample.metrics(drawn, ("slope", "intercept")), bins=bins)


def _bin(table: ScoreTable, bootstrap: Bootstrap) -> CalibrationBin:
    sample = PeopleBootstrap(table.people, bootstrap)
    (truth,) = sample.means(table.truth)
    return CalibrationBin(
        n=sample.n,
        people=sample.people,
        estimate=float(table.estimates[OURS].mean()),
        truth=sample.metric(truth),
    )


def bland_altman_of(table: ScoreTable, bootstrap: Bootstrap) -> BlandAltman:
    """Return bias and limits of agreement (Bland and Altman 1986) over all rows."""
    sample = PeopleBootstrap(table.people, bootstrap)
    drawn = drawn_metrics(sample, table.truth, table.estimates[OURS])
    metrics = sample.metrics(drawn, ("bias", "lower", "upper"))
    return BlandAltman(n=sample.n, people=sample.people, **metrics)
