"""Builds networks without initialising their weights, for networks whose weights are then loaded.

PyTorch's meta device cannot be used: it loses tensors that are not in the state dict, such as the
causal mask of open_clip's text encoder (time saved: LOG L57).
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn import init
from torch.overrides import TorchFunctionMode

# Saves about 0.3 s of 4.6 s CPU time of `depmap score examples/interview.mp4` on two cores.
_DRAWS = frozenset(
    {Tensor.normal_, Tensor.uniform_, init.normal_, init.uniform_, init.kaiming_uniform_}
)
"""The functions that draw random weights; the others in ``torch.nn.init`` call these."""


class SkipInit(TorchFunctionMode):
    """Leaves tensors uninitialised that would be filled with random numbers in the block.

    All of them must be loaded afterwards, which a strict ``load_state_dict`` checks.
    """

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _DRAWS:
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)
