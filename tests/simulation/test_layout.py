"""The rooms of the simulation import in one direction only."""

import ast
from pathlib import Path

import pytest

SIMULATION = Path(__file__).parents[2] / "depmap_cli" / "simulation"
ROOMS = ("behaviour", "graphics", "person", "rendering", "corpus")
"""In import order: each room imports only from itself and from those before it."""
LOADED_ON_DEMAND = {"corpus": {"graphics", "person"}}
"""Rooms that a room may use only through the interface in ``rendering``."""
MODULES = sorted(SIMULATION.glob("*/*.py"))


def rooms_imported(path):
    names = {
        node.module
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    prefix = "depmap_cli.simulation."
    return {name.removeprefix(prefix).split(".")[0] for name in names if name.startswith(prefix)}


def test_every_room_has_a_position_in_the_order():
    assert {path.parent.name for path in MODULES} == set(ROOMS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SIMULATION)))
def test_imports_point_one_way(path):
    room = path.parent.name
    assert rooms_imported(path) <= set(ROOMS[: ROOMS.index(room) + 1])
    assert not rooms_imported(path) & LOADED_ON_DEMAND.get(room, set())
