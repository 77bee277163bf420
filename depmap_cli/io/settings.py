"""Settings as a user gives them: a YAML file, ``section.name=value`` pairs, and what they ask for.

Both become one nested dictionary; pydantic checks it (``config.py``).
"""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from depmap_cli.config import Config
from depmap_cli.errors import UsageProblem


def read_settings(
    pairs: list[str],
    file: Path | None = None,
    base: dict[str, Any] | None = None,
    decided: Mapping[str, dict[str, Any]] | None = None,
) -> Config:
    """The configuration: defaults, ``base`` over them, then the YAML ``file``, then ``pairs``.

    What is ``decided`` of the model, by the option or table row that does, goes over the file,
    which may be another run's; pairs may not contradict it.

    Raises:
        UsageProblem: a missing or broken file, a pair without "=", or against what is decided, an
            unknown setting or a value out of bounds; names them.
    """
    tree: dict[str, Any] = {}
    asked, decided = _read_pairs(pairs), decided or {}
    _refuse_contradiction(asked.get("model", {}), decided)
    dictated = [{"model": switches} for switches in decided.values()]
    for layer in (base or {}, _read_file(file) if file else {}, asked, *dictated):
        _merge(tree, layer)
    return check_settings(tree)


def _refuse_contradiction(asked: dict[str, Any], decided: Mapping[str, dict[str, Any]]) -> None:
    for what, switches in decided.items():
        for name, value in asked.items():
            if value != switches.get(name, value):
                raise UsageProblem(
                    f"--set model.{name} and {what} exclude each other", "leave one of them out"
                )


def check_settings(tree: dict[str, Any]) -> Config:
    """The configuration that a nested dictionary describes.

    Raises:
        UsageProblem: an unknown setting, or a value out of bounds.
    """
    from pydantic import ValidationError

    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        where = tuple(map(str, first["loc"]))
        told = first["msg"].removeprefix("Value error, ")
        unknown = first["type"] in ("extra_forbidden", "invalid_key")
        raise UsageProblem(
            f"setting {'.'.join(where)}: {'there is none of this name' if unknown else told}",
            _known(where) if unknown else _described(where),
        ) from error


def _fields(where: tuple[str, ...]) -> dict[str, Any]:
    """The settings beside one, or the sections beside one."""
    section = Config.model_fields.get(where[0])
    if len(where) == 1 or section is None:
        return dict(Config.model_fields)
    return dict(section.annotation.model_fields)  # type: ignore[union-attr]  # a section


def _known(where: tuple[str, ...]) -> str:
    """The names that may have been meant, all where none is like this one."""
    names = _fields(where)
    if near := get_close_matches(where[-1], names):
        return f"did you mean {' or '.join('.'.join([*where[:-1], name]) for name in near)}?"
    what = f"{where[0]} has" if len(where) > 1 else "the sections are"
    return f"{what} {', '.join(names)}"


def _described(where: tuple[str, ...]) -> str:
    """What a setting is, and its default; nothing where settings contradict each other."""
    if len(where) == 1:
        return ""
    field = _fields(where)[where[1]]
    return f"{field.description or ''} Its default is {field.default}.".strip()


def _read_file(path: Path) -> dict[str, Any]:
    import yaml

    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageProblem(f"--config {path.name}: {error.strerror}", "check the path") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: not UTF-8, or no such date
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise UsageProblem(f"--config {path.name}{where}: not YAML", "check the file") from error
    if tree is None:
        return {}
    if not isinstance(tree, dict) or not all(
        isinstance(name, str) and isinstance(section, dict) for name, section in tree.items()
    ):
        raise UsageProblem(
            f"--config {path.name}: sections with settings are expected", "e.g. train: {epochs: 10}"
        )
    return tree


def _read_pairs(pairs: list[str]) -> dict[str, Any]:
    import yaml

    tree: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or "." not in key:
            raise UsageProblem(f"--set {pair}: expected section.name=value", "e.g. train.epochs=10")
        section, name = key.split(".", 1)
        try:
            value = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError):  # ValueError: as a date that there is not
            value = text
        tree.setdefault(section, {})[name] = value
    return tree


def _merge(tree: dict[str, Any], layer: dict[str, Any]) -> None:
    for section, settings in layer.items():
        tree.setdefault(section, {}).update(settings)
