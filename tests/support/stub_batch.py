"""A batch with the stub job in two worker processes, as a command: IN OUT LOG SECONDS [PART]."""

import sys
from pathlib import Path

from depmap_cli.batch.inputs import find_videos, select_part
from depmap_cli.batch.run import ScoringBatch, exit_code, score_batch
from depmap_cli.batch.workers import local_workers
from tests.support.stub_job import stub_job


class Silent:
    """A listener that prints messages only."""

    def on_progress(self, task, fraction):
        pass

    def on_result(self, number, report, already_done):
        pass

    def on_message(self, text):
        print(text, file=sys.stderr)


if __name__ == "__main__":
    folder, out, log, seconds, *part = sys.argv[1:]
    items = select_part(find_videos([folder], recursive=True), *part or [None])
    job = stub_job(log=Path(log), seconds=float(seconds))
    workers = local_workers(job, len(items), jobs=2, timeout=60)
    scored = score_batch(ScoringBatch(items=items, job=job, folder=Path(out)), workers, Silent())
    sys.exit(exit_code(scored.reports))
