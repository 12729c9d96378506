"""How the cost of a sweep grows, and how long it takes from the start of the program to its first step.

    cargo build --release
    python3 benchmarks/growth.py growth      # seeds 1 to 8, shots 1 to 16, cells 1 to 20: a table each
    python3 benchmarks/growth.py start       # SmolLM2 and letters-vit, assets cached

growth: processor seconds, of all threads and processes, of a sweep that runs from nothing: nothing that an earlier run kept is
read. Seconds of the same command when all records are there (loading and reporting) are taken off, and stand in the first column.
`to linear` is the cost of n divided by n times the cost of one: 1 is linear, less is what trials share.

start: wall seconds from the start of the process to the beginning and to the end of the first gradient step, over `--runs` runs:
loading, hashing and decoding of weights, reading and drawing of data, building; the step of 8 items. Time spent on validation and
test items is taken off.

Needs Python alone. Run it on an idle machine.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

DIGITS = """
[[experiment]]
backbones = ["letters-vit"]
datasets = ["digits"]
methods = {methods}
image-size = 20
budget = {{ epochs = 2, batch-size = 32, train-items = 200, validation-items = 100, test-items = 300 }}
"""
TWEETS = """
[[experiment]]
backbones = ["smollm2-135m-instruct"]
datasets = ["tweets"]
methods = ["icl"]
budget = {{ epochs = 1, batch-size = 8, shots = 8, validation-items = 8, test-items = {items} }}
"""


def digits(methods: list[str], seeds: int, extra: str = "") -> str:
    return f'name = "growth"\nseeds = {list(range(1, seeds + 1))}\n{extra}' + DIGITS.format(methods=json.dumps(methods))


def rates(n: int) -> tuple[list[str], str]:
    """n cells that differ in the learning rate of a linear classifier on all of f."""
    names = [f"rate-{i}" for i in range(n)]
    tables = [f'[method.{name}]\nuse = "linear-only"\nrecipe = {{ learning-rate = {0.002 * (i + 1):.3f} }}' for i, name in enumerate(names)]
    return names, "\n".join(tables) + "\n"


def icl(shots: int, items: int) -> str:
    """In-context learning with so many demonstrations."""
    method = f'[method.icl]\nuse = "icl"\nmanipulation = [{{ part = "demonstrations", shots = {shots} }}]\n'
    return f'name = "growth"\nseeds = [1]\n{method}' + TWEETS.format(items=items)


def run(args: argparse.Namespace, folder: Path, sweep: str) -> float:
    """Processor seconds of one sweep."""
    file = folder / "growth.toml"
    file.write_text(sweep, encoding="utf-8")
    command = [args.binary, "sweep", file, "--results", folder, "--jobs", "1", "--fuse", args.fuse, "--reuse-disk", "0"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def grow(args: argparse.Namespace, what: str, points: list[tuple[int, str]]) -> None:
    """A table of one axis."""
    print(f"\n{what}\n")
    print("| n | start s | CPU s above it | to linear |\n| ---: | ---: | ---: | ---: |")
    one = None
    for n, sweep in points:
        costs = []
        for _ in range(args.runs):
            with tempfile.TemporaryDirectory() as folder:
                whole = run(args, Path(folder), sweep)
                start = run(args, Path(folder), sweep)
            costs.append((whole - start, start))
        cost, start = (statistics.median(values) for values in zip(*costs, strict=True))
        one = one or (cost, n)
        print(f"| {n} | {start:.2f} | {cost:.2f} | {cost / (one[0] / one[1] * n):.2f} |", flush=True)


def growth(args: argparse.Namespace) -> None:
    seeds = [1, 2, 4, 8]
    grow(args, "Seeds: a linear classifier on letters-vit, digits (all of f is shared)", [(n, digits(["linear-only"], n)) for n in seeds])
    grow(args, "Seeds: a learned frame with ILM-VP's mapping on letters-vit, digits (nothing is shared)", [(n, digits(["vp-ilm"], n)) for n in seeds])
    grow(args, "Cells: linear classifiers at n learning rates on letters-vit, digits", [(n, digits(rates(n)[0], 1, rates(n)[1])) for n in (1, 2, 5, 10, 20)])
    grow(args, f"Shots: in-context learning on SmolLM2-135M, tweets, {args.items} items", [(n, icl(n, args.items)) for n in (1, 2, 4, 8, 16)])


def first_step(args: argparse.Namespace, sweep: str) -> tuple[float, float]:
    """Wall seconds to the beginning and the end of the first step: those of the run to its last line, less those of items that are scored."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "start.toml"
        file.write_text(sweep, encoding="utf-8")
        command = [args.binary, "sweep", file, "--results", folder, "--jobs", "1", "--fuse", "off"]
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        ended = None
        for line in process.stderr:
            if ": validation " in line:
                ended = time.perf_counter() - begin
        if process.wait() != 0 or ended is None:
            raise SystemExit("the sweep failed: run it by hand")
        record = json.loads(next(Path(folder).glob("*/records/*.json")).read_text(encoding="utf-8"))
        costs = record["status"]["outcome"]["costs"]
        end = ended - costs["seconds_evaluation"]
        return end - costs["seconds_training"], end


def start(args: argparse.Namespace) -> None:
    budget = "budget = { epochs = 1, batch-size = 8, train-items = 8, validation-items = 1, test-items = 1 }"
    cells = [("smollm2-135m-instruct", "tweets", "prompt-tuning"), ("letters-vit", "digits", "vp-rlm")]
    print("| backbone | method | to the first step, s | to its end, s |\n| :-- | :-- | ---: | ---: |")
    for backbone, dataset, method in cells:
        size = "image-size = 20\n" if dataset == "digits" else ""
        lists = f'backbones = ["{backbone}"]\ndatasets = ["{dataset}"]\nmethods = ["{method}"]\n{size}{budget}'
        sweep = f'name = "start"\nseeds = [1]\n[[experiment]]\n{lists}\n'
        first_step(args, sweep)  # Fetches what is not there.
        runs = zip(*(first_step(args, sweep) for _ in range(args.runs)), strict=True)
        shown = [f"{statistics.median(seconds):.2f} ({min(seconds):.2f}–{max(seconds):.2f})" for seconds in runs]
        print(f"| {backbone} | {method} | {shown[0]} | {shown[1]} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("what", choices=["growth", "start"])
    parser.add_argument("--binary", type=Path, default=target / "release" / "reprogram")
    parser.add_argument("--runs", type=int, default=3, help="of each point; medians are shown")
    parser.add_argument("--items", type=int, default=40, help="test items of the axis of shots")
    parser.add_argument("--fuse", default="off", help="as `reprogram sweep --fuse`")
    args = parser.parse_args()
    {"growth": growth, "start": start}[args.what](args)


if __name__ == "__main__":
    main()
