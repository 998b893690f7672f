// Launcher of mixture.cuh: the columns' base-2 parameters.
// Not yet measured on a GPU.
#include "mixture.cuh"

namespace pyvae::cuda {
namespace {

template <typename T>
__global__ void __launch_bounds__(kThreads) mixture_columns_kernel(MixtureColumns<T> args) {
  mixture_columns_body(args, Team::here());
}

}  // namespace

template <typename T>
int mixture_columns(const MixtureColumns<T>& args, void* stream) {
  return launch(mixture_columns_kernel<T>, args, mixture_columns_blocks(args), stream);
}

template int mixture_columns(const MixtureColumns<float>&, void*);
template int mixture_columns(const MixtureColumns<double>&, void*);

}  // namespace pyvae::cuda
