"""The model card of a run: training data, metrics on Development, and intended uses."""

from typing import Any

from depmap_cli.config import ModelConfig
from depmap_cli.domain.paper_tables import network_name
from depmap_cli.stats.conformal import DEFAULT_COVERAGE, people_needed
from depmap_cli.training.leakage import training_subjects

TEMPLATE = """# Model card: {network}, {backbone}

Written by depmap {version}. Research software: not a diagnosis, not a medical device.

| | |
|---|---|
| training data | {training_data}{simulated} |
| people in training | {n_people} |
| mean training score | {training_mean:.1f} BDI-II points |
| started from | {started_from} |
| semantic model | {semantics} |
| best epoch | {epoch} of {epochs} |
| frames of each video, for accuracy and intervals | {frames} |

## Metrics on Development

Development also selected the weights, so these are optimistic. `depmap evaluate` scores Testing.

| RMSE | MAE | PCC | CCC |
|---|---|---|---|
| {rmse:.2f} | {mae:.2f} | {pcc:.2f} | {ccc:.2f} |

Prediction intervals use the residuals of {calibrated} people of {split}{caution}{left_out}.

## What the weights reveal about people

The weights contain hashes of the people and videos that they were trained and selected on, so that
evaluation can recognise them. A hash does not reveal a name, but anybody can check whether a
guessed name or number is among the hashes, and short numbers are easy to guess. Share the weights
only with those who may have such a list.

## Uses

Intended: research on videos like those of the training data, with consent.
Not intended: diagnosis, triage, hiring, insurance, policing, or any decision about a person.

## For the author

Please add: who was recorded, how and when; who labelled the data; groups of people for whom the
model is known to fail; who may use it.
"""


def model_card(document: dict[str, Any]) -> str:
    """Return the model card as Markdown, from the document stored with the weights."""
    calibration, config = document["calibration"], document["config"]
    calibrated = len(set(calibration["people"]))
    left_out = calibration.get("left_out", 0)
    enough = calibrated >= people_needed(DEFAULT_COVERAGE)
    return TEMPLATE.format(
        network=network_name(ModelConfig.model_validate(config["model"])),
        backbone=config["model"]["backbone"],
        version=document["version"],
        training_data=document["training_data"],
        simulated=" (simulated faces)" if document["simulated"] else "",
        n_people=len(training_subjects(document)),
        training_mean=document["training_mean"],
        started_from=document["started_from"],
        semantics=f"{document['semantics']['model']} {document['semantics']['sha256'][:12]}",
        epoch=document["epoch"] + 1,
        epochs=config["train"]["epochs"],
        frames=document["sampling"]["frames"],
        calibrated=calibrated,
        split=calibration["split"],
        caution="" if enough else ": too few for a 90 % interval",
        left_out=f"; {left_out} others are in Training" if left_out else "",
        **document["development"],
    )
