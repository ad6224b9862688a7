# How everything of this project is compiled: the targets assay_options (flags) and the options a person may set.
option(ASSAY_TESTS "Build the tests" ON)
option(ASSAY_CUDA "Use CUDA if it is found" ON)
option(ASSAY_OPENMP "Judge with several threads. Off for ThreadSanitizer, which cannot see into libgomp" ON)
option(ASSAY_FUZZ "Build the fuzz targets for libFuzzer (clang) instead of the tests" OFF)
set(ASSAY_SANITIZE "" CACHE STRING "Sanitizers to build with, as 'address,undefined' or 'thread'; empty: none")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
# Lines are what a stack trace and a profiler need; describing every type and variable (-g) costs a quarter of the build.
string(REGEX REPLACE "-g( |$)" "-g1\\1" CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_CXX_FLAGS_RELWITHDEBINFO}")
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)

add_library(assay_options INTERFACE)
target_include_directories(assay_options INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_options(assay_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror>)

if(ASSAY_SANITIZE)
  # A null pointer that is used faults by itself, and checking every access for one costs the kernels a third more; where an
  # object ends AddressSanitizer knows better.
  set(assay_sees_already null)
  if(ASSAY_SANITIZE MATCHES address)
    string(APPEND assay_sees_already ",object-size")
  endif()
  target_compile_options(assay_options INTERFACE
    # Mostly -Og: gcc takes four times as long to optimise what it has instrumented.
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${ASSAY_SANITIZE} -fno-sanitize=${assay_sees_already} -fno-sanitize-recover=all
      -fno-omit-frame-pointer $<IF:$<BOOL:$<TARGET_PROPERTY:ASSAY_HOT>>,-O2,-Og>
      # gcc sees uninitialised members in its own <regex> once the sanitizers have instrumented it (GCC bug 105562).
      $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>>)
  target_link_options(assay_options INTERFACE -fsanitize=${ASSAY_SANITIZE})
endif()

# assay_hot(TARGET): tests spend their time in it, so it is worth optimising under sanitizers as well. (Kernels are not:
# compiling one takes minutes then.)
function(assay_hot target)
  set_target_properties(${target} PROPERTIES ASSAY_HOT ON)
endfunction()

# fmaf() must be one instruction for the host device to be usable; every x86 server and laptop since 2013 has it.
include(CheckCXXSourceRuns)
set(CMAKE_REQUIRED_FLAGS "-march=x86-64-v3")
check_cxx_source_runs("int main() { return __builtin_cpu_supports(\"avx2\") && __builtin_cpu_supports(\"fma\") ? 0 : 1; }"
                      ASSAY_HAVE_X86_64_V3)
unset(CMAKE_REQUIRED_FLAGS)
if(ASSAY_HAVE_X86_64_V3)
  target_compile_options(assay_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-march=x86-64-v3>)
endif()
