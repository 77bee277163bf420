"""Imports libraries without PyTorch's compiler, which the package does not use and loads slowly.

torchvision and timm import the compiler, and SymPy with it, for two names that they need only when
their functions are compiled (measured: LOG L18, L57).
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

# Saves about 1.0 s of 5.4 s CPU time of `depmap score examples/interview.mp4` on two cores.
_COMPILER = ("torch._dynamo", "torch._dynamo.utils")


class _Deferred(ModuleType):
    """Replaces a module of the compiler; any name except those below loads the real module."""

    @staticmethod
    def is_compile_supported(device: str) -> bool:
        """Forward to the real function; torchvision calls it when its operators run."""
        return bool(_real("torch._dynamo.utils").is_compile_supported(device))

    @staticmethod
    def disable(function: Any = None, *_: Any, **__: Any) -> Any:
        """Return the function unchanged; timm decorates functions that must not be compiled."""
        return _unchanged if function is None else function

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_real(self.__name__), name)


def _unchanged(function: Callable) -> Callable:
    return function


def _real(name: str) -> ModuleType:
    _remove_placeholders()
    return import_module(name)


def _remove_placeholders() -> None:
    for name in _COMPILER:
        if isinstance(sys.modules.get(name), _Deferred):
            del sys.modules[name]


@contextmanager
def without_compiler() -> Iterator[None]:
    """Keep imports in the block from loading the compiler, unless they need more of it.

    A compiler that is already loaded stays, and after the block it can be imported as usual.
    """
    import torch  # noqa: F401  # parent package of the modules replaced

    if not any(name in sys.modules for name in _COMPILER):
        sys.modules.update({name: _Deferred(name) for name in _COMPILER})
    try:
        yield
    finally:
        _remove_placeholders()
