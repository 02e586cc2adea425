"""Runs two programs alternately on the same cores and compares their medians. Used by the benchmarks beside it.

A program is a process that warms up, measures, and prints one line of JSON with wall_seconds, cpu_seconds and
peak_bytes. A B A B ...: what else the machine does falls on both alike.
"""

import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PEER_PYTHON = ROOT / ".deps/peer/bin/python"
GIB = 2**30


def fail(message):
    sys.exit(message)


def usable_cpus():
    return sorted(os.sched_getaffinity(0))


def parse_common(parser, argv):
    """The arguments that every such benchmark takes; sets `cores`."""
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "all"], default="all",
                        help="of matrix products; theirs by torch.autocast (default: both)")
    parser.add_argument("--threads", type=int, default=len(usable_cpus()), help="default: every core")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each side (default 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="writes the results there too")
    parser.add_argument("--no-build", action="store_true", help="takes the programs as they are")
    arguments = parser.parse_args(argv)
    if not 1 <= arguments.threads <= len(usable_cpus()):
        fail(f"--threads {arguments.threads}: this process may use {len(usable_cpus())} cores")
    if arguments.rounds < 1:
        fail(f"--rounds {arguments.rounds}: expected at least 1")
    if arguments.json and not arguments.json.absolute().parent.is_dir():
        fail(f"--json {arguments.json}: there is no folder {arguments.json.absolute().parent}")
    arguments.cores = usable_cpus()[:arguments.threads]
    arguments.dtypes = ["float32", "bfloat16"] if arguments.dtype == "all" else [arguments.dtype]
    return arguments


def build(arguments, target):
    """scripts/setup --peer and the program of tests/bench; their output goes to standard error."""
    if not arguments.no_build:
        for command in (["scripts/setup", "--peer"], ["scripts/build", "release", target]):
            if subprocess.run(command, cwd=ROOT, stdout=sys.stderr).returncode != 0:
                fail(f"{' '.join(command)} failed: the reason stands above.")
    program = ROOT / "build/bench" / target
    for path in (program, PEER_PYTHON):
        if not path.exists():
            fail(f"{path} is not here: run without --no-build")
    return program


def run(command, cores):
    environment = dict(os.environ, OMP_NUM_THREADS=str(len(cores)), OMP_WAIT_POLICY="passive",
                       MKL_NUM_THREADS=str(len(cores)), TOKENIZERS_PARALLELISM="false", PYTHONWARNINGS="ignore")
    pinned = ["taskset", "-c", ",".join(map(str, cores))] + [str(part) for part in command]
    done = subprocess.run(pinned, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        fail(f"{' '.join(pinned)}\nended with {done.returncode}:\n{done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def alternate(sides, rounds, cores, measure=run):
    """sides: name -> command. Returns name -> its results, those of `measure`, in order of rounds."""
    results = {name: [] for name in sides}
    for number in range(rounds):
        for name, command in sides.items():
            results[name].append(measure(command, cores))
            if sys.stderr.isatty():
                print(f"\r\033[K  round {number + 1} of {rounds}: {name} "
                      f"{results[name][-1]['wall_seconds']:.3f} s", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    return results


def median(results, field):
    return statistics.median(result[field] for result in results)


def ratio(ours, theirs, field):
    """Theirs over ours, each the median of its rounds."""
    return median(theirs, field) / median(ours, field)


def pair_ratios(ours, theirs, field):
    """Theirs over ours round by round: how far the ratio varies."""
    return [t[field] / o[field] for o, t in zip(ours, theirs)]


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()


def cpu_model():
    with open("/proc/cpuinfo") as lines:
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        return names[0] if names else platform.machine()


def conditions(arguments):
    """What a figure means nothing without."""
    with open("/proc/cpuinfo") as lines:
        flags = next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), [])
    return {
        "commit": git("rev-parse", "--short=12", "HEAD") + ("+changes" if git("status", "--porcelain") else ""),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": cpu_model(),
        "cores_of_machine": os.cpu_count(),
        "instructions": [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags],
        "threads": arguments.threads,
        "rounds": arguments.rounds,
        "load_average": os.getloadavg()[0],
    }


def conditions_line(c):
    return (f"commit {c['commit']}, {c['cpu']} ({c['cores_of_machine']} cores, {' '.join(c['instructions'])}), "
            f"{c['threads']} threads, {c['date']}, load {c['load_average']:.1f}; medians of {c['rounds']} rounds, "
            "ours and theirs in turn")


def write_json(arguments, document):
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
