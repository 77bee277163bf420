"""Balanced assignment of key tokens to a level's prototypes by entropic optimal transport."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

ITERATIONS = 100


def balanced_assignment(similarity: Float[Tensor, "n k"], entropy: float) -> Float[Tensor, "n k"]:
    """The transport plan A_a* that maximises total similarity under balanced marginals.

    Dep-MAP "Semantic Disambiguation Prototype Cluster": the objective Eq. (7) under the constraints
    Eq. (8), smoothed by entropy, Eq. (9), is solved by Sinkhorn and Knopp's scaling, Eq. (10).

    Reading: Eq. (8) mixes up its marginals. Each of the N tokens carries 1/N (rows) and each of
    the K prototypes receives 1/K (columns). exp(S / kappa) reaches e^20, so the scaling vectors
    are kept as logarithms, in float32 whatever the autocast. Rows are scaled last and are exact.
    """
    with torch.autocast(similarity.device.type, enabled=False):
        n, k = similarity.shape
        # Eq. (9): linear term over kappa; a prototype a row, so that sums run along memory
        log_kernel = (similarity.float() / entropy).T.contiguous()
        log_u = log_kernel.new_zeros(1, n)
        log_v = log_kernel.new_zeros(k, 1)
        for _ in range(ITERATIONS):  # Eq. (8): prototype, then token marginals
            log_v = -math.log(k) - torch.logsumexp(log_kernel + log_u, 1, keepdim=True)
            log_u = -math.log(n) - torch.logsumexp(log_kernel + log_v, 0, keepdim=True)
        return (log_u + log_kernel + log_v).exp().T  # Eq. (10)


def assigned(plan: Float[Tensor, "n k"]) -> Int[Tensor, " n"]:
    """The prototype that each token goes to: the hard maximiser of Tr(A^T S), Eq. (7)."""
    return plan.argmax(1)  # Eq. (7)
