# The CPU kernels, compiled once per instruction set. -ffp-contract=fast is what turns a * b + c into an FMA; no other
# relaxation of floating point is on.
file(GLOB PYVAE_CPU_KERNELS CONFIGURE_DEPENDS csrc/kernels/cpu/*.cpp)
set(PYVAE_CPU_KERNEL_FLAGS -fno-math-errno -fno-trapping-math -ffp-contract=fast -fopenmp-simd)

function(pyvae_cpu_kernels isa)
  add_library(pyvae_kernels_${isa} OBJECT ${PYVAE_CPU_KERNELS})
  target_compile_definitions(pyvae_kernels_${isa} PRIVATE PYVAE_ISA=${isa})
  target_compile_options(pyvae_kernels_${isa} PRIVATE -O3 ${PYVAE_CPU_KERNEL_FLAGS} ${ARGN})
  set(PYVAE_CPU_KERNEL_OBJECTS ${PYVAE_CPU_KERNEL_OBJECTS} $<TARGET_OBJECTS:pyvae_kernels_${isa}> PARENT_SCOPE)
endfunction()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
  set(PYVAE_ISA_DEFINITIONS PYVAE_X86_ISAS)
  pyvae_cpu_kernels(baseline -march=x86-64-v2)
  pyvae_cpu_kernels(avx2 -march=x86-64-v3)
  pyvae_cpu_kernels(avx512 -march=x86-64-v4 -mprefer-vector-width=512)
else()
  pyvae_cpu_kernels(baseline)
endif()
