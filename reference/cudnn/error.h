// The one exception of this pack. It never crosses the pack's C interface; pack.cpp turns it into a message.
#pragma once

#include <stdexcept>

namespace assay::cudnn {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace assay::cudnn
