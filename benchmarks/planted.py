"""Planted regressions: what does `reprogram compare` say of a sweep that was made worse on purpose, and of one that was not?

    cargo build --release
    python3 benchmarks/planted.py

Runs benchmarks/planted.toml as it is, again, on one thread, and with something wrong: learning rates, one method's learning rate, and the
source model's normalisation constant, which is changed in a copy of the program. Each is compared with the first by accuracy and by the
log-probability of the gold class. Exit code 1 where a planted regression is not caught by either, or an unchanged run is flagged by one.
"""

import argparse
import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TRAINED = ["vp-rlm", "vp-flm", "vp-ilm", "vp-blm", "vp-linear"]
MEAN = b'\\"image_mean\\":[0.5]'


def rates(methods: list[str], rate: float) -> list[str]:
    return [f"--set=method.{method}.recipe.learning-rate={rate}" for method in methods]


def with_mean(program: Path, copy: Path, mean: str) -> Path:
    """A copy of the program in which the built-in model's pixels have another mean."""
    content = program.read_bytes()
    if content.count(MEAN) != 1:
        sys.exit(f"{program} holds {content.count(MEAN)} models with a mean of .5, not one")
    copy.write_bytes(content.replace(MEAN, MEAN.replace(b"0.5", mean.encode())))
    copy.chmod(copy.stat().st_mode | stat.S_IXUSR)
    return copy


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reprogram", type=Path, default=ROOT / "target/release/reprogram")
    parser.add_argument("--sweep", type=Path, default=ROOT / "benchmarks/planted.toml")
    parser.add_argument("--folder", type=Path, help="keep the results here")
    parser.add_argument("--set", action="append", default=[], help="of all runs, as for `reprogram sweep`")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        grey = with_mean(args.reprogram, Path(temporary) / "mean-0", "0.0")
        near = with_mean(args.reprogram, Path(temporary) / "mean-.4", "0.4")
        runs = {
            "as it is": (args.reprogram, [], 2, None),
            "again": (args.reprogram, [], 2, False),
            "one thread": (args.reprogram, [], 1, False),
            "all learning rates .003, not .1": (args.reprogram, rates(TRAINED, 0.003), 2, True),
            "one learning rate 3, not .1": (args.reprogram, rates(["vp-ilm"], 3.0), 2, True),
            "mean 0, not .5": (grey, [], 2, True),
            "mean .4, not .5": (near, [], 2, None),
        }
        rows, wrong = [], 0
        for at, (name, (program, changes, threads, is_worse)) in enumerate(runs.items()):
            results = folder / str(at)
            start = time.perf_counter()
            command = [program, "sweep", args.sweep, "--results", results, "--no-reuse", *changes, *(f"--set={s}" for s in args.set)]
            environment = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
            print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
            if at == 0:
                continue
            verdicts = []
            for metric in ("accuracy", "nll"):
                compare = [args.reprogram, "compare", folder / "0" / args.sweep.stem, results / args.sweep.stem, "--metric", metric]
                found = subprocess.run([*compare, "--format", "json"], capture_output=True, text=True, check=False)
                table = {row["name"]: row for row in json.loads(found.stdout)}
                together = table["all cells together"]
                losses = [method for method, row in table.items() if row["verdict"] == "loss" and row is not together]
                verdicts.append(found.returncode)
                rows.append((name, metric, found.returncode, together["gain"], together["Holm p"], together["verdict"], ", ".join(losses) or "none"))
            wrong += is_worse is True and not any(verdicts)
            wrong += is_worse is False and any(verdicts)
    print("| run | by | exit code | mean gain | Holm p | all cells together | cells that are worse alone |")
    print("| :-- | :-- | --: | --: | --: | :-- | :-- |")
    for name, metric, code, gain, p, verdict, losses in rows:
        print(f"| {name} | {metric} | {code} | {gain:+.4f} | {p:.4f} | {verdict} | {losses} |")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
