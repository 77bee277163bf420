"""Which videos a batch does not score again: those whose stored result has the same resume key.

``_is_done`` in ``batch/run.py`` decides; ``finished`` in ``batch/results_folder.py`` compares the
key with that of the stored result.
"""

import hashlib
import json
from dataclasses import asdict

from depmap_cli import __version__
from depmap_cli.batch.job import Job, ScoringTask
from depmap_cli.io.file_identity import file_state

_NOT_PLAIN = frozenset({"au_csv", "quality"})


def plain_options(job: Job) -> dict[str, str | int | float | None]:
    """Return the scoring options of a job that are plain values."""
    return {name: v for name, v in asdict(job.options).items() if name not in _NOT_PLAIN}


def resume_key(job: Job, task: ScoringTask, weights_sha256: str) -> str:
    """Hash all that the result of a video depends on, except the device and its rounding."""
    table = job.options.au_table_of(task.path)
    parts = (
        __version__,
        weights_sha256,
        plain_options(job),
        job.options.quality.model_dump(),
        [table.name, file_state(table)] if table else None,
        job.pictures,
        file_state(task.path),
    )
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
