"""Reads settings from a YAML file and from ``section.name=value`` pairs.

Both become one nested dictionary, which pydantic validates (``config.py``).
"""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from depmap_cli.config import Config
from depmap_cli.errors import UsageProblem
from depmap_cli.io.clean_text import clean


def read_settings(
    pairs: list[str],
    file: Path | None = None,
    base: dict[str, Any] | None = None,
    fixed_settings: Mapping[str, dict[str, Any]] | None = None,
) -> Config:
    """Build the configuration: defaults, overridden by ``base``, ``file`` and ``pairs`` in turn.

    Args:
        pairs: settings as ``section.name=value``.
        file: YAML file of settings.
        base: settings by section.
        decided: model settings fixed by an option or a table row, by its name. They override the
            file, which may come from another run; pairs must not contradict them.

    Raises:
        UsageProblem: a missing or malformed file, a pair without "=", a contradiction to
            ``fixed_settings``, an unknown setting, or a value out of bounds.
    """
    tree: dict[str, Any] = {}
    from_pairs, fixed_settings = _read_pairs(pairs), fixed_settings or {}
    _refuse_contradiction(from_pairs.get("model", {}), fixed_settings)
    fixed = [{"model": switches} for switches in fixed_settings.values()]
    for layer in (base or {}, _read_file(file) if file else {}, from_pairs, *fixed):
        _merge(tree, layer)
    return check_settings(tree)


def _refuse_contradiction(
    settings: dict[str, Any], fixed_settings: Mapping[str, dict[str, Any]]
) -> None:
    for source, switches in fixed_settings.items():
        for name, value in settings.items():
            if value != switches.get(name, value):
                raise UsageProblem(
                    f"--set model.{name} contradicts {source}", "remove one of the two"
                )


def check_settings(tree: dict[str, Any]) -> Config:
    """Validate a nested dictionary of settings.

    Raises:
        UsageProblem: an unknown setting, or a value out of bounds.
    """
    from pydantic import ValidationError

    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        key = tuple(map(str, first["loc"]))
        problem = first["msg"].removeprefix("Value error, ")
        unknown = first["type"] in ("extra_forbidden", "invalid_key")
        raise UsageProblem(
            f"setting {'.'.join(key)}: {'no setting has this name' if unknown else problem}",
            _suggestion(key) if unknown else _description(key),
        ) from error


def _fields(key: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields of the key's section, or the sections for an unknown section."""
    section = Config.model_fields.get(key[0])
    if len(key) == 1 or section is None:
        return dict(Config.model_fields)
    return dict(section.annotation.model_fields)  # type: ignore[union-attr]  # a section


def _suggestion(key: tuple[str, ...]) -> str:
    """Name the settings with similar names, or all if none is similar."""
    names = _fields(key)
    if similar := get_close_matches(key[-1], names):
        return f"did you mean {' or '.join('.'.join([*key[:-1], name]) for name in similar)}?"
    subject = f"{key[0]} has" if len(key) > 1 else "the sections are"
    return f"{subject} {', '.join(names)}"


def _description(key: tuple[str, ...]) -> str:
    """Describe a setting and its default; empty if the error concerns a whole section."""
    if len(key) == 1:
        return ""
    field = _fields(key)[key[1]]
    return f"{field.description or ''} Its default is {field.default}.".strip()


def _read_file(path: Path) -> dict[str, Any]:
    import yaml

    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageProblem(
            f"--config {clean(str(path))}: {error.strerror}", "check the path"
        ) from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: not UTF-8, or an invalid date
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise UsageProblem(
            f"--config {clean(str(path))}{line}: not valid YAML", "correct the file"
        ) from error
    if tree is None:
        return {}
    if not isinstance(tree, dict) or not all(
        isinstance(name, str) and isinstance(section, dict) for name, section in tree.items()
    ):
        raise UsageProblem(
            f"--config {clean(str(path))}: expected sections with settings",
            "e.g. train: {epochs: 10}",
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
        except (yaml.YAMLError, ValueError):  # ValueError: an invalid date
            value = text
        tree.setdefault(section, {})[name] = value
    return tree


def _merge(tree: dict[str, Any], layer: dict[str, Any]) -> None:
    for section, settings in layer.items():
        tree.setdefault(section, {}).update(settings)
