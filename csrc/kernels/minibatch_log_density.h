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
  T* workspace;  // minibatch_log_density_workspace elements on CPU, any content
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
  T* workspace;             // MinibatchLogDensityWorkspace::elements on CPU, any content
};

namespace cpu {

// Rows come in blocks of this many; rows beyond the last of a batch entry are padding.
constexpr int64_t kRowBlock = 64;

inline int64_t minibatch_log_density_row_blocks(int64_t queries) { return (queries + kRowBlock - 1) / kRowBlock; }

// What a block of rows works in: its queries [D, kRowBlock], and a peak, a total and an error per channel
// [D + 1, 3, kRowBlock].
inline int64_t minibatch_log_density_block_elements(int64_t latents) { return (4 * latents + 3) * kRowBlock; }

inline int64_t minibatch_log_density_workspace(int64_t batch, int64_t queries, int64_t latents) {
  return batch * minibatch_log_density_row_blocks(queries) * minibatch_log_density_block_elements(latents);
}

// The backward visits every pair once and serves all three gradients while a tile is hot. Tiles of kShareTile columns
// are dealt to shares, and each share keeps its own sums for grad_z: that is what makes the result bitwise independent
// of the thread count. More shares keep more threads busy and take more memory: as many as kShareElements allow, and
// kMinShares at least, which keeps M = 65 536, D = 10 within the 64 MiB of docs/architecture.md.
constexpr int64_t kShareTile = 64;
constexpr int64_t kMinShares = 8;
constexpr int64_t kShareElements = int64_t{1} << 22;

// Where the backward's workspace holds what, in elements.
struct MinibatchLogDensityWorkspace {
  int64_t shares;
  int64_t padded;   // Q, rounded up to row blocks
  int64_t pitch;    // from one channel's rows to the next; no power of two, whose multiples share a set of the cache
  int64_t query;    // [B, D, pitch]: z with rows innermost
  int64_t peak;     // [B, D + 1, pitch]
  int64_t factor;   // [B, D + 1, pitch]: a row's cotangent over its total
  int64_t columns;  // [B, shares, D, 3, kShareTile]: mean, scale and constant of a tile
  int64_t column_sums;  // [B, shares, D, 3, kShareTile]
  int64_t row_sums;     // [shares, B, D, pitch]
  int64_t elements;

  MinibatchLogDensityWorkspace(int64_t batch, int64_t queries, int64_t columns, int64_t latents)
      : shares(shares_of(columns, batch * queries * latents)),
        padded(minibatch_log_density_row_blocks(queries) * kRowBlock),
        pitch(padded + 16),
        query(0),
        peak(query + batch * latents * pitch),
        factor(peak + batch * (latents + 1) * pitch),
        columns(factor + batch * (latents + 1) * pitch),
        column_sums(this->columns + batch * shares * latents * 3 * kShareTile),
        row_sums(column_sums + batch * shares * latents * 3 * kShareTile),
        elements(row_sums + shares * batch * latents * pitch) {}

 private:
  static int64_t shares_of(int64_t columns, int64_t elements) {
    const int64_t tiles = (columns + kShareTile - 1) / kShareTile;
    const int64_t afford = kShareElements / (elements > 0 ? elements : 1);
    const int64_t most = afford > kMinShares ? afford : kMinShares;
    return tiles < most ? tiles : most;
  }
};

// Batch entries times latents: [begin, end) of B * D.
template <Isa isa, typename T>
void minibatch_log_density_columns(const MixtureColumns<T>& args, int64_t begin, int64_t end);
// Row blocks [begin, end) of B * row_blocks(Q).
template <Isa isa, typename T>
void minibatch_log_density(const MinibatchLogDensity<T>& args, int64_t begin, int64_t end);
// The backward's three steps. Row blocks [begin, end) of B * row_blocks(Q): what the shares read of the rows.
template <Isa isa, typename T>
void minibatch_log_density_backward_prepare(const MinibatchLogDensityBackward<T>& args, int64_t begin, int64_t end);
// Shares [begin, end) of B * shares: grad_mu, grad_logvar, and the shares of grad_z.
template <Isa isa, typename T>
void minibatch_log_density_backward(const MinibatchLogDensityBackward<T>& args, int64_t begin, int64_t end);
// Row blocks [begin, end) of B * row_blocks(Q): grad_z from its shares.
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
