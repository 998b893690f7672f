"""The work a case cannot do without, by which its time becomes a share of the machine's ceiling."""

from pyvae.bench.cases import DENSITY, GRIDDED, KL, MOMENTS, REPARAMETERIZE, SAMPLE_WITH_KL, Case

FMA_PER_PAIR_FORWARD = 9
"""Instructions on the multiply-add pipes for a term (i, j, d) of the exact algorithm's forward.

(z - mu) times the column's scale, and the constant minus its square, are 2; the power of two of the marginal is 6 for
its polynomial and 1 for its scale. Additions, comparisons and shifts are left out, for many processors have other pipes
for them; so is the joint's power of two, one for every D terms.
"""

FMA_PER_PAIR_BACKWARD = 15
"""The same for the backward: 2 for the joint's exponent, the forward's 9 again, and 4 for the term's weight and what it
adds to the gradients of z, mu and logvar.
"""

JOINT_FMA_FORWARD, JOINT_FMA_BACKWARD, POWER_OF_TWO = 2, 6, 7
"""The same where the marginals come from grids and pairs are left to the joint: of a term, (z - mu) times the scale and
its square; in the backward both again, the weight times that, and what it adds to three gradients. A pair's power of
two serves all its D terms.
"""

GPU_FORWARD, GPU_BACKWARD, GPU_JOINT_FORWARD, GPU_JOINT_BACKWARD = 5, 11, 3, 7
"""The same on a GPU, where additions go through the multiply-add pipes and powers of two do not.

Forward, of a term: subtract, multiply, multiply-add, and an addition each to the marginal's total and to the joint's
exponent. Backward: the exponent and its addition again (4), the marginal's exponent less its logarithm (1), the weight
from both channels (2), times (z - mu) (1), and what that adds to three gradients (3). The joint alone: 3, and 3 + 4.
"""

PHILOX_WORDS = 4
"""Normals that one Philox block makes."""

FLOAT_BYTES, HALF_BYTES = 4, 2

_STREAMS = {
    # op: (elements [M, D] and [M] that the forward reads and writes, the same of the backward)
    REPARAMETERIZE: ((3, 0), (3, 0)),  # mu, logvar, z; grad_z, logvar, grad_logvar, where grad_mu is grad_z itself
    KL: ((2, 1), (4, 1)),  # mu, logvar, kl; grad_kl, mu, logvar and two gradients
    SAMPLE_WITH_KL: ((3, 1), (5, 1)),  # mu, logvar, z, kl; grad_z, grad_kl, mu, logvar and two gradients
    MOMENTS: ((3, 1), (5, 1)),  # the same, those of [M, D] in a half type
}


def multiply_adds(case: Case) -> int:
    """Multiply-adds of a density case; forward + backward is the sum of both passes."""
    if case.op == GRIDDED:
        passes = (JOINT_FMA_FORWARD, JOINT_FMA_BACKWARD)[: 2 if case.backward else 1]
        return sum(case.terms * each + case.rows * case.rows * POWER_OF_TWO for each in passes)
    assert case.op == DENSITY
    return case.terms * (FMA_PER_PAIR_FORWARD + (FMA_PER_PAIR_BACKWARD if case.backward else 0))


def bytes_moved(case: Case) -> int:
    """Bytes an elementwise case reads and writes when each tensor is touched once in each pass."""
    passes = _STREAMS[case.op][: 2 if case.backward else 1]
    element_bytes = HALF_BYTES if case.op == MOMENTS else FLOAT_BYTES
    return case.rows * sum(element_bytes * full * case.latents + FLOAT_BYTES * per_row for full, per_row in passes)


def gpu_instructions(case: Case) -> int:
    """Instructions on a GPU's multiply-add pipes that a density case cannot do without, over its passes."""
    joint, both = (GPU_JOINT_FORWARD, GPU_JOINT_BACKWARD), (GPU_FORWARD, GPU_BACKWARD)
    return case.terms * sum((joint if case.op == GRIDDED else both)[: 2 if case.backward else 1])


def exponentials(case: Case) -> int:
    """Powers of two of a density case: one of a pair, and where marginals are sums one of each term, in each pass."""
    each_pass = case.rows * case.rows + (case.terms if case.op == DENSITY else 0)
    return each_pass * (2 if case.backward else 1)


def philox_blocks(case: Case) -> int:
    """Philox blocks of an elementwise case, whose backward draws again; 0 where it draws no noise."""
    if case.op not in (REPARAMETERIZE, SAMPLE_WITH_KL, MOMENTS):
        return 0
    return -(-case.rows * case.latents // PHILOX_WORDS) * (2 if case.backward else 1)
