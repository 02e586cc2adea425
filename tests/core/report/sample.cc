#include "tests/core/report/sample.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/rng.h"

namespace repro {
namespace {

const std::vector<std::string> kXlm7 = {"en", "fr", "de", "ru", "zh", "sw", "ur"};
const std::vector<std::string> kXnli15 = {"en", "fr", "de", "ru", "zh", "sw", "ur", "ar",
                                          "bg", "el", "es", "hi", "th", "tr", "vi"};
constexpr const char* kBuild = "2df5ca4.gcc-12.2.0.release";

class Sample {
 public:
  explicit Sample(const SampleOptions& options) : options_(options) {
    Describe();
    for (const Point& point : inputs_.experiment.points) {
      const int index = static_cast<int>(&point - inputs_.experiment.points.data());
      for (int seed = 1; seed <= options.seeds; ++seed) AddRun(point, index, "main", seed);
      const bool end = index == 0 || &point == &inputs_.experiment.points.back();
      if (end) {
        AddRun(point, index, "null-world", 1);
        AddRun(point, index, "no-pretraining", 1);
      }
    }
  }

  ReportInputs Take() { return std::move(inputs_); }

 private:
  std::string Text(const std::string& text) const { return text + options_.name_suffix; }

  void Describe() {
    Experiment& e = inputs_.experiment;
    e.id = "fig2";
    e.item = "Figure 2";
    e.title = Text("XNLI accuracy against the number of pretraining languages");
    e.question = Text(
        "How does accuracy change with the number of pretraining languages at fixed capacity?");
    e.path = "manifests/fig2.toml";
    e.scale = "desk";
    e.world = "babel";
    for (int seed = 1; seed <= options_.seeds; ++seed) e.pretrain_seeds.push_back(seed);
    e.finetune_seeds = {1};
    e.selection = "joint-dev";
    e.sweep_keys = {"languages"};
    e.hash = "6b7f0a1c2d3e4f5061728394a5b6c7d8e9f00112233445566778899aabbccdde";
    e.controls.null_world = {"xlm7", "wiki30"};
    e.controls.no_pretraining = {"xlm7", "wiki30"};
    std::vector<std::string> points = {"xlm7", "xnli15", "wiki30"};
    if (options_.complete_sweep) {
      points.insert(points.end(), {"wiki60", "wiki100"});
    } else {
      e.dropped_points = {"wiki60", "wiki100"};
    }
    for (const std::string& id : points) {
      e.points.push_back({id, {{"languages", id}}, id == "xlm7" ? kXlm7 : kXnli15, nullptr});
    }
    for (const std::string& code : kXnli15) e.languages[code].code = code;
    e.languages["sw"].name = "Swahili";
    const auto series = [&](const char* id, const std::string& name, const char* metric,
                            std::vector<std::string> languages, bool companion) {
      Series& added = e.series.emplace_back();
      added.id = id;
      added.name = Text(name);
      added.metric = metric;
      added.languages = std::move(languages);
      added.companion = companion;
    };
    const std::vector<std::string> targets(kXlm7.begin() + 1, kXlm7.end());
    series("low", "low (mean of sw, ur)", "xnli.accuracy", {"sw", "ur"}, false);
    series("high", "high (mean of en, fr)", "xnli.accuracy", {"en", "fr"}, false);
    series("all", "all (mean of XLM-7)", "xnli.accuracy", kXlm7, false);
    series("topic.low", "low (mean of sw, ur)", "topic.accuracy", {"sw", "ur"}, true);
    series("topic.high", "high (mean of en, fr)", "topic.accuracy", {"en", "fr"}, true);
    series("retrieval", "others of XLM-7 against the source", "retrieval.accuracy", targets, true);
    e.claims = {
        {"fig2.low.peaks_at_15", "low", "rises-then-falls", "xnli15",
         Text("Low-resource accuracy peaks at 15 languages"), 0, ""},
        {"fig2.high.falls", "high", "falls-at-every-step", "",
         Text("High-resource accuracy falls at every step"), 0, ""},
        {"fig2.all.level_then_falls", "all", "level-then-falls", "xnli15",
         Text("The average is level to 15 languages, then falls"), 1, "read-off error"},
    };
    e.assumptions = {
        {"pretrain.updates", 125000, "neighbour", Text("RoBERTa base recipe"), {62500, 250000}}};

    ReferenceItem reference;
    reference.item = "Figure 2";
    reference.unit = "percent";
    reference.points = {"xlm7", "xnli15", "wiki30", "wiki60", "wiki100"};
    reference.notes = {Text("one pixel is 0.34 points")};
    const auto paper = [&](const char* id, const char* direction, std::vector<double> values) {
      ReferenceSeries line;
      line.id = id;
      line.direction = direction;
      for (std::size_t i = 0; i < values.size(); ++i)
        line.cells[reference.points[i]] = {values[i], 0.34, "pixels"};
      reference.series.push_back(line);
    };
    paper("low", "rises from 7 to 15, then falls", {62.9, 65.6, 63.9, 60.9, 57.8});
    paper("high", "falls at every step", {80.1, 79.5, 78.8, 77.4, 75.1});
    paper("all", "level, then falls", {72.7, 73.0, 72.0, 70.0, 67.6});
    reference.series.back().stated["xlm7"] = {71.8, 0, "stated"};
    inputs_.reference = std::move(reference);

    inputs_.measures = *LoadMeasures(std::filesystem::path(REPRO_REPORTS) / "measures.json");
    inputs_.build_id = kBuild;
    inputs_.command = "repro run fig2 --scale desk";
    inputs_.now_ms = 1'790'000'000'000;
    InvocationRow invocation;
    invocation.experiment_id = "fig2";
    invocation.scale = "desk";
    invocation.manifest_hash = e.hash;
    invocation.started_ms = inputs_.now_ms - 3'000'000;
    invocation.ended_ms = inputs_.now_ms - 60'000;
    invocation.provenance = {{"git", {{"commit", "2df5ca4d1e2f3a4b5c6d"}, {"dirty", false}}},
                             {"host", {{"name", "box"}, {"os", "Debian 12"}}},
                             {"cpu", {{"model", "Test CPU"}, {"cores", 2}}}};
    inputs_.invocations = {invocation};
  }

  std::string AddTask(const std::string& kind, const std::string& point, const std::string& role,
                      int seed, double seconds) {
    const std::string key = SampleKey(kind, point, role, seed);
    Task task;
    task.kind = kind;
    task.key = key;
    task.label = fmt::format("{} {} {} seed {}", kind, point, role, seed);
    inputs_.plan[key] = task;
    TaskRow row;
    row.key = key;
    row.kind = kind;
    row.label = task.label;
    row.state = "done";
    row.seconds = seconds;
    row.build = kBuild;
    inputs_.tasks[key] = row;
    return key;
  }

  void Log(const std::string& key, const std::string& name, double value,
           const std::string& language, const std::string& split = "test", std::int64_t seed = -1) {
    inputs_.metrics.push_back({key, name, language, split, 0, seed, value});
  }

  // Noise with this spread, the same for the same arguments whatever else is drawn.
  static double Noise(const std::string& purpose, int seed, double spread) {
    Rng rng(static_cast<std::uint64_t>(seed), purpose);
    double sum = 0;
    for (int i = 0; i < 12; ++i) sum += rng.Uniform();
    return spread * (sum - 6);
  }

  void AddRun(const Point& point, int index, const std::string& role, int seed) {
    RunSpec run;
    run.point = point.id;
    run.sweep = point.sweep;
    run.role = role;
    run.pretrain_seed = seed;
    run.finetune_seeds = {1};
    run.config = {{"benchmark", {{"parallel", 200}}}};
    const std::string vocab =
        AddTask("vocab", point.id, role == "null-world" ? role : "main", 0, 20);
    const std::string controls =
        AddTask("controls", point.id, role == "null-world" ? role : "main", 0, 3);
    const std::string pretrain = AddTask("pretrain", point.id, role, seed, 400);
    const std::string intrinsic = AddTask("intrinsic", point.id, role, seed, 30);
    const std::string xnli = AddTask("evaluate-xnli", point.id, role, seed, 40);
    const std::string topic = AddTask("evaluate-topic", point.id, role, seed, 30);
    run.task_keys = {vocab, controls, pretrain, intrinsic, xnli, topic};
    inputs_.runs.push_back(run);
    const bool main = role == "main";
    const bool trained = role != "no-pretraining";

    if (seed == 1) LogSharedFacts(point, role, vocab, controls);
    const double margin =
        trained ? 1.4 - 0.2 * index + Noise("margin" + point.id, seed, 0.02) : -0.01;
    for (const std::string& code : point.languages) {
      Log(pretrain, "valid.unigram_loss", 6.0, code, "");
      Log(pretrain, "valid.context_free_loss", 5.7, code, "");
      Log(pretrain, "valid.loss", 6.0 - margin, code, "");
    }
    for (const std::string& code : point.languages) {
      const std::string where = role + point.id + code;
      const bool source = code == "en";
      const bool low = code == "sw" || code == "ur";
      Log(pretrain, "pretrain.repeats", low ? 9.5 : 2.5, code, "");
      double xnli_value = 1.0 / 3 + Noise("xnli" + where, seed, 0.008);
      if (options_.xnli_moves && main)
        xnli_value += source ? 0.3 - 0.03 * index : 0.1 - 0.03 * index;
      Log(xnli, "xnli.accuracy", xnli_value, code, "test", 1);
      Log(xnli, "xnli.accuracy", 0.99, code, "dev", 1);  // must never be shown
      double topic_value =
          source ? (trained ? 0.9 : 0.62) : (main ? 0.55 - 0.03 * index - (low ? 0.08 : 0) : 0.14);
      topic_value += Noise("topic" + where, seed, 0.012) + Noise("topic" + point.id, seed, 0.01);
      Log(topic, "topic.accuracy", topic_value, code, "test", 1);
      if (!source) {
        Log(intrinsic, "retrieval.accuracy",
            (main ? 0.42 - 0.05 * index : 0.006) + Noise("retrieval" + where, seed, 0.015 * main),
            code);
      }
      Log(intrinsic, "pseudo_bits.per_sentence",
          (trained ? 48 + 2 * index : 95) + Noise("bits" + where, seed, 0.6), code);
    }
  }

  void LogSharedFacts(const Point& point, const std::string& role, const std::string& vocab,
                      const std::string& controls) {
    if (role == "no-pretraining") return;  // shares the tasks of the sweep
    for (const std::string& code : point.languages) {
      const std::string where = role + point.id + code;
      Log(vocab, "vocab.tokens_per_word", 1.9 + Noise("words" + where, 0, 0.1), code, "");
      Log(vocab, "vocab.coverage", 0.9995, code, "");
      Log(vocab, "vocab.unknown_rate", 0.0004, code, "");
      for (const char* name : {"hypothesis_only", "surface_lookup", "surface_regression"}) {
        Log(controls, fmt::format("control.{}.accuracy", name),
            1.0 / 3 + Noise(name + where, 0, 0.006), code);
      }
    }
  }

  const SampleOptions options_;
  ReportInputs inputs_;
};

}  // namespace

std::string SampleKey(const std::string& kind, const std::string& point, const std::string& role,
                      int seed) {
  return fmt::format("{}|{}|{}|{}", kind, point, role, seed);
}

ReportInputs SampleInputs(const SampleOptions& options) {
  return Sample(options).Take();
}

}  // namespace repro
