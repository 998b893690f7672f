// How a GPU's launches over a mixture are planned: what a thread owns, into how many parts blocks divide what their
// owners meet, and which channels a block of the forward has. All of it from shapes and from how many blocks the GPU
// runs at a time; mixture.h lays out workspaces accordingly.
#pragma once
#include "../math/range.h"

namespace pyvae::cuda {

// A block of this many threads owns as many rows (or columns), or a few times as many.
constexpr int64_t kBlockThreads = 128;
// What a thread owns where there is enough of it: what is read once of the others serves all of that. L1 returns a
// register of a warp per clock to four schedulers: of a joint's backward, a thread with one row would wait for twice
// as many columns as it computes.
constexpr int64_t kForwardRows = 4, kBackwardOwned = 4, kBackwardOwnedWithMarginals = 2;

// Blocks of one launch beyond which owners are not divided further: each part takes memory for its sums.
constexpr int64_t kMostBlocks = 896;

// Into how many parts, at most `most`, to divide what each of `blocks` does on a GPU that runs so many blocks at a time
// (slots): the fewest with which it is busy about as long as with any that keep it so for up to four rounds.
constexpr int64_t parts_of(int64_t blocks, int64_t most, int64_t slots, int64_t most_blocks = kMostBlocks) {
  int64_t best = 1;
  for (int64_t rounds = 1; rounds <= 4; ++rounds) {
    const int64_t filling = larger(rounds * slots / larger(blocks, int64_t{1}), int64_t{1}),
                  parts = smaller(filling, most);
    if (parts * blocks > most_blocks) break;
    // Shorter by a tenth: rounds / parts is how long a launch takes.
    if (10 * ceil_div(parts * blocks, slots) * best < 9 * ceil_div(best * blocks, slots) * parts) best = parts;
  }
  return best;
}

// `most` where blocks of them, of which `each` meets a tile of its own, fill two fifths of a GPU, and where they are
// not padding for a good part; else one, which has that much more to read.
constexpr int64_t owned_by_thread(int64_t most, int64_t owners, int64_t each, int64_t slots) {
  const int64_t blocks = ceil_div(owners, kBlockThreads * most);
  const bool padding = 4 * blocks * most > 5 * ceil_div(owners, kBlockThreads);
  return padding || 5 * each * blocks < 2 * slots ? 1 : most;
}

// How the blocks that share rows divide what these meet: the joint by columns, the marginals in groups of latents, each
// by columns only where there are more blocks: sums of every part of every marginal would be most of the memory.
struct ForwardShares {
  int64_t groups, parts;  // of the marginals; a block for each part of each group
  int64_t joint_parts;    // a block has one at most

  PYVAE_MEMBER constexpr int64_t count() const { return groups * parts; }
};

// A block with a part of the joint has warps for it and as many for marginals (minibatch_log_density.cuh), hence takes
// two slots. It keeps them equally busy with four latents of a group or more; groups are smaller where columns are too
// few to be divided further.
constexpr ForwardShares forward_shares(int64_t blocks, int64_t tiles, int64_t marginals, int64_t slots) {
  if (marginals == 0) {
    const int64_t parts = parts_of(blocks, tiles, slots);
    return {1, parts, parts};
  }
  const int64_t wanted = parts_of(blocks, kMostBlocks, larger(slots / 2, int64_t{1}));
  ForwardShares shares{1, 1, 0};
  // From the largest groups that are balanced to smaller ones, as long as a tenth more of the slots is used.
  for (int64_t groups = larger(marginals / 4, int64_t{1}); groups >= 1; --groups) {
    const int64_t fitting = wanted / groups, parts = smaller(fitting, tiles);
    if (9 * groups * parts > 10 * shares.count()) shares = {groups, parts, 0};
  }
  if (shares.parts == tiles && wanted / tiles > shares.groups) shares.groups = wanted / tiles;
  shares.groups = smaller(shares.groups, ceil_div(marginals, 2));
  return {shares.groups, shares.parts, smaller(shares.count(), tiles)};
}

// What owners meet, divided among blocks, and how many sums each part has of a kind: one that rests in the workspace
// from group to group, and where many groups are met another to which that moves now and then (it settles): a thousand
// terms that are nearly equal would lose four digits together.
struct BackwardParts {
  int64_t parts, sums_of_part;

  PYVAE_MEMBER bool settles() const { return sums_of_part > 1; }
  PYVAE_MEMBER int64_t sums() const { return parts * sums_of_part; }
};

// Tiles of what is met between two times of settling.
constexpr int64_t kSettledTiles = 16;

// With two sums each, parts are divided half as far at most.
constexpr BackwardParts backward_parts(int64_t blocks, int64_t tiles, int64_t slots) {
  const int64_t parts = parts_of(blocks, tiles, slots);
  if (tiles <= parts * kSettledTiles) return {parts, 1};
  return {parts_of(blocks, tiles, slots, kMostBlocks / 2), 2};
}

}  // namespace pyvae::cuda
