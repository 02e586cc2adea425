#include "experiments/corpus/clean/kenlm_message.h"

#include "core/base/text.h"

namespace repro {

std::string KenlmReason(std::string_view said) {
  std::string reason;
  bool thrown = false;
  while (!said.empty()) {
    const std::string_view line = said.substr(0, said.find('\n'));
    said.remove_prefix(line.size() == said.size() ? line.size() : line.size() + 1);
    if (line.find(" threw ") != line.npos) {
      thrown = true;
      reason.clear();
    } else if (!line.empty() && line != "ERROR") {  // how build_binary ends
      reason = thrown && !reason.empty() ? reason + ' ' + std::string(line) : std::string(line);
    }
  }
  while (reason.ends_with(' ')) reason.pop_back();
  return reason.empty() ? "it does not say why" : Brief(Printable(reason));
}

}  // namespace repro
