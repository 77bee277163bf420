"""A batch with the stub job, as a command: IN OUT LOG SECONDS [PART]. Two processes work."""

import sys
from pathlib import Path

from depmap_cli.batch.inputs import exit_code, find_videos, select_part
from depmap_cli.batch.run import ScoringBatch, score_batch
from depmap_cli.batch.workers import local_workers
from tests.support.stub_job import stub_job


class Silent:
    """Is told everything and says nothing."""

    def working(self, task, share):
        pass

    def done(self, number, report, before):
        pass

    def said(self, text):
        print(text, file=sys.stderr)


if __name__ == "__main__":
    given, out, log, seconds, *part = sys.argv[1:]
    items = select_part(find_videos([given], recursive=True), *part or [None])
    job = stub_job(log=Path(log), seconds=float(seconds))
    workers = local_workers(job, len(items), jobs=2, timeout=60)
    scored = score_batch(ScoringBatch(items=items, job=job, folder=Path(out)), workers, Silent())
    sys.exit(exit_code(scored.reports))
