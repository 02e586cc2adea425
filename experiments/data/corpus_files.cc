#include "experiments/data/corpus_files.h"

#include <cerrno>
#include <fstream>

#include <fmt/format.h>

#include "core/io/json_io.h"

namespace repro {

Result<CorpusFiles> CorpusFiles::Load(const std::filesystem::path& folder) {
  const std::filesystem::path stats = folder / "stats.json";
  REPRO_ASSIGN_OR_RETURN(const Json json, LoadJson(stats));
  const auto units = json.find("nominal_units");
  if (units == json.end() || !units->is_number() || !(units->get<double>() > 0)) {
    return Fail(ErrorCode::kCorrupt, "{}: nominal_units: expected a number above 0",
                stats.string());
  }
  return CorpusFiles{folder / "text.txt", folder / "heldout.txt", units->get<double>(),
                     TextField(json, "left_out")};
}

Status ForEachLine(const std::filesystem::path& path,
                   const std::function<Status(std::string_view)>& visit) {
  std::ifstream in(path);
  if (!in && errno == ENOENT) return Fail(ErrorCode::kNotFound, "{}: no such file", path.string());
  if (!in) return FailErrno("open", path.string());
  std::string line;
  for (std::int64_t number = 1; std::getline(in, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const Status status = visit(line);
    if (!status) return Context(fmt::format("{}:{}", path.string(), number), status.error());
  }
  if (in.bad()) return FailErrno("read", path.string());
  return {};
}

}  // namespace repro
