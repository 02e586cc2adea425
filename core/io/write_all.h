#pragma once
/// Bytes into a file that is open.

#include <filesystem>
#include <string_view>

#include "core/base/result.h"

namespace repro {

/// All of `bytes`, whatever the number of writes; messages call the file `path`. Errors: kIo.
Status WriteAll(int fd, std::string_view bytes, const std::filesystem::path& path);

}  // namespace repro
