#include "experiments/corpus/clean/ngram_trainer.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <signal.h>

#include "core/io/file.h"
#include "core/io/scratch_folder.h"
#include "core/io/subprocess.h"
#include "experiments/corpus/clean/kenlm_message.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr auto kPollInterval = std::chrono::milliseconds(20);

Result<ExitStatus> WaitOrStop(Subprocess& process, const std::atomic<bool>* stop) {
  if (stop == nullptr) return process.Wait();
  for (;;) {
    REPRO_ASSIGN_OR_RETURN(const std::optional<ExitStatus> exit, process.Poll());
    if (exit) return *exit;
    if (*stop) {
      process.Signal(SIGKILL);  // what it leaves behind is in the scratch folder
      REPRO_RETURN_IF_ERROR(process.Wait());
      return Fail(ErrorCode::kInterrupted, "asked to stop");
    }
    std::this_thread::sleep_for(kPollInterval);
  }
}

/// Runs one of KenLM's programs to its end; returns its peak memory.
Result<std::int64_t> RunProgram(const NgramTrainerOptions& options, const char* name,
                                std::vector<std::string> arguments, const ScratchFolder& scratch) {
  SubprocessOptions start;
  start.program = fs::absolute(options.programs / name);
  start.arguments = std::move(arguments);
  start.stdout_file = start.stderr_file = scratch / "log";
  REPRO_RETURN_IF_ERROR(CheckPlainFile(start.program));
  REPRO_ASSIGN_OR_RETURN(Subprocess process, Subprocess::Start(start));
  REPRO_ASSIGN_OR_RETURN(const ExitStatus exit, WaitOrStop(process, options.stop));
  if (exit.code != 0) {
    REPRO_ASSIGN_OR_RETURN(const std::string said, ReadFile(start.stderr_file));
    return Fail(ErrorCode::kFailed, "{} {}: {}", name,
                exit.signal == SIGKILL ? "was killed (out of memory?)" : "failed",
                KenlmReason(said));
  }
  return exit.peak_rss;
}

/// The "ngram ORDER=COUNT" lines of the head of an ARPA file that lmplz wrote.
Result<std::vector<std::int64_t>> ReadCounts(const fs::path& arpa) {
  std::ifstream in(arpa);
  std::vector<std::int64_t> counts;
  for (std::string line; std::getline(in, line) && !line.empty();) {
    const std::size_t equals = line.find('=');
    if (!line.starts_with("ngram ") || equals == std::string::npos) continue;
    std::int64_t& count = counts.emplace_back();
    std::from_chars(line.data() + equals + 1, line.data() + line.size(), count);
  }
  if (counts.empty()) return Fail(ErrorCode::kFailed, "lmplz wrote no n-gram counts");
  return counts;
}

Status CheckOptions(const fs::path& text, const NgramTrainerOptions& options) {
  if (options.order < 2 || options.order > KENLM_MAX_ORDER) {
    return Fail(ErrorCode::kInvalidArgument, "n-gram order {}: expected 2 to {}", options.order,
                KENLM_MAX_ORDER);
  }
  REPRO_RETURN_IF_ERROR(CheckPlainFile(text));
  std::ifstream in(text);
  std::string token;
  if (!(in >> token)) {
    return Fail(ErrorCode::kInvalidArgument, "{}: no token in it, so no n-gram model can be made",
                text.string());
  }
  return {};
}

}  // namespace

Result<TrainedNgrams> TrainNgramModel(const fs::path& text, const fs::path& out, NgramFormat format,
                                      const NgramTrainerOptions& options) {
  REPRO_RETURN_IF_ERROR(CheckOptions(text, options));
  REPRO_ASSIGN_OR_RETURN(const ScratchFolder scratch, ScratchFolder::Beside(fs::absolute(out)));
  const fs::path arpa = scratch / "model.arpa";
  std::vector<std::string> arguments = {"-o",
                                        std::to_string(options.order),
                                        "-S",
                                        options.memory,
                                        "-T",
                                        (scratch / "").string(),
                                        "--vocab_estimate",
                                        std::to_string(options.vocab_estimate),
                                        "--skip_symbols",
                                        "--text",
                                        fs::absolute(text).string(),
                                        "--arpa",
                                        arpa.string()};
  if (options.discount_fallback) arguments.emplace_back("--discount_fallback");
  TrainedNgrams trained;
  REPRO_ASSIGN_OR_RETURN(trained.peak_rss,
                         RunProgram(options, "lmplz", std::move(arguments), scratch));
  REPRO_ASSIGN_OR_RETURN(trained.counts, ReadCounts(arpa));
  fs::path made = arpa;
  if (format == NgramFormat::kBinary) {
    made = scratch / "model.bin";
    REPRO_ASSIGN_OR_RETURN(
        const std::int64_t peak_rss,
        RunProgram(options, "build_binary", {"probing", arpa.string(), made.string()}, scratch));
    trained.peak_rss = std::max(trained.peak_rss, peak_rss);
  }
  std::error_code error;
  fs::rename(made, out, error);
  if (error)
    return Fail(ErrorCode::kIo, "{}: cannot be written: {}", out.string(), error.message());
  return trained;
}

}  // namespace repro
