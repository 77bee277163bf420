"""Libraries imported without PyTorch's compiler, which nothing here uses and which loads slowly.

torchvision and timm load all of it, and SymPy with it, for two names that they need only if someone
compiles their functions (measured: CHANGELOG).
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

_COMPILER = ("torch._dynamo", "torch._dynamo.utils")


class _Deferred(ModuleType):
    """Stands in for a module of the compiler; any name but those below loads the real one."""

    @staticmethod
    def is_compile_supported(device: str) -> bool:
        """What torchvision asks once its function is called."""
        return bool(_real("torch._dynamo.utils").is_compile_supported(device))

    @staticmethod
    def disable(function: Any = None, *_: Any, **__: Any) -> Any:
        """What timm marks functions with that must not be compiled; none is."""
        return _unchanged if function is None else function

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_real(self.__name__), name)


def _unchanged(function: Callable) -> Callable:
    return function


def _real(name: str) -> ModuleType:
    _let_go()
    return import_module(name)


def _let_go() -> None:
    for name in _COMPILER:
        if isinstance(sys.modules.get(name), _Deferred):
            del sys.modules[name]


@contextmanager
def without_compiler() -> Iterator[None]:
    """Imports made meanwhile do not load the compiler, unless they need more of it or it is there.

    It still loads afterwards, when anyone asks for it.
    """
    import torch  # noqa: F401  # the package whose parts these are

    if not any(name in sys.modules for name in _COMPILER):
        sys.modules.update({name: _Deferred(name) for name in _COMPILER})
    try:
        yield
    finally:
        _let_go()
