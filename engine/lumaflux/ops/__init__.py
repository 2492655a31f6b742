"""The native kernels as torch operators: CUDA devices run the kernel, others the torch expression beside it."""
