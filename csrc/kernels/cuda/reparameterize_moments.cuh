// A sample and its posterior's KL divergence from moments as they lie in memory, in one pass over them; neither eps nor
// the KL of a latent is stored, nothing is widened or copied before.
//
// Moments that lie in packs of 16 bytes go by them, a thread two Philox blocks at a time where they are of a half type;
// any others go Philox block by Philox block, element by element (strided.cuh). Lanes of a warp share a piece of a row:
// rows of few elements are a piece each, of as many lanes as they have packs; a long row is cut in so many pieces that
// a few images are work for all multiprocessors. What lanes and pieces sum, they sum in double and in a fixed order,
// the pieces of a row in a step of their own. In the backward of a spread that serves many latents, lanes share its
// repeats and sum over them in a fixed order.
//
// Bytes of bfloat16 elements: 6 forward, 10 backward. While an H200's memory moves those of a warp, a scheduler can
// issue 48 instructions an element, and 80; docs/cuda-instructions.md counts 112 and 125: their number is the limit.
// Not yet measured on a GPU.
#pragma once
#include "../../math/gaussian.h"
#include "../reparameterize_moments.h"
#include "noise.cuh"
#include "strided.cuh"

namespace pyvae::cuda {

// --- Noise -----------------------------------------------------------------------------------------------------------

// Normals from a block of a stream on.
template <typename T, int kCount>
PYVAE_KERNEL Values<T, kCount> noise_of(int64_t seed, int64_t counter) {
  constexpr int kOfBlock = NormalBlock<T>::kCount;
  Values<T, kCount> eps;
  for (int first = 0; first < kCount; first += kOfBlock) {
    NormalBlock<T> block;
    normals(philox(static_cast<uint64_t>(seed), static_cast<uint64_t>(counter + first / kOfBlock)), block);
    for (int k = 0; k < kOfBlock; ++k) eps.value[first + k] = block.value[k];
  }
  return eps;
}

template <typename T>
PYVAE_KERNEL Values<T, NormalBlock<T>::kCount> of_block(const NormalBlock<T>& block) {
  return __builtin_bit_cast(Values<T, NormalBlock<T>::kCount>, block);
}

// Calls visit(at, part, eps) for every `lanes`-th of packs [first, last) of a row: elements at + [part.begin, part.end)
// of the tensors.
template <typename S, typename Job, typename Visit>
PYVAE_KERNEL void for_each_pack_with_noise(InPacks<S>, const Job& job, int64_t row, int64_t first, int64_t last,
                                           Visit visit) {
  using T = Computed<S>;
  constexpr int kCount = InPacks<S>::kCount, kBlocks = kCount / NormalBlock<T>::kCount;
  const RowBlocks in = row_blocks<T>(job, row);
  const int64_t seed = job.of.seed[in.stream], end = smaller(last, job.of.latents / kCount);
  for (int64_t k = first; k < end; k += job.packs.lanes()) {
    visit(row * job.of.latents + k * kCount, PackPart{0, kCount, true},
          noise_of<T, kCount>(seed, in.counter + k * kBlocks));
  }
}
template <typename T, typename Job, typename Visit>
PYVAE_KERNEL void for_each_pack_with_noise(OneByOne<T>, const Job& job, int64_t row, int64_t first, int64_t last,
                                           Visit visit) {
  for_each_block<T>(job, row, first, last, [&](int64_t at, const PackPart& part, const NormalBlock<T>& block) {
    visit(at, part, of_block(block));
  });
}

// --- Rows in pieces --------------------------------------------------------------------------------------------------

// Packs [first, last) of a row; `at` is the first one's element where packs are whole.
struct PieceOfRow {
  int64_t row, first, last, at;
};

// A direction's arguments, where its moments are, and how threads divide rows: packs.rows counts pieces.
template <typename Way, typename Arguments>
struct MomentsJob : NoiseJob<typename Way::T, Arguments> {
  using T = typename Way::T;
  PlacesIn mean, spread;
  Divisor pieces;       // of a row
  int64_t piece_packs;  // of a piece

  explicit MomentsJob(const Arguments& args)
      : NoiseJob<T, Arguments>(args, RowPacks{}),
        mean(args.mean),
        spread(args.spread),
        pieces(row_pieces(args.rows, args.latents)) {
    constexpr bool kOfBlocks = Way::kCount == NormalBlock<T>::kCount;
    const int64_t packs = this->runs * ceil_div(this->run_length, Way::kCount);
    piece_packs = ceil_div(kOfBlocks ? this->most_blocks() : packs, pieces.by);
    this->packs = row_packs<T>(args.rows * pieces.by, smaller(piece_packs, packs) * kPackSize<T>, args.seed);
    this->packs.aligned = false;  // which packs are whole their way tells
  }

  PYVAE_MEMBER PieceOfRow piece(int64_t index) const {
    const int64_t row = pieces.quotient(index), first = (index - row * pieces.by) * piece_packs;
    return {row, first, first + piece_packs, row * this->of.latents + first * Way::kCount};
  }
};

// --- Forward ---------------------------------------------------------------------------------------------------------

template <typename Way>
struct SampleMomentsJob : MomentsJob<Way, ReparameterizeMoments<typename Way::T>> {
  PlacesOut z;

  explicit SampleMomentsJob(const ReparameterizeMoments<typename Way::T>& args)
      : MomentsJob<Way, ReparameterizeMoments<typename Way::T>>(args), z(args.z) {}
};

template <typename Way>
struct SampleMoments : PackStep<SampleMomentsJob<Way>> {
  using T = typename Way::T;
  using Job = SampleMomentsJob<Way>;
  static constexpr int kCount = Way::kCount;

  // One lane's share of a piece. Writes z, returns the KL.
  PYVAE_KERNEL Sum<double> of_lane(const Job& job, const PieceOfRow& piece, int lane) {
    const typename Way::template Walk<const void> means(job.mean, piece.at), spreads(job.spread, piece.at);
    const typename Way::template EitherWalk<void> to(job.z, piece.at);
    Sum<double> sum{0};
    for_each_pack_with_noise(Way(), job, piece.row, piece.first + lane, piece.last,
                             [&](int64_t at, const PackPart& part, const Values<T, kCount>& eps) {
                               const Values<T, kCount> mean = load(means, at, part), spread = load(spreads, at, part);
                               Values<T, kCount> z;
                               T kl = T(0);
                               for (int k = 0; k < kCount; ++k) {
                                 const T logvar = job.of.logvar.value(spread.value[k]);
                                 z.value[k] = pyvae::reparameterize(mean.value[k], logvar, eps.value[k]);
                                 if (part.begin <= k && k < part.end) kl += pyvae::gaussian_kl(mean.value[k], logvar);
                               }
                               sum.value += static_cast<double>(kl);
                               store(z, to, at, part);
                             });
    return sum;
  }

  template <typename Team>
  PYVAE_KERNEL void run(const Job& job, const Team& team, NothingShared&) {
    for_each_row_sum(
        job.packs, team, [&](int64_t piece, int lane) { return of_lane(job, job.piece(piece), lane); },
        [&](int64_t piece, const Sum<double>& sum) {
          if (job.pieces.by == 1) {
            job.of.kl[piece] = static_cast<T>(sum.value);
          } else {
            job.of.of_pieces[piece] = sum.value;
          }
        });
  }
};

// The rows' sums over their pieces, a row by a block of so many warps.
template <typename T, int kMany>
struct SumPieces {
  using Args = ReparameterizeMoments<T>;
  struct Shared {
    double of_warp[kMany];
  };
  static constexpr int kThreads = kMany * kWarp;
  static int64_t blocks(const Args& args) { return args.rows; }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& args, const Team& team, Shared& shared) {
    for (int64_t row = team.block; row < args.rows; row += team.blocks) {
      const double* const of_pieces = args.of_pieces + row * args.pieces;
      team.reduce(
          1, kWarp,
          [&](int warp, int lane) {
            Sum<double> sum{0};
            for (int64_t k = warp * kWarp + lane; k < args.pieces; k += kThreads) sum.value += of_pieces[k];
            return sum;
          },
          [&](int warp, int lane, const Sum<double>& sum) {
            if (lane == 0) shared.of_warp[warp] = sum.value;
          });
      team.barrier();
      team.threads([&](int thread) {
        if (thread != 0) return;
        double sum = 0;
        for (int warp = 0; warp < kMany; ++warp) sum += shared.of_warp[warp];
        args.kl[row] = static_cast<T>(sum);
      });
      team.barrier();
    }
  }
};

// Whether rows are a number of a way's packs, and streams a number of rows: then no pack is cut.
template <typename Way, typename Args>
bool rows_are_packs(const Args& args) {
  return args.latents % Way::kCount == 0 && args.streams <= args.rows;
}

template <typename T, typename Launch>
void for_each_moments_step(const ReparameterizeMoments<T>& args, Launch& launch) {
  choose_way<T>(
      [&]<typename S>(InPacks<S> way) {
        constexpr int kCount = way.kCount;
        return rows_are_packs<InPacks<S>>(args) && lies_in_packs<S, kCount>(args.mean) &&
               lies_in_packs<S, kCount>(args.spread) && lies_in_packs_of_either<S, kCount>(args.z);
      },
      [&]<typename Way>(Way) { launch(SampleMoments<Way>(), SampleMomentsJob<Way>(args)); });
  constexpr int kFew = 1, kMany = 16;
  if (args.pieces > kWarp * kMany / 4) {
    launch(SumPieces<T, kMany>(), args);
  } else if (args.pieces > 1) {
    launch(SumPieces<T, kFew>(), args);
  }
}

// --- Backward --------------------------------------------------------------------------------------------------------

// Of an element's mean and spread.
template <typename T>
PYVAE_KERNEL void moments_gradients(const LogvarOf<T>& read, T mean, T spread, T eps, T grad_z, T grad_kl, T& grad_mean,
                                    T& grad_spread) {
  const T logvar = read.value(spread);
  const T of_z = derivative_for(grad_z, reparameterize_grad_logvar(logvar, eps));
  const GaussianKlGrad<T> of_kl = derivative_for(grad_kl, gaussian_kl_grad(mean, logvar));
  grad_mean = grad_z + grad_kl * of_kl.mu;
  grad_spread = read.pulled_back(spread, grad_z * of_z + grad_kl * of_kl.logvar);
}

template <typename Way>
struct MomentsBackwardJob : MomentsJob<Way, ReparameterizeMomentsBackward<typename Way::T>> {
  using Arguments = ReparameterizeMomentsBackward<typename Way::T>;
  PlacesIn grad_z;
  PlacesOut grad_mean, grad_spread;
  // Where a spread serves many latents: rows by their elements, spreads by packs of `inner`, and how lanes share them.
  Divisor latents, inner_packs;
  RowPacks shares;

  explicit MomentsBackwardJob(const Arguments& args)
      : MomentsJob<Way, Arguments>(args),
        grad_z(args.grad_z),
        grad_mean(args.grad_mean),
        grad_spread(args.grad_spread),
        latents(args.latents),
        inner_packs(ceil_div(args.inner, Way::kCount)),
        shares{args.rows * args.latents / (args.repeats * args.inner) * inner_packs.by, 1, 1, 0, false} {
    constexpr int64_t kMost = 16, kEnough = kMostPieces * kWarp;
    while (shares.lanes() < smaller(kMost, args.repeats) && shares.lanes() * shares.rows < kEnough) ++shares.lanes_log2;
  }
};

// Of spreads that serve a latent each.
template <typename Way>
struct MomentsBackward : PackStep<MomentsBackwardJob<Way>> {
  using T = typename Way::T;
  using Job = MomentsBackwardJob<Way>;
  static constexpr int kCount = Way::kCount;

  PYVAE_KERNEL void of_lane(const Job& job, const PieceOfRow& piece, int lane) {
    const typename Way::template Walk<const void> means(job.mean, piece.at), spreads(job.spread, piece.at);
    const typename Way::template EitherWalk<const void> grads_z(job.grad_z, piece.at);
    const typename Way::template Walk<void> to_mean(job.grad_mean, piece.at), to_spread(job.grad_spread, piece.at);
    const T grad_kl = job.of.grad_kl[piece.row];
    for_each_pack_with_noise(Way(), job, piece.row, piece.first + lane, piece.last,
                             [&](int64_t at, const PackPart& part, const Values<T, kCount>& eps) {
                               const Values<T, kCount> mean = load(means, at, part), spread = load(spreads, at, part),
                                                       grad_z = load(grads_z, at, part);
                               Values<T, kCount> grad_mean, grad_spread;
                               for (int k = 0; k < kCount; ++k) {
                                 moments_gradients(job.of.logvar, mean.value[k], spread.value[k], eps.value[k],
                                                   grad_z.value[k], grad_kl, grad_mean.value[k], grad_spread.value[k]);
                               }
                               store(grad_mean, to_mean, at, part), store(grad_spread, to_spread, at, part);
                             });
  }

  template <typename Team>
  PYVAE_KERNEL void run(const Job& job, const Team& team, NothingShared&) {
    team.threads([&](int thread) {
      for_each_piece(job.packs, team, thread,
                     [&](int64_t piece, int64_t) { of_lane(job, job.piece(piece), job.packs.lane(thread)); });
    });
  }
};

// --- Backward of spreads that serve many latents ---------------------------------------------------------------------

template <int kCount>
struct Sums {
  double value[kCount];
};

template <int kCount>
PYVAE_KERNEL Sums<kCount> merge(const Sums<kCount>& own, const Sums<kCount>& other) {
  Sums<kCount> both;
  for (int k = 0; k < kCount; ++k) both.value[k] = own.value[k] + other.value[k];
  return both;
}

// The noise of elements at + [part.begin, part.end), which may lie in several blocks and streams.
template <typename S, typename Job>
PYVAE_KERNEL Values<Computed<S>, InPacks<S>::kCount> noise_at(InPacks<S>, const Job& job, int64_t at, const PackPart&) {
  using T = Computed<S>;
  const int64_t stream = job.stream_of(at), position = at - stream * job.stream_length.by;
  return noise_of<T, InPacks<S>::kCount>(job.of.seed[stream], position / NormalBlock<T>::kCount);
}
template <typename T, typename Job>
PYVAE_KERNEL Values<T, OneByOne<T>::kCount> noise_at(OneByOne<T>, const Job& job, int64_t at, const PackPart& part) {
  constexpr int kCount = OneByOne<T>::kCount;
  Values<T, kCount> eps{}, block{};
  int64_t drawn_stream = -1, drawn = -1;
  for (int k = 0; k < kCount; ++k) {
    if (k < part.begin || k >= part.end) continue;
    const int64_t stream = job.stream_of(at + k), position = at + k - stream * job.stream_length.by;
    if (stream != drawn_stream || position / kCount != drawn) {
      drawn_stream = stream, drawn = position / kCount;
      block = noise_of<T, kCount>(job.of.seed[stream], drawn);
    }
    for (int lane = 0; lane < kCount; ++lane) {
      if (position % kCount == lane) eps.value[k] = block.value[lane];
    }
  }
  return eps;
}

template <typename Way>
struct SharedSpreadBackward : PackStep<MomentsBackwardJob<Way>> {
  using T = typename Way::T;
  using Job = MomentsBackwardJob<Way>;
  static constexpr int kCount = Way::kCount;
  static int64_t blocks(const Job& job) { return job.shares.blocks(); }

  // A lane's repeats of a pack of spreads, the pack-th of all.
  PYVAE_KERNEL Sums<kCount> of_lane(const Job& job, int64_t pack, int lane) {
    using WalkIn = typename Way::template Walk<const void>;
    using EitherWalkIn = typename Way::template EitherWalk<const void>;
    const int64_t inner = job.of.inner, outer = job.inner_packs.quotient(pack);
    const int64_t within = (pack - outer * job.inner_packs.by) * kCount;
    const PackPart part{0, static_cast<int>(smaller<int64_t>(kCount, inner - within)), false};
    const int64_t first = outer * job.of.repeats * inner + within;
    const Values<T, kCount> spread = load(WalkIn(job.spread, first), first, part);
    Sums<kCount> sums{};
    for (int64_t repeat = lane; repeat < job.of.repeats; repeat += job.shares.lanes()) {
      const int64_t at = first + repeat * inner;
      const Values<T, kCount> mean = load(WalkIn(job.mean, at), at, part),
                              grad_z = load(EitherWalkIn(job.grad_z, at), at, part),
                              eps = noise_at(Way(), job, at, part);
      Values<T, kCount> grad_mean;
      for (int k = 0; k < kCount; ++k) {
        T grad_spread;
        moments_gradients(job.of.logvar, mean.value[k], spread.value[k], eps.value[k], grad_z.value[k],
                          grad_kl_of(job, at, k, part), grad_mean.value[k], grad_spread);
        sums.value[k] += static_cast<double>(grad_spread);
      }
      store(grad_mean, typename Way::template Walk<void>(job.grad_mean, at), at, part);
    }
    return sums;
  }

  // Packs that are whole lie in one row.
  PYVAE_KERNEL T grad_kl_of(const Job& job, int64_t at, int k, const PackPart& part) {
    if constexpr (Way::kWhole) return job.of.grad_kl[job.latents.quotient(at)];
    return k < part.end ? job.of.grad_kl[job.latents.quotient(at + k)] : T(0);
  }

  template <typename Team>
  PYVAE_KERNEL void run(const Job& job, const Team& team, NothingShared&) {
    for_each_row_sum(
        job.shares, team, [&](int64_t pack, int lane) { return of_lane(job, pack, lane); },
        [&](int64_t pack, const Sums<kCount>& sums) {
          const int64_t outer = job.inner_packs.quotient(pack), within = (pack - outer * job.inner_packs.by) * kCount;
          const int64_t at = outer * job.of.inner + within;
          const PackPart part{0, static_cast<int>(smaller<int64_t>(kCount, job.of.inner - within)), false};
          Values<T, kCount> grad_spread;
          for (int k = 0; k < kCount; ++k) grad_spread.value[k] = static_cast<T>(sums.value[k]);
          store(grad_spread, typename Way::template Walk<void>(job.grad_spread, at), at, part);
        });
  }
};

template <typename T, typename Launch>
void for_each_moments_backward_step(const ReparameterizeMomentsBackward<T>& args, Launch& launch) {
  choose_way<T>(
      [&]<typename S>(InPacks<S> way) {
        constexpr int kCount = way.kCount;
        // Where repeats lie in packs, `inner` is a number of them.
        return rows_are_packs<InPacks<S>>(args) && lies_in_packs<S, kCount>(args.mean) &&
               lies_in_packs<S, kCount>(args.spread) && lies_in_packs_of_either<S, kCount>(args.grad_z) &&
               lies_in_packs<S, kCount>(args.grad_mean) && lies_in_packs<S, kCount>(args.grad_spread);
      },
      [&]<typename Way>(Way) {
        const MomentsBackwardJob<Way> job(args);
        if (args.repeats == 1) {
          launch(MomentsBackward<Way>(), job);
        } else {
          launch(SharedSpreadBackward<Way>(), job);
        }
      });
}

}  // namespace pyvae::cuda
