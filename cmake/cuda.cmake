# The CUDA kernels. nvcc needs no GPU; with PYVAE_CUDA=CHECK they are compiled, spills are errors,
# the op library is linked even where torch has no CUDA, and nothing is shipped.
if(PYVAE_NVCC AND NOT CMAKE_CUDA_COMPILER)
  set(CMAKE_CUDA_COMPILER ${PYVAE_NVCC})  # the one that was found, not another on the path
endif()
enable_language(CUDA)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know that nvcc has C++20
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
set(CMAKE_CUDA_VISIBILITY_PRESET hidden)
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)  # a static runtime would keep an error state of its own

file(GLOB PYVAE_CUDA_KERNELS CONFIGURE_DEPENDS csrc/kernels/cuda/*.cu csrc/kernels/cuda/*/*.cu)
add_library(pyvae_kernels_cuda OBJECT ${PYVAE_CUDA_KERNELS})
set_target_properties(pyvae_kernels_cuda PROPERTIES CUDA_ARCHITECTURES "${PYVAE_CUDA_ARCHITECTURES}")
target_compile_options(pyvae_kernels_cuda PRIVATE -Xptxas=-warn-spills -Werror=all-warnings -Xcompiler=-Wall)

find_package(CUDAToolkit REQUIRED)
# What has no CUDA kernels is the CPU library's alone: its schemas may be defined only once.
set(PYVAE_CUDA_OPS)
foreach(op ${PYVAE_OPS})
  get_filename_component(stem ${op} NAME_WE)
  if(EXISTS ${CMAKE_SOURCE_DIR}/csrc/kernels/cuda/${stem}.cu)
    list(APPEND PYVAE_CUDA_OPS ${op})
  endif()
endforeach()
add_library(pyvae_ops_cuda MODULE ${PYVAE_CUDA_OPS} $<TARGET_OBJECTS:pyvae_kernels_cuda>)
target_compile_definitions(pyvae_ops_cuda PRIVATE USE_CUDA)
pyvae_link_torch(pyvae_ops_cuda)
target_link_libraries(pyvae_ops_cuda PRIVATE CUDA::cudart)
if(NOT PYVAE_CUDA_BUILD STREQUAL "checked")
  install(TARGETS pyvae_ops_cuda DESTINATION pyvae)
endif()
