#pragma once
/// To include it is to run all tests of the program on one thread: what they compute is too small
/// for more, and waiting threads would slow each other down.

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace repro {

class OneThread : public ::testing::Environment {
  void SetUp() override { at::set_num_threads(1); }
};
inline const auto* const kOneThread = ::testing::AddGlobalTestEnvironment(new OneThread);

}  // namespace repro
