#!/usr/bin/env python3
"""Runs the fuzz targets that `make MODE=fuzz fuzzers` built.

  run.py fuzz SECONDS [NAME...]   each target for so long; what it learns stays in build/fuzz/corpus
  run.py short                    the whole kept corpus through each target, then a moment of fuzzing
                                  with a fixed seed: what `make test` runs
  run.py keep [NAME...]           choose the smallest corpus with the same coverage and keep it

Exit 1 on a finding; the input stays in build/fuzz/findings, the command to run it again is printed.
"""
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
SHORT_SECONDS = 2
# A run that takes longer hangs, also on a loaded machine; memory beyond this is a leak or a bomb.
RUN_SECONDS = 25
RSS_MB = 2048
# What is kept of a target: enough to reach all that was ever reached, small enough to read.
KEEP_FILES = 80
KEEP_BYTES = 40 * 1024

Target = collections.namedtuple("Target", "name max_len dictionary samples")


def targets(names):
    found = []
    for line in (HERE / "targets").read_text().splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        dictionary = None if words[2] == "-" else HERE / "dict" / words[2]
        samples = [ROOT / word for word in words[3:]]
        found.append(Target(words[0], int(words[1]), dictionary, samples))
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


def tell(target, code, output):
    runs = last_number(r"stat::number_of_executed_units: (\d+)", output)
    covered = last_number(r"cov: (\d+)", output)
    corpus = last_number(r"corp: (\d+)", output)
    found = re.findall(r"Test unit written to (\S+)", output)
    print(f"  {target.name:14} {runs:10} runs  {covered:6} edges  {corpus:5} inputs  "
          f"{'FINDING' if code else 'no finding'}", flush=True)
    if code:
        print("\n".join(words_of(output)))
        for path in found:
            print(f"again: {program(target).relative_to(ROOT)} {os.path.relpath(path, ROOT)}")
    return runs, bool(code)


def fuzz_one(target, seconds):
    learned = BUILD / "corpus" / target.name
    learned.mkdir(parents=True, exist_ok=True)
    return run(command(target, f"-max_total_time={seconds}", str(learned),
                       *map(str, kept(target) + target.samples)))


def short_one(target):
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        return run(command(target, f"-max_total_time={SHORT_SECONDS}", "-seed=1", folder,
                           *map(str, kept(target) + target.samples)))


def each(todo, one):
    runs = findings = 0
    FINDINGS.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = {pool.submit(one, target): target for target in todo}
        for future in concurrent.futures.as_completed(waiting):
            made, bad = tell(waiting[future], *future.result())
            runs += made
            findings += bad
    files = sum(1 for path in (HERE / "corpus").rglob("*") if path.is_file())
    print(f"fuzz: {len(todo)} targets, {runs} runs, {files} kept inputs, "
          f"{findings or 'no'} finding{'' if findings == 1 else 's'}")
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
