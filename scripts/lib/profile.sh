# What the two profiling wrappers share; to be sourced after common.sh and build.sh.
# shellcheck shell=bash disable=SC2154  # assay_root is common.sh's

# find_tool NAME GLOB...: the tool in PATH, or the newest of the places where NVIDIA's installers put it. Prints nothing if
# there is none.
find_tool() {
  local name=$1 place newest=
  shift
  if command -v "$name"; then return; fi
  while IFS= read -r place; do newest=$place; done < <(compgen -G "/usr/local/cuda/bin/$name" || true
    for place in "$@"; do compgen -G "$place" || true; done | sort -V)
  if [[ -n $newest ]]; then say "$newest"; fi
}

# The path of a case's profile, without an ending: "dsconv/n1c8/fp16" -> reports/profile/dsconv-n1c8-fp16.
profile_path() {
  mkdir -p "$assay_root/reports/profile"
  say "$assay_root/reports/profile/${1//\//-}"
}

# Builds the program as scripts/sweep does.
prepare_program() {
  "$assay_root/scripts/setup"
  configure release
  build release assay
}
