"""Networks that are built to be loaded: drawing random weights first takes longer than loading.

PyTorch's own way, the meta device, loses what a state dict leaves out, such as the causal mask of
open_clip's text tower.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn import init
from torch.overrides import TorchFunctionMode

_DRAWS = frozenset(
    {Tensor.normal_, Tensor.uniform_, init.normal_, init.uniform_, init.kaiming_uniform_}
)
"""What layers draw random weights with; the other functions of ``torch.nn.init`` call these."""


class SkipInit(TorchFunctionMode):
    """Within, tensors that would be filled with random numbers hold whatever the memory held.

    Every one of them must be loaded afterwards (a strict ``load_state_dict`` sees to that).
    """

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _DRAWS:
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)
