"""The tests; ``typecheck`` is loaded here because pytest's shape checking asks for it by name."""

from tests import typecheck

__all__ = ["typecheck"]
