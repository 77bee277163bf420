"""Balanced assignment of key tokens to prototypes by entropic optimal transport."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

ITERATIONS = 100


def balanced_assignment(similarity: Float[Tensor, "n k"], entropy: float) -> Float[Tensor, "n k"]:
    """Transport plan A_a* that maximises total similarity under balanced marginals.

    Dep-MAP "Semantic Disambiguation Prototype Cluster": the objective Eq. (7) under the constraints
    Eq. (8), regularised by entropy, Eq. (9), is solved by Sinkhorn-Knopp scaling, Eq. (10).

    Reading: Eq. (8) swaps its marginals. Each of the N tokens has mass 1/N (rows) and each of the K
    prototypes receives 1/K (columns). Double precision represents exp(S / kappa) and the scaling
    vectors down to kappa 0.01 (``model.entropy``), so the slower log domain is not needed. Rows are
    scaled last, so the row marginals are exact.
    """
    with torch.autocast(similarity.device.type, enabled=False):
        n, k = similarity.shape
        log_kernel = _to_double(similarity) / entropy  # Eq. (9): linear term over kappa
        kernel = (log_kernel - log_kernel.amax(1, keepdim=True)).exp()
        by_prototype = kernel.T.contiguous()
        token = kernel.new_full((n,), 1 / n)
        prototype = kernel.new_ones(k)
        for _ in range(ITERATIONS):  # Eq. (8): prototype, then token marginals
            prototype = 1 / (k * (by_prototype @ token))
            token = 1 / (n * (kernel @ prototype))
        plan = token[:, None] * kernel * prototype  # Eq. (10)
        return plan.to(similarity.device, torch.float32)


def _to_double(values: Tensor) -> Tensor:
    """Convert to double precision, on the CPU if the device does not support it (MPS)."""
    return (values.cpu() if values.device.type == "mps" else values).double()


def assigned_prototypes(plan: Float[Tensor, "n k"]) -> Int[Tensor, " n"]:
    """Prototype of each token: the largest entry of its row of the plan, Eq. (7)."""
    return plan.argmax(1)  # Eq. (7)
