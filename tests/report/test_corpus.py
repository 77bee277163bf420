"""The table of a corpus: fits 80 columns, shows the scores, warns of shared people."""

from io import BytesIO, StringIO, TextIOWrapper

from rich.console import Console

from depmap_cli.report.corpus import render_corpus
from depmap_cli.results import CorpusSummary, SharedPeople, SplitSummary


def split(name: str, **changes: object) -> SplitSummary:
    fields: dict = {
        "n_sessions": 50,
        "n_clips": 100,
        "n_people": 28,
        "tasks": {"Freeform": 50, "Northwind": 50},
        "bands": {"minimal": 25, "mild": 12, "moderate": 6, "severe": 7},
        "histogram": [16, 8, 1, 0, 4, 0, 0, 0, 2],
        "mean": 15.04,
        "std": 11.9,
        "minimum": 0,
        "maximum": 63,
    }
    return SplitSummary(split=name, **fields | changes)


AVEC = [split("Training"), split("Development"), split("Testing", tasks={"": 100}, n_people=27)]
SHARED = [
    SharedPeople(("Training", "Development"), ["203", "204"], 0),
    SharedPeople(("Training", "Testing"), ["205"], 0),
]


def shown(summary: CorpusSummary, width: int = 80) -> str:
    console = Console(file=StringIO(), width=width)
    with console.capture() as capture:
        render_corpus(console, summary)
    return capture.get()


def test_a_corpus_fits_80_columns_and_says_what_it_must() -> None:
    text = shown(CorpusSummary(AVEC, [], []))
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    counts = next(line for line in lines if line.startswith("Development"))
    assert counts.split() == [
        *("Development", "50", "100", "28", "15.0", "11.9", "0-63", "Freeform,", "Northwind")
    ]
    spread = [line for line in lines if line.startswith("Training")][1]
    assert spread.split()[-4:] == ["25", "12", "6", "7"]
    assert "WARN" not in text


def test_bars_stand_below_their_scores() -> None:
    lines = shown(CorpusSummary(AVEC, [], [])).splitlines()
    header = next(line for line in lines if line.startswith("scores"))
    bars = [line for line in lines if line.startswith("Training")][1]
    for score, bar in {
        "0": "██",
        "7": "▄▄",
        "14": "▁▁",
        "21": "· ",
        "28": "▂▂",
        "56": "▁▁",
    }.items():
        place = header.index(f" {score} ") + 1
        assert bars[place : place + 2] == bar


def test_shared_people_are_one_warning() -> None:
    text = shown(CorpusSummary(AVEC, SHARED, ["Testing: no labels, 2 videos left out"]))
    flat = " ".join(text.split())
    assert flat.count("WARN") == 1
    assert "shared people: 2 in Training and Development; 1 in Training and Testing." in flat
    assert "Evaluation separates seen from unseen people." in flat
    assert "by name" not in flat
    assert "Testing: no labels, 2 videos left out" in flat


def test_a_corpus_that_is_there_twice_is_told() -> None:
    twice = [SharedPeople(("Training", "Testing"), ["205"], 3)]
    flat = " ".join(shown(CorpusSummary(AVEC, twice, [])).split())
    assert "They also share 3 sessions" in flat


def test_task_names_and_notes_play_no_tricks() -> None:
    wild = [split("Training", tasks={"[red]a\x1b[31m": 1}, histogram=[0] * 8 + [3])]
    text = shown(CorpusSummary(wild, [], ["[bold]x\n\x1b[2J"]), width=120)
    assert "[red]a�[31m" in text
    assert "[bold]x��[2J" in text


def test_a_terminal_without_utf8_gets_ascii() -> None:
    file = TextIOWrapper(BytesIO(), encoding="ascii", write_through=True)
    render_corpus(Console(file=file, width=80), CorpusSummary(AVEC, SHARED, []))
    assert "##" in file.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]


def test_an_empty_corpus_is_no_error() -> None:
    assert "sessions" in shown(CorpusSummary([], [], []))
