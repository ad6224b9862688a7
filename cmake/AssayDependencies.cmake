# Third-party packages. scripts/setup installs those that are required; CUDA, cuDNN and the nvtx3 headers may be absent.
find_package(Threads REQUIRED)
if(ASSAY_OPENMP)
  find_package(OpenMP REQUIRED COMPONENTS CXX)
else()
  # Everything computes the same on one thread; the pragmas, and what only they name, go unread.
  add_library(OpenMP::OpenMP_CXX INTERFACE IMPORTED)
  set_target_properties(OpenMP::OpenMP_CXX PROPERTIES INTERFACE_COMPILE_OPTIONS
    "-Wno-unknown-pragmas;-Wno-unused-variable")
endif()
find_package(fmt REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(benchmark REQUIRED)
if(ASSAY_TESTS)
  # Who only runs sweeps need not install it; scripts/test does.
  find_package(GTest)
  if(NOT GTest_FOUND)
    message(STATUS "GoogleTest not found: the tests are left out")
  endif()
endif()

# Debian's yaml-cpp 0.7 names its target without a namespace.
if(NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp)
endif()

# What scripts/setup fetched for this project alone (headers from PyPI, say).
set(ASSAY_DEPS_DIR "${PROJECT_SOURCE_DIR}/.deps" CACHE PATH "Folder with packages fetched by scripts/setup")

# Boost.Context, without Boost's own CMake files: distributions split them from the library.
find_path(ASSAY_BOOST_INCLUDE_DIR boost/context/fiber.hpp REQUIRED)
find_library(ASSAY_BOOST_CONTEXT_LIBRARY boost_context HINTS "${ASSAY_DEPS_DIR}/lib" REQUIRED)
add_library(assay_boost_context INTERFACE)
target_include_directories(assay_boost_context SYSTEM INTERFACE "${ASSAY_BOOST_INCLUDE_DIR}")
target_link_libraries(assay_boost_context INTERFACE "${ASSAY_BOOST_CONTEXT_LIBRARY}")
add_library(Boost::context ALIAS assay_boost_context)

find_path(ASSAY_OPENBLAS_INCLUDE_DIR cblas.h
  PATH_SUFFIXES openblas openblas-openmp x86_64-linux-gnu/openblas-openmp x86_64-linux-gnu REQUIRED)
find_library(ASSAY_OPENBLAS_LIBRARY openblas
  PATH_SUFFIXES openblas-openmp x86_64-linux-gnu/openblas-openmp openblas-pthread REQUIRED)
add_library(assay_openblas INTERFACE)
target_include_directories(assay_openblas SYSTEM INTERFACE "${ASSAY_OPENBLAS_INCLUDE_DIR}")
target_link_libraries(assay_openblas INTERFACE "${ASSAY_OPENBLAS_LIBRARY}")

# fast-cpp-csv-parser: one header.
find_path(ASSAY_CSV_INCLUDE_DIR csv.h HINTS "${ASSAY_DEPS_DIR}/include" PATH_SUFFIXES libfccp fast-cpp-csv-parser REQUIRED)
add_library(assay_csv INTERFACE)
target_include_directories(assay_csv SYSTEM INTERFACE "${ASSAY_CSV_INCLUDE_DIR}")

# Chart.js, which the HTML report carries inside itself.
find_file(ASSAY_CHART_JS chart.min.js
  HINTS "${ASSAY_DEPS_DIR}/share/javascript/chart.js" /usr/share/javascript/chart.js NO_DEFAULT_PATH REQUIRED)

set(ASSAY_HAVE_CUDA OFF)
if(ASSAY_CUDA)
  # The two targets: Ampere machine code, which newer GPUs of other majors cannot run, and Hopper's own instructions.
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES "80-real;90a-real" CACHE STRING "CUDA architectures")
  endif()
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    find_package(CUDAToolkit REQUIRED)
    set(CMAKE_CUDA_STANDARD 20)
    set(CMAKE_CUDA_STANDARD_REQUIRED ON)
    # CMake 3.25 does not know how nvcc is told; later ones do.
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    endif()
    set(ASSAY_HAVE_CUDA ON)
    message(STATUS "CUDA ${CUDAToolkit_VERSION}: building GPU packs")
  else()
    message(STATUS "CUDA not found: building for the host device only")
  endif()
endif()
target_compile_definitions(assay_options INTERFACE ASSAY_HAVE_CUDA=$<BOOL:${ASSAY_HAVE_CUDA}>)
if(ASSAY_HAVE_CUDA)
  # Spills are a fault of a kernel that is to be fast; a target with ASSAY_MAY_SPILL has none such.
  target_compile_options(assay_options INTERFACE
    $<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<NOT:$<BOOL:$<TARGET_PROPERTY:ASSAY_MAY_SPILL>>>>:-Xptxas=-warn-spills -Xptxas=-warn-lmem-usage>
    $<$<COMPILE_LANGUAGE:CUDA>:-lineinfo -Xcompiler=-Wall,-Wextra,-Werror -Werror=all-warnings>)
endif()

find_path(ASSAY_NVTX_INCLUDE_DIR nvtx3/nvtx3.hpp
  HINTS "${ASSAY_DEPS_DIR}/include" ${CUDAToolkit_INCLUDE_DIRS} /usr/local/cuda/include)
add_library(assay_nvtx INTERFACE)
if(ASSAY_NVTX_INCLUDE_DIR)
  target_include_directories(assay_nvtx SYSTEM INTERFACE "${ASSAY_NVTX_INCLUDE_DIR}")
  target_compile_definitions(assay_nvtx INTERFACE ASSAY_HAVE_NVTX=1)
  target_link_libraries(assay_nvtx INTERFACE ${CMAKE_DL_LIBS})
else()
  target_compile_definitions(assay_nvtx INTERFACE ASSAY_HAVE_NVTX=0)
  message(STATUS "nvtx3 headers not found: profile ranges are left out")
endif()
