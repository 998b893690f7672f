// Elements in packs of 16 bytes, which one memory instruction moves, and the threads that share rows of them.
//
// Neighbouring lanes take neighbouring packs of a row, as many lanes as the row has packs, so that a warp touches
// contiguous memory whether rows are long or short. Where a pack is cut by the end of its row, or addresses are no
// multiples of 16 bytes, its elements are moved one by one. Not yet measured on a GPU.
#pragma once
#include "team.cuh"

namespace pyvae::cuda {

template <typename T>
constexpr int kPackSize = 16 / static_cast<int>(sizeof(T));

template <typename T>
struct alignas(16) Pack {
  T value[kPackSize<T>];
};

// One access to `at`, on 16 bytes, and the elements after it. nvcc makes several of a memcpy, and of an assignment
// where a branch beside it writes the elements one by one.
template <typename T>
PYVAE_KERNEL Pack<T> load_pack(const T* at) {
  return *reinterpret_cast<const Pack<T>*>(at);
}
template <typename T>
PYVAE_KERNEL void store_pack(const Pack<T>& pack, T* at) {
#if defined(__CUDA_ARCH__)
  const uint4 words = __builtin_bit_cast(uint4, pack);
  asm volatile("st.global.v4.b32 [%0], {%1, %2, %3, %4};" ::"l"(__cvta_generic_to_global(at)), "r"(words.x),
               "r"(words.y), "r"(words.z), "r"(words.w)
               : "memory");
#else
  *reinterpret_cast<Pack<T>*>(at) = pack;
#endif
}

// --- Parts of a pack -------------------------------------------------------------------------------------------------

// Elements [begin, end) of a pack; `whole` if one instruction may move it.
struct PackPart {
  int begin, end;
  bool whole;
};

template <typename T>
PYVAE_KERNEL Pack<T> load_part(const T* at, const PackPart& part) {
  if (part.whole) return load_pack(at);
  Pack<T> pack{};
  for (int k = 0; k < kPackSize<T>; ++k) {
    if (part.begin <= k && k < part.end) pack.value[k] = at[k];
  }
  return pack;
}

template <typename T>
PYVAE_KERNEL void store_part(const Pack<T>& pack, T* at, const PackPart& part) {
  if (part.whole) {
    store_pack(pack, at);
    return;
  }
  for (int k = 0; k < kPackSize<T>; ++k) {
    if (part.begin <= k && k < part.end) at[k] = pack.value[k];
  }
}

// --- Rows ------------------------------------------------------------------------------------------------------------

// Elements that are in no rows are walked over as if they were in rows of a warp's packs.
template <typename T>
constexpr int64_t kLooseRow = kWarp * kPackSize<T>;

// More blocks than these would be begun for one pack of a thread each; so many keep every GPU of today busy to the end.
constexpr int64_t kMostPackBlocks = 16384;

// How rows of `length` are divided among threads; worked out before a launch, once for all of them.
struct RowPacks {
  int64_t elements, rows, length;  // the last row may be shorter
  int lanes_log2;                  // of the lanes that share a row: a power of two, at most a warp
  bool aligned;                    // whether every whole pack lies on 16 bytes

  PYVAE_MEMBER int lanes() const { return 1 << lanes_log2; }
  PYVAE_MEMBER int rows_at_once() const { return kThreads >> lanes_log2; }  // of a block
  PYVAE_MEMBER int lane(int thread) const { return thread & (lanes() - 1); }
  PYVAE_MEMBER int64_t first_row(int64_t block, int thread) const {
    return block * rows_at_once() + (thread >> lanes_log2);
  }
  int64_t blocks() const { return smaller(blocks_for(rows, rows_at_once()), kMostPackBlocks); }
};

// For tensors that begin at these addresses, or are not there.
template <typename T, typename... Pointers>
RowPacks row_packs(int64_t elements, int64_t length, const Pointers*... at) {
  const bool aligned = (reinterpret_cast<uintptr_t>(at) | ...) % alignof(Pack<T>) == 0 && length % kPackSize<T> == 0;
  RowPacks packs{elements, ceil_div(elements, length), length, 0, aligned};
  while (packs.lanes() < kWarp && packs.lanes() < ceil_div(length, kPackSize<T>)) ++packs.lanes_log2;
  return packs;
}

// Of a pack that begins so many elements before the end of what is there.
template <typename T>
PYVAE_KERNEL PackPart part_before(int64_t left, bool aligned) {
  const int count = static_cast<int>(smaller<int64_t>(kPackSize<T>, left));
  return {0, count, aligned && count == kPackSize<T>};
}

// Calls visit(row, at, part) for each pack of a thread; `at` is the pack's first element.
template <typename T, typename Team, typename Visit>
PYVAE_KERNEL void for_each_pack(const RowPacks& rows, const Team& team, int thread, Visit visit) {
  for (int64_t row = rows.first_row(team.block, thread); row < rows.rows; row += team.blocks * rows.rows_at_once()) {
    const int64_t from = row * rows.length, left = smaller(rows.length, rows.elements - from);
    for (int64_t begin = rows.lane(thread) * kPackSize<T>; begin < left; begin += rows.lanes() * kPackSize<T>) {
      visit(row, from + begin, part_before<T>(left - begin, rows.aligned));
    }
  }
}

// A step (team.cuh) whose job says how threads divide `rows`.
template <typename Job>
struct PackStep {
  using Args = Job;
  using Shared = NothingShared;
  static constexpr int kThreads = cuda::kThreads;
  static int64_t blocks(const Job& job) { return job.rows.blocks(); }
};

// The same with a sum over each row: sum(row, lane) is a lane's share, store(row, total) gets the row's.
template <typename Team, typename LaneSum, typename Store>
PYVAE_KERNEL void for_each_row_sum(const RowPacks& rows, const Team& team, LaneSum sum, Store store) {
  const int64_t step = team.blocks * rows.rows_at_once();
  for (int64_t first = rows.first_row(team.block, 0); first < rows.rows; first += step) {
    const auto row_of = [&](int warp, int lane) { return first + rows.first_row(0, warp * kWarp + lane); };
    using Part = decltype(sum(first, 0));
    team.reduce(
        1, rows.lanes(),
        [&](int warp, int lane) {
          const int64_t row = row_of(warp, lane);
          return row < rows.rows ? sum(row, rows.lane(lane)) : Part{};
        },
        [&](int warp, int lane, const Part& total) {
          if (rows.lane(lane) == 0 && row_of(warp, lane) < rows.rows) store(row_of(warp, lane), total);
        });
  }
}

}  // namespace pyvae::cuda
