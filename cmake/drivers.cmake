# The programs of tests/kernels, in place of the libraries: PYVAE_DRIVERS=ON needs neither torch nor Python.
#
#   run_elementary   the elementary functions on every 32-bit argument (PYVAE_SANITIZER=none)
#   run_kernels      the CPU kernels on random sizes and values, under a sanitizer
#   run_cuda_on_host the CUDA kernels' logic, thread after thread, against the CPU kernels
#   run_cuda_on_host_fused   the same, rounded as a GPU does (PYVAE_SANITIZER=none, x86)
#
# Each runs the code of every instruction set, compiled with the flags it is shipped with.
set(PYVAE_SANITIZER none CACHE STRING "none; address: with undefined behaviour; thread")
set_property(CACHE PYVAE_SANITIZER PROPERTY STRINGS none address thread)

if(PYVAE_SANITIZER STREQUAL "address")
  # Without three checks of every pointer, whose reads and writes the address sanitizer watches: they would double the
  # time that compilation takes.
  set(sanitizer_flags -fsanitize=address,undefined,float-cast-overflow -fno-sanitize=null,object-size,pointer-overflow
                      -fno-sanitize-recover=all)
elseif(PYVAE_SANITIZER STREQUAL "thread")
  set(sanitizer_flags -fsanitize=thread)
elseif(PYVAE_SANITIZER STREQUAL "none")
  set(sanitizer_flags)
else()
  message(FATAL_ERROR "PYVAE_SANITIZER must be none, address or thread, got ${PYVAE_SANITIZER}.")
endif()

if(sanitizer_flags)
  include(CheckCXXSourceCompiles)
  list(JOIN sanitizer_flags " " CMAKE_REQUIRED_FLAGS)
  check_cxx_source_compiles("int main() { return 0; }" PYVAE_HAS_SANITIZER_${PYVAE_SANITIZER})
  if(NOT PYVAE_HAS_SANITIZER_${PYVAE_SANITIZER})
    message(FATAL_ERROR "This compiler has no libraries for the ${PYVAE_SANITIZER} sanitizer.")
  endif()
  add_compile_options(${sanitizer_flags} -g1 -fno-omit-frame-pointer)
  add_link_options(${sanitizer_flags})
endif()
find_package(Threads REQUIRED)

function(pyvae_driver name)
  add_executable(${name} ${ARGN} csrc/kernels/isa.cpp)
  target_compile_definitions(${name} PRIVATE ${PYVAE_ISA_DEFINITIONS})
  target_compile_options(${name} PRIVATE -Werror)
  target_link_libraries(${name} PRIVATE Threads::Threads)
endfunction()

# The object libraries of cpu_kernels.cmake, one per instruction set, named after it.
get_property(kernel_targets DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
list(FILTER kernel_targets INCLUDE REGEX "^pyvae_kernels_")

if(PYVAE_SANITIZER STREQUAL "none")
  set(elementary_objects)
  foreach(kernels ${kernel_targets})
    string(REPLACE pyvae_kernels_ "" isa ${kernels})
    add_library(elementary_${isa} OBJECT tests/kernels/elementary/functions.cpp tests/kernels/elementary/reference.cpp)
    target_compile_definitions(elementary_${isa} PRIVATE PYVAE_ISA=${isa})
    target_compile_options(elementary_${isa} PRIVATE $<TARGET_PROPERTY:${kernels},COMPILE_OPTIONS>)
    list(APPEND elementary_objects $<TARGET_OBJECTS:elementary_${isa}>)
  endforeach()
  pyvae_driver(run_elementary tests/kernels/elementary/main.cpp ${elementary_objects})
endif()

# The kernels themselves, every one of them, instrumented where a sanitizer is asked for: then without FMAs, since the
# checks cut the code into pieces in which the compiler contracts one copy of an exponent and not the other.
set(kernel_objects)
foreach(kernels ${kernel_targets})
  if(sanitizer_flags)
    target_compile_options(${kernels} PRIVATE ${sanitizer_flags} -ffp-contract=off -O2)
  endif()
  list(APPEND kernel_objects $<TARGET_OBJECTS:${kernels}>)
endforeach()
file(GLOB driver_sources CONFIGURE_DEPENDS tests/kernels/drivers/*.cpp)
pyvae_driver(run_kernels ${driver_sources} ${kernel_objects})
target_compile_options(run_kernels PRIVATE -O1)  # generating cases takes no time; instrumenting them does

file(GLOB on_host_sources CONFIGURE_DEPENDS tests/kernels/cuda_on_host/*.cpp)
pyvae_driver(run_cuda_on_host ${on_host_sources} $<TARGET_OBJECTS:pyvae_kernels_baseline>)
target_compile_options(run_cuda_on_host PRIVATE -O1)
target_compile_definitions(run_cuda_on_host PRIVATE PYVAE_COMPARE_WITH=baseline)
# A GPU rounds a * b + c once, and so do the kernels of AVX2: far exponents differ in their last digits otherwise.
if(PYVAE_SANITIZER STREQUAL "none" AND TARGET pyvae_kernels_avx2)
  pyvae_driver(run_cuda_on_host_fused ${on_host_sources} $<TARGET_OBJECTS:pyvae_kernels_avx2>)
  target_compile_options(run_cuda_on_host_fused PRIVATE -O2 -march=x86-64-v3 -ffp-contract=fast)
  target_compile_definitions(run_cuda_on_host_fused PRIVATE PYVAE_COMPARE_WITH=avx2)
endif()
