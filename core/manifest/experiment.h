#pragma once
/// A validated experiment: what one manifest says at one scale. Plain data, made by
/// `LoadExperiment` (manifest.h).
///
/// The generic half is typed here. The sections that belong to task kinds ([corpus], [vocab],
/// [model], ...) stay a tree with positions per point (`Point::config`); the kinds read them
/// through `SectionReader`.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/io/json_io.h"

namespace repro {

class Document;  // document.h: a TOML tree with positions

/// `[[assumption]]`: a value that the paper does not state.
struct Assumption {
  std::string key;  ///< "pretrain.updates"
  Json value;
  std::string status = "guess";  ///< "stated", "neighbour" or "guess"
  std::string source;
  std::vector<Json> alternatives;
};

/// `[[series]]`: which metric over which languages makes one line of the figure; or, by language,
/// one column of a table.
struct Series {
  std::string id;                      ///< "low"
  std::string name;                    ///< "low (mean of sw, ur)"
  std::string metric;                  ///< "xnli.accuracy"
  std::vector<std::string> languages;  ///< averaged; by language: empty
  bool by_language = false;            ///< its points are the languages, not those of the sweep
  std::string at;  ///< by language: the point of the sweep that it shows; empty: all
  /// By language, at the paper's own scale: how far a count may lie from the paper's, as a share.
  double relative_margin = 0;
  std::string margin_source;
  /// A measure of ours beside the paper's: drawn and tested, no paper values.
  bool companion = false;
  /// Where the measure exists; empty: everywhere. In other worlds the series is left out.
  std::vector<std::string> worlds;
  /// "most" or "least": its languages are of the half with most, or least, text in this corpus. The
  /// report holds that against the bytes that there are.
  std::string text;
};

/// `[[claim]]`: a statement of the paper about one series, judged by a named rule.
struct Claim {
  std::string id;  ///< "fig2.low.peaks_at_15"
  std::string series;
  std::string rule;   ///< "falls-at-every-step", "rises-then-falls", "level-then-falls"
  std::string peak;   ///< sweep value where a rule turns, e.g. "xnli15"
  std::string text;   ///< one sentence for people
  double margin = 0;  ///< points; for "level with" (TOST)
  std::string margin_source;
};

/// `[controls]`: runs that say what a number would be with nothing learnt across languages.
struct ControlSettings {
  /// Sweep values at which the null world is run.
  std::vector<std::string> null_world;
  /// Sweep values at which an untrained encoder is fine-tuned.
  std::vector<std::string> no_pretraining;
  std::vector<std::int64_t> seeds = {1};  ///< pretraining seeds of the controls
};

/// `[monolingual]`: models of one language alone on growing amounts of its text, all else as at the
/// sweep's first point. They draw the curve from which the sweep's models are read off: how much
/// text of that language alone would have given the same value.
struct MonolingualSettings {
  std::string metric;  ///< "pseudo_bits.per_character"; lower is better
  std::map<std::string, std::vector<std::int64_t>> max_bytes;  ///< by language, rising
  std::vector<std::int64_t> seeds = {1};                       ///< pretraining seeds of the curve
};

/// One value of the sweep (or one [[run]] row) with everything resolved: scale overlay, sweep
/// value, --set.
struct Point {
  std::string id;                            ///< "xlm7"
  std::map<std::string, std::string> sweep;  ///< "languages" -> "xlm7", "budget" -> "same-updates"
  std::vector<std::string> languages;        ///< codes of the set, in the set's order
  std::shared_ptr<const Document> config;    ///< the resolved tree
};

/// A language of Table 6, as languages.toml states it.
struct Language {
  std::string code;  ///< "sw"
  std::string name;
  std::string script;  ///< ISO 15924, from ICU: "Latn"
  std::string tag;     ///< BCP 47 tag where the code is none: "bn-Latn" of bn_rom; else the code
  std::string family;  ///< "Indo-European"
  std::string branch;  ///< "Germanic"; only Indo-European is split
  /// Value of Figure 1; 0.1 at its axis, 0.05 below it or outside the figure; 0: CC only.
  double wiki_gb = 0;
  double cc_gb = 0;    ///< Table 6; 0: not in it
  bool coded = false;  ///< nobody's: English under a key, with no size of its own
  std::string row;     ///< id of its row in Table 6, where it is not the code
};

struct Experiment {
  std::string id;    ///< "fig2"
  std::string item;  ///< "Figure 2"
  std::string title;
  std::string question;
  std::string path;   ///< where the manifest was read
  std::string scale;  ///< "desk"
  std::string world;  ///< "babel" or "real text": what the report prints
  std::vector<std::int64_t> pretrain_seeds;
  std::vector<std::int64_t> finetune_seeds;
  std::string selection;  ///< "joint-dev", ...
  std::string source_language = "en";
  std::vector<std::string> sweep_keys;  ///< in order, e.g. {"languages"}
  std::vector<Point> points;            ///< in the sweep's order
  std::vector<std::string>
      dropped_points;  ///< sweep values of the paper's item that this scale leaves out
  std::vector<Series> series;
  std::vector<Claim> claims;
  std::vector<Assumption> assumptions;
  ControlSettings controls;
  MonolingualSettings monolingual;
  std::map<std::string, Language> languages;     ///< by code: every language that a point uses
  std::map<std::string, std::string> row_names;  ///< of the rows of Table 6, by their ids
  std::vector<std::string> overrides;  ///< "--set" arguments, in order, for the provenance
  std::string canonical;               ///< canonical text of the resolved experiment
  std::string hash;                    ///< SHA-256 of `canonical`
};

}  // namespace repro
