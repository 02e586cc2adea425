#pragma once
/// Golden answers of scipy 1.17.1 and statsmodels 0.15.0 (tests/testdata/golden/stats/README.md):
/// how they are read and compared. JSON writes infinities as strings and NaN as null.

#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/io/json_io.h"

namespace repro {

inline Json LoadGolden(const std::string& name) {
  const auto json = LoadJson(std::filesystem::path(REPRO_TESTDATA) / "golden/stats" / name);
  if (!json) {
    ADD_FAILURE() << json.error().message;
    return Json::array();
  }
  return *json;
}

inline double GoldenNumber(const Json& value) {
  if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
  if (value == "inf") return std::numeric_limits<double>::infinity();
  if (value == "-inf") return -std::numeric_limits<double>::infinity();
  return value.get<double>();
}

inline std::vector<double> GoldenNumbers(const Json& values) {
  std::vector<double> numbers;
  for (const Json& value : values) numbers.push_back(GoldenNumber(value));
  return numbers;
}

/// 1e-9 relative or 1e-12 absolute, whichever is wider; infinities and NaN exactly.
inline void ExpectGolden(double actual, const Json& expected, const std::string& what) {
  const double wanted = GoldenNumber(expected);
  if (std::isnan(wanted)) {
    EXPECT_TRUE(std::isnan(actual)) << what << ": " << actual;
  } else if (std::isinf(wanted)) {
    EXPECT_EQ(actual, wanted) << what;
  } else {
    EXPECT_NEAR(actual, wanted, std::max(1e-12, 1e-9 * std::abs(wanted))) << what;
  }
}

}  // namespace repro
