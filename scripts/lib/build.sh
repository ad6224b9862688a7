# Configures and builds with a preset of CMakePresets.json; to be sourced after common.sh.
# shellcheck shell=bash disable=SC2154  # assay_root is common.sh's

# The build folder of a preset, as CMakePresets.json has it.
build_folder() {
  if [[ $1 == release ]]; then say "$assay_root/build"; else say "$assay_root/build-$1"; fi
}

# configure PRESET: says in one line whether CUDA is used.
configure() {
  local preset=$1 folder cuda log
  local -a arguments=(--preset "$preset")
  folder=$(build_folder "$preset")
  cuda=$(find_cuda)
  # CMake looks for nvcc in PATH only.
  if [[ -n $cuda ]] && ! command -v nvcc >/dev/null; then export CUDACXX=${CUDACXX:-$cuda/bin/nvcc}; fi
  # CMake remembers for ever that it found no nvcc, or where one was.
  if [[ -f $folder/CMakeCache.txt ]]; then
    local cached
    cached=$(sed -n 's/^CMAKE_CUDA_COMPILER:[^=]*=//p' "$folder/CMakeCache.txt")
    if [[ -n $cuda && $cached == *NOTFOUND || -n $cached && $cached != *NOTFOUND && ! -x $cached ]]; then
      arguments+=(--fresh)
    fi
  fi
  if command -v ccache >/dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER:-ccache}
    export CMAKE_CUDA_COMPILER_LAUNCHER=${CMAKE_CUDA_COMPILER_LAUNCHER:-ccache}
  fi
  log=$(mktemp)
  if ! (cd "$assay_root" && cmake "${arguments[@]}") >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    rm -f "$log"
    die 3 "CMake could not configure the preset '$preset'; its last lines stand above"
  fi
  sed -n -E 's/^-- (CUDA ([0-9.]+:|not found).*)/\1/p' "$log"
  if [[ -n $cuda ]] && grep -q '^-- CUDA not found' "$log"; then
    say "although $cuda/bin/nvcc is there: CMake could not compile with it, and $folder/CMakeFiles says why"
  fi
  rm -f "$log"
}

# build PRESET [TARGET]
build() {
  local preset=$1 target=${2:-all}
  local -a options=()
  if [[ ! -t 1 ]]; then options=(-- --quiet); fi
  say "building ($preset) ..."
  (cd "$assay_root" && cmake --build --preset "$preset" --parallel "${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}" \
    --target "$target" "${options[@]}") || die 3 "the build failed; the compiler's message stands above"
}
