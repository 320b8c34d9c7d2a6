# SPDX-License-Identifier: Apache-2.0
#
# Compiles .cu files by calling nvcc directly. CMake's own CUDA support expects the
# directories of a full toolkit; this asks only for nvcc, its headers and the static
# runtime, wherever they lie relative to each other.

if(DEFINED ENV{CUDAARCHS})
  set(paddle_cuda_architectures_default "$ENV{CUDAARCHS}")
else()
  set(paddle_cuda_architectures_default "80;90")
endif()
set(PADDLE_CUDA_ARCHITECTURES "${paddle_cuda_architectures_default}" CACHE STRING
  "GPUs to build for, as in CMAKE_CUDA_ARCHITECTURES: 80, 90-real, 90-virtual")

if(CMAKE_CUDA_COMPILER)
  set(paddle_nvcc_hint ${CMAKE_CUDA_COMPILER})
elseif(DEFINED ENV{CUDACXX})
  set(paddle_nvcc_hint $ENV{CUDACXX})
endif()
if(paddle_nvcc_hint)
  find_program(PADDLE_NVCC NAMES ${paddle_nvcc_hint} DOC "The CUDA compiler")
else()
  find_program(PADDLE_NVCC NAMES nvcc HINTS ENV CUDA_PATH ENV CUDA_HOME PATH_SUFFIXES bin
    DOC "The CUDA compiler")
endif()
if(NOT PADDLE_NVCC)
  message(FATAL_ERROR "WITH_GPU needs nvcc: put it on the PATH or name it in CUDACXX")
endif()

get_filename_component(paddle_cuda_home "${PADDLE_NVCC}" REALPATH)
get_filename_component(paddle_cuda_home "${paddle_cuda_home}" DIRECTORY)
get_filename_component(paddle_cuda_home "${paddle_cuda_home}" DIRECTORY)
find_library(PADDLE_CUDART_STATIC NAMES libcudart_static.a
  PATHS ${paddle_cuda_home}/lib ${paddle_cuda_home}/lib64
        ${paddle_cuda_home}/targets/x86_64-linux/lib
  NO_DEFAULT_PATH DOC "The static CUDA runtime")
if(NOT PADDLE_CUDART_STATIC)
  message(FATAL_ERROR "no libcudart_static.a beside ${PADDLE_NVCC}")
endif()

# CMake reads this environment variable only for languages it knows about. Without it,
# the launcher of the C++ compiler (ccache, say) serves nvcc as well.
if(NOT CMAKE_CUDA_COMPILER_LAUNCHER)
  if(DEFINED ENV{CMAKE_CUDA_COMPILER_LAUNCHER})
    set(CMAKE_CUDA_COMPILER_LAUNCHER $ENV{CMAKE_CUDA_COMPILER_LAUNCHER})
  else()
    set(CMAKE_CUDA_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
  endif()
endif()

# As CMake does for languages it knows about.
set(PADDLE_CUDA_FLAGS "$ENV{CUDAFLAGS}" CACHE STRING "Flags of nvcc for all build types")
separate_arguments(paddle_nvcc_flags NATIVE_COMMAND "${PADDLE_CUDA_FLAGS}")
list(APPEND paddle_nvcc_flags -std=c++17 -ccbin ${CMAKE_CXX_COMPILER}
  -Xcompiler=-fPIC,-fvisibility=hidden,-Wall,-Wextra)
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  list(APPEND paddle_nvcc_flags -g)
else()
  list(APPEND paddle_nvcc_flags -O3 -DNDEBUG)
endif()
foreach(arch IN LISTS PADDLE_CUDA_ARCHITECTURES)
  if(arch MATCHES "^([0-9]+[af]?)-real$")
    list(APPEND paddle_nvcc_flags
      -gencode arch=compute_${CMAKE_MATCH_1},code=sm_${CMAKE_MATCH_1})
  elseif(arch MATCHES "^([0-9]+[af]?)-virtual$")
    list(APPEND paddle_nvcc_flags
      -gencode arch=compute_${CMAKE_MATCH_1},code=compute_${CMAKE_MATCH_1})
  elseif(arch MATCHES "^[0-9]+[af]?$")
    list(APPEND paddle_nvcc_flags
      -gencode arch=compute_${arch},code=[sm_${arch},compute_${arch}])
  else()
    message(FATAL_ERROR "'${arch}' in PADDLE_CUDA_ARCHITECTURES is not an architecture")
  endif()
endforeach()
message(STATUS "nvcc: ${PADDLE_NVCC}, for ${PADDLE_CUDA_ARCHITECTURES}")

# Makes an interface library of the objects of these files and all they need to link.
function(paddle_cuda_objects target)
  set(objects)
  foreach(source IN LISTS ARGN)
    get_filename_component(name ${source} NAME)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/cuda/${name}.o)
    add_custom_command(
      OUTPUT ${object}
      COMMAND ${CMAKE_CUDA_COMPILER_LAUNCHER} ${PADDLE_NVCC} ${paddle_nvcc_flags}
        -I${CMAKE_CURRENT_SOURCE_DIR}/include -I${CMAKE_CURRENT_SOURCE_DIR}/src
        -MD -MT ${object} -MF ${object}.d
        -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source}
      DEPFILE ${object}.d
      COMMENT "Building CUDA object ${name}.o"
      VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/cuda)

  # One target makes the objects: two that both did could run nvcc at the same time.
  add_custom_target(${target}_objects DEPENDS ${objects})
  add_library(${target} INTERFACE)
  add_dependencies(${target} ${target}_objects)
  target_link_libraries(${target} INTERFACE
    ${objects} ${PADDLE_CUDART_STATIC} Threads::Threads rt ${CMAKE_DL_LIBS})
endfunction()
