#pragma once
/// Files of data sets as a task names them: what they are is in its key, where they lie is not.

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/graph/task.h"
#include "core/manifest/fields.h"
#include "experiments/datasets/dataset_files.h"

namespace repro {

/// Lists of one length, an entry a file.
struct SourceFilesSpec {
  std::vector<std::string> sets;   ///< id of the data set
  std::vector<std::string> parts;  ///< name of its part
  std::vector<std::string> names;  ///< relative to the data set's folder
  std::vector<std::string> sha256;
  std::vector<std::string> languages;  ///< "": not said
  std::vector<std::string> layouts;
  std::vector<std::string> fields;
  std::vector<std::string> id_fields;
  std::vector<std::string> contents;
  std::vector<std::string> encodings;
  std::vector<bool> prefixes;  ///< only the file's beginning was fetched

  template <class V>
  void Visit(V& v) {
    v("sets", sets);
    v("parts", parts);
    v("names", names);
    v("sha256", sha256);
    v("languages", languages);
    v("layouts", layouts);
    v("fields", fields);
    v("id_fields", id_fields);
    v("contents", contents);
    v("encodings", encodings);
    v("prefixes", prefixes);
  }
  std::size_t size() const { return names.size(); }
};

/// One file of the lists, found.
struct SourceFile {
  std::filesystem::path path;
  std::string set;
  std::string part;
  std::string name;
  std::string sha256;
  std::string language;
  std::string layout;
  std::string field;
  std::string id_field;
  std::string content;
  std::string encoding;
  bool prefix = false;
};

/// A file of a data set, where it is at hand. `sha256` may be empty where nobody asks for it.
SourceFile SourceFileOf(const DatasetManifest& manifest, const DatasetFileAt& file,
                        std::string sha256);

/// Adds a file to the lists of a spec and its folder to `info`, the task's. Errors:
/// kInvalidArgument where a set of the same name lies in another folder: a task knows sets by their
/// names.
Status AddSourceFile(const DatasetManifest& manifest, const DatasetFileAt& file,
                     const std::filesystem::path& folder, std::string sha256, SourceFilesSpec& spec,
                     Json& info);

/// Adds entry `i` of one spec to another.
void CopySourceFile(const SourceFilesSpec& from, std::size_t i, SourceFilesSpec& to);

/// The files in a task's settings, wherever they stand in them; paths are empty where the task does
/// not say where the sets lie.
std::vector<SourceFile> SourceFilesIn(const Task& task);

/// Errors: kCorrupt for lists of different lengths; kInvalidArgument where the task's info does not
/// say where a set lies.
Result<std::vector<SourceFile>> SourceFilesOf(const SourceFilesSpec& spec, const Task& task);

/// Whether they still are what was planned. Errors: kCorrupt naming the first that is not, kIo,
/// kInterrupted.
Status VerifySourceFiles(const std::vector<SourceFile>& files, int threads,
                         const std::atomic<bool>& stop);

}  // namespace repro
