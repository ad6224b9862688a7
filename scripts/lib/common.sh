# What the scripts share; to be sourced. Exit codes are the program's own: 2 for a command line at fault, 3 for an
# environment that does not do.
# shellcheck shell=bash disable=SC2034

assay_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly assay_root

say() { printf '%s\n' "$*"; }

# die CODE MESSAGE...: the message goes to standard error.
die() {
  local code=$1
  shift
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit "$code"
}

# Prints the comment that opens a script, less its "#!" line: that is the script's help.
print_help() { sed -n '2,/^[^#]/ { /^#/ s/^# \{0,1\}//p }' "$0"; }

# The folder of the CUDA toolkit, or nothing.
find_cuda() {
  local nvcc
  for nvcc in "${CUDACXX:-}" "$(command -v nvcc || true)" "${CUDA_PATH:-}/bin/nvcc" "${CUDA_HOME:-}/bin/nvcc" \
    /usr/local/cuda/bin/nvcc; do
    if [[ -x $nvcc ]]; then
      (cd "$(dirname "$(readlink -f "$nvcc")")/.." && pwd)
      return
    fi
  done
}

# run_quietly WHAT COMMAND...: shows the command's output only if it fails.
run_quietly() {
  local what=$1 log status=0
  shift
  log=$(mktemp)
  "$@" >"$log" 2>&1 || status=$?
  if ((status != 0)); then
    tail -n 60 "$log" >&2
    printf '%s: %s failed (exit code %d): %s\n' "$(basename "$0")" "$what" "$status" "$*" >&2
  fi
  rm -f "$log"
  return "$status"
}

# has_option NAME... -- ARGUMENT...: whether one of the options is among the arguments, as "--x y" or "--x=y".
has_option() {
  local -a names=()
  local name argument
  while [[ $1 != -- ]]; do
    names+=("$1")
    shift
  done
  shift
  for argument in "$@"; do
    for name in "${names[@]}"; do
      if [[ $argument == "$name" || $argument == "$name="* ]]; then return 0; fi
    done
  done
  return 1
}
