// Sorts many lists of one length at once, by launches whose number depends on that length alone.
//
// Blocks put chunks of kThreads in order by counting; then neighbouring runs are merged, twice as long with each
// launch: an element's place is its own in its run and how many of the other run are smaller, found by bisection. Every
// thread moves one element, so that ten lists fill a GPU as well as a thousand; a block per list, which sorts by
// counting, would leave 122 of 132 multiprocessors idle. Elements hold their index and so are all different: nothing
// depends on the order in which threads run.
//
// 65 536 elements of 10 lists: 9 merges of 655 360 elements, which read 8 bytes, write 8 and look at 8 to 17 others,
// neighbours at the same ones. At least 9 times 10.5 MB, which stay in the L2 cache; 4 microseconds each from DRAM.
// Not yet measured on a GPU.
#pragma once
#include "team.cuh"

namespace pyvae::cuda {

// The key is what sorts.
using Keyed = uint64_t;

PYVAE_MATH Keyed keyed(uint32_t key, int64_t index) {
  return (static_cast<uint64_t>(key) << 32) | static_cast<uint32_t>(index);
}
PYVAE_MATH uint32_t key_of(Keyed element) { return static_cast<uint32_t>(element >> 32); }
PYVAE_MATH int64_t index_of(Keyed element) { return static_cast<int64_t>(element & 0xffffffffu); }

// Integers in the order of the floats; NaN lies beyond the infinities.
PYVAE_MATH int32_t ordered(float x) { return float_bits(x) ^ ((float_bits(x) >> 31) & 0x7fffffff); }
PYVAE_MATH float of_ordered(int32_t bits) { return bits_float(bits ^ ((bits >> 31) & 0x7fffffff)); }
PYVAE_MATH uint32_t float_key(float x) { return static_cast<uint32_t>(ordered(x)) ^ 0x80000000u; }
PYVAE_MATH float float_of_key(uint32_t key) { return of_ordered(static_cast<int32_t>(key ^ 0x80000000u)); }

// The first of count sorted elements that is not below `bound`.
PYVAE_MATH int64_t lower_bound(const Keyed* elements, int64_t count, Keyed bound) {
  int64_t first = 0;
  while (count > 0) {
    const int64_t half = count / 2;
    const bool below = elements[first + half] < bound;
    first = below ? first + half + 1 : first;
    count = below ? count - half - 1 : half;
  }
  return first;
}

// Lists at equal distances.
struct SortedLists {
  int64_t lists, length, distance;  // in elements
  Keyed *from, *to;
  int64_t width;  // of the runs that are merged
};

// In place, in `from`.
struct SortChunks {
  using Args = SortedLists;
  struct Shared {
    Keyed element[kThreads];
  };
  static constexpr int kThreads = cuda::kThreads;
  static int64_t blocks(const Args& args) { return blocks_for(args.lists * ceil_div(args.length, kThreads), 1); }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& args, const Team& team, Shared& shared) {
    const int64_t chunks = ceil_div(args.length, kThreads);
    for (int64_t item = team.block; item < args.lists * chunks; item += team.blocks) {
      const int64_t first = item % chunks * kThreads;
      const int count = static_cast<int>(smaller<int64_t>(kThreads, args.length - first));
      Keyed* list = args.from + item / chunks * args.distance + first;
      team.threads([&](int thread) {
        if (thread < count) shared.element[thread] = list[thread];
      });
      team.barrier();
      team.threads([&](int thread) {
        if (thread >= count) return;
        int place = 0;
        for (int k = 0; k < count; ++k) place += shared.element[k] < shared.element[thread];
        list[place] = shared.element[thread];
      });
      team.barrier();
    }
  }
};

struct MergeRuns {
  using Args = SortedLists;
  using Shared = NothingShared;
  static constexpr int kThreads = cuda::kThreads;
  static int64_t blocks(const Args& args) { return blocks_for(args.lists * ceil_div(args.length, kThreads), 1); }

  PYVAE_KERNEL void merge_one(const Args& args, const Keyed* from, Keyed* to, int64_t k) {
    const int64_t run = k & -args.width, other = run ^ args.width;
    const int64_t count = smaller(args.width, larger(args.length - other, int64_t{0}));
    to[(k & -(2 * args.width)) + (k - run) + lower_bound(from + other, count, from[k])] = from[k];
  }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& args, const Team& team, Shared&) {
    const int64_t chunks = ceil_div(args.length, kThreads);
    team.threads([&](int thread) {
      for (int64_t item = team.block; item < args.lists * chunks; item += team.blocks) {
        const int64_t list = item / chunks * args.distance, k = item % chunks * kThreads + thread;
        if (k < args.length) merge_one(args, args.from + list, args.to + list, k);
      }
    });
  }
};

// Whether lists of this length end in the second of two buffers.
PYVAE_MATH bool sort_ends_in_second(int64_t length) {
  bool second = false;
  for (int64_t width = kThreads; width < length; width *= 2) second = !second;
  return second;
}

// Calls run(step, args) for the launches that sort what is in the first buffer.
template <typename Run>
void for_each_sort_step(int64_t lists, int64_t length, int64_t distance, Keyed* first, Keyed* second, Run& run) {
  SortedLists args{lists, length, distance, first, second, kThreads};
  run(SortChunks{}, args);
  for (; args.width < length; args.width *= 2) {
    run(MergeRuns{}, args);
    Keyed* const from = args.from;
    args.from = args.to, args.to = from;
  }
}

}  // namespace pyvae::cuda
