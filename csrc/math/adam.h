// Adam, one number at a time (Kingma & Ba 2015, algorithm 1, with the corrections of the last paragraph of section 2).
#pragma once
#include "portable.h"

namespace pyvae {

// What a step of Adam is made of; the two corrections are those of its number t, from 1.
template <typename T>
struct AdamStep {
  T first_decay, second_decay, epsilon;
  T step_size;          // learning rate / (1 - first_decay^t)
  T second_correction;  // 1 / sqrt(1 - second_decay^t)
};

template <typename F>
struct AdamState {
  F parameter, first, second;
};

// Subnormal moments are a thread's own business: where a gradient has stopped they stay so for good, and a thread that
// trains takes them as zero (pyvae/training/workers.py).
template <typename F, typename T>
PYVAE_MATH AdamState<F> adam(AdamState<F> now, F gradient, const AdamStep<T>& step) {
  const F first = now.first + F(T(1) - step.first_decay) * (gradient - now.first);
  const F second = F(step.second_decay) * now.second + F(T(1) - step.second_decay) * (gradient * gradient);
  const F scale = F(step.second_correction) * root(second) + F(step.epsilon);
  return {now.parameter - F(step.step_size) * (first / scale), first, second};
}

}  // namespace pyvae
