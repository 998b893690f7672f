// The log-density of every query under the weighted mixture of all posteriors: the joint, and each latent's marginal.
//
//   joint_i      = logsumexp_j [log w_ij + sum_d log N(z_id; mu_jd, sigma_jd^2)]
//   marginal_id  = logsumexp_j [log w_ij +       log N(z_id; mu_jd, sigma_jd^2)]
//
// Letters: B folded leading axes, Q queries (rows i), M posteriors (columns j), D latents. Nothing of size Q M exists:
// the forward keeps a running peak and total per row and channel (channels are the D marginals, then the joint), the
// backward recomputes each exponent and weighs it by 2^(exponent - peak) / total.
#pragma once
#include "../math/estimators.h"
#include "isa.h"

namespace pyvae {

// A joint exponent sums its latents in groups of this many, then the groups: one running float32 sum over a thousand
// latents would lose three digits. Forward and backward must group alike, so that a weight matches its total.
constexpr int64_t kLatentGroup = 32;

// The columns as the kernels want them: base-2 quantities of math/gaussian.h, latents outermost so that columns are
// contiguous. Filled by minibatch_log_density_columns.
template <typename T>
struct MixtureColumns {
  int64_t batch, columns, latents;
  const T* mu;      // [B, M, D]
  const T* logvar;  // [B, M, D]
  T* mean;          // [B, D, M]
  T* scale;         // [B, D, M]
  T* constant;      // [B, D, M]
};

template <typename T>
struct MinibatchLogDensity {
  MixtureColumns<T> mixture;
  int64_t queries;
  PairWeights weights;
  const T* z;    // [B, Q, D]
  T* joint;      // [B, Q]
  T* marginals;  // [B, Q, D]
  T* peak;       // [B, Q, D + 1]
  T* total;      // [B, Q, D + 1]
};

template <typename T>
struct MinibatchLogDensityBackward {
  MixtureColumns<T> mixture;
  int64_t queries;
  PairWeights weights;
  const T* z;               // [B, Q, D]
  const T* peak;            // [B, Q, D + 1]
  const T* total;           // [B, Q, D + 1]
  const T* grad_joint;      // [B, Q]
  const T* grad_marginals;  // [B, Q, D]
  T* grad_z;                // [B, Q, D]
  T* grad_mu;               // [B, M, D]
  T* grad_logvar;           // [B, M, D]
  T* workspace;             // minibatch_log_density_workspace(args) elements, any content
};

namespace cpu {

// The CPU backward visits every pair once and serves all three gradients while a tile is hot. Tiles of kShareTile
// columns are dealt to shares, whose number depends on the columns and not on the threads, and each share keeps its
// own sums for grad_z: that is what makes the result bitwise independent of the thread count. 8 shares keep M = 65 536,
// D = 10 within the 64 MiB of docs/architecture.md.
constexpr int64_t kShareTile = 64;
constexpr int64_t kMaxShares = 8;

inline int64_t minibatch_log_density_shares(int64_t columns) {
  const int64_t tiles = (columns + kShareTile - 1) / kShareTile;
  return tiles < kMaxShares ? tiles : kMaxShares;
}

// [2, B, D, M] for the columns' sums, [B, shares, 2, D, kShareTile] for groups of rows, [shares, B, Q, D] for the
// rows'.
inline int64_t minibatch_log_density_workspace(int64_t batch, int64_t queries, int64_t columns, int64_t latents) {
  const int64_t shares = minibatch_log_density_shares(columns);
  return batch * latents * (2 * columns + shares * (2 * kShareTile + queries));
}

// Batch entries times latents: [begin, end) of B * D.
template <Isa isa, typename T>
void minibatch_log_density_columns(const MixtureColumns<T>& args, int64_t begin, int64_t end);
// Rows [begin, end) of B * Q.
template <Isa isa, typename T>
void minibatch_log_density(const MinibatchLogDensity<T>& args, int64_t begin, int64_t end);
// Shares [begin, end) of B * shares: grad_mu, grad_logvar, and the shares of grad_z.
template <Isa isa, typename T>
void minibatch_log_density_backward(const MinibatchLogDensityBackward<T>& args, int64_t begin, int64_t end);
// Rows [begin, end) of B * Q: grad_z from its shares.
template <Isa isa, typename T>
void minibatch_log_density_backward_rows(const MinibatchLogDensityBackward<T>& args, int64_t begin, int64_t end);

}  // namespace cpu

namespace cuda {
// All return a cudaError_t; stream is a cudaStream_t. No workspace; the backward's two launches are the columns'
// gradients (grad_mu, grad_logvar) and the rows' (grad_z).
template <typename T>
int minibatch_log_density_columns(const MixtureColumns<T>& args, void* stream);
template <typename T>
int minibatch_log_density(const MinibatchLogDensity<T>& args, void* stream);
template <typename T>
int minibatch_log_density_backward(const MinibatchLogDensityBackward<T>& args, void* stream);
template <typename T>
int minibatch_log_density_backward_rows(const MinibatchLogDensityBackward<T>& args, void* stream);
}  // namespace cuda

}  // namespace pyvae
