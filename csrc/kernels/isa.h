// The CPU instruction sets a build holds, and the one that runs.
//
// Every file of kernels/cpu is compiled once for each set below, with PYVAE_ISA naming the set; the choice is made
// when an op is called.
#pragma once
#include <cstdint>

namespace pyvae {

enum class Isa : int64_t {
  baseline = 0,  // x86-64-v2; elsewhere what the compiler targets by default
  avx2 = 1,      // x86-64-v3
  avx512 = 2,    // x86-64-v4
};

const char* isa_name(Isa isa);

// Compiled in, and the processor has it.
bool isa_available(Isa isa);

// The best available set that is not above the cap.
Isa current_isa();
void cap_isa(Isa cap);

}  // namespace pyvae
