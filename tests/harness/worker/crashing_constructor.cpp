// A pack whose constructor does not survive being loaded.
#include <csignal>

#include "kernels/pack.h"

namespace {

struct Crash {
  Crash() { std::raise(SIGSEGV); }
};
const Crash crash;

}  // namespace

extern "C" const assay_pack* assay_pack_entry(void) { return nullptr; }
