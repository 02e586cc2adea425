#pragma once
/// A real HTTP server on this machine for tests: plain sockets, one connection after the other, and
/// bytes on the wire that the test decides.

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/check.h"

namespace repro::testing {

struct HttpRequest {
  std::string path;
  std::map<std::string, std::string> headers;  ///< names in lower case

  std::string Header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
  /// Where "Range: bytes=10-" begins; 0 without one.
  std::size_t RangeStart() const {
    const std::string range = Header("range");
    return range.empty() ? 0 : std::stoul(range.substr(std::string("bytes=").size()));
  }
};

class HttpServer {
 public:
  /// Gives all bytes of the response; behind them the connection is closed.
  using Handler = std::function<std::string(const HttpRequest&)>;

  explicit HttpServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REPRO_CHECK(listener_ >= 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    REPRO_CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    socklen_t size = sizeof address;
    REPRO_CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    REPRO_CHECK(::listen(listener_, 8) == 0);
    port_ = ::ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~HttpServer() {
    stop_ = true;
    thread_.join();
    ::close(listener_);
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string Url(const std::string& path) const {
    return fmt::format("http://127.0.0.1:{}{}", port_, path);
  }
  std::vector<HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  static std::string Respond(int status, const std::string& headers, std::string_view body) {
    return fmt::format("HTTP/1.1 {} x\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n{}",
                       status, body.size(), headers, body);
  }
  /// As a server of files does it: the range that is asked for, if the file is still `etag`.
  static std::string RespondFile(const HttpRequest& request, std::string_view file,
                                 const std::string& etag) {
    const std::string range = request.Header("range");
    const std::string if_range = request.Header("if-range");
    const std::string tag = "ETag: " + etag + "\r\n";
    if (range.empty() || (!if_range.empty() && if_range != etag)) return Respond(200, tag, file);
    const std::size_t start = request.RangeStart();
    if (start >= file.size()) {
      return Respond(416, fmt::format("Content-Range: bytes */{}\r\n", file.size()), "");
    }
    const std::string last = range.substr(range.find('-') + 1);
    const std::size_t end =
        last.empty() ? file.size() : std::min(file.size(), std::stoul(last) + 1);
    return Respond(
        206, tag + fmt::format("Content-Range: bytes {}-{}/{}\r\n", start, end - 1, file.size()),
        file.substr(start, end - start));
  }

 private:
  void Serve() {
    while (!stop_) {
      pollfd ready = {listener_, POLLIN, 0};
      if (::poll(&ready, 1, 20) <= 0) continue;
      const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) continue;
      Answer(connection);
      ::close(connection);
    }
  }

  void Answer(int connection) {
    std::string head;
    std::string block(4096, '\0');
    while (head.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = ::recv(connection, block.data(), block.size(), 0);
      if (got <= 0) return;
      head.append(block, 0, static_cast<std::size_t>(got));
    }
    const HttpRequest request = Parse(head);
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const std::string response = handler_(request);
    for (std::string_view rest = response; !rest.empty();) {
      const ssize_t put = ::send(connection, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (put <= 0) return;
      rest.remove_prefix(static_cast<std::size_t>(put));
    }
    ::shutdown(connection, SHUT_WR);
    // Until the client has read it: a close with bytes unread would cut the answer off.
    while (::recv(connection, block.data(), block.size(), 0) > 0) continue;
  }

  static HttpRequest Parse(const std::string& head) {
    HttpRequest request;
    const std::size_t path = head.find(' ') + 1;
    request.path = head.substr(path, head.find(' ', path) - path);
    std::size_t at = head.find("\r\n") + 2;
    for (std::size_t end; (end = head.find("\r\n", at)) != at; at = end + 2) {
      const std::size_t colon = head.find(':', at);
      std::string name = head.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      request.headers[name] = head.substr(colon + 2, end - colon - 2);
    }
    return request;
  }

  Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<HttpRequest> requests_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace repro::testing
