#pragma once
/// Inside of RunLog, shared by its three sources (writing, reading, ingestion). SQLiteCpp throws;
/// `Guard` is where that ends.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include "core/store/run_log.h"

namespace repro {

/// One use of a cached statement: bound, stepped, and reset when it goes out of scope.
class Query {
 public:
  explicit Query(SQLite::Statement& statement) : statement_(statement) {}
  ~Query() { statement_.tryReset(); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  /// Binds ?1, ?2, ... in order.
  template <class... Args>
  Query& Bind(const Args&... args) {
    int index = 0;
    (BindOne(++index, args), ...);
    return *this;
  }
  bool Next() { return statement_.executeStep(); }
  void Run() {
    while (statement_.executeStep()) {
    }
  }

  std::int64_t Int(int column) const { return statement_.getColumn(column).getInt64(); }
  double Real(int column) const { return statement_.getColumn(column).getDouble(); }
  bool Null(int column) const { return statement_.getColumn(column).isNull(); }
  std::string Text(int column) const {
    const SQLite::Column value = statement_.getColumn(column);
    const char* text = value.getText("");
    return {text, static_cast<std::size_t>(value.getBytes())};
  }

 private:
  template <class T>
  void BindOne(int index, const T& value) {
    if constexpr (std::is_same_v<T, std::nullptr_t>) {
      statement_.bind(index);
    } else if constexpr (std::is_floating_point_v<T>) {
      statement_.bind(index, static_cast<double>(value));
    } else if constexpr (std::is_integral_v<T>) {
      statement_.bind(index, static_cast<std::int64_t>(value));
    } else {
      statement_.bind(index, std::string(std::string_view(value)));
    }
  }

  SQLite::Statement& statement_;
};

struct RunLog::Impl {
  std::string path;
  bool writable = false;
  std::unique_ptr<SQLite::Database> database;
  std::map<std::string, std::unique_ptr<SQLite::Statement>, std::less<>> statements;
  int depth = 0;  ///< open transactions: one and savepoints inside it

  SQLite::Statement& Prepare(std::string_view sql);
  /// Errors: our codes, with the path and what to do next.
  Error Translate(std::string_view what, const SQLite::Exception& error) const;

  /// Runs `body`; what SQLite throws becomes an error that says `what` was being done.
  template <class Body>
  auto Guard(std::string_view what, Body&& body) -> decltype(body()) {
    try {
      return body();
    } catch (const SQLite::Exception& error) {
      return tl::unexpected<Error>(Translate(what, error));
    }
  }

  /// As `Guard`, inside a transaction (a savepoint when there is one already) that an error rolls
  /// back.
  template <class Body>
  auto Write(std::string_view what, Body&& body) -> decltype(body()) {
    if (!writable) {
      return Fail(ErrorCode::kInvalidArgument, "{}: opened for reading, cannot {}", path, what);
    }
    return Guard(what, [&]() -> decltype(body()) {
      Begin();
      try {
        auto result = body();
        if (result) {
          Commit();
        } else {
          Rollback();
        }
        return result;
      } catch (...) {
        Rollback();
        throw;
      }
    });
  }

 private:
  void Begin();
  void Commit();
  void Rollback() noexcept;
};

}  // namespace repro
