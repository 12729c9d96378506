"""The same numbers as transformers and lm-evaluation-harness, on real weights and real items.

    python3 -m venv peers && peers/bin/pip install -r benchmarks/peers/requirements.txt
    cargo build --release
    peers/bin/python benchmarks/peers/parity.py pairs   --model SmolLM2-135M-Instruct.Q4_1.gguf --data stsa.binary.test.gz
    peers/bin/python benchmarks/peers/parity.py lm-eval --model SmolLM2-135M-Instruct.Q4_1.gguf --data stsa.binary.test.gz
    peers/bin/python benchmarks/peers/parity.py sweep   --model SmolLM2-135M-Instruct.Q4_1.gguf --data agnews/test.csv.gz
    peers/bin/python benchmarks/peers/parity.py options --model SmolLM2-135M-Instruct.Q4_1.gguf --data CommonsenseQA/dev_rand_split.jsonl.gz

`pairs`: `--items` items with each class's word, behind 0, 4 and 8 demonstrations, scored by `reprogram score` and one pair at a time by
transformers, which gets the weights of the same GGUF file in f32. Holds where no log-likelihood is further apart than `--tolerance`, no item
has another answer, no continuation another number of tokens. `--fixture FILE` writes transformers' numbers as
`crates/harness/tests/fixtures/sst2-log-likelihoods.json` has them: line numbers of the data file and numbers, no texts.

`lm-eval`: a task of lm-evaluation-harness on a local file, run by lm-evaluation-harness with the same model, without demonstrations and behind
`--shots` of its own draw. Its requests are then scored by `reprogram score --unconditional`; acc, acc_norm, acc_bytes and acc_mutual_info
must come out the same for every item.

`sweep`: `zero-shot` on AG News as a sweep runs it, then `reprogram rescore` from what is stored, without the model; lm-evaluation-harness is
given the same items in a task of its own. Log-likelihoods, and all four metrics of every item, must come out the same.

`options`: the same of a set whose items bring their own answers, CommonsenseQA with five options each.

Data: SST-2 as lines of LABEL SPACE TEXT, for `sweep` AG News as its CSV, for `options` CommonsenseQA as its JSON lines; gzipped or not. What was found is printed, and written to `--output` as JSON.
"""

import argparse
import gzip
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INSTRUCTION = "Decide whether each review is negative or positive."
WORDS = ["negative", "positive"]
# Of different lengths, so that normalisations disagree.
CHOICES = ["terrible", "great"]
SHOTS = (0, 4, 8)
METRICS = ["acc", "acc_norm", "acc_bytes", "acc_mutual_info"]


def opened(path: Path, **how):
    return (gzip.open if path.suffix == ".gz" else open)(path, "rt", **how)


def read_items(path: Path) -> list[tuple[str, int]]:
    with opened(path, encoding="utf-8") as file:
        return [(text.strip(), int(label)) for label, text in (line.split(" ", 1) for line in file.read().splitlines() if line)]


def draw(items: list[tuple[str, int]], n: int, shots: int, seed: int) -> tuple[list[int], list[int]]:
    """Places of the scored items, and of demonstrations of both classes in turn."""
    order = list(range(len(items)))
    random.Random(seed).shuffle(order)
    scored, pool = order[:n], order[n:]
    by_class = [[i for i in pool if items[i][1] == wanted] for wanted in range(len(WORDS))]
    return scored, [by_class[i % len(WORDS)][i // len(WORDS)] for i in range(shots)]


def pairs_of(items: list[tuple[str, int]], scored: list[int], shots: list[int]) -> list[dict]:
    front = [INSTRUCTION] + [f"Review: {items[i][0]}\nSentiment: {WORDS[items[i][1]]}" for i in shots]
    contexts = ["\n\n".join([*front, f"Review: {items[i][0]}\nSentiment:"]) for i in scored]
    return [
        {"id": f"{i}/{label}", "context": context, "continuation": f" {word}"}
        for i, context in zip(scored, contexts, strict=True)
        for label, word in enumerate(WORDS)
    ]


def load_peer(args: argparse.Namespace):
    sys.path.insert(0, str(ROOT / "crates/models/scripts"))
    import gguf
    import torch
    from score_reference import Metadata, load_model, load_tokenizer

    torch.set_num_threads(args.threads)
    reader = gguf.GGUFReader(args.model)
    return load_model(reader), load_tokenizer(reader), Metadata(reader)


def score_ours(args: argparse.Namespace, pairs: list[dict]) -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "pairs.jsonl", Path(folder) / "scores.jsonl"
        given.write_text("".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs), encoding="utf-8")
        command = [args.reprogram, "score", "--model", args.model, "--input", given, "--output", found, "--unconditional"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return [json.loads(line) for line in found.read_text(encoding="utf-8").splitlines()]


def score_theirs(peer, pairs: list[dict]) -> list[dict]:
    from score_reference import encode_pair, score

    model, tokenizer, meta = peer
    prefix = meta["tokenizer.ggml.bos_token_id"]
    scores = []
    for pair in pairs:
        context, continuation = encode_pair(tokenizer, prefix, pair["context"], pair["continuation"])
        loglikelihood, is_greedy = score(model, context, continuation)
        scores.append({"id": pair["id"], "loglikelihood": loglikelihood, "is_greedy": is_greedy, "n_tokens": len(continuation)})
    return scores


def argmax(values) -> int:
    values = list(values)
    return values.index(max(values))


def answers(scores: list[dict], n: int) -> list[int]:
    return [argmax(score["loglikelihood"] for score in scores[at : at + n]) for at in range(0, len(scores), n)]


def theirs_by_shots(args: argparse.Namespace, items: list[tuple[str, int]]) -> dict[str, list[dict]]:
    if args.theirs and args.theirs.exists():
        return json.loads(args.theirs.read_text(encoding="utf-8"))
    peer = load_peer(args)
    found = {str(shots): score_theirs(peer, pairs_of(items, *draw(items, args.items, shots, args.seed))) for shots in SHOTS}
    if args.theirs:
        args.theirs.write_text(json.dumps(found) + "\n", encoding="utf-8")
    return found


def pairs(args: argparse.Namespace) -> dict:
    import torch
    import transformers

    items = read_items(args.data)
    theirs_of = theirs_by_shots(args, items)
    report = {"torch": torch.__version__, "transformers": transformers.__version__, "items": args.items, "tolerance": args.tolerance, "shots": []}
    fixture = {"data": args.data.name, "instruction": INSTRUCTION, "words": WORDS, "settings": []}
    for shots in SHOTS:
        scored, demonstrations = draw(items, args.items, shots, args.seed)
        asked = pairs_of(items, scored, demonstrations)
        ours, theirs = score_ours(args, asked), theirs_of[str(shots)]
        differences = [abs(a["loglikelihood"] - b["loglikelihood"]) for a, b in zip(ours, theirs, strict=True)]
        row = {
            "shots": shots,
            "pairs": len(asked),
            "largest_difference": max(differences),
            "mean_difference": sum(differences) / len(differences),
            "other_answers": sum(a != b for a, b in zip(answers(ours, len(WORDS)), answers(theirs, len(WORDS)), strict=True)),
            "other_greediness": sum(a["is_greedy"] != b["is_greedy"] for a, b in zip(ours, theirs, strict=True)),
            "other_numbers_of_tokens": sum(a["n_tokens"] != b["n_tokens"] for a, b in zip(ours, theirs, strict=True)),
            "accuracy": sum(found == items[i][1] for found, i in zip(answers(theirs, len(WORDS)), scored, strict=True)) / len(scored),
        }
        row["holds"] = row["largest_difference"] <= args.tolerance and not (row["other_answers"] or row["other_numbers_of_tokens"])
        report["shots"].append(row)
        log_likelihoods = [round(score["loglikelihood"], 6) for score in theirs]
        fixture["settings"].append({"demonstrations": demonstrations, "items": scored, "log_likelihoods": log_likelihoods})
        print(json.dumps(row), flush=True)
    if args.fixture:
        args.fixture.write_text(json.dumps(fixture) + "\n", encoding="utf-8")
    report["holds"] = all(row["holds"] for row in report["shots"])
    return report


TASK = """task: {name}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {test}
    train: {train}
test_split: test
fewshot_split: train
output_type: multiple_choice
description: {description}
doc_to_text: {text}
doc_to_target: label
doc_to_choice: {choices}
metric_list:
{metrics}
metadata:
  version: 1.0
"""


def lm_eval(args: argparse.Namespace) -> dict:
    items = read_items(args.data)
    scored, _ = draw(items, args.items, 0, args.seed)
    rest = [i for i in range(len(items)) if i not in set(scored)][:100]
    words = {"description": f"{INSTRUCTION}\n\n", "text": "Review: {{text}}\nIt was", "choices": CHOICES}
    report = {"lm_eval": version("lm_eval"), "items": args.items, "settings": []}
    with tempfile.TemporaryDirectory() as folder:
        evaluate = evaluation(args, Path(folder), words, {"test": [items[i] for i in scored], "train": [items[i] for i in rest]})
        for shots in (0, args.shots):
            samples, seconds = evaluate(shots)
            report["settings"].append(compared(args, samples, shots, seconds))
            print(json.dumps(report["settings"][-1]), flush=True)
    report["holds"] = all(row["holds"] for row in report["settings"])
    return report


def evaluation(args: argparse.Namespace, folder: Path, words: dict, parts: dict):
    """lm-evaluation-harness on these items: samples and seconds for a number of demonstrations."""
    import transformers

    model, tokenizer, meta = load_peer(args)
    tokens = meta["tokenizer.ggml.tokens"]
    named = {f"{role}_token": tokens[meta[f"tokenizer.ggml.{role}_token_id"]] for role in ("bos", "eos")}
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=named["eos_token"], **named)

    import lm_eval as harness
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    files = {}
    for part, items in parts.items():
        files[part] = folder / f"{part}.jsonl"
        documents = [item if isinstance(item, dict) else dict(zip(("text", "label"), item, strict=True)) for item in items]
        files[part].write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf-8")
    metrics = "".join(f"  - metric: {name}\n    aggregation: mean\n    higher_is_better: true\n" for name in METRICS).rstrip()
    task = TASK.format(name="local_task", metrics=metrics, **{key: json.dumps(value) for key, value in words.items()}, **files)
    (folder / "local_task.yaml").write_text(task, encoding="utf-8")
    wrapped = HFLM(pretrained=model, tokenizer=fast, batch_size=8, device="cpu", max_length=2048)

    def evaluate(shots: int):
        start = time.perf_counter()
        found = harness.simple_evaluate(
            model=wrapped,
            tasks=["local_task"],
            num_fewshot=shots,
            task_manager=TaskManager(include_path=str(folder)),
            log_samples=True,
            bootstrap_iters=0,
        )
        samples = sorted(found["samples"]["local_task"], key=lambda sample: sample["doc_id"])
        return samples, time.perf_counter() - start

    return evaluate


SWEEP = """name = "stored"
seeds = [1]

[[experiment]]
backbones = ["{model}"]
datasets = ["{data}"]
methods = ["zero-shot"]
budget = {{ epochs = 1, batch-size = 8, shots = 1, validation-items = 4, test-items = {items} }}
"""
TOPICS = ["world", "sports", "business", "technology"]
OURS = {"acc": "accuracy-raw", "acc_norm": "accuracy-per-character", "acc_bytes": "accuracy-per-byte", "acc_mutual_info": "accuracy-pmi"}


# Texts are read in one line, with one blank between words, as `reprogram` reads them.
def read_articles(path: Path) -> list[dict]:
    import csv

    with opened(path, encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{"text": " ".join(f"{row['Title']}. {row['Description']}".split()), "label": int(row["Class Index"]) - 1} for row in rows]


def read_questions(path: Path) -> list[dict]:
    with opened(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [
        {
            "text": " ".join(row["question"]["stem"].split()),
            "label": "ABCDE".index(row["answerKey"]),
            "options": [" ".join(option["text"].split()) for option in row["question"]["choices"]],
        }
        for row in rows
    ]


# Name of the data set, how its file is read, and the words of the peer's task.
STORED = {
    "sweep": ("ag-news", read_articles, {"description": "", "text": "Article: {{text}}\nTopic:", "choices": TOPICS}),
    "options": ("commonsense-qa-texts", read_questions, {"description": "", "text": "Question: {{text}}\nAnswer:", "choices": "options"}),
}


def stored(args: argparse.Namespace) -> dict:
    import pyarrow.parquet

    data, read, words = STORED[args.what]
    everything = read(args.data)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "stored.toml").write_text(SWEEP.format(model=args.model.resolve(), data=data, items=args.items), encoding="utf-8")
        run = lambda *command: subprocess.run([args.reprogram, *command], check=True, capture_output=True, text=True).stdout
        run("sweep", folder / "stored.toml", "--results", folder)
        scores = json.loads(run("rescore", folder / "stored", "--trials", "--format", "json"))[0]
        (outcomes,) = (folder / "stored/outcomes").glob("*.parquet")
        rows = pyarrow.parquet.read_table(outcomes).to_pylist()
        (record,) = (folder / "stored/records").glob("*.json")
        borders = json.loads(record.read_text(encoding="utf-8"))["status"]["outcome"]["borders"]
        items = [everything[int(row["id"].split("/")[1]) - 1] for row in rows]
        assert all(item["label"] == row["gold"] for item, row in zip(items, rows, strict=True))
        samples, seconds = evaluation(args, folder, words, {"test": items, "train": items})(0)
    worst, others = 0.0, dict.fromkeys(METRICS, 0)
    for row, sample in zip(rows, samples, strict=True):
        replies = [reply[0] if isinstance(reply[0], (tuple, list)) else reply for reply in sample["resps"]]
        theirs = [float(reply[0]) for reply in replies]
        ours = row["answer_log_likelihoods"] + row["answer_unconditional"]
        worst = max(worst, *(abs(a - b) for a, b in zip(ours, theirs, strict=True)))
        raw = row["answer_log_likelihoods"]
        chosen = {
            "acc": argmax(raw),
            "acc_norm": argmax(a / n for a, n in zip(raw, row["answer_characters"], strict=True)),
            "acc_bytes": argmax(a / n for a, n in zip(raw, row["answer_bytes"], strict=True)),
            "acc_mutual_info": argmax(a - b for a, b in zip(raw, row["answer_unconditional"], strict=True)),
        }
        for name in METRICS:
            others[name] += int(int(chosen[name] == row["gold"]) != int(sample[name]))
    report = {
        "lm_eval": version("lm_eval"),
        "data": data,
        "items": len(rows),
        "largest_difference": worst,
        "rescored": {name: scores[OURS[name]] for name in METRICS},
        "theirs": {name: sum(int(sample[name]) for sample in samples) / len(samples) for name in METRICS},
        "items_with_another_result": others,
        "borders": borders,
        "lm_eval_seconds": round(seconds, 1),
    }
    same = all(abs(report["rescored"][name] - report["theirs"][name]) < 1e-6 for name in METRICS)
    report["holds"] = worst <= args.tolerance and same and not any(others.values())
    print(json.dumps(report), flush=True)
    return report


def version(package: str) -> str:
    import importlib.metadata

    return importlib.metadata.version(package)


def requests_of(sample: dict) -> list[tuple[str, str]]:
    """Context and continuation of each request of an item."""
    arguments = sample["arguments"]
    arguments = arguments.values() if isinstance(arguments, dict) else arguments
    return [tuple(request.values())[:2] if isinstance(request, dict) else tuple(request)[:2] for request in arguments]


def compared(args: argparse.Namespace, samples: list[dict], shots: int, seconds: float) -> dict:
    """Every item's metrics by lm-evaluation-harness, and by our log-likelihoods of its requests."""
    n = len(CHOICES)
    asked = []
    for sample in samples:
        conditional = [request for request in requests_of(sample) if request[0] != ""]
        assert len(conditional) == n, requests_of(sample)
        asked += [{"id": f"{sample['doc_id']}/{k}", "context": c, "continuation": t} for k, (c, t) in enumerate(conditional)]
    ours = score_ours(args, asked)
    worst, others, right = 0.0, dict.fromkeys(METRICS, 0), dict.fromkeys(METRICS, 0)
    for at, sample in enumerate(samples):
        rows = ours[at * n : (at + 1) * n]
        raw = [row["loglikelihood"] for row in rows]
        chosen = {
            "acc": argmax(raw),
            "acc_norm": argmax(row["loglikelihood"] / row["n_characters"] for row in rows),
            "acc_bytes": argmax(row["loglikelihood"] / row["n_bytes"] for row in rows),
            "acc_mutual_info": argmax(row["loglikelihood"] - row["unconditional"] for row in rows),
        }
        replies = [reply[0] if isinstance(reply[0], (tuple, list)) else reply for reply in sample["resps"]]
        theirs = [float(reply[0]) for reply in replies][:n]
        worst = max(worst, *(abs(a - b) for a, b in zip(raw, theirs, strict=True)))
        for name in METRICS:
            hit = int(chosen[name] == sample["doc"]["label"])
            right[name] += hit
            others[name] += int(hit != int(sample[name]))
    row = {
        "shots": shots,
        "items": len(samples),
        "largest_difference": worst,
        "ours": {name: right[name] / len(samples) for name in METRICS},
        "theirs": {name: sum(int(sample[name]) for sample in samples) / len(samples) for name in METRICS},
        "items_with_another_result": others,
        "lm_eval_seconds": round(seconds, 1),
    }
    row["holds"] = worst <= args.tolerance and not any(others.values())
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["pairs", "lm-eval", *STORED])
    parser.add_argument("--model", type=Path, required=True, help="GGUF file of SmolLM2")
    parser.add_argument("--data", type=Path, required=True, help="items: see above")
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument("--shots", type=int, default=4, help="demonstrations that lm-evaluation-harness draws")
    parser.add_argument("--tolerance", type=float, default=1e-3, help="of a log-likelihood, in nats")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reprogram", type=Path, default=ROOT / "target/release/reprogram")
    parser.add_argument("--fixture", type=Path, help="write transformers' numbers here")
    parser.add_argument("--theirs", type=Path, help="transformers' scores of the pairs: read if they are there, else written")
    parser.add_argument("--output", type=Path, help="write what was found here")
    args = parser.parse_args()
    report = {"pairs": pairs, "lm-eval": lm_eval}.get(args.what, stored)(args)
    if args.output:
        args.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print("holds" if report["holds"] else "does not hold")
    return 0 if report["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
