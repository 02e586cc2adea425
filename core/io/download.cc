#include "core/io/download.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/base/units.h"
#include "core/io/file.h"
#include "core/io/json_io.h"
#include "core/io/write_all.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr long kOk = 200;
constexpr long kPartialContent = 206;
constexpr long kRangeNotSatisfiable = 416;
constexpr long kConnectSeconds = 30;
constexpr long kRedirects = 10;
constexpr double kLongestWait = 60;
constexpr std::size_t kLongestError = 300;

/// libcurl's own tables; once a process.
void PrepareCurl() {
  static const CURLcode prepared = ::curl_global_init(CURL_GLOBAL_DEFAULT);
  REPRO_CHECK(prepared == CURLE_OK);
}

bool IsTransient(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_SSL_CONNECT_ERROR:
      return true;
    default:
      return false;
  }
}

bool IsTransient(long status) {
  constexpr std::array<long, 7> kTransient = {408, 425, 429, 500, 502, 503, 504};
  return std::find(kTransient.begin(), kTransient.end(), status) != kTransient.end();
}

std::optional<std::int64_t> ParseNumber(std::string_view text) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

/// What the last response said of itself; those that redirect are forgotten.
struct ResponseHead {
  std::optional<std::int64_t> length;  ///< of the body
  std::optional<std::int64_t> start;   ///< of a range
  std::optional<std::int64_t> total;   ///< of the file
  std::string etag;
  std::string last_modified;

  void Take(std::string_view line) {
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r' || line.back() == ' ')) {
      line.remove_suffix(1);
    }
    if (line.starts_with("HTTP/")) *this = {};
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    std::string name(line.substr(0, colon));
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    std::string_view value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    if (name == "content-length") length = ParseNumber(value);
    if (name == "etag") etag = value;
    if (name == "last-modified") last_modified = value;
    if (name == "content-range") TakeRange(value);
  }

 private:
  /// "bytes 10-99/100", "bytes 10-99/*", "bytes */100"
  void TakeRange(std::string_view value) {
    if (!value.starts_with("bytes ")) return;
    value.remove_prefix(6);
    const std::size_t slash = value.find('/');
    if (slash == std::string_view::npos) return;
    start = ParseNumber(value.substr(0, value.find('-')));
    total = ParseNumber(value.substr(slash + 1));
  }
};

/// What has to stay the same for a part to be gone on with.
struct PartRecord {
  std::string url;
  std::string etag;
  std::string last_modified;

  /// For If-Range: an ETag that promises the same bytes, or the date.
  std::string Validator() const {
    return !etag.empty() && !etag.starts_with("W/") ? etag : last_modified;
  }
};

PartRecord LoadPartRecord(const fs::path& path) {
  const auto json = LoadJson(path);
  if (!json || !json->is_object()) return {};  // then the part begins anew
  return {TextField(*json, "url"), TextField(*json, "etag"), TextField(*json, "last_modified")};
}

class Downloader {
 public:
  Downloader(const DownloadRequest& request, const DownloadOptions& options)
      : request_(request),
        options_(options),
        url_(PublicUrl(request.url)),
        part_(request.target.string() + ".part"),
        record_path_(part_.string() + ".json") {}
  ~Downloader() {
    if (fd_ >= 0) ::close(fd_);
  }
  Downloader(const Downloader&) = delete;
  Downloader& operator=(const Downloader&) = delete;

  Result<DownloadOutcome> Run() {
    if (!request_.url.starts_with("https://") && !request_.url.starts_with("http://")) {
      return Fail(ErrorCode::kInvalidArgument, "{}: expected https:// or http://", url_);
    }
    PrepareCurl();
    REPRO_RETURN_IF_ERROR(OpenPart());
    outcome_.resumed_from = held_;
    std::int64_t furthest = held_;
    for (int failures = 0; !IsComplete();) {
      REPRO_ASSIGN_OR_RETURN(const std::optional<std::string> problem, Try());
      if (!problem) break;
      failures = held_ > furthest ? 1 : failures + 1;
      furthest = std::max(furthest, held_);
      if (failures > options_.retries) {
        return Fail(ErrorCode::kIo, "{}: {}; {}", url_, *problem, WhatIsKept());
      }
      REPRO_RETURN_IF_ERROR(Wait(failures));
    }
    return Finish();
  }

 private:
  Status OpenPart() {
    record_ = LoadPartRecord(record_path_);
    const bool known = record_.url == request_.url && !record_.Validator().empty();
    fd_ = ::open(part_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd_ < 0) return FailErrno("open", part_.string());
    std::vector<char> block(1 << 20);
    while (known) {
      const ssize_t got = ::read(fd_, block.data(), block.size());
      if (got < 0) return FailErrno("read", part_.string());
      if (got == 0) break;
      hash_.Update({block.data(), static_cast<std::size_t>(got)});
      held_ += got;
    }
    const std::int64_t limit = Limit();
    if (!known || (limit > 0 && held_ > limit)) return BeginAnew();
    return {};
  }

  Status BeginAnew() {
    if (::ftruncate(fd_, 0) != 0 || ::lseek(fd_, 0, SEEK_SET) < 0) {
      return FailErrno("truncate", part_.string());
    }
    held_ = 0;
    hash_ = Sha256();
    record_ = {};
    outcome_.resumed_from = 0;
    return {};
  }

  /// Bytes that there will be; 0: not known.
  std::int64_t Limit() const {
    const std::int64_t total = request_.bytes > 0 ? request_.bytes : total_;
    if (request_.first_bytes == 0) return total;
    return total > 0 ? std::min(total, request_.first_bytes) : request_.first_bytes;
  }
  bool IsComplete() const { return complete_ || (Limit() > 0 && held_ == Limit()); }

  /// One connection. What went wrong, if another one may mend it. Errors: what none would mend.
  Result<std::optional<std::string>> Try() {
    const std::unique_ptr<CURL, decltype(&::curl_easy_cleanup)> easy(::curl_easy_init(),
                                                                     &::curl_easy_cleanup);
    REPRO_CHECK(easy != nullptr);
    CURL* const curl = easy.get();
    std::array<char, CURL_ERROR_SIZE> words{};
    const bool secure = request_.url.starts_with("https://");
    ::curl_easy_setopt(curl, CURLOPT_URL, request_.url.c_str());
    ::curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    ::curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    ::curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    ::curl_easy_setopt(curl, CURLOPT_MAXREDIRS, kRedirects);
    ::curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    ::curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    ::curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    ::curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, options_.stall_seconds);
    ::curl_easy_setopt(curl, CURLOPT_USERAGENT, "repro");
    ::curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words.data());
    ::curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &OnHeader);
    ::curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
    ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &OnBody);
    ::curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
    ::curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    ::curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &OnTick);
    ::curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);
    std::string range;
    if (held_ > 0 || request_.first_bytes > 0) {
      range = std::to_string(held_) + "-";
      if (request_.first_bytes > 0) range += std::to_string(request_.first_bytes - 1);
      ::curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());
    }
    std::unique_ptr<curl_slist, decltype(&::curl_slist_free_all)> headers(nullptr,
                                                                          &::curl_slist_free_all);
    if (held_ > 0) {
      headers.reset(::curl_slist_append(nullptr, ("If-Range: " + record_.Validator()).c_str()));
      ::curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    }
    curl_ = curl;
    head_ = {};
    body_begun_ = false;
    stopped_ = false;
    refusal_.reset();
    const CURLcode code = ::curl_easy_perform(curl);
    curl_ = nullptr;
    long status = 0;
    ::curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_off_t retry_after = 0;
    ::curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
    asked_wait_ = static_cast<double>(retry_after);
    if (refusal_) return tl::unexpected(*refusal_);
    if (stopped_) return Fail(ErrorCode::kInterrupted, "{}: stopped; {}", url_, WhatIsKept());
    if (IsComplete()) return std::nullopt;  // a prefix ends the connection before the server does
    if (code != CURLE_OK) {
      const std::string said = Printable(
          Prefix(words[0] != '\0' ? words.data() : ::curl_easy_strerror(code), kLongestError));
      if (IsTransient(code)) return said;
      return Fail(ErrorCode::kIo, "{}: {}; {}", url_, said, WhatIsKept());
    }
    return Judge(status);
  }

  /// Of a response that ended as the server meant it to.
  Result<std::optional<std::string>> Judge(long status) {
    if (status == kOk || status == kPartialContent) {
      if (!body_begun_) REPRO_RETURN_IF_ERROR(BeginBody(status));  // an empty file
      // Without a length the end of the connection is the end of the file.
      if (Limit() == 0) complete_ = true;
      if (IsComplete()) return std::nullopt;
      return fmt::format("ended after {} of {} bytes", FormatCount(held_), FormatCount(Limit()));
    }
    if (status == kRangeNotSatisfiable && held_ > 0) {
      if (head_.total && *head_.total == held_) {
        total_ = held_;
        return std::nullopt;
      }
      REPRO_RETURN_IF_ERROR(BeginAnew());
      return std::string("the file has become shorter: HTTP status 416");
    }
    const std::string said = fmt::format("HTTP status {}", status);
    if (IsTransient(status)) return said;
    constexpr long kNotThere = 404;
    constexpr long kGone = 410;
    if (status == kNotThere || status == kGone) {
      return Fail(ErrorCode::kIo,
                  "{}: {}: it is no longer there; look at the publisher's home page, and correct "
                  "the URL",
                  url_, said);
    }
    return Fail(ErrorCode::kIo, "{}: {}: the server refuses; fetch it with a browser into {}", url_,
                said, request_.target.string());
  }

  /// At the first byte of a body that is the file's: whether it goes on or begins anew, and whether
  /// it can be the file that is wanted.
  Status BeginBody(long status) {
    body_begun_ = true;
    std::optional<std::int64_t> total = head_.total;
    if (status == kOk) {
      total = head_.length;
      total_ = 0;
      if (held_ > 0) REPRO_RETURN_IF_ERROR(BeginAnew());
    } else if (head_.start.value_or(-1) != held_) {
      return Fail(ErrorCode::kIo, "{}: asked for bytes from {} on, the server sends from {}", url_,
                  held_, head_.start.value_or(-1));
    } else if (held_ > 0 && total && total_ > 0 && *total != total_) {
      return Fail(ErrorCode::kIo, "{}: the file has changed while it was fetched; try again", url_);
    }
    total_ = total.value_or(total_);
    if (request_.bytes > 0 && total && *total != request_.bytes) {
      return Fail(ErrorCode::kCorrupt,
                  "{}: the server's file has {} bytes, expected {}; it has changed since the "
                  "manifest was written: look at the publisher's home page",
                  url_, FormatCount(*total), FormatCount(request_.bytes));
    }
    record_ = {request_.url, head_.etag, head_.last_modified};
    outcome_.etag = head_.etag;
    outcome_.last_modified = head_.last_modified;
    const Json json = {
        {"url", record_.url}, {"etag", record_.etag}, {"last_modified", record_.last_modified}};
    return WriteFileAtomic(record_path_, CanonicalJson(json) + "\n");
  }

  static std::size_t OnHeader(char* text, std::size_t, std::size_t bytes, void* self) {
    static_cast<Downloader*>(self)->head_.Take({text, bytes});
    return bytes;
  }

  static std::size_t OnBody(char* text, std::size_t, std::size_t bytes, void* self) {
    return static_cast<Downloader*>(self)->TakeBody({text, bytes}) ? bytes : 0;
  }

  static int OnTick(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Downloader*>(self)->Tick(0) ? 0 : 1;
  }

  /// False ends the connection; why stands in `refusal_`, or all that is wanted is there.
  bool TakeBody(std::string_view bytes) {
    long status = 0;
    ::curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    if (status != kOk && status != kPartialContent) return true;  // the page about an error
    if (!body_begun_) {
      if (auto begun = BeginBody(status); !begun) return Refuse(begun.error());
    }
    const std::int64_t limit = Limit();
    if (limit > 0 && held_ + static_cast<std::int64_t>(bytes.size()) > limit) {
      if (request_.first_bytes == 0) {
        return Refuse({ErrorCode::kCorrupt,
                       fmt::format("{}: more than the {} bytes that were expected; it has changed: "
                                   "look at the publisher's home page",
                                   url_, FormatCount(limit))});
      }
      bytes = bytes.substr(0, static_cast<std::size_t>(limit - held_));
    }
    if (const Status put = WriteAll(fd_, bytes, part_); !put) return Refuse(put.error());
    hash_.Update(bytes);
    held_ += static_cast<std::int64_t>(bytes.size());
    return request_.first_bytes == 0 || held_ < limit;
  }

  bool Refuse(Error error) {
    refusal_ = std::move(error);
    return false;
  }

  bool Tick(int failures) {
    if (!options_.on_progress) return true;
    stopped_ = !options_.on_progress({held_, Limit(), failures});
    return !stopped_;
  }

  Status Wait(int failures) {
    double seconds = options_.first_wait_seconds;
    for (int i = 1; i < failures && seconds < kLongestWait; ++i) seconds *= 2;
    seconds = std::min(std::max(seconds, asked_wait_), kLongestWait);
    constexpr double kStep = 0.1;
    for (const double end = SteadySeconds() + seconds; SteadySeconds() < end;) {
      if (!Tick(failures)) {
        return Fail(ErrorCode::kInterrupted, "{}: stopped; {}", url_, WhatIsKept());
      }
      std::this_thread::sleep_for(
          std::chrono::duration<double>(std::min(kStep, std::max(0.0, end - SteadySeconds()))));
    }
    return {};
  }

  std::string WhatIsKept() const {
    if (held_ == 0) return "try again later";
    return fmt::format("{} bytes are kept in {}: the same command goes on from there",
                       FormatCount(held_), part_.string());
  }

  Result<DownloadOutcome> Finish() {
    outcome_.bytes = held_;
    outcome_.sha256 = hash_.HexDigest();
    std::error_code ignored;
    if (!request_.sha256.empty() && outcome_.sha256 != request_.sha256) {
      fs::remove(part_, ignored);
      fs::remove(record_path_, ignored);
      return Fail(ErrorCode::kCorrupt,
                  "{}: SHA-256 is {}, expected {}; what came was removed: fetch it again, and if "
                  "that gives the same, the publisher has changed it",
                  url_, outcome_.sha256, request_.sha256);
    }
    if (::fsync(fd_) != 0) return FailErrno("fsync", part_.string());
    if (::rename(part_.c_str(), request_.target.c_str()) != 0) {
      return FailErrno("rename", part_.string());
    }
    fs::remove(record_path_, ignored);
    REPRO_RETURN_IF_ERROR(SyncDirectory(request_.target.parent_path()));
    return std::move(outcome_);
  }

  const DownloadRequest& request_;
  const DownloadOptions& options_;
  const std::string url_;  ///< for messages
  const fs::path part_;
  const fs::path record_path_;
  int fd_ = -1;
  std::int64_t held_ = 0;  ///< bytes in the part, all of them hashed
  Sha256 hash_;
  PartRecord record_;
  std::int64_t total_ = 0;  ///< as the server says
  bool complete_ = false;
  DownloadOutcome outcome_;

  // Of the connection at hand.
  CURL* curl_ = nullptr;
  ResponseHead head_;
  bool body_begun_ = false;
  bool stopped_ = false;
  std::optional<Error> refusal_;
  double asked_wait_ = 0;
};

}  // namespace

Result<DownloadOutcome> Download(const DownloadRequest& request, const DownloadOptions& options) {
  return Downloader(request, options).Run();
}

std::string PublicUrl(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return Printable(url);
  const std::string_view rest = url.substr(scheme + 3);
  const std::size_t at = rest.substr(0, rest.find('/')).rfind('@');
  const std::string_view place = at == std::string_view::npos ? rest : rest.substr(at + 1);
  return Printable(std::string(url.substr(0, scheme + 3)) + std::string(place));
}

}  // namespace repro
