"""``python -m tests.fuzz``: look for bytes that the server reads otherwise than the slow reference does.

With atheris (the dependency group ``fuzz``) the search is guided by coverage; without it, it is mutation alone. Either
way it ends with exit code 0 and one line of figures, or with 1, the input that failed in a file, and what it failed by.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import itertools
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from time import monotonic

from tests.fuzz import mutate
from tests.fuzz.seeds import KEPT, seeds


def main() -> int:
    """Fuzz as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=("atheris", "own"), help="atheris where it is installed, else our own")
    parser.add_argument(
        "--keep", action="store_true", help=f"put what atheris found, as little as reaches as much, into {KEPT.name}/"
    )
    parser.add_argument("--failed", type=Path, default=Path("fuzz-failed.bin"), help="where a failing input goes")
    options = parser.parse_args()
    engine = options.engine or ("atheris" if importlib.util.find_spec("atheris") else "own")
    if engine == "own":
        return mutation(options)
    return guided(options)


def mutation(options: argparse.Namespace) -> int:
    """Play the kept inputs, then changed ones until the time is up."""
    from tests.fuzz.conversation import check  # noqa: PLC0415  atheris must instrument it first, where that is used

    corpus = list(seeds().values())
    runs, end = 0, monotonic() + options.seconds
    for data in itertools.chain(corpus, mutate.mutated(corpus, options.seed)):
        if monotonic() > end:
            break
        runs += 1
        try:
            check(data)
        except Exception:  # noqa: BLE001  whatever it is, it was found
            options.failed.write_bytes(data)
            traceback.print_exc()
            say(f"fuzz: engine=own seed={options.seed} runs={runs} failed={options.failed}")
            return 1
    say(f"fuzz: engine=own seed={options.seed} runs={runs} seconds={options.seconds} failures=0")
    return 0


def guided(options: argparse.Namespace) -> int:
    """Run libFuzzer in a child, since it never returns; then say what it did."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        found, first, words = work / "found", work / "first", work / "words"
        found.mkdir()
        first.mkdir()
        for name, data in seeds().items():
            (first / name).write_bytes(data)
        words.write_text(dictionary())
        flags = [f"-max_total_time={options.seconds}", f"-seed={options.seed}", f"-dict={words}", "-timeout=10"]
        flags += [f"-max_len={mutate.LONGEST}", f"-artifact_prefix={work}/", "-print_final_stats=1", "-verbosity=1"]
        command = [sys.executable, "-m", "tests.fuzz.guided", *flags, str(found), str(first)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["", *sys.path])}
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, env=environment, check=False)
        failed = [*work.glob("crash-*"), *work.glob("timeout-*"), *work.glob("oom-*")]
        if failed or done.returncode:
            with contextlib.suppress(IndexError):
                options.failed.write_bytes(failed[0].read_bytes())
            sys.stderr.write(done.stderr[-6000:])
            say(f"fuzz: engine=atheris seed={options.seed} failed={options.failed}")
            return 1
        say(f"fuzz: engine=atheris seed={options.seed} seconds={options.seconds} failures=0 {figures(done.stderr)}")
        if options.keep:
            keep(found)
    return 0


def say(text: str) -> None:
    """A line of figures."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def dictionary() -> str:
    """The tokens, as libFuzzer reads them."""
    return "".join('"' + "".join(rf"\x{byte:02x}" for byte in token) + '"\n' for token in mutate.TOKENS)


def figures(log: str) -> str:
    """Return libFuzzer's counts: runs, features of the code that were reached, inputs that reached new ones."""
    last = [line.split() for line in log.splitlines() if " cov: " in line][-1]
    runs = next(line.split()[-1] for line in log.splitlines() if "number_of_executed_units" in line)
    return f"runs={runs} coverage={last[last.index('cov:') + 1]} features={last[last.index('ft:') + 1]}"


def keep(found: Path) -> None:
    """Put the fewest of what was found beside the kept inputs that reach as much as all of it."""
    from tests.fuzz.least import least  # noqa: PLC0415  as in mutation

    kept = least(seeds().values(), [path.read_bytes() for path in found.iterdir()])
    KEPT.mkdir(exist_ok=True)
    for data in kept:
        (KEPT / f"{hashlib.sha256(data).hexdigest()[:16]}.bin").write_bytes(data)
    say(f"fuzz: kept {len(kept)} inputs")


if __name__ == "__main__":
    sys.exit(main())
