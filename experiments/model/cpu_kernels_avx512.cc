#define REPRO_KERNEL_NAME "avx512"
#define REPRO_KERNEL_TABLE kCpuKernelsAvx512
#define REPRO_LANES 16
#include "experiments/model/cpu_kernels.inl"
