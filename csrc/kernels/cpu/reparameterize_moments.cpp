// A sample and its posterior's KL divergence from moments as they lie in memory, tile by tile, in L1: moments of half
// types are widened there and results rounded, so that each is read and written once; neither eps nor the KL of a
// latent is stored, and the backward draws eps again. A long row is cut in pieces, whose sums are added up in double:
// so a few images are work for all threads. The backward goes by pieces of the spread, an element of which may serve
// many latents.
#include "../reparameterize_moments.h"

#include "../../math/gaussian.h"
#include "../../math/range.h"
#include "noise.h"
#include "strided.h"

namespace pyvae::cpu {
namespace {

// --- Forward ---------------------------------------------------------------------------------------------------------

// Writes z of elements [first, first + count) and the KL of each.
template <typename T>
struct SampleTile {
  const ReparameterizeMoments<T>& args;
  NoiseTile<T, kTile> noise;
  Tile<T> mean, spread, z;

  // A function of its own, since it is large and called in several places.
  [[gnu::noinline]] void operator()(int64_t first, int64_t count, T* kl) {
    const LogvarOf<T> of = args.logvar;
    const auto body = [of](const T* const* x, T* const* y) PYVAE_INLINE {
#pragma omp simd
      for (int64_t k = 0; k < kBlock; ++k) {
        const T logvar = of.value(x[1][k]);
        y[0][k] = pyvae::reparameterize(x[0][k], logvar, x[2][k]);
        y[1][k] = pyvae::gaussian_kl(x[0][k], logvar);
      }
    };
    const T* eps = draw(args.seed, stream_length(args), first, count, noise);
    for_each_block<T>({tile_of(args.mean, first, count, mean), tile_of(args.spread, first, count, spread), eps},
                      {room_for(args.z, first, count, z), kl}, count, body);
    keep(args.z, first, count, z);
  }
};

template <typename T>
void forward(const ReparameterizeMoments<T>& args, int64_t begin, int64_t end) {
  SampleTile<T> sample{args, {}, {}, {}, {}};
  if (args.pieces == 1) {
    sum_rows<T>(args.latents, begin, end, args.kl,
                [&](int64_t first, int64_t count, T* kl) PYVAE_INLINE { sample(first, count, kl); });
    return;
  }
  for (int64_t piece = begin; piece < end; ++piece) {
    const int64_t row = piece / args.pieces, within = (piece - row * args.pieces) * kRowPiece;
    const int64_t at = row * args.latents + within;
    sum_rows<T>(smaller(kRowPiece, args.latents - within), 0, 1, args.of_pieces + piece,
                [&](int64_t first, int64_t count, T* kl) PYVAE_INLINE { sample(at + first, count, kl); });
  }
}

template <typename T>
void sums(const ReparameterizeMoments<T>& args, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    double sum = 0;
    for (int64_t piece = 0; piece < args.pieces; ++piece) sum += args.of_pieces[row * args.pieces + piece];
    args.kl[row] = static_cast<T>(sum);
  }
}

// --- Backward --------------------------------------------------------------------------------------------------------

// Makes the gradients of elements [first, first + count): that of the mean where it belongs, that of the spread in
// grad_spread.
template <typename T>
struct GradientTile {
  const ReparameterizeMomentsBackward<T>& args;
  NoiseTile<T, kTile> noise;
  Tile<T> mean, spread, grad_z, grad_kl, grad_mean;

  // A function of its own, since it is large and called in several places.
  [[gnu::noinline]] void operator()(int64_t first, int64_t count, T* grad_spread) {
    const LogvarOf<T> of = args.logvar;
    const auto body = [of](const T* const* x, T* const* y) PYVAE_INLINE {
      const T *mean = x[0], *spread = x[1], *eps = x[2], *grad_z = x[3], *grad_kl = x[4];
#pragma omp simd
      for (int64_t k = 0; k < kBlock; ++k) {
        const T logvar = of.value(spread[k]);
        const T of_z = derivative_for(grad_z[k], reparameterize_grad_logvar(logvar, eps[k]));
        const GaussianKlGrad<T> of_kl = derivative_for(grad_kl[k], gaussian_kl_grad(mean[k], logvar));
        y[0][k] = grad_z[k] + grad_kl[k] * of_kl.mu;
        y[1][k] = of.pulled_back(spread[k], grad_z[k] * of_z + grad_kl[k] * of_kl.logvar);
      }
    };
    const T* eps = draw(args.seed, stream_length(args), first, count, noise);
    spread_rows(args.grad_kl, args.latents, first, count, grad_kl.value);
    for_each_block<T>({tile_of(args.mean, first, count, mean), tile_of(args.spread, first, count, spread), eps,
                       tile_of(args.grad_z, first, count, grad_z), grad_kl.value},
                      {room_for(args.grad_mean, first, count, grad_mean), grad_spread}, count, body);
    keep(args.grad_mean, first, count, grad_mean);
  }
};

// Adds [outers, repeats, count] to sums [outers, count].
template <typename T>
PYVAE_VEC void add_repeats(const T* of_each, int64_t outers, int64_t repeats, int64_t count, double* sum) {
  for (int64_t o = 0; o < outers; ++o, sum += count) {
    for (int64_t r = 0; r < repeats; ++r, of_each += count) {
      for (int64_t k = 0; k < count; ++k) sum[k] += of_each[k];
    }
  }
}

// An element of the spread that serves few latents is made with those after it, and of one that serves many as many
// latents at a time as a tile holds: alone a few elements would take a whole block.
template <typename T>
void backward(const ReparameterizeMomentsBackward<T>& args, int64_t begin, int64_t end) {
  static_assert(kSpreadPiece <= kTile);
  const int64_t pieces = ceil_div(args.inner, kSpreadPiece);
  const int64_t most_outers = larger<int64_t>(kSpreadPiece / (args.repeats * args.inner), 1);
  const int64_t most_repeats = larger<int64_t>(kTile / args.inner, 1);
  GradientTile<T> gradient{args, {}, {}, {}, {}, {}, {}};
  Tile<T> grad_spread;
  for (int64_t piece = begin; piece < end; piece += most_outers) {
    const int64_t outers = smaller(end - piece, most_outers);
    const int64_t outer = piece / pieces, within = (piece - outer * pieces) * kSpreadPiece;
    const int64_t count = smaller(args.inner - within, kSpreadPiece), at = outer * args.inner + within;
    T* const to = room_for(args.grad_spread, at, outers * count, grad_spread);
    if (args.repeats == 1) {
      gradient(at, outers * count, to);
    } else {
      double sum[kSpreadPiece];
      Tile<T> of_each;
      for (int64_t k = 0; k < outers * count; ++k) sum[k] = 0;
      for (int64_t repeat = 0; repeat < args.repeats; repeat += most_repeats) {
        const int64_t repeats = smaller(most_repeats, args.repeats - repeat);  // all where there are several outers
        gradient((outer * args.repeats + repeat) * args.inner + within, outers * repeats * count, of_each.value);
        add_repeats(of_each.value, outers, repeats, count, sum);
      }
      for (int64_t k = 0; k < outers * count; ++k) to[k] = static_cast<T>(sum[k]);
    }
    keep(args.grad_spread, at, outers * count, grad_spread);
  }
}

}  // namespace

template <>
void reparameterize_moments<Isa::PYVAE_ISA>(const ReparameterizeMoments<float>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}
template <>
void reparameterize_moments<Isa::PYVAE_ISA>(const ReparameterizeMoments<double>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}
template <>
void reparameterize_moments_sums<Isa::PYVAE_ISA>(const ReparameterizeMoments<float>& args, int64_t begin, int64_t end) {
  sums(args, begin, end);
}
template <>
void reparameterize_moments_sums<Isa::PYVAE_ISA>(const ReparameterizeMoments<double>& args, int64_t begin,
                                                 int64_t end) {
  sums(args, begin, end);
}
template <>
void reparameterize_moments_backward<Isa::PYVAE_ISA>(const ReparameterizeMomentsBackward<float>& args, int64_t begin,
                                                     int64_t end) {
  backward(args, begin, end);
}
template <>
void reparameterize_moments_backward<Isa::PYVAE_ISA>(const ReparameterizeMomentsBackward<double>& args, int64_t begin,
                                                     int64_t end) {
  backward(args, begin, end);
}

}  // namespace pyvae::cpu
