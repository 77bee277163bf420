"""What a user can do about a video that the quality gate refused."""

from collections import Counter

from depmap_cli.faces import FaceSample
from depmap_cli.faces.track import ANOTHER_FACE
from depmap_cli.results import Quality, Verdict
from depmap_cli.scoring.estimator import COVERED_FACE, NOT_IN_AU_TABLE
from depmap_cli.semantics.openface import AuTable


def refusal_hint(samples: list[FaceSample], quality: Quality, au_table: AuTable | None) -> str:
    """Return what to do about the commonest cause of a refusal.

    Args:
        samples: all sampled frames.
        quality: outcome of the quality gate, which refused the video.
        au_table: the table that gave the action units; None if the semantic model did.
    """
    if au_table is not None and any(sample.reason == NOT_IN_AU_TABLE for sample in samples):
        first, last = au_table.span
        return (
            f"the --au-csv table covers {first:.1f} to {last:.1f} s: check that it belongs to this "
            "video and covers all of it"
        )
    refusing = {check.name for check in quality.checks if check.verdict == Verdict.refuse}
    if refusing & {"usable_share", "usable_frames"}:
        return _missing_face_hint(samples)
    if "several_faces" in refusing:
        return "other people are in view: choose the person with --subject"
    if "face_size" in refusing:
        return "the face is too small: record one person, near the camera"
    return "give a longer video"


def _missing_face_hint(samples: list[FaceSample]) -> str:
    excluded = Counter(sample.reason for sample in samples if not sample.valid)
    if not excluded:
        return "give a longer video, or sample more frames with --frames"
    reason, count = excluded.most_common(1)[0]
    where = f"in {count} of {len(samples)} sampled frames"
    if reason == COVERED_FACE:
        return f"the face is covered {where}: record it uncovered, or choose a part with --start"
    if reason == ANOTHER_FACE:
        return f"another person is in view {where}: choose the person with --subject"
    if count == len(samples):
        return "no face was found: check that the person is in view, upright and well lit"
    return f"no face was found {where}: choose the part that shows it with --start and --end"
