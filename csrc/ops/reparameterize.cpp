#include "../kernels/reparameterize.h"

#include "seed.h"

namespace pyvae::ops {
namespace {

Tensor reparameterize(const Tensor& mu, const Tensor& logvar, const Tensor& seed) {
  check_alike(mu, {logvar});
  STD_TORCH_CHECK(same_shape(mu, logvar), "expected mu and logvar of one shape");
  check_seed(seed, mu);
  const Tensor z = dense_empty(mu);
  if (mu.numel() == 0) return z;
  const Tensor mu_ = dense(mu), logvar_ = dense(logvar), seed_ = dense(seed);
  dispatch(mu, [&]<typename T>() {
    const Reparameterize<T> args{seed.numel(),   mu.numel() / seed.numel(), in<T>(mu_),
                                 in<T>(logvar_), in<int64_t>(seed_),        out<T>(z)};
    launch(
        mu, reparameterize_pieces(args), grain_for(kReparameterizePiece),
        [&](auto isa, int64_t begin, int64_t end) { cpu::reparameterize<isa()>(args, begin, end); },
        [&](auto stream) { return cuda::reparameterize(args, stream); });
  });
  return z;
}

Tensor reparameterize_backward(const Tensor& grad_z, const Tensor& logvar, const Tensor& seed) {
  check_alike(logvar, {grad_z});
  STD_TORCH_CHECK(same_shape(grad_z, logvar), "expected grad_z and logvar of one shape");
  check_seed(seed, logvar);
  const Tensor grad_logvar = dense_empty(logvar);
  if (logvar.numel() == 0) return grad_logvar;
  const Tensor grad_z_ = dense(grad_z), logvar_ = dense(logvar), seed_ = dense(seed);
  dispatch(logvar, [&]<typename T>() {
    const ReparameterizeBackward<T> args{seed.numel(),       logvar.numel() / seed.numel(),
                                         in<T>(grad_z_),     in<T>(logvar_),
                                         in<int64_t>(seed_), out<T>(grad_logvar)};
    launch(
        logvar, reparameterize_pieces(args), grain_for(kReparameterizePiece),
        [&](auto isa, int64_t begin, int64_t end) { cpu::reparameterize_backward<isa()>(args, begin, end); },
        [&](auto stream) { return cuda::reparameterize_backward(args, stream); });
  });
  return grad_logvar;
}

}  // namespace
}  // namespace pyvae::ops

#if !defined(USE_CUDA)
STABLE_TORCH_LIBRARY_FRAGMENT(pyvae, m) {
  m.def("reparameterize(Tensor mu, Tensor logvar, Tensor seed) -> Tensor");
  m.def("reparameterize_backward(Tensor grad_z, Tensor logvar, Tensor seed) -> Tensor");
}
#endif

STABLE_TORCH_LIBRARY_IMPL(pyvae, PYVAE_DEVICE, m) {
  m.impl("reparameterize", TORCH_BOX(&pyvae::ops::reparameterize));
  m.impl("reparameterize_backward", TORCH_BOX(&pyvae::ops::reparameterize_backward));
}
