// Reparameterised sampling: Philox bits, Box-Muller normals and the affine map in one pass over mu and logvar. Avoids
// storing eps, in the backward as in the forward.
//
// A thread takes one Philox block, which is a pack of 16 bytes of elements (packs.cuh): four float32, two float64. A
// stream is a row.
// While an H200's memory moves the 12 bytes of a warp's float32 elements, a scheduler can issue 96 instructions an
// element; docs/cuda-instructions.md counts 91: both limits are near.
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
  const int64_t* seed;  // [S]
  const T* a;           // [S, n]
  const T* logvar;      // [S, n]
  T* out;               // [S, n]
  RowPacks packs;       // a row is a stream

  NoiseMap(int64_t streams, int64_t length, const int64_t* seed, const T* a, const T* logvar, T* out)
      : seed(seed), a(a), logvar(logvar), out(out), packs(piece_packs<T>(streams, length, a, logvar, out)) {}
};

template <typename T, typename Team, typename Formula>
PYVAE_KERNEL void map_with_noise(const NoiseMap<T>& map, const Team& team, Formula formula) {
  static_assert(kPackSize<T> == NormalBlock<T>::kCount);
  team.threads([&](int thread) {
    for_each_pack<T>(map.packs, team, thread, [&](int64_t stream, int64_t begin, const PackPart& part) {
      const int64_t at = stream * map.packs.length + begin;
      const Pack<T> a = load_part(map.a + at, part), logvar = load_part(map.logvar + at, part);
      NormalBlock<T> eps;
      normals(philox(static_cast<uint64_t>(map.seed[stream]), static_cast<uint64_t>(begin / kPackSize<T>)), eps);
      Pack<T> out;
      for (int k = 0; k < kPackSize<T>; ++k) out.value[k] = formula(a.value[k], logvar.value[k], eps.value[k]);
      store_part(out, map.out + at, part);
    });
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
    map_with_noise(map, team, [](T grad, T logvar, T eps) {
      return grad * derivative_for(grad, reparameterize_grad_logvar(logvar, eps));
    });
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
