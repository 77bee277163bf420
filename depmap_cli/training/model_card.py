"""The model card of a run: what was trained on what, how well it agrees, what it is not for."""

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
| frames a video | {frames} |

## Figures on Development

Weights were selected on Development, so these are optimistic. `depmap evaluate` reads Testing.

| RMSE | MAE | PCC | CCC |
|---|---|---|---|
| {rmse:.2f} | {mae:.2f} | {pcc:.2f} | {ccc:.2f} |

Intervals rest on the residuals of {calibrated} people of {split}{caution}{left_out}.

## What the weights tell of people

People and videos that they were trained or selected on stand in the weights as hashes, so that
they are known again. No name can be read from a hash, but a name or number that is guessed can be
checked, and short numbers are soon guessed: share weights only where you may share such a list.

## Uses

Intended: research on recordings like those of the training data, with consent.
Not intended: diagnosis, triage, hiring, insurance, policing, or any decision about a person.

## For the author

Who was recorded, how and when; who labelled; known groups for whom it fails; who may use it.
"""


def model_card(document: dict[str, Any]) -> str:
    """Markdown from what is stored with the weights."""
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
