#include "core/io/download.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/io/file.h"
#include "tests/core/http_server.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::HttpRequest;
using testing::HttpServer;
using ::testing::Not;

std::string Content(std::size_t bytes, unsigned int seed = 1) {
  std::string content(bytes, '\0');
  for (char& c : content) {
    seed = seed * 1664525U + 1013904223U;
    c = static_cast<char>(seed >> 24U);
  }
  return content;
}

class DownloadTest : public ::testing::Test {
 protected:
  DownloadTest() { options_.first_wait_seconds = 0.01; }

  Result<DownloadOutcome> Get(const HttpServer& server, const std::string& path) {
    request_.url = server.Url(path);
    request_.target = target_;
    return Download(request_, options_);
  }
  std::string Target() const { return ReadFile(target_).value_or("(no file)"); }
  std::string Part() const { return ReadFile(part_).value_or("(no part)"); }

  TempFolder folder_;
  fs::path target_ = folder_ / "file";
  fs::path part_ = folder_ / "file.part";
  DownloadRequest request_;
  DownloadOptions options_;
  std::string content_ = Content(300'000);
};

TEST_F(DownloadTest, AFileComesWholeAndLeavesNothingBeside) {
  HttpServer server([&](const HttpRequest& request) {
    return HttpServer::RespondFile(request, content_, "\"v1\"");
  });
  request_.bytes = static_cast<std::int64_t>(content_.size());
  request_.sha256 = Sha256Hex(content_);
  std::int64_t seen = 0;
  options_.on_progress = [&](const DownloadProgress& progress) {
    EXPECT_GE(progress.bytes, seen);
    seen = progress.bytes;
    return true;
  };
  const auto got = Get(server, "/file");
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->bytes, 300'000);
  EXPECT_EQ(got->sha256, request_.sha256);
  EXPECT_EQ(got->etag, "\"v1\"");
  EXPECT_EQ(got->resumed_from, 0);
  EXPECT_EQ(seen, 300'000);
  EXPECT_EQ(Target(), content_);
  EXPECT_FALSE(fs::exists(part_));
  EXPECT_FALSE(fs::exists(part_.string() + ".json"));
}

TEST_F(DownloadTest, AnEmptyFileIsAFile) {
  HttpServer server([](const HttpRequest&) { return HttpServer::Respond(200, "", ""); });
  ASSERT_TRUE(Get(server, "/file"));
  EXPECT_EQ(Target(), "");
}

TEST_F(DownloadTest, AfterACutItGoesOnWhereItWas) {
  HttpServer server([&](const HttpRequest& request) {
    const std::string whole = HttpServer::RespondFile(request, content_, "\"v1\"");
    return request.Header("range").empty() ? whole.substr(0, 100'000) : whole;
  });
  request_.sha256 = Sha256Hex(content_);
  const auto got = Get(server, "/file");
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(Target(), content_);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_GT(requests[1].RangeStart(), 50'000U);
  EXPECT_EQ(requests[1].Header("if-range"), "\"v1\"");
}

TEST_F(DownloadTest, ALaterCallGoesOnToo) {
  options_.retries = 0;
  {
    HttpServer server([&](const HttpRequest& request) {
      return HttpServer::RespondFile(request, content_, "\"v1\"").substr(0, 100'000);
    });
    const auto cut = Get(server, "/file");
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().code, ErrorCode::kIo);
    EXPECT_THAT(cut.error().message, HasSubstr("the same command goes on from there"));
    EXPECT_FALSE(fs::exists(target_));
  }
  const std::string part = Part();
  ASSERT_TRUE(content_.starts_with(part));
  // The new server has a new port, and a part belongs to one URL.
  HttpServer server([&](const HttpRequest& request) {
    return HttpServer::RespondFile(request, content_, "\"v1\"");
  });
  ASSERT_TRUE(WriteFileAtomic(
      part_.string() + ".json",
      fmt::format(R"({{"etag":"\"v1\"","last_modified":"","url":"{}"}})", server.Url("/file"))));
  request_.sha256 = Sha256Hex(content_);
  const auto got = Get(server, "/file");
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->resumed_from, static_cast<std::int64_t>(part.size()));
  EXPECT_EQ(server.requests()[0].RangeStart(), part.size());
  EXPECT_EQ(Target(), content_);
}

TEST_F(DownloadTest, AFileThatChangedBeginsAnew) {
  const std::string changed = Content(200'000, 7);
  int calls = 0;
  HttpServer server([&](const HttpRequest& request) {
    if (calls++ == 0) return HttpServer::RespondFile(request, content_, "\"v1\"").substr(0, 99'999);
    return HttpServer::RespondFile(request, changed, "\"v2\"");
  });
  ASSERT_TRUE(Get(server, "/file"));
  EXPECT_EQ(Target(), changed);
}

TEST_F(DownloadTest, AServerWithoutRangesBeginsAnew) {
  int calls = 0;
  HttpServer server([&](const HttpRequest&) {
    const std::string whole = HttpServer::Respond(200, "ETag: \"v1\"\r\n", content_);
    return calls++ == 0 ? whole.substr(0, 100'000) : whole;
  });
  ASSERT_TRUE(Get(server, "/file"));
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(Target(), content_);
}

TEST_F(DownloadTest, AServerThatAlwaysBreaksOffIsGivenUp) {
  options_.retries = 3;
  HttpServer server([&](const HttpRequest&) {
    return HttpServer::Respond(200, "", content_).substr(0, 100'000);
  });
  const auto got = Get(server, "/file");
  ASSERT_FALSE(got);
  EXPECT_EQ(server.requests().size(), 4U) << "the first brings bytes, and three in a row none";
}

TEST_F(DownloadTest, OfAPrefixNoMoreIsFetched) {
  for (const bool ranges : {true, false}) {
    fs::remove(target_);
    HttpServer server([&](const HttpRequest& request) {
      return ranges ? HttpServer::RespondFile(request, content_, "\"v1\"")
                    : HttpServer::Respond(200, "", content_);
    });
    request_.first_bytes = 12'345;
    request_.bytes = 300'000;
    request_.sha256 = Sha256Hex(content_.substr(0, 12'345));
    const auto got = Get(server, "/file");
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(Target(), content_.substr(0, 12'345));
    EXPECT_EQ(server.requests()[0].Header("range"), "bytes=0-12344");
  }
}

TEST_F(DownloadTest, APrefixLongerThanTheFileIsTheFile) {
  HttpServer server([&](const HttpRequest& request) {
    return HttpServer::RespondFile(request, content_, "\"v1\"");
  });
  request_.first_bytes = 1'000'000;
  ASSERT_TRUE(Get(server, "/file"));
  EXPECT_EQ(Target(), content_);
}

TEST_F(DownloadTest, AWrongSizeIsSaidBeforeTheFileComes) {
  HttpServer server([&](const HttpRequest& request) {
    return HttpServer::RespondFile(request, content_, "\"v1\"");
  });
  request_.bytes = 300'001;
  const auto got = Get(server, "/file");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(got.error().message,
              HasSubstr("/file: the server's file has 300,000 bytes, expected 300,001"));
  EXPECT_EQ(Part(), "");
  EXPECT_FALSE(fs::exists(target_));
}

TEST_F(DownloadTest, AWrongChecksumRemovesWhatCame) {
  HttpServer server([&](const HttpRequest& request) {
    return HttpServer::RespondFile(request, content_, "\"v1\"");
  });
  request_.sha256 = std::string(64, '0');
  const auto got = Get(server, "/file");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(got.error().message, HasSubstr("SHA-256 is " + Sha256Hex(content_)));
  EXPECT_FALSE(fs::exists(target_));
  EXPECT_FALSE(fs::exists(part_));
}

TEST_F(DownloadTest, NotThereIsSaidAtOnce) {
  HttpServer server(
      [](const HttpRequest&) { return HttpServer::Respond(404, "", "no such page"); });
  const auto got = Get(server, "/gone?token=secret");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::kIo) << "as whatever else fails on the way";
  EXPECT_THAT(got.error().message, HasSubstr("/gone: HTTP status 404: it is no longer there"));
  EXPECT_THAT(got.error().message, Not(HasSubstr("secret")));
  EXPECT_EQ(server.requests().size(), 1U);
  EXPECT_EQ(Part(), "") << "the page about the error is no part of the file";
}

TEST_F(DownloadTest, ABusyServerIsAskedAgain) {
  int calls = 0;
  HttpServer server([&](const HttpRequest&) {
    return calls++ < 2 ? HttpServer::Respond(503, "", "busy")
                       : HttpServer::Respond(200, "", content_);
  });
  ASSERT_TRUE(Get(server, "/file"));
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(Target(), content_);
}

TEST_F(DownloadTest, ARedirectIsFollowed) {
  HttpServer server([&](const HttpRequest& request) {
    return request.path == "/file"
               ? HttpServer::Respond(302, "Location: /elsewhere\r\nETag: \"r\"\r\n", "moved")
               : HttpServer::RespondFile(request, content_, "\"v1\"");
  });
  const auto got = Get(server, "/file");
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(Target(), content_);
  EXPECT_EQ(got->etag, "\"v1\"");
}

TEST_F(DownloadTest, ARedirectToAFileOfThisMachineIsRefused) {
  ASSERT_TRUE(WriteFileAtomic(folder_ / "secret", "a secret"));
  HttpServer server([&](const HttpRequest&) {
    return HttpServer::Respond(302, "Location: file://" + (folder_ / "secret").string() + "\r\n",
                               "");
  });
  const auto got = Get(server, "/file");
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error().message, HasSubstr("Protocol \"file\" not supported"));
  EXPECT_FALSE(fs::exists(target_));
}

TEST_F(DownloadTest, OtherProtocolsAreRefused) {
  for (const char* url : {"file:///etc/passwd", "ftp://x/y", "gopher://x", "x"}) {
    request_.url = url;
    request_.target = target_;
    const auto got = Download(request_, options_);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST_F(DownloadTest, AServerThatIsNotThereIsNamed) {
  std::string url;
  {
    HttpServer server([](const HttpRequest&) { return std::string(); });
    url = server.Url("/file");
  }
  request_.url = url;
  request_.target = target_;
  options_.retries = 1;
  const auto got = Download(request_, options_);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::kIo);
  EXPECT_THAT(got.error().message, HasSubstr(url + ": Failed to connect"));
}

TEST_F(DownloadTest, StoppingKeepsThePart) {
  HttpServer server([&](const HttpRequest& request) {
    return HttpServer::RespondFile(request, content_, "\"v1\"");
  });
  options_.on_progress = [](const DownloadProgress& progress) { return progress.bytes == 0; };
  const auto got = Get(server, "/file");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::kInterrupted);
  EXPECT_FALSE(Part().empty());
  EXPECT_TRUE(content_.starts_with(Part()));
  options_.on_progress = nullptr;
  const auto rest = Get(server, "/file");
  ASSERT_TRUE(rest) << rest.error().message;
  EXPECT_GT(rest->resumed_from, 0);
  EXPECT_EQ(Target(), content_);
}

TEST_F(DownloadTest, AFolderThatIsNotThereIsAnError) {
  HttpServer server([](const HttpRequest&) { return HttpServer::Respond(200, "", "x"); });
  target_ = folder_ / "no" / "file";
  const auto got = Get(server, "/file");
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error().message, HasSubstr("no/file.part"));
}

TEST(PublicUrlTest, HidesWhatIsNobodysBusiness) {
  EXPECT_EQ(PublicUrl("https://user:pass@host/a@b?token=1#x"), "https://host/a@b");
  EXPECT_EQ(PublicUrl("https://host/a"), "https://host/a");
  EXPECT_EQ(PublicUrl("no url\x1b"), "no url\\x1b");
}

}  // namespace
}  // namespace repro
