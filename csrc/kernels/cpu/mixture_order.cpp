// The order of a mixture's columns in which tiles are compact, and whether it is worth having.
//
// The order is that of a k-d tree: the columns are halved at the median of the latent in which they are spread the
// most, measured in their own scales, then each half again, down to tiles. Compares integers, so that a NaN has a place
// like any number.
#include "../../math/gaussian.h"
#include "mixture_pruning.h"

namespace pyvae::cpu {
namespace {

// Columns that stand for all where a spread or a typical scale is asked for.
constexpr int64_t kSample = 32, kNodeSample = 32;

// The predicted share of (row, tile) left below which packing pays, and the rows that take as long, unpruned, as
// halving the order once more: 300 rows for ordering 60 000 columns of 10 latents.
constexpr double kWorthPruning = 0.4, kRowsOfHalving = 30;

int64_t sampled(int64_t k, int64_t samples, int64_t count) { return k * count / samples; }

// Integers in the order of the numbers.
int32_t ordered_bits(float x) {
  const int32_t bits = __builtin_bit_cast(int32_t, x);
  return bits >= 0 ? bits : bits ^ 0x7fffffff;
}

// --- Whether to order ------------------------------------------------------------------------------------------------

// Mean scale of latent d, and a spread of its means in units of 1 / scale that holds most of them.
struct Spread {
  float scale, width;
};

Spread spread_of(const MixtureColumns<float>& args, int64_t b, int64_t d) {
  double scale = 0, sum = 0, squares = 0;
  for (int64_t k = 0; k < kSample; ++k) {
    const int64_t at = (b * args.columns + sampled(k, kSample, args.columns)) * args.latents + d;
    scale += log_density_scale(static_cast<double>(args.logvar[at])) / kSample;
    sum += double{args.mu[at]} / kSample, squares += double{args.mu[at]} * args.mu[at] / kSample;
  }
  const double variance = squares - sum * sum;
  constexpr double kDeviations = 5;
  return {static_cast<float>(scale),
          static_cast<float>(kDeviations * scale * __builtin_sqrt(variance > 0 ? variance : 0))};
}

// The widths of a tile as the k-d tree would leave them, from those of all columns.
void halve_widths(float* width, int64_t latents, int64_t columns) {
  for (int64_t left = columns; left > kTile; left /= 2) {
    int64_t widest = 0;
    for (int64_t d = 1; d < latents; ++d) widest = width[d] > width[widest] ? d : widest;
    width[widest] *= 0.5f;
  }
}

// The share of (row, tile) that would be left, with rows and tiles around sampled columns.
double predicted_share(const MixtureColumns<float>& args, int64_t b, const float* scale, const float* width) {
  float squares[kSample][kSample] = {};
  for (int64_t d = 0; d < args.latents; ++d) {
    float mean[kSample];
    for (int64_t k = 0; k < kSample; ++k) {
      mean[k] = args.mu[(b * args.columns + sampled(k, kSample, args.columns)) * args.latents + d];
    }
    for (int64_t i = 0; i < kSample; ++i) {
#pragma omp simd
      for (int64_t j = 0; j < kSample; ++j) {
        const float apart = __builtin_fabsf(mean[i] - mean[j]) * scale[d] - 0.5f * width[d];
        squares[i][j] += apart > 0 ? apart * apart : 0;
      }
    }
  }
  // A row's own exponent is typically log2(e) / 2 per latent below its constant.
  const float reach = skip_cut(args.columns) + 0.5f * static_cast<float>(kLog2E * static_cast<double>(args.latents));
  int64_t left = 0;
  for (int64_t i = 0; i < kSample; ++i) {
    for (int64_t j = 0; j < kSample; ++j) left += !(squares[i][j] > reach);
  }
  return static_cast<double>(left) / (kSample * kSample);
}

// Below which share ordering pays, too; of few queries none.
double worth_share(int64_t queries, int64_t columns) {
  int64_t halvings = 0;
  while (tiles_of(columns) >> halvings > 1) ++halvings;
  return kWorthPruning * (1 - kRowsOfHalving * static_cast<double>(halvings) / static_cast<double>(queries));
}

bool worth_ordering(const MixtureColumns<float>& args, int64_t queries, int64_t b) {
  float *scale = box_memory(args, b, 0), *width = scale + args.latents;
  for (int64_t d = 0; d < args.latents; ++d) {
    const Spread spread = spread_of(args, b, d);
    scale[d] = spread.scale, width[d] = spread.width;
  }
  halve_widths(width, args.latents, args.columns);
  return predicted_share(args, b, scale, width) < worth_share(queries, args.columns);
}

// --- The order -------------------------------------------------------------------------------------------------------

// Columns by a key each.
struct Keyed {
  int32_t *key, *column;

  void swap(int64_t i, int64_t j) const {
    const int32_t k = key[i], c = column[i];
    key[i] = key[j], column[i] = column[j];
    key[j] = k, column[j] = c;
  }
};

// Moves the `nth` smallest keys of [0, count) to the front (Hoare 1961). Pivots are drawn, so that no input is slow on
// purpose.
void select_smallest(const Keyed& items, int64_t count, int64_t nth) {
  uint64_t draw = 0x9e3779b97f4a7c15u;
  for (int64_t low = 0, high = count - 1; low < high;) {
    draw = draw * 6364136223846793005u + 1442695040888963407u;
    const int32_t pivot = items.key[low + static_cast<int64_t>((draw >> 33) % static_cast<uint64_t>(high - low + 1))];
    int64_t i = low, j = high;
    while (i <= j) {
      while (items.key[i] < pivot) ++i;
      while (items.key[j] > pivot) --j;
      if (i <= j) items.swap(i++, j--);
    }
    if (nth <= j) {
      high = j;
    } else if (nth >= i) {
      low = i;
    } else {
      return;
    }
  }
}

// The latent in which some columns are spread the most.
int64_t widest_latent(const MixtureColumns<float>& args, const float* mu, const float* scale, const int32_t* column,
                      int64_t count) {
  int64_t widest = 0;
  float largest = 0;
  for (int64_t d = 0; d < args.latents; ++d) {
    float low = __builtin_inff(), high = -low;
    for (int64_t k = 0; k < kNodeSample; ++k) {
      const float mean = mu[column[sampled(k, kNodeSample, count)] * args.latents + d];
      low = smaller(low, mean), high = larger(mean, high);
    }
    if ((high - low) * scale[d] > largest) largest = (high - low) * scale[d], widest = d;
  }
  return widest;
}

void split(const MixtureColumns<float>& args, const float* mu, const float* scale, const Keyed& items, int64_t count) {
  if (count <= kTile) return;
  const int64_t d = widest_latent(args, mu, scale, items.column, count);
  for (int64_t k = 0; k < count; ++k) items.key[k] = ordered_bits(mu[items.column[k] * args.latents + d]);
  const int64_t half = tiles_of(count) / 2 * kTile;
  select_smallest(items, count, half);
  split(args, mu, scale, items, half);
  split(args, mu, scale, {items.key + half, items.column + half}, count - half);
}

void order_columns(const MixtureColumns<float>& args, int64_t b) {
  const Keyed items{args.order.position + b * args.columns, args.order.column + b * args.columns};
  float* scale = box_memory(args, b, 0);
  for (int64_t d = 0; d < args.latents; ++d) scale[d] = spread_of(args, b, d).scale;
  for (int64_t j = 0; j < args.columns; ++j) items.column[j] = static_cast<int32_t>(j);
  split(args, args.mu + b * args.columns * args.latents, scale, items, args.columns);
  for (int64_t j = 0; j < args.columns; ++j) items.key[items.column[j]] = static_cast<int32_t>(j);
}

}  // namespace

template <>
void mixture_order_decision<Isa::PYVAE_ISA>(const MixtureColumns<float>& args, int64_t queries, int64_t begin,
                                            int64_t end) {
  for (int64_t b = begin; b < end; ++b) args.order.on[b] = worth_ordering(args, queries, b);
}
template <>
void mixture_order<Isa::PYVAE_ISA>(const MixtureColumns<float>& args, int64_t begin, int64_t end) {
  for (int64_t b = begin; b < end; ++b) {
    if (args.order.on[b]) order_columns(args, b);
  }
}

}  // namespace pyvae::cpu
