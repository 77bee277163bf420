"""What a user can do about a video that the quality gate refused."""

from collections import Counter
from dataclasses import dataclass

from depmap_cli.faces import FaceSample
from depmap_cli.faces.quality import still_samples
from depmap_cli.faces.track import ANOTHER_FACE, COVERED_FACE, NO_FACE
from depmap_cli.results import Quality, Verdict
from depmap_cli.scoring.estimator import NOT_IN_AU_TABLE
from depmap_cli.semantics.openface import AuTable


@dataclass(frozen=True, kw_only=True)
class _Cause:
    """One cause of a refusal."""

    n_frames: int  # sampled frames that it concerns
    fact: str
    advice: str


def refusal_hint(samples: list[FaceSample], quality: Quality, au_table: AuTable | None) -> str:
    """Return the causes of a refusal, the commonest first, and what to do about that one.

    Args:
        samples: all sampled frames.
        quality: outcome of the quality gate, which refused the video.
        au_table: the table that gave the action units; None if the semantic model did.
    """
    refusing = {check.name for check in quality.checks if check.verdict == Verdict.refuse}
    causes: list[_Cause] = []
    if refusing & {"usable_share", "usable_frames", "usable_time"}:
        causes += _exclusions(samples, au_table)
    if "several_faces" in refusing:
        causes.append(_several_faces(samples))
    if "still_share" in refusing:
        causes.append(_still(samples))
    if "face_size" in refusing:
        causes.append(_small_face(samples))
    if not causes:
        is_short = "duration" in refusing or not samples
        more = "" if is_short else ", or sample more frames with --fps or --every-frame"
        return f"give a longer video{more}"
    causes.sort(key=lambda cause: -cause.n_frames)
    first, *others = causes
    hint = f"{_located(first, len(samples))}: {first.advice}"
    also = " and ".join(_located(cause, len(samples)) for cause in others)
    return f"{hint}; also, {also}" if also else hint


def _located(cause: _Cause, n_samples: int) -> str:
    return f"{cause.fact} in {cause.n_frames} of {n_samples} sampled frames"


def _exclusions(samples: list[FaceSample], au_table: AuTable | None) -> list[_Cause]:
    """Return the reasons of the frames that are not usable."""
    counts = Counter(sample.reason for sample in samples if not sample.valid)
    nowhere = counts[NO_FACE] == len(samples)
    texts = {
        NO_FACE: (
            "no face was found, upright or turned on its side,",
            "check that the person is in view and well lit"
            if nowhere
            else "choose the part that shows it with --start and --end",
        ),
        COVERED_FACE: (
            "the face is covered",
            "record it without mask, hand or caption, or choose a part with --start and --end",
        ),
        ANOTHER_FACE: ("another person is in view", "choose the person with --subject"),
        NOT_IN_AU_TABLE: _outside_table(au_table),
    }
    causes = []
    for reason, count in counts.items():
        fact, advice = texts[reason]
        causes.append(_Cause(n_frames=count, fact=fact, advice=advice))
    return causes


def _outside_table(au_table: AuTable | None) -> tuple[str, str]:
    if au_table is None:
        return "", ""
    first, last = au_table.span
    return (
        "the --au-csv table has no row near the time",
        f"it covers {first:.1f} to {last:.1f} s; check that it belongs to this video and covers "
        "all of it",
    )


def _several_faces(samples: list[FaceSample]) -> _Cause:
    return _Cause(
        n_frames=sum(sample.valid and sample.n_faces > 1 for sample in samples),
        fact="other people are in view",
        advice="choose the person with --subject",
    )


def _still(samples: list[FaceSample]) -> _Cause:
    return _Cause(
        n_frames=len(still_samples(samples)),
        fact="the face does not move",
        advice="a photo or a frozen picture cannot be scored; check the recording",
    )


def _small_face(samples: list[FaceSample]) -> _Cause:
    return _Cause(
        n_frames=sum(sample.valid for sample in samples),
        fact="the face is too small",
        advice="record one person, near the camera",
    )
