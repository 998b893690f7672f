// Measures the float32 functions of csrc/math on every 32-bit argument.
//
//   run_elementary <isa> <stride>
//
// takes every stride-th argument (1: all 2^32) of every function, on two
// threads, prints the largest error of each in units in the last place, and
// exits with 1 if one is beyond its bound or a special value is wrong.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <thread>
#include <vector>

#include "../with_isa.h"
#include "functions.h"

namespace {

using pyvae::Isa;
using pyvae::elementary::Function, pyvae::elementary::kBlock;

constexpr uint64_t kAll = uint64_t{1} << 32;
constexpr double kBound = 1.1;  // docs/reliability.md

struct Row {
  const char* name;
  Function function;
  uint64_t first, last;  // arguments [first, last)
  double bound;
  double (*slow)(uint32_t);  // the same by the C library, to hold the fast
                             // reference against
};

double argument(uint32_t bits) { return __builtin_bit_cast(float, bits); }
double slow_sine(uint32_t bits) {  // of 2 pi bits / 2^32, reduced to the nearest
                                   // half turn first: pi is rounded
  const int32_t rest = static_cast<int32_t>(bits << 1) >> 1;
  const double sine = static_cast<double>(std::sin(6.283185307179586476925286766559L / 4294967296.0L * rest));
  return bits - static_cast<uint32_t>(rest) == 0 ? sine : -sine;
}
double slow_weight(uint32_t bits) { return argument(bits) <= -126.5 ? 0.0 : std::exp2(argument(bits)); }
double slow_radius(uint32_t bits) { return std::sqrt(-2.0 * std::log((bits + 0.5) / 4294967296.0)); }
double slow_remainder(uint32_t bits) {
  const long double x = argument(bits);
  if (std::abs(x) < 1e-3L) return static_cast<double>(x * x / 4 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5))));
  return static_cast<double>((std::expm1(x) - x) / 2);
}
double slow_float16(uint32_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double sign = (bits & 0x8000u) != 0 ? -1 : 1;
  if (exponent == 31) return fraction == 0 ? sign * std::numeric_limits<double>::infinity() : std::nan("");
  return sign * (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25));
}
double slow_nearest(double x, int digits, int least, double largest) {
  if (x == 0 || !std::isfinite(x)) return x;
  const double unit = std::ldexp(1.0, std::max(std::ilogb(x), least) - digits + 1);
  const double value = std::nearbyint(x / unit) * unit;
  return std::abs(value) > largest ? std::copysign(std::numeric_limits<double>::infinity(), x) : value;
}

const Row kRows[] = {
    {"exp2_weight, x < 0", Function::exp2_weight, kAll / 2, kAll, kBound, slow_weight},
    {"exp2_weight, x <= 127", Function::exp2_weight, 0, 0x42fe0001, kBound, slow_weight},
    {"exp", Function::exp, 0, kAll, kBound, [](uint32_t b) { return std::exp(argument(b)); }},
    {"half_exp", Function::half_exp, 0, kAll, kBound, [](uint32_t b) { return 0.5 * std::exp(argument(b)); }},
    {"log", Function::log, 0, kAll, kBound, [](uint32_t b) { return std::log(argument(b)); }},
    {"normal_radius", Function::normal_radius, 0, kAll, kBound, slow_radius},
    {"cos_turn", Function::cos_turn, 0, kAll, kBound, [](uint32_t b) { return slow_sine(b + 0x40000000u); }},
    {"sin_turn", Function::sin_turn, 0, kAll, kBound, slow_sine},
    // Not elementary: a few roundings of their own, and a sum that cancels
    // around 0.
    {"half_expm1", Function::half_expm1, 0, kAll, 2.0, [](uint32_t b) { return 0.5 * std::expm1(argument(b)); }},
    {"half_expm1_remainder", Function::half_expm1_remainder, 0, kAll, 6.0, slow_remainder},
    // Exact.
    {"from_bfloat16", Function::from_bfloat16, 0, kAll, 0.0, [](uint32_t b) { return argument(b << 16); }},
    {"from_float16", Function::from_float16, 0, kAll, 0.0, slow_float16},
    {"to_bfloat16", Function::to_bfloat16, 0, kAll, 0.0,
     [](uint32_t b) { return slow_nearest(argument(b), 8, -126, 0x1.fep127); }},
    {"to_float16", Function::to_float16, 0, kAll, 0.0,
     [](uint32_t b) { return slow_nearest(argument(b), 11, -14, 65504); }},
};

// --- Special values, exact
// ---------------------------------------------------------------------------------------------

constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kTiny = std::numeric_limits<float>::denorm_min(), kMax = std::numeric_limits<float>::max();

struct Special {
  Function function;
  float argument, value;
};

const Special kSpecial[] = {
    {Function::exp2_weight, 0.0f, 1.0f},
    {Function::exp2_weight, -0.0f, 1.0f},
    {Function::exp2_weight, -1.0f, 0.5f},
    {Function::exp2_weight, -126.0f, 0x1p-126f},
    {Function::exp2_weight, -kTiny, 1.0f},
    {Function::exp2_weight, -127.0f, 0.0f},
    {Function::exp2_weight, -kMax, 0.0f},
    {Function::exp2_weight, -kInfinity, 0.0f},
    {Function::exp2_weight, kNan, kNan},
    {Function::exp, 0.0f, 1.0f},
    {Function::exp, -0.0f, 1.0f},
    {Function::exp, kTiny, 1.0f},
    {Function::exp, 89.0f, kInfinity},
    {Function::exp, kMax, kInfinity},
    {Function::exp, kInfinity, kInfinity},
    {Function::exp, -103.5f, kTiny},
    {Function::exp, -104.0f, 0.0f},
    {Function::exp, -kMax, 0.0f},
    {Function::exp, -kInfinity, 0.0f},
    {Function::exp, kNan, kNan},
    {Function::half_exp, 0.0f, 0.5f},
    {Function::half_exp, kInfinity, kInfinity},
    {Function::half_exp, 90.0f, kInfinity},
    {Function::half_exp, -kInfinity, 0.0f},
    {Function::half_exp, kNan, kNan},
    {Function::log, 1.0f, 0.0f},
    {Function::log, 0.0f, -kInfinity},
    {Function::log, -0.0f, -kInfinity},
    {Function::log, kInfinity, kInfinity},
    {Function::log, -kInfinity, kNan},
    {Function::log, -kTiny, kNan},
    {Function::log, -1.0f, kNan},
    {Function::log, kNan, kNan},
    {Function::half_expm1, 0.0f, 0.0f},
    {Function::half_expm1, kInfinity, kInfinity},
    {Function::half_expm1, -kInfinity, -0.5f},
    {Function::half_expm1, kNan, kNan},
    {Function::half_expm1_remainder, 0.0f, 0.0f},
    {Function::half_expm1_remainder, kInfinity, kNan},  // infinity - infinity, as in plain torch
    {Function::half_expm1_remainder, -kInfinity, kInfinity},
    {Function::half_expm1_remainder, kNan, kNan},
    {Function::to_bfloat16, -0.0f, -0.0f},
    {Function::to_bfloat16, kMax, kInfinity},
    {Function::to_bfloat16, -kInfinity, -kInfinity},
    {Function::to_bfloat16, kNan, kNan},
    {Function::to_float16, -0.0f, -0.0f},
    {Function::to_float16, -kTiny, -0.0f},
    {Function::to_float16, 0x1p-25f, 0.0f},
    {Function::to_float16, 0x1.8p-24f, 0x1p-23f},
    {Function::to_float16, 65519.99f, 65504.0f},
    {Function::to_float16, -65520.0f, -kInfinity},
    {Function::to_float16, kInfinity, kInfinity},
    {Function::to_float16, kNan, kNan},
};

struct Turn {
  uint32_t bits;
  float cosine, sine;
};

const Turn kTurns[] = {{0x00000000u, 1, 0}, {0x40000000u, 0, 1}, {0x80000000u, -1, 0}, {0xc0000000u, 0, -1}};

// --- One function
// ------------------------------------------------------------------------------------------------------

void evaluate(Isa isa, Function function, const uint32_t* bits, float* values) {
  pyvae::with_isa(isa, [&](auto chosen) { pyvae::elementary::evaluate<chosen()>(function, bits, values); });
}

// References run on the best instruction set of the processor, whichever is
// under test.
void reference(Function function, const uint32_t* bits, double* values) {
  pyvae::with_isa(pyvae::current_isa(),
                  [&](auto best) { pyvae::elementary::reference<best()>(function, bits, values); });
}

double errors(const float* values, const double* references, double* error) {
  double largest = 0;
  pyvae::with_isa(pyvae::current_isa(),
                  [&](auto best) { largest = pyvae::elementary::errors<best()>(values, references, error); });
  return largest;
}

struct Worst {
  double error = 0;
  uint32_t bits = 0;
  uint64_t tried = 0;
};

struct Block {
  alignas(64) uint32_t bits[kBlock];
  alignas(64) float values[kBlock];
  alignas(64) double references[kBlock], error[kBlock];
};

// Arguments first, first + stride, ... of one block; what lies past `last`
// repeats its first.
void fill_block(Block& block, uint64_t first, uint64_t last, uint64_t stride) {
  for (int k = 0; k < kBlock; ++k) {
    const uint64_t bits = first + k * stride;
    block.bits[k] = static_cast<uint32_t>(bits < last ? bits : first);
  }
}

Worst scan(const Row& row, Isa isa, uint64_t stride, std::atomic<uint64_t>& next_block) {
  Worst worst;
  Block block;
  const uint64_t step = stride * kBlock;
  for (uint64_t first; (first = row.first + next_block++ * step) < row.last;) {
    fill_block(block, first, row.last, stride);
    evaluate(isa, row.function, block.bits, block.values);
    reference(row.function, block.bits, block.references);
    const double largest = errors(block.values, block.references, block.error);
    worst.tried += std::min<uint64_t>(kBlock, (row.last - first + stride - 1) / stride);
    if (!(largest > worst.error)) continue;
    for (int k = 0; k < kBlock; ++k) {
      if (block.error[k] == largest) worst = {largest, block.bits[k], worst.tried};
    }
  }
  return worst;
}

Worst scan_on_two_threads(const Row& row, Isa isa, uint64_t stride) {
  std::atomic<uint64_t> next_block{0};
  Worst worst[2];
  std::thread other([&] { worst[1] = scan(row, isa, stride, next_block); });
  worst[0] = scan(row, isa, stride, next_block);
  other.join();
  Worst& larger = worst[worst[1].error > worst[0].error];
  larger.tried = worst[0].tried + worst[1].tried;
  return larger;
}

// --- Checks
// ------------------------------------------------------------------------------------------------------------

// The references against the C library on a million arguments: within 1e-13
// relative, a millionth of a unit.
bool references_hold(const Row& row) {
  Block block;
  bool good = true;
  for (uint64_t first = row.first; first < row.last; first += (row.last - row.first) / 256) {
    fill_block(block, first, row.last, 1021);
    reference(row.function, block.bits, block.references);
    for (int k = 0; k < kBlock; ++k) {
      const double fast = block.references[k], slow = row.slow(block.bits[k]);
      // Beyond float32's range both only have to say so.
      const double limit = 0x1p130, tiny = 0x1p-160;
      const bool same = fast == slow || (std::isnan(fast) && std::isnan(slow)) ||
                        (std::abs(slow) > limit && std::abs(fast) > limit) ||
                        std::abs(fast - slow) <= 1e-13 * std::abs(slow) + tiny;
      if (!same && good) {
        std::printf("reference of %s at %08x is %.17g, the C library says %.17g\n", row.name, block.bits[k], fast,
                    slow);
        good = false;
      }
    }
  }
  return good;
}

bool same_bits(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) || __builtin_bit_cast(uint32_t, a) == __builtin_bit_cast(uint32_t, b);
}

float value_at(Isa isa, Function function, uint32_t bits) {
  Block block;
  for (uint32_t& b : block.bits) b = bits;
  evaluate(isa, function, block.bits, block.values);
  return block.values[0];
}

bool special_values_hold(Isa isa) {
  bool good = true;
  const auto expect = [&](Function function, uint32_t bits, float want) {
    const float got = value_at(isa, function, bits);
    if (same_bits(got, want) || (want == 0 && got == 0 && function >= Function::cos_turn)) return;
    good = false;
    for (const Row& row : kRows) {
      if (row.function == function) std::printf("%s at %08x is %g, not %g\n", row.name, bits, got, want);
    }
  };
  for (const Special& s : kSpecial) expect(s.function, __builtin_bit_cast(uint32_t, s.argument), s.value);
  for (const Turn& t : kTurns) {
    expect(Function::cos_turn, t.bits, t.cosine);
    expect(Function::sin_turn, t.bits, t.sine);
  }
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  Isa isa;
  const uint64_t stride = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 0;
  if (stride == 0 || !pyvae::find_isa(argv[1], isa)) {
    std::fprintf(stderr,
                 "usage: run_elementary baseline|avx2|avx512 STRIDE, "
                 "of a set that this processor has\n");
    return 2;
  }
  bool good = special_values_hold(isa);
  for (const Row& row : kRows) {
    good &= references_hold(row);
    const Worst worst = scan_on_two_threads(row, isa, stride);
    const bool within = worst.error <= row.bound;
    good &= within;
    std::printf("%-22s %-8s %.4f ulp at %08x of %llu arguments, bound %.1f%s\n", row.name, argv[1], worst.error,
                worst.bits, static_cast<unsigned long long>(worst.tried), row.bound, within ? "" : "  EXCEEDED");
    std::fflush(stdout);
  }
  return good ? 0 : 1;
}
