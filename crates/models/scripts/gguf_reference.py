"""Logits of a Gemma 3 GGUF file as transformers computes them on its dequantised tensors, in fp32.

    pip install torch transformers gguf sentencepiece safetensors
    python gguf_reference.py FILE.gguf OUT     # writes OUT/prompts.json, OUT/logits.safetensors

`tests/gguf.rs` compares with them when REPROGRAM_GEMMA3_GGUF names the file and REPROGRAM_GEMMA3_EXPECTED the folder. The
last prompt is longer than the window of the local layers.
"""

import json
import sys
from pathlib import Path

import torch
from gguf import GGUFReader
from gguf.quants import dequantize
from safetensors.torch import save_file
from transformers import Gemma3ForCausalLM, Gemma3TextConfig

from make_gguf import GEMMA_NORMS, LAYER_PARTS, gemma_processor

PROMPTS = [
    "The capital of France is",
    "def fibonacci(n: int) -> int:\n    if n < 2:\n        return n\n    return",
    " ".join(f"{i} times {i + 1} is {i * (i + 1)}." for i in range(60)) + " The next product is",
]
N_LAST = 8


def hub_name(name: str) -> str:
    outside = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
    if name in outside:
        return outside[name]
    parts = {gguf: hub for hub, gguf in (LAYER_PARTS | GEMMA_NORMS).items()}
    _, layer, part, kind = name.split(".")
    return f"model.layers.{layer}.{parts[part]}.{kind}"


def main() -> None:
    torch.set_num_threads(1)
    reader, out = GGUFReader(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    get = lambda key: reader.fields[f"gemma3.{key}"].contents()
    state = {}
    for tensor in reader.tensors:
        name = hub_name(tensor.name)
        values = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).astype("float32"))
        state[name] = values - 1 if name.endswith("norm.weight") else values
    config = Gemma3TextConfig(
        vocab_size=len(state["model.embed_tokens.weight"]),
        hidden_size=get("embedding_length"),
        num_hidden_layers=get("block_count"),
        num_attention_heads=get("attention.head_count"),
        num_key_value_heads=get("attention.head_count_kv"),
        head_dim=get("attention.key_length"),
        intermediate_size=get("feed_forward_length"),
        max_position_embeddings=get("context_length"),
        rms_norm_eps=get("attention.layer_norm_rms_epsilon"),
        sliding_window=get("attention.sliding_window"),
        query_pre_attn_scalar=get("attention.key_length"),
        rope_parameters={
            "full_attention": {"rope_type": "default", "rope_theta": get("rope.freq_base")},
            "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
        },
        layer_types=["full_attention" if (i + 1) % 6 == 0 else "sliding_attention" for i in range(get("block_count"))],
        attn_implementation="eager",
    )
    with torch.device("meta"):
        model = Gemma3ForCausalLM(config)
    model = model.to_empty(device="cpu")
    model.load_state_dict(state | {"lm_head.weight": state["model.embed_tokens.weight"]}, strict=True)
    # Tables and factors that are no weights were emptied too.
    model.model.rotary_emb.__init__(config)
    model.model.embed_tokens.register_buffer("embed_scale", torch.tensor(config.hidden_size**0.5), persistent=False)
    model.eval()
    processor = gemma_processor(Path(sys.argv[1]))
    prompts, logits = [], {}
    for i, text in enumerate(PROMPTS):
        ids = [2, *processor.encode(text)]
        prompts.append(dict(text=text, ids=ids))
        with torch.no_grad():
            logits[f"logits.{i}"] = model(input_ids=torch.tensor([ids]), logits_to_keep=min(N_LAST, len(ids))).logits[0].contiguous()
        print(len(ids), repr(processor.decode([int(logits[f"logits.{i}"][-1].argmax())])))
    (out / "prompts.json").write_text(json.dumps(prompts))
    save_file(logits, out / "logits.safetensors")


if __name__ == "__main__":
    main()
