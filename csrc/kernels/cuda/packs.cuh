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

// What a GPU refuses the host would do without a word.
PYVAE_KERNEL void on_16_bytes([[maybe_unused]] const void* at) {
#if !defined(__CUDA_ARCH__)
  if (reinterpret_cast<uintptr_t>(at) % 16 != 0) __builtin_trap();
#endif
}

// One access to `at`, on 16 bytes, and the elements after it. nvcc makes several of a memcpy, and of an assignment
// where a branch beside it writes the elements one by one.
template <typename T>
PYVAE_KERNEL Pack<T> load_pack(const T* at) {
  on_16_bytes(at);
  return *reinterpret_cast<const Pack<T>*>(at);
}
template <typename T>
PYVAE_KERNEL void store_pack(const Pack<T>& pack, T* at) {
  on_16_bytes(at);
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

// Elements that one round of a warp moves: a longer row may be cut into pieces of as many.
template <typename T>
constexpr int64_t kPiece = kWarp * kPackSize<T>;

// More blocks than these would be begun for one pack of a thread each; so many keep every GPU of today busy to the end.
constexpr int64_t kMostPackBlocks = 16384;

// How rows of `length` elements are divided among threads; worked out before a launch, once for all of them.
struct RowPacks {
  int64_t rows, length;
  int64_t pieces;  // of a row
  int lanes_log2;  // of the lanes that share a piece: a power of two, at most a warp
  bool aligned;    // whether every whole pack lies on 16 bytes

  PYVAE_MEMBER int lanes() const { return 1 << lanes_log2; }
  PYVAE_MEMBER int lane(int thread) const { return thread & (lanes() - 1); }
  PYVAE_MEMBER int at_once() const { return kThreads >> lanes_log2; }  // pieces of a block
  PYVAE_MEMBER int64_t first(int64_t block, int thread) const { return block * at_once() + (thread >> lanes_log2); }
  PYVAE_MEMBER int64_t row_of(int64_t piece) const {
    if (pieces == 1) return piece;
    return rows == 1 ? 0 : piece / pieces;
  }
  int64_t blocks() const { return smaller(blocks_for(rows * pieces, at_once()), kMostPackBlocks); }
};

// Whole rows of tensors that begin at these addresses, or are not there.
template <typename T, typename... Pointers>
RowPacks row_packs(int64_t rows, int64_t length, const Pointers*... at) {
  const bool whole = rows == 1 || length % kPackSize<T> == 0;
  RowPacks packs{rows, length, 1, 0, whole && (reinterpret_cast<uintptr_t>(at) | ...) % alignof(Pack<T>) == 0};
  while (packs.lanes() < kWarp && packs.lanes() < ceil_div(length, kPackSize<T>)) ++packs.lanes_log2;
  return packs;
}

// The same in pieces, so that a few long rows are work for all threads.
template <typename T, typename... Pointers>
RowPacks piece_packs(int64_t rows, int64_t length, const Pointers*... at) {
  RowPacks packs = row_packs<T>(rows, length, at...);
  packs.pieces = larger(ceil_div(length, kPiece<T>), int64_t{1});
  return packs;
}

// Of a pack that begins so many elements before the end of its row.
template <typename T>
PYVAE_KERNEL PackPart part_before(int64_t left, bool aligned) {
  const int count = static_cast<int>(smaller<int64_t>(kPackSize<T>, left));
  return {0, count, aligned && count == kPackSize<T>};
}

// Calls visit(row, piece) for each of a thread's pieces, counted from the row's first.
template <typename Team, typename Visit>
PYVAE_KERNEL void for_each_piece(const RowPacks& packs, const Team& team, int thread, Visit visit) {
  const int64_t pieces = packs.rows * packs.pieces, step = team.blocks * packs.at_once();
  for (int64_t piece = packs.first(team.block, thread); piece < pieces; piece += step) {
    const int64_t row = packs.row_of(piece);
    visit(row, piece - row * packs.pieces);
  }
}

// Calls visit(row, begin, part) for each pack of a thread in piece_packs; `begin` counts from the row's first element.
template <typename T, typename Team, typename Visit>
PYVAE_KERNEL void for_each_pack(const RowPacks& packs, const Team& team, int thread, Visit visit) {
  for_each_piece(packs, team, thread, [&](int64_t row, int64_t piece) {
    const int64_t begin = piece * kPiece<T> + packs.lane(thread) * kPackSize<T>;
    if (begin < packs.length) visit(row, begin, part_before<T>(packs.length - begin, packs.aligned));
  });
}

// With a sum over each row of row_packs: sum(row, lane) is a lane's share, store(row, total) gets the row's.
template <typename Team, typename LaneSum, typename Store>
PYVAE_KERNEL void for_each_row_sum(const RowPacks& packs, const Team& team, LaneSum sum, Store store) {
  const int64_t step = team.blocks * packs.at_once();
  for (int64_t first = packs.first(team.block, 0); first < packs.rows; first += step) {
    const auto row_of = [&](int warp, int lane) { return first + packs.first(0, warp * kWarp + lane); };
    using Part = decltype(sum(first, 0));
    team.reduce(
        1, packs.lanes(),
        [&](int warp, int lane) {
          const int64_t row = row_of(warp, lane);
          return row < packs.rows ? sum(row, packs.lane(lane)) : Part{};
        },
        [&](int warp, int lane, const Part& total) {
          if (packs.lane(lane) == 0 && row_of(warp, lane) < packs.rows) store(row_of(warp, lane), total);
        });
  }
}

// A step (team.cuh) whose job says how threads divide its rows.
template <typename Job>
struct PackStep {
  using Args = Job;
  using Shared = NothingShared;
  static constexpr int kThreads = cuda::kThreads;
  static int64_t blocks(const Job& job) { return job.packs.blocks(); }
};

}  // namespace pyvae::cuda
