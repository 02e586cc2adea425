#include "core/store/schema.h"

namespace repro {

// Times are milliseconds since 1970, UTC; 0 means "not yet". JSON columns hold canonical JSON.
const std::string_view kSchema = R"sql(
CREATE TABLE experiments (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  scale TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  UNIQUE (name, scale)
) STRICT;

CREATE TABLE environments (
  id INTEGER PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  provenance TEXT NOT NULL
) STRICT;

CREATE TABLE invocations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  experiment INTEGER NOT NULL REFERENCES experiments (id),
  environment INTEGER NOT NULL REFERENCES environments (id),
  manifest TEXT NOT NULL,
  manifest_hash TEXT NOT NULL,
  command_line TEXT NOT NULL,
  state TEXT NOT NULL,
  started_ms INTEGER NOT NULL,
  ended_ms INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE tasks (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  version INTEGER NOT NULL,
  label TEXT NOT NULL,
  state TEXT NOT NULL
    CHECK (state IN ('waiting', 'running', 'done', 'failed', 'diverged', 'interrupted')),
  unresolved TEXT NOT NULL DEFAULT '',
  work REAL NOT NULL DEFAULT 0,
  work_unit TEXT NOT NULL DEFAULT '',
  seconds REAL NOT NULL DEFAULT 0,
  peak_rss INTEGER NOT NULL DEFAULT 0,
  artifact_bytes INTEGER NOT NULL DEFAULT 0,
  build TEXT NOT NULL DEFAULT '',
  finished_ms INTEGER NOT NULL DEFAULT 0,
  spec TEXT NOT NULL,
  inputs TEXT NOT NULL
) STRICT;
CREATE INDEX tasks_by_kind ON tasks (kind, finished_ms);
CREATE INDEX tasks_by_state ON tasks (state, finished_ms);

CREATE TABLE configs (
  id INTEGER PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  config TEXT NOT NULL
) STRICT;

CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  experiment INTEGER NOT NULL REFERENCES experiments (id),
  key TEXT NOT NULL,
  point TEXT NOT NULL,
  role TEXT NOT NULL,
  sweep TEXT NOT NULL,
  pretrain_seed INTEGER NOT NULL,
  finetune_seeds TEXT NOT NULL,
  state TEXT NOT NULL
    CHECK (state IN ('waiting', 'running', 'done', 'failed', 'diverged', 'partial', 'interrupted')),
  invocation INTEGER REFERENCES invocations (id),
  config INTEGER NOT NULL REFERENCES configs (id),
  created_ms INTEGER NOT NULL,
  finished_ms INTEGER NOT NULL DEFAULT 0,
  UNIQUE (experiment, key)
) STRICT;
CREATE INDEX runs_by_state ON runs (experiment, state);
CREATE INDEX runs_by_invocation ON runs (invocation);

CREATE TABLE run_tasks (
  run INTEGER NOT NULL REFERENCES runs (id),
  task INTEGER NOT NULL REFERENCES tasks (id),
  PRIMARY KEY (run, task)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_tasks_by_task ON run_tasks (task);

CREATE TABLE tags (
  run INTEGER NOT NULL REFERENCES runs (id),
  tag TEXT NOT NULL,
  time_ms INTEGER NOT NULL,
  PRIMARY KEY (run, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_by_tag ON tags (tag);

CREATE TABLE attempts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  task INTEGER NOT NULL REFERENCES tasks (id),
  number INTEGER NOT NULL,
  state TEXT NOT NULL
    CHECK (state IN ('running', 'done', 'failed', 'continued', 'killed', 'lost', 'diverged',
                     'interrupted')),
  reason TEXT NOT NULL DEFAULT '',
  folder TEXT NOT NULL,
  exit_code INTEGER NOT NULL DEFAULT -1,
  started_ms INTEGER NOT NULL,
  ended_ms INTEGER NOT NULL DEFAULT 0,
  events_offset INTEGER NOT NULL DEFAULT 0,
  progress TEXT,
  damaged_lines INTEGER NOT NULL DEFAULT 0,
  UNIQUE (task, number)
) STRICT;
CREATE INDEX attempts_running ON attempts (id) WHERE state = 'running';

CREATE TABLE events (
  attempt INTEGER NOT NULL REFERENCES attempts (id),
  position INTEGER NOT NULL,
  type TEXT NOT NULL,
  event TEXT NOT NULL,
  PRIMARY KEY (attempt, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE metric_names (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE metrics (
  task INTEGER NOT NULL REFERENCES tasks (id),
  name INTEGER NOT NULL REFERENCES metric_names (id),
  language TEXT NOT NULL,
  split TEXT NOT NULL,
  seed INTEGER NOT NULL,
  step INTEGER NOT NULL,
  attempt INTEGER NOT NULL REFERENCES attempts (id),
  value REAL,
  PRIMARY KEY (task, name, language, split, seed, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE artifacts (
  task INTEGER PRIMARY KEY REFERENCES tasks (id),
  files INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  build TEXT NOT NULL,
  finished_ms INTEGER NOT NULL,
  record TEXT NOT NULL
) STRICT;
)sql";

namespace {

// Version 1 kept a run's tags as a JSON array in runs.tags, without the time, and did not remember
// progress and damaged lines.
constexpr std::string_view kFrom1 = R"sql(
CREATE TABLE tags (
  run INTEGER NOT NULL REFERENCES runs (id),
  tag TEXT NOT NULL,
  time_ms INTEGER NOT NULL,
  PRIMARY KEY (run, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_by_tag ON tags (tag);
INSERT OR IGNORE INTO tags (run, tag, time_ms)
  SELECT runs.id, each.value, runs.created_ms FROM runs, json_each(runs.tags) AS each;
ALTER TABLE runs DROP COLUMN tags;
ALTER TABLE attempts ADD COLUMN progress TEXT;
ALTER TABLE attempts ADD COLUMN damaged_lines INTEGER NOT NULL DEFAULT 0;
)sql";

}  // namespace

std::string_view Migration(int from) {
  switch (from) {
    case 1:
      return kFrom1;
    default:
      return {};
  }
}

}  // namespace repro
