"""GGUF fixtures: the tiny decoders of make_fixtures.py as GGUF files, and small GGUF tokenizers with Python's ids.

    pip install gguf safetensors numpy tokenizers sentencepiece
    python make_gguf.py FIXTURES                       # writes FIXTURES/gguf/ from FIXTURES/FAMILY/
    python make_gguf.py FIXTURES --gemma FILE.gguf     # also ids of a real Gemma GGUF's tokenizer: tokenizers/gemma.json

Names, the order of rotary rows, and what is added to Gemma's norms are those of llama.cpp's conversion. Matrices are
stored as F16, the rest as F32.
"""

import argparse
import io
import json
import math
from pathlib import Path

import numpy as np
import sentencepiece
from gguf import GGUFReader, GGUFWriter, RopeScalingType, TokenType
from safetensors.numpy import load_file
from sentencepiece import sentencepiece_model_pb2 as proto
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from make_tokenizers import CORPUS, TEXTS

LAYER_PARTS = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
PLAIN_NORMS = {"post_attention_layernorm": "ffn_norm"}
GEMMA_NORMS = {
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
OUTSIDE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}
# GGUF has no architecture of its own for Mistral.
ARCHITECTURES = dict(llama3="llama", mistral="llama", qwen2="qwen2", qwen3="qwen3", gemma2="gemma2", gemma3="gemma3")

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"
WORDS = {
    "gpt-2": [GPT2],
    "smollm": [r"\p{N}", GPT2],
    "llama-bpe": [
        r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ],
    "qwen2": [
        r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ],
    "default": [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", r"[0-9][0-9][0-9]"],
}


def rotary_order(weight: np.ndarray, n_heads: int) -> np.ndarray:
    """Halves of a head become neighbours."""
    rows = weight.reshape(n_heads, 2, weight.shape[0] // n_heads // 2, *weight.shape[1:])
    return rows.swapaxes(1, 2).reshape(weight.shape)


def rope_divisors(config: dict) -> np.ndarray:
    rope = config["rope_parameters"]
    head_dim = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    low, high, context = rope["low_freq_factor"], rope["high_freq_factor"], rope["original_max_position_embeddings"]
    divisors = []
    for frequency in 1.0 / rope["rope_theta"] ** (np.arange(0, head_dim, 2) / head_dim):
        wavelength = 2 * math.pi / frequency
        if wavelength < context / high:
            divisors.append(1.0)
        elif wavelength > context / low:
            divisors.append(rope["factor"])
        else:
            smooth = (context / wavelength - low) / (high - low)
            divisors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return np.array(divisors, dtype=np.float32)


def gguf_name(hub: str, is_gemma: bool) -> str:
    if hub in OUTSIDE:
        return OUTSIDE[hub]
    _, _, layer, rest = hub.split(".", 3)
    part, kind = rest.rsplit(".", 1)
    return f"blk.{layer}.{(LAYER_PARTS | (GEMMA_NORMS if is_gemma else PLAIN_NORMS))[part]}.{kind}"


def write_decoder(family: str, folder: Path, out: Path) -> None:
    architecture, is_gemma = ARCHITECTURES[family], family.startswith("gemma")
    config = json.loads((folder / "config.json").read_text())
    writer = GGUFWriter(out, architecture)
    n_heads, n_kv = config["num_attention_heads"], config["num_key_value_heads"]
    head_dim = config.get("head_dim") or config["hidden_size"] // n_heads
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(n_heads)
    writer.add_head_count_kv(n_kv)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    if architecture == "llama":
        writer.add_vocab_size(config["vocab_size"])
        writer.add_rope_dimension_count(head_dim)
    else:
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
    rope = config["rope_parameters"]
    writer.add_rope_freq_base(rope.get("full_attention", rope)["rope_theta"])
    if family == "llama3":
        writer.add_tensor("rope_freqs.weight", rope_divisors(config))
    if family == "qwen3":
        writer.add_rope_scaling_type(RopeScalingType.NONE)
    if config.get("sliding_window") and not family.startswith("qwen"):
        writer.add_sliding_window(config["sliding_window"])
    if is_gemma:
        writer.add_attention_scale(config["query_pre_attn_scalar"] ** -0.5)
    if family == "gemma2":
        writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
        writer.add_final_logit_softcapping(config["final_logit_softcapping"])
    if family == "gemma3":
        writer.add_sliding_window_pattern([kind == "sliding_attention" for kind in config["layer_types"]])
        writer.add_rope_freq_base_swa(rope["sliding_attention"]["rope_theta"])
    tokens = [chr(ord("!") + i) for i in range(config["vocab_size"] - 2)] + ['!"', "!!"]
    kinds = [int(TokenType.NORMAL)] * len(tokens)
    add_tokenizer(writer, dict(model="gpt2", pre="gpt-2", tokens=tokens, kinds=kinds, merges=['! "', "! !"], bos=1, eos=2))
    for name, tensor in sorted(load_file(folder / "model.safetensors").items()):
        if architecture == "llama" and ("q_proj" in name or "k_proj" in name):
            tensor = rotary_order(tensor, n_heads if "q_proj" in name else n_kv)
        if is_gemma and name.endswith("norm.weight"):
            tensor = tensor + np.float32(1)
        writer.add_tensor(gguf_name(name, is_gemma), tensor.astype(np.float16) if tensor.ndim == 2 else tensor)
    finish(writer)


def add_tokenizer(writer: GGUFWriter, tokenizer: dict) -> None:
    writer.add_tokenizer_model(tokenizer["model"])
    writer.add_tokenizer_pre(tokenizer["pre"])
    writer.add_token_list(tokenizer["tokens"])
    writer.add_token_types(tokenizer["kinds"])
    if tokenizer["model"] == "gpt2":
        writer.add_token_merges(tokenizer["merges"])
    else:
        writer.add_token_scores(tokenizer["scores"])
        writer.add_add_space_prefix(tokenizer["space_prefix"])
    writer.add_bos_token_id(tokenizer["bos"])
    writer.add_eos_token_id(tokenizer["eos"])


def finish(writer: GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def byte_level(words: str) -> tuple[dict, list[dict]]:
    tokenizer = Tokenizer(models.BPE(ignore_merges=words == "llama-bpe"))
    splits = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in WORDS[words]]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    if words == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    special = ["<|begin_of_text|>", "<|end_of_text|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.decoder = decoders.ByteLevel()
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    kinds = [3 if token in special else 1 for token in tokens]
    cases = [dict(text=text, ids=tokenizer.encode(text).ids) for text in TEXTS]
    merges = [" ".join(merge) for merge in model["merges"]]
    return dict(model="gpt2", pre=words, tokens=tokens, kinds=kinds, merges=merges, bos=0, eos=1), cases


def scored(space_prefix: bool) -> tuple[dict, list[dict]]:
    """A vocabulary that sentencepiece trained; the same library's ids."""
    stored = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS * 3),
        model_writer=stored,
        model_type="bpe",
        vocab_size=560,
        byte_fallback=True,
        character_coverage=0.98,
        normalization_rule_name="identity",
        add_dummy_prefix=space_prefix,
        remove_extra_whitespaces=False,
        # Llama 2 has the space in front, Gemma has tokens that are matched whole.
        user_defined_symbols=[] if space_prefix else ["\n", "\n\n", "▁▁", "▁▁▁▁"],
        minloglevel=2,
    )
    model = proto.ModelProto.FromString(stored.getvalue())
    kinds = [int(piece.type) for piece in model.pieces]
    tokens = [piece.piece.replace("▁", " ") if kind == 4 else piece.piece for piece, kind in zip(model.pieces, kinds)]
    scores = [piece.score for piece in model.pieces]
    processor = sentencepiece.SentencePieceProcessor(model_proto=stored.getvalue())
    # Control tokens are nothing special to sentencepiece.
    texts = [text for text in TEXTS if "<s>" not in text]
    cases = [dict(text=text, ids=processor.encode(text)) for text in texts]
    return dict(model="llama", pre="default", tokens=tokens, kinds=kinds, scores=scores, bos=1, eos=2, space_prefix=space_prefix), cases


def gemma_processor(file: Path) -> sentencepiece.SentencePieceProcessor:
    """sentencepiece with the vocabulary of a GGUF file. Control tokens are nothing special to it."""
    fields = GGUFReader(file).fields
    tokens, scores, kinds = (fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "scores", "token_type"))
    model = proto.ModelProto()
    for token, score, kind in zip(tokens, scores, kinds):
        kind = TokenType.UNKNOWN if token == "<unk>" else kind
        model.pieces.add(piece=token.replace(" ", "▁") if kind == 4 else token, score=score, type=int(kind))
    model.trainer_spec.model_type, model.trainer_spec.byte_fallback = proto.TrainerSpec.BPE, True
    model.trainer_spec.unk_id, model.trainer_spec.bos_id, model.trainer_spec.eos_id, model.trainer_spec.pad_id = 3, 2, 1, 0
    model.trainer_spec.vocab_size = len(tokens)
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix, model.normalizer_spec.remove_extra_whitespaces = False, False
    return sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())


def gemma_ids(file: Path) -> list[dict]:
    processor = gemma_processor(file)
    texts = [text.replace("<s>", "<table>").replace("</s>", "<b>") for text in TEXTS]
    texts += CORPUS[:-1] + [
        "The capital of France is",
        "Translate to German: 'good morning'.",
        "    four\n        eight\n\ttab\n\n\n\nlines",
        "a                                        b",
        "https://example.org/path?query=1&other=%20#fragment",
        "SELECT * FROM t WHERE a >= 10 AND b != 'x';",
        "∀x ∈ ℝ: x² ≥ 0 ∧ √2 ∉ ℚ",
        "<table><tr><td>cell</td></tr></table>",
        "▁literal▁underline",
        "aaa aaaa aaaaa -----------==========",
        "Ελληνικά, עברית, हिन्दी, ไทย, தமிழ்",
        "\U0001f9d1\u200d\U0001f680 \U0001f1e9\U0001f1ea \U00020bb7 \ue000",
        "Donaudampfschifffahrtsgesellschaftskapitänsmütze",
        "1.000.000,50 € – „Zitat“ … ‚so‘",
    ]
    return [dict(text=text, ids=processor.encode(text)) for text in texts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fixtures", type=Path)
    parser.add_argument("--gemma", type=Path)
    arguments = parser.parse_args()
    out = arguments.fixtures / "gguf"
    out.mkdir(parents=True, exist_ok=True)
    for family in ARCHITECTURES:
        write_decoder(family, arguments.fixtures / family, out / f"{family}.gguf")
    expected = {}
    kinds = {words: byte_level(words) for words in WORDS} | {"scored": scored(False), "scored-space": scored(True)}
    for name, (tokenizer, cases) in kinds.items():
        writer = GGUFWriter(out / f"tokenizer-{name}.gguf", "llama")
        add_tokenizer(writer, tokenizer)
        finish(writer)
        expected[name] = cases
    (out / "tokenizers.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
    if arguments.gemma:
        cases = gemma_ids(arguments.gemma)
        (arguments.fixtures / "tokenizers" / "gemma.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")
        print(len(cases), "texts for Gemma")


if __name__ == "__main__":
    main()
