// Subnormal numbers taken as zero by this thread while a kernel runs, and as before afterwards.
//
// Weights of a softmax and moments that fade pass through the subnormal numbers on their way to 0. They are far below
// every bound on an error, but some processors compute them in microcode: the backward of a density took five times as
// long on an Intel Xeon.
#pragma once
#include <cstdint>

namespace pyvae {

class SubnormalsAsZero {
 public:
  SubnormalsAsZero() : before_(read()) { write(before_ | kFlush); }
  ~SubnormalsAsZero() { write(before_); }
  SubnormalsAsZero(const SubnormalsAsZero&) = delete;
  SubnormalsAsZero& operator=(const SubnormalsAsZero&) = delete;

 private:
#if defined(__x86_64__)
  using Word = unsigned int;
  static constexpr Word kFlush = 0x8040;  // results and operands
  static Word read() { return __builtin_ia32_stmxcsr(); }
  static void write(Word word) { __builtin_ia32_ldmxcsr(word); }
#elif defined(__aarch64__)
  using Word = uint64_t;
  static constexpr Word kFlush = Word{1} << 24;
  static Word read() {
    Word word;
    asm volatile("mrs %0, fpcr" : "=r"(word));
    return word;
  }
  static void write(Word word) { asm volatile("msr fpcr, %0" : : "r"(word)); }
#else
  using Word = unsigned int;
  static constexpr Word kFlush = 0;
  static Word read() { return 0; }
  static void write(Word) {}
#endif

  Word before_;
};

}  // namespace pyvae
