"""``CorpusSummary``: the content of a labelled corpus, by split."""

from dataclasses import dataclass

SCORE_BIN = 7
"""Width in points of a bin of ``SplitSummary.histogram``; the last bin includes 63."""


@dataclass(frozen=True, kw_only=True)
class SplitSummary:
    """The content of one split of a corpus. Each session's score counts once."""

    split: str
    n_sessions: int
    n_clips: int
    n_people: int
    tasks: dict[str, int]  # number of clips for each task; "" if the corpus has no tasks
    bands: dict[str, int]  # number of sessions in each severity band, including empty bands
    histogram: list[int]  # number of sessions with a score of 0-6, 7-13, ... 56-63
    mean: float
    std: float  # population standard deviation
    minimum: int
    maximum: int


@dataclass(frozen=True)
class SharedPeople:
    """People who are in two splits of a corpus."""

    splits: tuple[str, str]
    people: list[str]
    n_sessions: int  # number of sessions, by subject and session number, that are in both


@dataclass(frozen=True)
class CorpusSummary:
    """The content of a corpus, by split."""

    splits: list[SplitSummary]  # empty splits are left out
    shared: list[SharedPeople]  # pairs of splits that share no one are left out
    notes: list[str]  # what was skipped or assumed when the corpus was read
