// Stand-in: everything of this header is in vector_types.h.
#pragma once
#include "vector_types.h"
