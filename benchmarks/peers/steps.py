"""Forward passes and training steps side by side: reprogram against PyTorch, on one machine's CPU, alternating.

    python3 -m venv peers && peers/bin/pip install -r benchmarks/peers/requirements.txt
    cargo build --release --workspace --example workload
    peers/bin/python benchmarks/peers/steps.py

    vit-forward    ViT-S/16, 16 images of 224 × 224
    vit-frame      a step of a frame around 128 × 128 pixels: σ(δ) times a mask, 10 mapped classes, Adam
    vit-vpt-deep   a step of VPT-deep, 10 tokens at each block and a linear head, SGD
    soft-prompt    a step of 20 prompt tokens before 8 texts of 128 tokens, a model as large as SmolLM2-135M, loss on the
                   answer behind each text alone, Adam
    coop           a step of CoOp, 16 words of context, 100 classes, 32 images, a model as large as CLIP ViT-B/32, SGD. Ours has
                   the images' features from one pass, a fiftieth of which (50 epochs) is added to each step; the peer is the
                   plain loop: images go through the model at every step, texts are filled up to 77 tokens

The peers are transformers' ViTForImageClassification and LlamaForCausalLM (with PEFT's prompt tuning), in f32, eval mode, sdpa
attention, weights that ask for no gradient. Both sides make up the same weights, inputs and starts by one rule, so that
the losses of all steps are compared, too. Each run is a process of its own: two warm steps, then `--rounds` timed ones, of
which the median counts. Memory is the peak of the resident size over the steps, and what of it is above that of the loaded state.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORKLOADS = ["vit-forward", "vit-frame", "vit-vpt-deep", "soft-prompt", "coop"]
N_WARM = 2
SIDE, INNER, N_IMAGES, N_CLASSES = 224, 128, 16, 10
N_TEXTS, N_TOKENS, VOCABULARY = 8, 128, 49152
CUE, ANSWERS = 7, [100, 200]
N_PHOTOS, N_NAMES, N_CONTEXT, CLIP_VOCABULARY = 32, 100, 16, 49408
PARTS = {
    "layers": "encoder.layer",
    "attention.q_proj": "attention.attention.query",
    "attention.k_proj": "attention.attention.key",
    "attention.v_proj": "attention.attention.value",
    "attention.o_proj": "attention.output.dense",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
}


def unit(name: str, n: int):
    """The first `n` entries of the tensor of this name, in 0..1: `unit` of crates/methods/examples/workload.rs."""
    import numpy as np

    offset = 2166136261
    for byte in name.encode():
        offset = (offset ^ byte) * 16777619 % 2**32
    x = np.arange(n, dtype=np.uint32) + np.uint32(offset)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return ((x ^ (x >> np.uint32(16))) >> np.uint32(8)).astype(np.float32) / np.float32(16777216)


def values(name: str, shape):
    import numpy as np
    import torch

    middle = np.float32(1 if name.endswith("weight") and "norm" in name else 0)
    return torch.from_numpy(middle + (unit(name, int(np.prod(shape))) - np.float32(0.5)) * np.float32(0.1)).reshape(tuple(shape))


def stored_name(name: str) -> str:
    """What the hub's files call a tensor of transformers 5."""
    if name.startswith("vit."):
        for new, old in PARTS.items():
            name = name.replace(f".{new}.", f".{old}.")
    return name


def fill(model) -> None:
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(values(stored_name(name), parameter.shape))
    model.eval().requires_grad_(False)


def learned(name: str, shape):
    return values(name, shape).requires_grad_(True)


def images(inner: int, n_images: int = N_IMAGES):
    import torch

    pixels = torch.from_numpy(unit("pixels", n_images * 3 * SIDE * SIDE)).reshape(n_images, 3, SIDE, SIDE)
    return pixels * inside(inner)


def inside(inner: int):
    import torch

    mask, offset = torch.zeros(SIDE, SIDE), (SIDE - inner) // 2
    mask[offset : offset + inner, offset : offset + inner] = 1
    return mask


def vit_steps(name: str, compiled: bool):
    import torch
    from torch.nn.functional import cross_entropy
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=384, num_hidden_layers=12, num_attention_heads=6, intermediate_size=1536, layer_norm_eps=1e-6, num_labels=1000,
        attn_implementation="sdpa",
    )  # fmt: skip
    model = ViTForImageClassification(config)
    fill(model)
    network = torch.compile(model) if compiled else model
    batch = images(INNER if name == "vit-frame" else SIDE)
    labels = torch.arange(N_IMAGES) % N_CLASSES
    if name == "vit-forward":

        def forward() -> float:
            with torch.inference_mode():
                return network(pixel_values=(batch - 0.5) / 0.5).logits.square().mean().item()

        return forward
    if name == "vit-frame":
        delta, mask, sources = learned("delta", (1, 3, SIDE, SIDE)), 1 - inside(INNER), torch.arange(N_CLASSES) * 97
        optimizer = torch.optim.Adam([delta], lr=0.01)
        scores = lambda: network(pixel_values=(batch + torch.sigmoid(delta) * mask - 0.5) / 0.5).logits[:, sources]
    else:
        prompts = learned("tokens", (12, 10, 384))
        weight, bias = learned("weight", (384, N_CLASSES)), learned("bias", (N_CLASSES,))
        optimizer = torch.optim.SGD([prompts, weight, bias], lr=0.01)

        def prompted(batch):
            hidden = model.vit.embeddings((batch - 0.5) / 0.5)
            for i, layer in enumerate(model.vit.layers):
                rest = hidden[:, 1:] if i == 0 else hidden[:, 11:]
                hidden = layer(torch.cat((hidden[:, :1], prompts[i].expand(N_IMAGES, -1, -1), rest), dim=1))
            return model.vit.layernorm(hidden[:, 0]) @ weight + bias

        run = torch.compile(prompted) if compiled else prompted
        scores = lambda: run(batch)
    return lambda: step(optimizer, lambda: cross_entropy(scores(), labels))


def step(optimizer, loss_of) -> float:
    optimizer.zero_grad(set_to_none=True)
    loss = loss_of()
    loss.backward()
    optimizer.step()
    return loss.item()


def prompt_steps(compiled: bool):
    import numpy as np
    import torch
    from peft import PromptTuningConfig, get_peft_model
    from torch.nn.functional import cross_entropy
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=576, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3, head_dim=64, intermediate_size=1536,
        vocab_size=VOCABULARY, max_position_embeddings=2048, rms_norm_eps=1e-5, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, use_cache=False, attn_implementation="sdpa",
    )  # fmt: skip
    base = LlamaForCausalLM(config)
    fill(base)
    model = get_peft_model(base, PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=20))
    prompt = model.prompt_encoder.default.embedding.weight
    with torch.no_grad():
        prompt.copy_(values("tokens", prompt.shape))
    model.eval()
    assert [parameter.shape for parameter in model.parameters() if parameter.requires_grad] == [prompt.shape]
    network = torch.compile(model) if compiled else model
    words = 2 + (unit("tokens", N_TEXTS * (N_TOKENS - 1)) * np.float32(VOCABULARY - 2)).astype(np.int64)
    ids = torch.cat((torch.from_numpy(words).reshape(N_TEXTS, -1), torch.full((N_TEXTS, 1), CUE)), dim=1)
    labels = torch.arange(N_TEXTS) % len(ANSWERS)
    optimizer = torch.optim.Adam([prompt], lr=0.01)

    def loss():
        logits = network(input_ids=ids, logits_to_keep=1, use_cache=False).logits[:, -1]
        return cross_entropy(torch.log_softmax(logits, dim=-1)[:, ANSWERS], labels)

    return lambda: step(optimizer, loss)


def context_steps(compiled: bool):
    import numpy as np
    import torch
    from torch.nn.functional import cross_entropy, normalize
    from transformers import CLIPConfig, CLIPModel

    tower = {"num_hidden_layers": 12, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5}
    start, end = CLIP_VOCABULARY - 2, CLIP_VOCABULARY - 1
    text = {"hidden_size": 512, "intermediate_size": 2048, "num_attention_heads": 8, "vocab_size": CLIP_VOCABULARY, "max_position_embeddings": 77}
    vision = {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "image_size": SIDE, "patch_size": 32}
    config = CLIPConfig(
        text_config={**tower, **text, "bos_token_id": start, "eos_token_id": end}, vision_config={**tower, **vision}, projection_dim=512,
        attn_implementation="sdpa",
    )  # fmt: skip
    model = CLIPModel(config)
    fill(model)
    words = 1 + (unit("names", 2 * N_NAMES) * np.float32(CLIP_VOCABULARY - 3)).astype(np.int64)
    behind = torch.cat((torch.from_numpy(words).reshape(N_NAMES, 2), torch.tensor([[CUE, end]]).expand(N_NAMES, 2)), dim=1)
    n_behind = 77 - 1 - N_CONTEXT
    behind = torch.cat((behind, torch.zeros(N_NAMES, n_behind - behind.shape[1], dtype=torch.long)), dim=1)
    embed = model.text_model.embeddings.token_embedding
    front, back = embed(torch.full((N_NAMES, 1), start)), embed(behind)
    context, last = learned("tokens", (N_CONTEXT, 512)), 1 + N_CONTEXT + 3
    batch, labels = images(SIDE, N_PHOTOS), torch.arange(N_PHOTOS) % N_NAMES
    optimizer = torch.optim.SGD([context], lr=0.002)

    def scores():
        photos = model.visual_projection(model.vision_model(pixel_values=batch).pooler_output)
        prompts = torch.cat((front, context.expand(N_NAMES, -1, -1), back), dim=1)
        hidden = model.text_model.embeddings(inputs_embeds=prompts)
        hidden = model.text_model.encoder(inputs_embeds=hidden, attention_mask=None, is_causal=True).last_hidden_state
        texts = model.text_projection(model.text_model.final_layer_norm(hidden)[:, last])
        return model.logit_scale.exp() * normalize(photos) @ normalize(texts).T

    run = torch.compile(scores) if compiled else scores
    return lambda: step(optimizer, lambda: cross_entropy(run(), labels))


def resident(field: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0


def peer(args: argparse.Namespace) -> None:
    """One run of PyTorch."""
    import gc

    import torch

    torch.set_num_threads(args.threads)
    if args.peer == "soft-prompt":
        run = prompt_steps(args.compile)
    elif args.peer == "coop":
        run = context_steps(args.compile)
    else:
        run = vit_steps(args.peer, args.compile)
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        pass  # the peak is that of loading too
    before, seconds, losses, processor = resident("VmRSS"), [], [], 0.0
    for at in range(N_WARM + args.rounds):
        if at == N_WARM:
            processor = time.process_time()
        start = time.perf_counter()
        losses.append(run())
        seconds.append(time.perf_counter() - start)
    result = {
        "workload": args.peer,
        "seconds": seconds[N_WARM:],
        "losses": losses,
        "cpu_seconds": time.process_time() - processor,
        "resident_before": before,
        "peak_resident": resident("VmHWM"),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    print(json.dumps(result))


def run(command: list[str], threads: int) -> dict:
    environment = {**os.environ, "RAYON_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(name: str, args: argparse.Namespace) -> tuple[dict, dict]:
    rounds = ["--rounds", str(args.rounds)]
    ours = run([str(args.workload), name, *rounds, "--fusion", args.fusion], args.threads)
    command = [sys.executable, __file__, "--peer", name, *rounds, "--threads", str(args.threads)]
    return ours, run(command + ["--compile"] * args.compile, args.threads)


def spread(values: list[float], digits: int = 2) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def summary(name: str, pairs: list[tuple[dict, dict]]) -> dict:
    """All numbers of a workload, one entry a pair."""
    sides = {side: [pair[at] for pair in pairs] for at, side in enumerate(("reprogram", "torch"))}
    found = {"workload": name}
    for side, runs in sides.items():
        found[side] = {
            "seconds": [statistics.median(one["seconds"]) for one in runs],
            "cpu_seconds": [one["cpu_seconds"] / len(one["seconds"]) for one in runs],
            "peak_mb": [one["peak_resident"] / 1e6 for one in runs],
            "above_loaded_mb": [(one["peak_resident"] - one["resident_before"]) / 1e6 for one in runs],
        }
    for key in ("seconds", "cpu_seconds", "peak_mb", "above_loaded_mb"):
        found[f"ratio_{key}"] = [a / b for a, b in zip(found["reprogram"][key], found["torch"][key], strict=True)]
    losses = [(a, b) for ours, theirs in pairs for a, b in zip(ours["losses"], theirs["losses"], strict=True)]
    found["largest_difference_of_a_loss"] = max(abs(a - b) / max(abs(b), 1e-9) for a, b in losses)
    return found


def table(found: list[dict]) -> str:
    heads = ["workload", "reprogram s", "torch s", "time ratio", "peak MB", "torch's", "ratio", "above loaded MB", "torch's", "ratio", "loss differs by"]
    lines = [" | ".join(heads), " | ".join(["---"] + ["---:"] * (len(heads) - 1))]
    for one in found:
        ours, theirs = one["reprogram"], one["torch"]
        cells = [one["workload"], spread(ours["seconds"], 3), spread(theirs["seconds"], 3), spread(one["ratio_seconds"])]
        for key in ("peak_mb", "above_loaded_mb"):
            cells += [f"{statistics.median(side[key]):.0f}" for side in (ours, theirs)] + [spread(one[f"ratio_{key}"])]
        lines.append(" | ".join([*cells, f"{one['largest_difference_of_a_loss']:.0e}"]))
    return "\n".join(f"| {line} |" for line in lines)


def machine() -> str:
    info = Path("/proc/cpuinfo")
    models = [line.split(":", 1)[1].strip() for line in info.read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
    return f"{os.cpu_count()} cores, {models[0] if models else 'unknown processor'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=WORKLOADS)
    parser.add_argument("--pairs", type=int, default=5, help="pairs of runs")
    parser.add_argument("--rounds", type=int, default=5, help="timed steps of a run")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fusion", choices=["auto", "never"], default="auto", help="whether our blocks run as one operation")
    parser.add_argument("--compile", action="store_true", help="let torch.compile have the peer")
    parser.add_argument("--workload", type=Path, default=ROOT / "target/release/examples/workload", help="the built example")
    parser.add_argument("--json", type=Path, help="where all numbers go")
    parser.add_argument("--peer", choices=WORKLOADS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peer:
        return peer(args)
    found, torch_version = [], ""
    for name in args.workloads:
        pairs = []
        for at in range(args.pairs):
            pairs.append(measure(name, args))
            ours, theirs = (statistics.median(side["seconds"]) for side in pairs[-1])
            torch_version = pairs[-1][1]["torch"]
            print(f"{name}, pair {at + 1}: reprogram {ours:.3f} s, torch {theirs:.3f} s, ratio {ours / theirs:.2f}", file=sys.stderr, flush=True)
        found.append(summary(name, pairs))
    terms = f"{machine()}, {args.threads} threads, f32, torch {torch_version}, {args.pairs} alternating pairs of {args.rounds} steps"
    if args.compile:
        terms += ", torch.compile"
    print(f"{date.today()}: {terms}; medians and ranges over pairs; ratios are ours over torch's\n\n{table(found)}")
    if args.json:
        result = {"date": str(date.today()), "machine": machine(), "threads": args.threads, "torch": torch_version, "found": found}
        args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
