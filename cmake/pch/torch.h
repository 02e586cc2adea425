#include <ATen/ATen.h>

#include "cmake/pch/core.h"
