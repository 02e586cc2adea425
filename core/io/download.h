#pragma once
/// One file by HTTP, whole or not there: by libcurl, with resume, and size and SHA-256 checked as
/// it comes in.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace repro {

struct DownloadRequest {
  std::string url;               ///< https:// or http://
  std::filesystem::path target;  ///< its folder must be there
  std::int64_t bytes = 0;        ///< of the whole file; 0: not known
  std::string sha256;            ///< of what is fetched, 64 hex digits; empty: not known
  std::int64_t first_bytes = 0;  ///< above 0: no more than so many from the start
};

struct DownloadProgress {
  std::int64_t bytes = 0;  ///< there so far, those of earlier calls included
  std::int64_t total = 0;  ///< 0: not known
  int failures = 0;        ///< in a row; above 0 while it waits before the next try
};

struct DownloadOptions {
  /// Tries in a row that fail without a new byte, after the first one.
  int retries = 5;
  /// Before the first of them; then twice as long each time, to a minute at most, and never shorter
  /// than the server asks for (Retry-After).
  double first_wait_seconds = 1.0;
  /// A connection that brings nothing for so long has failed.
  long stall_seconds = 60;
  /// Called several times a second, waiting included; false: stop.
  std::function<bool(const DownloadProgress&)> on_progress;
};

struct DownloadOutcome {
  std::int64_t bytes = 0;
  std::string sha256;
  std::int64_t resumed_from = 0;  ///< bytes that an earlier call had left
  std::string etag;               ///< as the server gave it, or empty
  std::string last_modified;
};

/// Fetches into TARGET.part, and renames that when all of it is there and right (fsync before).
///
/// What an earlier call left in TARGET.part is gone on with where the server says that the file is
/// still the same (Range with If-Range, by the ETag or date in TARGET.part.json); otherwise, and
/// where the server knows no ranges, it begins anew. Redirects are followed, from https to https
/// alone; never to another protocol. A part whose SHA-256 is wrong in the end is removed, for
/// nothing could be made of it; any other failure keeps it.
///
/// Errors, in one line with the URL less its password and query: kCorrupt (size or SHA-256),
/// kInterrupted (`on_progress` said stop), kInvalidArgument (the URL), kIo (all else, a file that
/// is not there too: what was asked for is right, but failed).
Result<DownloadOutcome> Download(const DownloadRequest& request,
                                 const DownloadOptions& options = {});

/// A URL for a message or a log: without user, password, query and fragment.
std::string PublicUrl(std::string_view url);

}  // namespace repro
