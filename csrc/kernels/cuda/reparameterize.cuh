// Reparameterised sampling: Philox bits, Box-Muller normals and the affine map in one pass over mu and logvar. Avoids
// storing eps, in the backward as in the forward.
//
// A thread takes one Philox block, which is a pack of 16 bytes of elements (packs.cuh): four float32, two float64. A
// stream is a row of packs, or, where it is long, as many rows.
// While an H200's memory moves the 12 bytes of a warp's float32 elements, a scheduler can issue 96 instructions an
// element; docs/cuda-instructions.md counts 88: both limits are near.
// Not yet measured on a GPU.
#pragma once
#include "../../math/gaussian.h"
#include "../../math/normal.h"
#include "../reparameterize.h"
#include "packs.cuh"

namespace pyvae::cuda {

// Both directions map (a, logvar, eps) to out, element by element.
template <typename T>
struct NoiseMap {
  int64_t streams, length;
  const int64_t* seed;     // [S]
  const T* a;              // [S, n]
  const T* logvar;         // [S, n]
  T* out;                  // [S, n]
  int64_t rows_of_stream;  // a long stream is walked over in as many loose rows
  RowPacks rows;

  NoiseMap(int64_t streams, int64_t length, const int64_t* seed, const T* a, const T* logvar, T* out)
      : streams(streams), length(length), seed(seed), a(a), logvar(logvar), out(out) {
    const int64_t row = smaller(length, kLooseRow<T>);
    rows_of_stream = ceil_div(length, row);
    rows = row_packs<T>(streams * rows_of_stream * row, row, a, logvar, out);
    rows.aligned = rows.aligned && length % kPackSize<T> == 0;
  }
};

// A thread takes its pack of every row that comes to it.
template <typename T, typename Formula>
PYVAE_KERNEL void map_row(const NoiseMap<T>& map, int64_t row, int lane, Formula formula) {
  static_assert(kPackSize<T> == NormalBlock<T>::kCount);
  int64_t stream = 0, row_of_stream = row;
  if (map.streams > 1) stream = row / map.rows_of_stream, row_of_stream = row - stream * map.rows_of_stream;
  const int64_t begin = row_of_stream * map.rows.length + lane * kPackSize<T>;
  if (begin >= map.length) return;
  const PackPart part = part_before<T>(map.length - begin, map.rows.aligned);
  const int64_t at = stream * map.length + begin;
  const Pack<T> a = load_part(map.a + at, part), logvar = load_part(map.logvar + at, part);
  NormalBlock<T> eps;
  normals(philox(static_cast<uint64_t>(map.seed[stream]), static_cast<uint64_t>(begin / kPackSize<T>)), eps);
  Pack<T> out;
  for (int k = 0; k < kPackSize<T>; ++k) out.value[k] = formula(a.value[k], logvar.value[k], eps.value[k]);
  store_part(out, map.out + at, part);
}

template <typename T, typename Team, typename Formula>
PYVAE_KERNEL void map_with_noise(const NoiseMap<T>& map, const Team& team, Formula formula) {
  team.threads([&](int thread) {
    const RowPacks& rows = map.rows;
    for (int64_t row = rows.first_row(team.block, thread); row < rows.rows; row += team.blocks * rows.rows_at_once()) {
      map_row(map, row, rows.lane(thread), formula);
    }
  });
}

template <typename T>
struct Sample : PackStep<NoiseMap<T>> {
  template <typename Team>
  PYVAE_KERNEL void run(const NoiseMap<T>& map, const Team& team, NothingShared&) {
    map_with_noise(map, team, [](T mu, T logvar, T eps) { return pyvae::reparameterize(mu, logvar, eps); });
  }
};

template <typename T>
struct SampleBackward : PackStep<NoiseMap<T>> {
  template <typename Team>
  PYVAE_KERNEL void run(const NoiseMap<T>& map, const Team& team, NothingShared&) {
    map_with_noise(map, team, [](T grad, T logvar, T eps) { return grad * reparameterize_grad_logvar(logvar, eps); });
  }
};

template <typename T, typename Launch>
void for_each_sample_step(const Reparameterize<T>& args, Launch& launch) {
  launch(Sample<T>(), {args.streams, args.length, args.seed, args.mu, args.logvar, args.z});
}

template <typename T, typename Launch>
void for_each_sample_backward_step(const ReparameterizeBackward<T>& args, Launch& launch) {
  launch(SampleBackward<T>(), {args.streams, args.length, args.seed, args.grad_z, args.logvar, args.grad_logvar});
}

}  // namespace pyvae::cuda
