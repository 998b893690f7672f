// What minibatch_log_density and joint_log_density share: their arguments, the columns of a mixture as the kernels want
// them, and how the CPU's backward deals its work.
//
// Letters: B folded leading axes, Q queries (rows i), M posteriors (columns j), D latents. A channel is one logsumexp
// of a row: C of them are the D marginals, then the joint, or C = 1 is the joint alone.
#pragma once
#include "../math/estimators.h"
#include "../math/range.h"
#include "isa.h"
#include "mixture_launch.h"

namespace pyvae {

// A joint exponent sums its latents in groups of this many, then the groups: one running float32 sum over a thousand
// latents would lose three digits. Forward and backward must group alike, so that a weight matches its total.
constexpr int64_t kLatentGroup = 16;

// Columns come in tiles of this many, each with its parameters side by side: with M from one latent to the next, a
// power of two would put all latents of a column into one set of the cache.
constexpr int64_t kTile = 64;

PYVAE_MATH int64_t tiles_of(int64_t columns) { return ceil_div(columns, kTile); }

// At least one, so that a column without latents has a constant too.
PYVAE_MATH int64_t latent_groups(int64_t latents) { return latents > 0 ? ceil_div(latents, kLatentGroup) : 1; }

// How the columns are ordered where far tiles may be skipped: cpu/mixture_pruning.h. CPU only; all null where they may
// not.
template <typename T>
struct ColumnOrder {
  int32_t* on = nullptr;        // [B]: whether a batch entry is ordered
  int32_t* column = nullptr;    // [B, M]: that at a position
  int32_t* position = nullptr;  // [B, M]: of a column
  T* boxes = nullptr;           // [B, tiles, 3 D + 1]: lowest means, highest means, smallest scales; largest constant

  bool of(int64_t b) const { return on != nullptr && on[b] != 0; }
};

// Importance weights, as natural logarithms; null where all columns count alike.
template <typename T>
struct Importance {
  const T* column = nullptr;  // [B, M]: what each counts, beside the pair's weight
  const T* own = nullptr;     // [B, M]: what the diagonal weighs more, row by row, in place of PairWeights' ratio
};

// The columns as the kernels want them: base-2 quantities of math/gaussian.h. Filled by mixture_columns.
template <typename T>
struct MixtureColumns {
  int64_t batch, columns, latents;
  const T* mu;      // [B, M, D]
  const T* logvar;  // [B, M, D]
  T* tiles;         // [B, tiles, D, 3, kTile]: mean, scale, constant; columns beyond the last are harmless
  T* constants;     // [B, tiles, groups, kTile]: a column's constants summed over each group of latents
  ColumnOrder<T> order = {};
  Importance<T> importance = {};
};

template <typename T>
struct MixtureLogDensity {
  MixtureColumns<T> mixture;
  int64_t queries, channels;
  PairWeights weights;
  const T* z;         // [B, Q, D]
  T* joint;           // [B, Q]
  T* marginals;       // [B, Q, D], or null where C = 1
  T* peak;            // [B, Q, C]
  T* total;           // [B, Q, C]
  T* workspace;       // cpu::mixture_workspace or cuda::MixtureWorkspace::elements, any content
  int64_t slots = 1;  // cuda::block_slots of the tensors' device; not read on the CPU
  // [B, Q, D]: derivatives in z, where they are wanted; not on CUDA.
  T* joint_score = nullptr;
  T* marginal_scores = nullptr;  // null where C = 1, too
};

template <typename T>
struct MixtureLogDensityBackward {
  MixtureColumns<T> mixture;
  int64_t queries, channels;
  PairWeights weights;
  const T* z;               // [B, Q, D]
  const T* peak;            // [B, Q, C]
  const T* total;           // [B, Q, C]
  const T* grad_joint;      // [B, Q]
  const T* grad_marginals;  // [B, Q, D], or null where C = 1
  T* grad_z;                // [B, Q, D]
  T* grad_mu;               // [B, M, D]
  T* grad_logvar;           // [B, M, D]
  T* workspace;             // MixtureBackwardWorkspace::elements of cpu or cuda, any content
  int64_t slots = 1;        // as in MixtureLogDensity
};

namespace cpu {

// Rows come in blocks of this many; rows beyond the last of a batch entry are padding.
constexpr int64_t kRowBlock = 64;

inline int64_t mixture_row_blocks(int64_t queries) { return ceil_div(queries, kRowBlock); }

// What a block of rows works in: its queries [D, kRowBlock], a peak, a total and an error per channel
// [C, 3, kRowBlock], and where scores are wanted a sum and an error per latent of the joint and of the marginals.
inline int64_t mixture_block_elements(int64_t latents, int64_t channels, bool scores) {
  const int64_t sums = channels == 1 ? latents : 2 * latents;
  return (latents + 3 * channels + (scores ? 2 * sums : 0)) * kRowBlock;
}

inline int64_t mixture_workspace(int64_t batch, int64_t queries, int64_t latents, int64_t channels, bool scores) {
  return batch * mixture_row_blocks(queries) * mixture_block_elements(latents, channels, scores);
}

// What a block of the joint's rows works in. Where columns may be ordered, also its part of a run
// (joint_log_density.cpp).
inline int64_t joint_block_elements(int64_t latents, bool ordered, bool scores) {
  return ordered ? ((scores ? 6 : 3) * latents + 6) * kRowBlock : mixture_block_elements(latents, 1, scores);
}

// Rows that a tile meets at a time.
constexpr int64_t kRowGroup = 256;

// The backward visits every pair once and serves all three gradients while a tile is hot. Tiles are dealt to shares,
// which run at the same time, and no two of them may add to one sum of grad_z: that is what makes the result bitwise
// independent of the thread count. So there are copies of these sums, as many as kCopyElements allow and kLeastCopies
// at least, which keeps M = 65 536, D = 10 within the 64 MiB of docs/architecture.md. Where they are fewer than the
// shares that would keep kThreads busy, shares take turns: those of one copy meet different rows at a time, and move on
// together.
constexpr int64_t kThreads = 64, kLeastCopies = 8;
constexpr int64_t kCopyElements = int64_t{1} << 22;

struct MixtureBackwardShares {
  int64_t copies, turns;

  MixtureBackwardShares(int64_t batch, int64_t queries, int64_t columns, int64_t latents)
      : copies(smaller(tiles_of(columns),
                       larger(kCopyElements / larger(batch * queries * latents, int64_t{1}), kLeastCopies))),
        turns(smaller(smaller(ceil_div(kThreads, batch * copies), tiles_of(columns) / copies),
                      larger(ceil_div(queries, kRowGroup), int64_t{1}))) {}

  int64_t count() const { return copies * turns; }
  int64_t copy(int64_t share) const { return share / turns; }
  // Whether a share that meets all rows at once does so in a turn: of one copy, one at a time.
  bool has_turn(int64_t share, int64_t turn) const { return share % turns == turn; }
  // The groups of rows that any other meets in a turn.
  Range groups(int64_t queries, int64_t share, int64_t turn) const {
    return part_of(ceil_div(queries, kRowGroup), (share + turn) % turns, turns);
  }
};

// Where the backward's workspace holds what, in elements.
struct MixtureBackwardWorkspace {
  MixtureBackwardShares shares;
  int64_t padded;  // Q, rounded up to row blocks
  int64_t pitch;   // from one channel's rows to the next; no power of two, whose multiples share a set of the cache
  int64_t query;   // [B, D, pitch]: z with rows innermost
  int64_t peak;    // [B, C, pitch]
  int64_t factor;  // [B, C, pitch]: a row's cotangent over its total
  int64_t kept;    // tiles whose sums are kept: of each share the one it is at, all where it comes back to them
  int64_t column_sums;     // [B, kept, D, 2, kTile]: of w u and w u^2
  int64_t column_weights;  // [B, kept, C, kTile]: of w; the joint's, or each latent's
  int64_t group_sums;      // [B, shares, D, kRowGroup]: a tile's part of row_sums
  int64_t packs;           // [B, shares, D + 2, kRowGroup]: rows of a pruned joint side by side
  int64_t row_sums;        // [copies, B, D, pitch]
  int64_t elements;

  MixtureBackwardWorkspace(int64_t batch, int64_t queries, int64_t columns, int64_t latents, int64_t channels)
      : shares(batch, queries, columns, latents),
        padded(mixture_row_blocks(queries) * kRowBlock),
        pitch(padded + 16),
        query(0),
        peak(query + batch * latents * pitch),
        factor(peak + batch * channels * pitch),
        kept(shares.turns > 1 ? tiles_of(columns) : shares.count()),
        column_sums(factor + batch * channels * pitch),
        column_weights(column_sums + batch * kept * latents * 2 * kTile),
        group_sums(column_weights + batch * kept * channels * kTile),
        packs(group_sums + batch * shares.count() * latents * kRowGroup),
        row_sums(packs + (channels == 1 ? batch * shares.count() * (latents + 2) * kRowGroup : 0)),
        elements(row_sums + shares.copies * batch * latents * pitch) {}
};

// Whether to order the columns of batch entries [begin, end) for so many queries, and the order of those that are to be
// ordered.
template <Isa isa>
void mixture_order_decision(const MixtureColumns<float>& args, int64_t queries, int64_t begin, int64_t end);
template <Isa isa>
void mixture_order(const MixtureColumns<float>& args, int64_t begin, int64_t end);
// Tiles [begin, end) of B * tiles_of(M), and their boxes where they are ordered.
template <Isa isa, typename T>
void mixture_columns(const MixtureColumns<T>& args, int64_t begin, int64_t end);
// Before a backward's shares: what they read of the rows. Row blocks [begin, end) of B * mixture_row_blocks(Q).
template <Isa isa, typename T>
void mixture_backward_prepare(const MixtureLogDensityBackward<T>& args, int64_t begin, int64_t end);
// After them: grad_z from its shares. Row blocks again.
template <Isa isa, typename T>
void mixture_backward_rows(const MixtureLogDensityBackward<T>& args, int64_t begin, int64_t end);

}  // namespace cpu

namespace cuda {

// How a forward is divided, and where its workspace holds what, in elements.
struct MixtureWorkspace {
  int64_t rows;  // of a thread
  int64_t row_blocks;
  ForwardShares shares;
  int64_t pitch;      // Q, rounded up to the rows of all threads: each finds its own at fixed distances
  int64_t query;      // [B, D, pitch]: z with rows innermost
  int64_t joint;      // [B, joint_parts, 2, pitch]: peaks and totals
  int64_t marginals;  // [B, D, parts, 2, pitch], where there are any
  int64_t elements;

  MixtureWorkspace(int64_t batch, int64_t queries, int64_t columns, int64_t latents, int64_t channels, int64_t slots)
      : rows(owned_by_thread(kForwardRows, queries, batch * tiles_of(columns), slots)),
        row_blocks(ceil_div(queries, kBlockThreads * rows)),
        shares(forward_shares(batch * row_blocks, tiles_of(columns), channels - 1, slots)),
        pitch(row_blocks * kBlockThreads * rows),
        query(0),
        joint(query + batch * latents * pitch),
        marginals(joint + batch * shares.joint_parts * 2 * pitch),
        elements(marginals + batch * (channels - 1) * shares.parts * 2 * pitch) {}
};

// The backward's: columns meet all rows, then rows all columns. The sums of the one are read before the other's begin.
// Where two sums are given for a part, the first of all parts come before the second.
struct MixtureBackwardWorkspace {
  int64_t column_owned, row_owned;  // by a thread
  int64_t column_blocks, row_blocks;
  BackwardParts columns, rows;
  int64_t pitch;           // Q, rounded up to the rows of all threads
  int64_t padded;          // M, rounded up to the columns of all threads
  int64_t query;           // [B, D, pitch]: z with rows innermost
  int64_t peak;            // [B, C, pitch]
  int64_t factor;          // [B, C, pitch]: a row's cotangent over its total
  int64_t column_sums;     // [columns.sums(), B, D, 2, padded]: of w u and w u^2
  int64_t column_weights;  // [columns.sums(), B, C, padded]: of w; the joint's, or each latent's
  int64_t row_sums;        // [rows.sums(), B, D, pitch], in place of the columns'
  int64_t elements;

  MixtureBackwardWorkspace(int64_t batch, int64_t queries, int64_t column_count, int64_t latents, int64_t channels,
                           int64_t slots)
      : column_owned(owned_by_thread(most(latents, channels), column_count, batch * tiles_of(queries), slots)),
        row_owned(owned_by_thread(most(latents, channels), queries, batch * tiles_of(column_count), slots)),
        column_blocks(ceil_div(column_count, kBlockThreads * column_owned)),
        row_blocks(ceil_div(queries, kBlockThreads * row_owned)),
        columns(backward_parts(batch * column_blocks, tiles_of(queries), slots)),
        rows(backward_parts(batch * row_blocks, tiles_of(column_count), slots)),
        pitch(row_blocks * kBlockThreads * row_owned),
        padded(column_blocks * kBlockThreads * column_owned),
        query(0),
        peak(query + batch * latents * pitch),
        factor(peak + batch * channels * pitch),
        column_sums(factor + batch * channels * pitch),
        column_weights(column_sums + columns.sums() * batch * latents * 2 * padded),
        row_sums(column_sums),
        elements(larger(column_weights + columns.sums() * batch * channels * padded,
                        row_sums + rows.sums() * batch * latents * pitch)) {}

  // Without latents the channels do not tell whether there are marginals.
  static constexpr int64_t most(int64_t latents, int64_t channels) {
    if (latents == 0) return 1;
    return channels == 1 ? kBackwardOwned : kBackwardOwnedWithMarginals;
  }
};

// Blocks of kBlockThreads that the current device runs at a time: two of a multiprocessor, whose registers they fill.
int64_t block_slots();
// Returns a cudaError_t; stream is a cudaStream_t.
template <typename T>
int mixture_columns(const MixtureColumns<T>& args, void* stream);
}  // namespace cuda

}  // namespace pyvae
