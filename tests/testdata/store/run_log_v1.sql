-- A run log of schema version 1, written down once and never changed: what an older build left behind.
BEGIN;
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
  tags TEXT NOT NULL DEFAULT '[]',
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

INSERT INTO experiments VALUES (1, 'fig2', 'desk', 1000);
INSERT INTO environments VALUES (1, 'e1', '{"git":{"commit":"abc"}}');
INSERT INTO invocations VALUES (1, 1, 1, 'schema = 1', 'h1', 'repro run fig2', 'done', 1000, 9000);
INSERT INTO tasks (id, key, kind, version, label, state, seconds, spec, inputs)
  VALUES (1, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'pretrain', 1, 'pretrain xlm7 seed 1', 'done', 12.5, '{"layers":2}', '{}'),
         (2, 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 'finetune', 1, 'finetune xlm7 seed 1', 'waiting', 0, '{}', '{"model":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}');
INSERT INTO configs VALUES (1, 'c1', '{"model":{"layers":2}}');
INSERT INTO runs (id, experiment, key, point, role, sweep, pretrain_seed, finetune_seeds, tags, state,
                  invocation, config, created_ms, finished_ms)
  VALUES (1, 1, 'k1', 'xlm7', 'main', '{"languages":"xlm7"}', 1, '[1]', '["baseline","v0"]', 'done', 1, 1,
          1000, 9000),
         (2, 1, 'k2', 'xnli15', 'main', '{"languages":"xnli15"}', 1, '[1]', '[]', 'waiting', 1, 1, 1000, 0);
INSERT INTO run_tasks VALUES (1, 1), (2, 1), (2, 2);
INSERT INTO attempts (id, task, number, state, reason, folder, exit_code, started_ms, ended_ms, events_offset)
  VALUES (1, 1, 1, 'killed', 'killed by signal 9', 'work/a/attempts/1', 137, 1000, 2000, 120),
         (2, 1, 2, 'done', '', 'work/a/attempts/2', 0, 3000, 9000, 240);
INSERT INTO events VALUES (1, 0, 'message', '{"type":"message","text":"hello"}');
INSERT INTO metric_names VALUES (1, 'pretrain.loss');
INSERT INTO metrics VALUES (1, 1, '', '', -1, 10, 1, 4.5), (1, 1, '', '', -1, 20, 2, 3.5);
INSERT INTO artifacts VALUES (1, 1, 100, 'build-0', 9000, '{"format":1}');
PRAGMA application_id = 1380995663;
PRAGMA user_version = 1;
COMMIT;
