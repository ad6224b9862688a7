// What of a process its code can change for all that runs in it later.
#pragma once

#include <sys/types.h>

#include <string>

namespace assay {

// Its resource limits, working folder, umask, and the signals that it ignores or blocks, as one text to
// compare with another. Empty where the system does not say.
std::string SurroundingsOf(pid_t pid);

}  // namespace assay
