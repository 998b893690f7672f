# Where torch is, asked of Python. Not find_package(Torch): that picks compilers and architectures of its own, and the
# stable ABI needs nothing but headers and libtorch.so.
find_package(Python REQUIRED COMPONENTS Interpreter)
execute_process(
  COMMAND ${Python_EXECUTABLE} -c "import torch; print(torch.__path__[0]); print(torch.version.cuda or 'none')"
  OUTPUT_VARIABLE torch_facts OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE torch_missing)
if(torch_missing)
  message(FATAL_ERROR "pyvae builds against an installed torch >= 2.11, and ${Python_EXECUTABLE} cannot import one: "
                      "install torch first (`make build` does), or build with isolation.")
endif()
string(REPLACE "\n" ";" torch_facts "${torch_facts}")
list(GET torch_facts 0 PYVAE_TORCH_DIR)
list(GET torch_facts 1 PYVAE_TORCH_CUDA)

# The oldest torch the libraries load in, whatever they are built with.
set(PYVAE_TORCH_TARGET_NAME "2.11")
set(PYVAE_TORCH_TARGET "0x020b000000000000ULL")

# libtorch.so is linked although nothing of it is named: without it the stable ABI's symbols are not found, since
# Python loads torch's libraries privately. No RPATH: `import torch` comes first.
function(pyvae_link_torch target)
  target_include_directories(${target} SYSTEM PRIVATE ${PYVAE_TORCH_DIR}/include)
  target_compile_definitions(${target} PRIVATE TORCH_TARGET_VERSION=${PYVAE_TORCH_TARGET})
  target_link_options(${target} PRIVATE -Wl,--no-as-needed)
  target_link_libraries(${target} PRIVATE ${PYVAE_TORCH_DIR}/lib/libtorch.so)
  set_target_properties(${target} PROPERTIES SKIP_BUILD_RPATH ON)
endfunction()

# What becomes of the CUDA kernels: built, checked, or none.
find_program(PYVAE_NVCC nvcc HINTS ENV CUDA_HOME PATH_SUFFIXES bin)
if(NOT PYVAE_CUDA MATCHES "^(AUTO|CHECK|ON|OFF)$")
  message(FATAL_ERROR "PYVAE_CUDA must be AUTO, CHECK, ON or OFF, got ${PYVAE_CUDA}.")
endif()
if(PYVAE_CUDA STREQUAL "ON" AND PYVAE_TORCH_CUDA STREQUAL "none")
  message(FATAL_ERROR "PYVAE_CUDA=ON needs a torch with CUDA; use CHECK to compile the kernels without one.")
endif()
if(PYVAE_CUDA STREQUAL "ON" OR (PYVAE_CUDA STREQUAL "AUTO" AND PYVAE_NVCC AND NOT PYVAE_TORCH_CUDA STREQUAL "none"))
  set(PYVAE_CUDA_BUILD "built for torch's CUDA ${PYVAE_TORCH_CUDA}")
elseif(PYVAE_CUDA STREQUAL "CHECK")
  set(PYVAE_CUDA_BUILD "checked")
else()
  set(PYVAE_CUDA_BUILD "none")
endif()
