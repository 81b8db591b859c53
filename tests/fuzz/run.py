#!/usr/bin/env python3
"""Runs the fuzz targets that `make MODE=fuzz fuzzers` built.

  run.py fuzz SECONDS [NAME...]   each target for so long; what it learns stays in build/fuzz/corpus
  run.py short                    the whole kept corpus through each target, then as many runs as
                                  `targets` says with a fixed seed: what `make test` runs, the same
                                  inputs on a fast machine and on a slow one
  run.py keep [NAME...]           choose the smallest corpus with the same coverage and keep it

Exit 1 on a finding; the input stays in build/fuzz/findings, the command to run it again is printed.
"""
import base64
import collections
import concurrent.futures
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "fuzz"
FINDINGS = BUILD / "findings"
# A run that takes longer hangs, also on a loaded machine; memory beyond this is a leak or a bomb.
RUN_SECONDS = 25
RSS_MB = 2048
# Of an input that is a finding, in the log.
SHOWN_BYTES = 3072
# What is kept of a target: enough to reach all that was ever reached, small enough to read.
KEEP_FILES = 80
KEEP_BYTES = 40 * 1024

Target = collections.namedtuple("Target", "name max_len runs dictionary samples")


def targets(names):
    found = []
    for line in (HERE / "targets").read_text().splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        dictionary = None if words[3] == "-" else HERE / "dict" / words[3]
        samples = [ROOT / word for word in words[4:]]
        found.append(Target(words[0], int(words[1]), int(words[2]), dictionary, samples))
    written = {path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.c")}
    if written != {target.name for target in found}:
        sys.exit(f"fuzz: tests/fuzz/targets and tests/fuzz/fuzz_*.c disagree about "
                 f"{', '.join(sorted(written ^ {target.name for target in found}))}")
    unknown = set(names) - {target.name for target in found}
    if unknown:
        sys.exit(f"fuzz: no such target: {', '.join(sorted(unknown))}")
    return [target for target in found if not names or target.name in names]


def program(target):
    return BUILD / "tests" / "fuzz" / f"fuzz_{target.name}"


def kept(target):
    folder = HERE / "corpus" / target.name
    return [folder] if folder.is_dir() else []


def command(target, *options):
    words = [str(program(target)), f"-max_len={target.max_len}", f"-timeout={RUN_SECONDS}",
             f"-rss_limit_mb={RSS_MB}", f"-artifact_prefix={FINDINGS}/{target.name}-",
             "-print_final_stats=1", *options]
    if target.dictionary:
        words.append(f"-dict={target.dictionary}")
    return words


def run(words):
    env = dict(os.environ, ASAN_OPTIONS="detect_stack_use_after_return=1:allocator_may_return_null=0",
               LSAN_OPTIONS=f"suppressions={HERE}/lsan.supp:print_suppressions=0",
               UBSAN_OPTIONS="print_stacktrace=1")
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, check=False)
    return done.returncode, done.stderr.decode(errors="replace")


def last_number(pattern, text):
    numbers = re.findall(pattern, text)
    return int(numbers[-1]) if numbers else 0


def words_of(output):
    """Of a sanitizer's report: what is wrong, and where in our own files."""
    what = re.compile(r"does not hold|ERROR:|runtime error|SUMMARY|Direct leak|libfyaml|alarm: ")
    return [line for line in output.splitlines()
            if what.search(line) or (re.match(r" +#\d+ ", line) and f"{ROOT}/" in line
                                     and " in fuzzer::" not in line)][:40]


def show_input(path):
    """So that a log is enough to run it again."""
    data = pathlib.Path(path).read_bytes()
    text = base64.b64encode(data[:SHOWN_BYTES]).decode()
    return f"input: {len(data)} bytes, base64 {text}{'...' if len(data) > SHOWN_BYTES else ''}"


def tell(target, code, output):
    runs = last_number(r"stat::number_of_executed_units: (\d+)", output)
    covered = last_number(r"cov: (\d+)", output)
    corpus = last_number(r"corp: (\d+)", output)
    found = re.findall(r"Test unit written to (\S+)", output)
    print(f"  {target.name:14} {runs:10} runs  {covered:6} edges  {corpus:5} inputs  "
          f"{'FINDING' if code else 'no finding'}", flush=True)
    if not code:
        return runs, []
    lines = [f"{target.name}: exit code {code}", *words_of(output)]
    for path in found:
        lines += [f"again: {program(target).relative_to(ROOT)} {os.path.relpath(path, ROOT)}",
                  show_input(path)]
    return runs, lines


def fuzz_one(target, seconds):
    learned = BUILD / "corpus" / target.name
    learned.mkdir(parents=True, exist_ok=True)
    return run(command(target, f"-max_total_time={seconds}", str(learned),
                       *map(str, kept(target) + target.samples)))


def short_one(target):
    folders = kept(target) + target.samples
    inputs = sum(1 for folder in folders for path in folder.rglob("*") if path.is_file())
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        # What looks at the clock is off, so that the same seed gives the same inputs.
        return run(command(target, f"-runs={inputs + target.runs}", "-seed=1", "-entropic=0",
                           "-reload=0", folder, *map(str, folders)))


def each(todo, one):
    runs, findings = 0, []
    FINDINGS.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = {pool.submit(one, target): target for target in todo}
        for future in concurrent.futures.as_completed(waiting):
            made, finding = tell(waiting[future], *future.result())
            runs += made
            findings += [finding] if finding else []
    files = sum(1 for path in (HERE / "corpus").rglob("*") if path.is_file())
    print(f"fuzz: {len(todo)} targets, {runs} runs, {files} kept inputs, "
          f"{len(findings) or 'no'} finding{'' if len(findings) == 1 else 's'}")
    for finding in findings:  # last: of a long log only the end may be kept
        print("\n".join(finding))
    return 1 if findings else 0


def keep_one(target):
    """Named files are regressions and stay; the others are chosen anew."""
    folder = HERE / "corpus" / target.name
    folder.mkdir(parents=True, exist_ok=True)
    old = BUILD / "corpus" / target.name
    old.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as chosen:
        code, output = run(command(target, "-set_cover_merge=1", "-use_counters=0", chosen,
                                   *map(str, [folder, *target.samples, old])))
        if code:
            return code, output
        for path in folder.iterdir():
            if re.fullmatch(r"[0-9a-f]{16}", path.name):
                path.unlink()
        space = KEEP_BYTES
        files = sorted(pathlib.Path(chosen).iterdir(), key=lambda path: path.stat().st_size)
        for path in files[:KEEP_FILES]:
            space -= path.stat().st_size
            if space < 0:
                break
            name = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            shutil.copy(path, folder / name)
    return code, output


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in ("fuzz", "short", "keep"):
        sys.exit(__doc__)
    if sys.argv[1] == "fuzz":
        seconds = int(sys.argv[2])
        return each(targets(sys.argv[3:]), lambda target: fuzz_one(target, seconds))
    if sys.argv[1] == "keep":
        return each(targets(sys.argv[2:]), keep_one)
    return each(targets([]), short_one)


sys.exit(main())
