// Included by pdbuild in front of CUDA sources, for editors alone: no compiler sees it.
//
// An editor's clang is rarely made for the CUDA release of the image, and its own wrapper of
// CUDA's headers then fails. It only has to understand the source, not to compile it: so it
// reads CUDA's headers as nvcc does, but for those of the mathematical functions, which repeat
// what the C library declares in a way that only nvcc accepts.
#pragma once
#pragma clang system_header

#include <new>

// glibc has these for itself; on the device they are CUDA's.
#define __sinf __libc_sinf
#define __cosf __libc_cosf
#define __tanf __libc_tanf
#define __tanhf __libc_tanhf
#define __sincosf __libc_sincosf
#define __expf __libc_expf
#define __exp10f __libc_exp10f
#define __log2f __libc_log2f
#define __log10f __libc_log10f
#define __logf __libc_logf
#define __powf __libc_powf

// The C library alone, callable from both sides.
#define _GLIBCXX_INCLUDE_NEXT_C_HEADERS
#pragma clang force_cuda_host_device begin
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#pragma clang force_cuda_host_device end
#undef _GLIBCXX_INCLUDE_NEXT_C_HEADERS

#undef __sinf
#undef __cosf
#undef __tanf
#undef __tanhf
#undef __sincosf
#undef __expf
#undef __exp10f
#undef __log2f
#undef __log10f
#undef __logf
#undef __powf

// What CUDA declares besides, as far as it is used often.
#pragma clang force_cuda_host_device begin
int min(int a, int b);
int max(int a, int b);
unsigned min(unsigned a, unsigned b);
unsigned max(unsigned a, unsigned b);
long min(long a, long b);
long max(long a, long b);
unsigned long min(unsigned long a, unsigned long b);
unsigned long max(unsigned long a, unsigned long b);
long long min(long long a, long long b);
long long max(long long a, long long b);
unsigned long long min(unsigned long long a, unsigned long long b);
unsigned long long max(unsigned long long a, unsigned long long b);
float min(float a, float b);
float max(float a, float b);
double min(double a, double b);
double max(double a, double b);
float rsqrtf(float x);
double rsqrt(double x);
float rcbrtf(float x);
double rcbrt(double x);
float sinpif(float x);
double sinpi(double x);
float cospif(float x);
double cospi(double x);
float normcdff(float x);
double normcdf(double x);
float normcdfinvf(float x);
double normcdfinv(double x);
float erfinvf(float x);
double erfinv(double x);
float erfcinvf(float x);
double erfcinv(double x);
float erfcxf(float x);
double erfcx(double x);
void sincospif(float x, float* sine, float* cosine);
void sincospi(double x, double* sine, double* cosine);
#pragma clang force_cuda_host_device end

#define __CUDACC__ 1
#define __NVCC__ 1
#define __MATH_FUNCTIONS_H__
#define __MATH_FUNCTIONS_HPP__
#include <cuda_runtime.h>

// What `kernel<<<...>>>` means to clang.
extern "C" cudaError_t cudaConfigureCall(dim3 grid, dim3 block, size_t shared = 0,
                                         cudaStream_t stream = nullptr);
