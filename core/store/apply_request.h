#pragma once
/// What a request means to the run log: the same whether the lease holder takes it or, with no
/// holder, the command itself applies it.

#include <string>

#include "core/base/result.h"
#include "core/store/lease.h"
#include "core/store/run_log.h"

namespace repro {

/// Does what a `tag` or `retry` asks and says in one line what was done. `stop` concerns processes,
/// not the log: the text comes back empty and nothing is written. What was done survives a power
/// cut. Not inside a transaction. A `retry --failed` leaves
/// diverged tasks alone: the same spec diverges again. Errors: those of RunLog::Tag and
/// RunLog::RetryTask.
Result<std::string> ApplyToLog(RunLog& log, const Request& request);

}  // namespace repro
