"""The live view of a run."""

import io

from rich.console import Console

from depmap_cli.report.training import TrainingView
from depmap_cli.training.progress import EpochDone, StepDone

DONE = EpochDone(
    epoch=0,
    losses={"regression": 81.25, "contrastive_s4": 1.5},
    development={"rmse": 9.0, "mae": 7.5, "pcc": 0.5, "ccc": 0.25},
    balance=0.97,
    dead=2,
    frames_per_second=60.0,
    is_best=True,
)


def test_without_a_terminal_an_epoch_is_a_line():
    text = io.StringIO()
    with TrainingView(console=Console(file=text, width=200), epochs=3) as view:
        view(StepDone(epoch=0, step=1, steps=4, losses={"regression": 90.0}))
        view(DONE)
    assert text.getvalue() == (
        "epoch 1: mse 81.2, s4 1.5; Development RMSE 9.00, MAE 7.50, PCC 0.50, CCC 0.25, "
        "best so far\n"
    )


def test_one_of_several_runs_is_named():
    text = io.StringIO()
    with TrainingView(
        console=Console(file=text, width=200), epochs=3, name="fold 1, seed 8, run 4 of 6"
    ) as view:
        view(DONE)
    assert text.getvalue().startswith("fold 1, seed 8, run 4 of 6: epoch 1: mse")
    shown = Console(file=io.StringIO(), record=True)
    shown.print(view.render())
    assert shown.export_text().startswith("fold 1, seed 8, run 4 of 6\n")


def test_on_a_terminal_it_fits_80_columns_and_tells_the_time_left():
    text, now = io.StringIO(), [0.0]
    console = Console(file=text, width=80, force_terminal=True, legacy_windows=False)
    with TrainingView(console=console, epochs=3, clock=lambda: now[0]) as view:
        now[0] = 60.0
        view(
            StepDone(epoch=0, step=1, steps=4, losses={"regression": 90.0})
        )  # one of twelve steps took a minute
        view(DONE)
        shown = Console(file=io.StringIO(), width=80, record=True)
        shown.print(view.render())
        plain = shown.export_text()
    assert "11 min 00 s left" in plain
    assert "9.00" in plain
    assert "dead" in plain
    assert max(map(len, plain.splitlines())) <= 80
