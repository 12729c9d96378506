"""In-context scoring side by side: `reprogram score` against transformers, on one machine, alternating.

    python3 -m venv peers && peers/bin/pip install -r benchmarks/peers/requirements.txt
    cargo build --release
    peers/bin/python benchmarks/peers/icl.py --model SmolLM2-135M-Instruct.Q4_1.gguf --data sst2-test.tsv --shots 8 0

Both score the same pairs: each of `--items` items with each class's word, behind `--shots` demonstrations. transformers gets
the weights of the same GGUF file in f32 and is fed the whole context for each choice, `--batch` pairs at a time, longest
first, as lm-evaluation-harness does without its cache for one-token answers; logits are turned into probabilities at scored
positions only. Each run is a process of its own. What is timed is scoring, from texts to numbers, tokenisation included and
loading left out, by each side's own clock.

Data: `.parquet` or `.tsv` with columns `sentence` (or `text`) and `label`, or lines of LABEL SPACE TEXT; `.gz` of either text
form. Demonstrations come from `--demonstrations`, or else from the items behind the scored ones.
"""

import argparse
import csv
import gzip
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INSTRUCTION = "Decide whether each review is negative or positive."


def read_items(path: Path) -> list[tuple[str, int]]:
    """Texts and classes."""
    if path.suffix == ".parquet":
        import pyarrow.parquet

        rows = pyarrow.parquet.read_table(path).to_pylist()
        return [(row.get("sentence", row.get("text")).strip(), int(row["label"])) for row in rows]
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        lines = file.read().splitlines()
    if "\t" in lines[0]:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [((row.get("sentence") or row["text"]).strip(), int(row["label"])) for row in rows]
    return [(text.strip(), int(label)) for label, text in (line.split(" ", 1) for line in lines if line)]


def write_pairs(path: Path, args: argparse.Namespace, shots: int) -> int:
    """One pair for each item and class; the same demonstrations, of all classes in turn, in front of each item."""
    items = read_items(args.data)
    scored = random.Random(args.seed).sample(range(len(items)), args.items)
    pool = read_items(args.demonstrations) if args.demonstrations else [items[i] for i in range(len(items)) if i not in set(scored)]
    random.Random(args.seed + 1).shuffle(pool)
    by_class = [[text for text, label in pool if label == wanted] for wanted in range(len(args.words))]
    drawn = [(by_class[i % len(args.words)][i // len(args.words)], i % len(args.words)) for i in range(shots)]
    front = [INSTRUCTION] + [f"Review: {text}\nSentiment: {args.words[label]}" for text, label in drawn]
    with path.open("w", encoding="utf-8") as file:
        for i in scored:
            context = "\n\n".join([*front, f"Review: {items[i][0]}\nSentiment:"])
            for label, word in enumerate(args.words):
                pair = {"id": f"{i}/{label}", "context": context, "continuation": f" {word}"}
                file.write(json.dumps(pair, ensure_ascii=False) + "\n")
    return len(scored)


def peer(args: argparse.Namespace) -> None:
    """One run of transformers; prints its seconds."""
    sys.path.insert(0, str(ROOT / "crates/models/scripts"))
    import gguf
    import torch
    from score_reference import Metadata, encode_pair, load_model, load_tokenizer

    torch.set_num_threads(args.threads)
    reader = gguf.GGUFReader(args.model)
    model, tokenizer = load_model(reader), load_tokenizer(reader)
    prefix = Metadata(reader)["tokenizer.ggml.bos_token_id"]
    pairs = [json.loads(line) for line in args.pairs_file.read_text(encoding="utf-8").splitlines()]
    start = time.perf_counter()
    encoded = [encode_pair(tokenizer, prefix, pair["context"], pair["continuation"]) for pair in pairs]
    order = sorted(range(len(pairs)), key=lambda i: -sum(map(len, encoded[i])))
    scores = [0.0] * len(pairs)
    with torch.inference_mode():
        for at in range(0, len(order), args.batch):
            batch = order[at : at + args.batch]
            fed = [(encoded[i][0] + encoded[i][1])[:-1] for i in batch]
            longest = max(map(len, fed))
            ids = torch.tensor([row + [0] * (longest - len(row)) for row in fed])
            mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in fed])
            logits = model(input_ids=ids, attention_mask=mask).logits
            for place, (i, row) in enumerate(zip(batch, fed, strict=True)):
                answer = torch.tensor(encoded[i][1])
                read = torch.log_softmax(logits[place, len(row) - len(answer) : len(row)].float(), dim=-1)
                scores[i] = read.gather(1, answer[:, None]).sum().item()
    seconds = time.perf_counter() - start
    with args.output.open("w", encoding="utf-8") as file:
        for pair, score in zip(pairs, scores, strict=True):
            file.write(json.dumps({"id": pair["id"], "loglikelihood": score}) + "\n")
    print(json.dumps({"seconds": seconds, "torch": torch.__version__}))


def run(command: list[str], threads: int) -> tuple[str, float, float]:
    """Output, seconds and peak memory (MB) of a process."""
    environment = {**os.environ, "RAYON_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, text=True, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        out.seek(0)
        text = out.read()
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{text}")
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return text, wall, usage.ru_maxrss / unit


def measure_ours(args: argparse.Namespace, pairs: Path, output: Path) -> tuple[float, float]:
    command = [str(args.reprogram), "score", "--model", str(args.model), "--input", str(pairs), "--output", str(output)]
    text, _, memory = run([*command, *args.score_args], args.threads)
    return float(re.search(r"pairs in ([0-9.]+) s", text).group(1)), memory


def measure_peer(args: argparse.Namespace, pairs: Path, output: Path) -> tuple[float, float]:
    command = [sys.executable, __file__, "--peer", "--model", str(args.model), "--pairs-file", str(pairs), "--output", str(output)]
    text, _, memory = run([*command, "--threads", str(args.threads), "--batch", str(args.batch)], args.threads)
    return json.loads(text.splitlines()[-1])["seconds"], memory


def compare(ours: Path, theirs: Path, n_choices: int) -> tuple[float, int]:
    """The largest difference, and how many items another choice wins."""
    read = lambda path: [json.loads(line)["loglikelihood"] for line in path.read_text(encoding="utf-8").splitlines()]
    ours, theirs = read(ours), read(theirs)
    best = lambda scores: [max(range(n_choices), key=lambda c: scores[at + c]) for at in range(0, len(scores), n_choices)]
    worst = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    return worst, sum(a != b for a, b in zip(best(ours), best(theirs), strict=True))


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):8.2f}  ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="GGUF file of SmolLM2")
    parser.add_argument("--data", type=Path, help="items to be scored")
    parser.add_argument("--demonstrations", type=Path, help="items to draw demonstrations from")
    parser.add_argument("--words", nargs="+", default=["negative", "positive"], help="answers, in the order of the classes")
    parser.add_argument("--shots", type=int, nargs="+", default=[8, 0])
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5, help="pairs of runs")
    parser.add_argument("--batch", type=int, default=8, help="pairs that transformers is fed at once")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reprogram", type=Path, default=ROOT / "target/release/reprogram")
    parser.add_argument("--score-args", nargs=argparse.REMAINDER, default=[], help="more arguments of `reprogram score`; last")
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--pairs-file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peer:
        return peer(args)
    if args.data is None:
        parser.error("--data is needed")
    with tempfile.TemporaryDirectory() as folder:
        for shots in args.shots:
            pairs, ours, theirs = (Path(folder) / name for name in ("pairs.jsonl", "ours.jsonl", "theirs.jsonl"))
            n_items = write_pairs(pairs, args, shots)
            runs = []
            for at in range(args.rounds):
                runs.append((measure_ours(args, pairs, ours), measure_peer(args, pairs, theirs)))
                ((a, _), (b, _)) = runs[-1]
                print(f"{shots} shots, round {at + 1}: reprogram {a:.2f} s, transformers {b:.2f} s, {b / a:.2f} times", flush=True)
            worst, changed = compare(ours, theirs, len(args.words))
            print(f"\n{shots} shots, {n_items} items, {len(args.words)} choices, {args.threads} threads, {args.rounds} rounds: median (range)")
            for name, side in (("reprogram", 0), ("transformers", 1)):
                rates = [n_items / one[side][0] for one in runs]
                memory = [one[side][1] for one in runs]
                print(f"  {name:<12} items/s {spread(rates)}   peak MB {spread(memory)}")
            print(f"  ratio of items/s     {spread([theirs / ours for (ours, _), (theirs, _) in runs])}")
            print(f"  largest difference of a log-likelihood {worst:.1e}; items with another answer: {changed}\n", flush=True)


if __name__ == "__main__":
    main()
