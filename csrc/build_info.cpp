#include "build_info.h"

#include "kernels/isa.h"

namespace pyvae {
namespace {

std::string quoted(const std::string& text) { return '"' + text + '"'; }

std::string instruction_sets() {
  std::string names;
#if defined(PYVAE_X86_ISAS)
  for (const Isa isa : {Isa::avx512, Isa::avx2})
    names += quoted(isa_name(isa)) + ": " + (isa_available(isa) ? "true, " : "false, ");
#endif
  return '{' + names + quoted(isa_name(Isa::baseline)) + ": true}";
}

}  // namespace

std::string build_info() {
  return '{' + quoted("version") + ": " + quoted(PYVAE_VERSION) + ", " + quoted("compiler") + ": " +
         quoted(PYVAE_COMPILER) + ", " + quoted("torch_target") + ": " + quoted(PYVAE_TORCH_TARGET) + ", " +
         quoted("cuda") + ": " + quoted(PYVAE_CUDA_BUILD) + ", " + quoted("cpu_instruction_sets") + ": " +
         instruction_sets() + '}';
}

}  // namespace pyvae
