"""Parity fixtures: tiny random checkpoints in the hub's layout, with what PyTorch computes on them.

    pip install torch transformers safetensors numpy
    python make_fixtures.py OUT            # writes OUT/FAMILY/{config.json,model,expected.safetensors}, OUT/versions.json
    python make_fixtures.py OUT --check    # makes them again and compares each number with what lies in OUT

What each tensor is stands in tests/fixtures/README.md. Everything is drawn with NumPy from fixed seeds and computed in
fp32 on one thread. Other machines give other last digits: compare numerically, never by hash.
"""

import argparse
import json
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F
from transformers import (
    AutoModelForCausalLM,
    CLIPConfig,
    CLIPModel,
    DeiTConfig,
    DeiTForImageClassificationWithTeacher,
    Dinov2Config,
    Dinov2ForImageClassification,
    Gemma2Config,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
    ViTConfig,
    ViTForImageClassification,
)

Tensors = dict[str, Tensor]

TOLERANCE = 1e-5
N_PROMPT = 5
N_GENERATED = 16
IGNORED = -100

VIT = dict(
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=64,
    image_size=16,
    patch_size=4,
    num_channels=1,
    num_labels=5,
    layer_norm_eps=1e-3,  # a reader that ignores the key must fail
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
)
LLAMA = dict(
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    intermediate_size=64,
    vocab_size=64,
    max_position_embeddings=64,
    rope_parameters={"rope_type": "default", "rope_theta": 1e4},
    rms_norm_eps=1e-3,  # likewise
    tie_word_embeddings=True,
)

CLIP_TOWER = dict(num_attention_heads=2, num_hidden_layers=2, intermediate_size=48, layer_norm_eps=1e-3)
CLIP = dict(
    projection_dim=20,
    vision_config=CLIP_TOWER | dict(hidden_size=32, image_size=16, patch_size=4, hidden_act="quick_gelu"),
    text_config=CLIP_TOWER
    | dict(hidden_size=24, vocab_size=40, max_position_embeddings=16, hidden_act="gelu", bos_token_id=37, eos_token_id=38, pad_token_id=39),
)
DECODER = {key: LLAMA[key] for key in LLAMA if key not in ("rope_parameters", "tie_word_embeddings")}
ROPE = {"rope_type": "default", "rope_theta": 1e4}
GEMMA = dict(head_dim=16, query_pre_attn_scalar=10, sliding_window=4, rms_norm_eps=1e-3)
# What each family adds to LLaMA, and how much the logits must change without it (the switched-off keys).
DECODERS: dict[str, tuple[PreTrainedConfig, dict]] = {
    "llama3": (
        LlamaConfig(
            **DECODER,
            rope_parameters=ROPE
            | dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32),
            tie_word_embeddings=False,
        ),
        dict(rope_parameters=ROPE),
    ),
    "mistral": (MistralConfig(**DECODER, sliding_window=4, head_dim=8, rope_parameters=ROPE), dict(sliding_window=None)),
    "qwen2": (Qwen2Config(**DECODER, rope_parameters=ROPE, tie_word_embeddings=True), dict(rope_parameters=ROPE | dict(rope_theta=10.0))),
    "qwen3": (Qwen3Config(**DECODER, head_dim=16, rope_parameters=ROPE), dict(rope_parameters=ROPE | dict(rope_theta=10.0))),
    "gemma2": (
        Gemma2Config(**DECODER | GEMMA, attn_logit_softcapping=2.0, final_logit_softcapping=3.0, rope_parameters=ROPE),
        dict(attn_logit_softcapping=None),
    ),
    "gemma3": (
        Gemma3TextConfig(
            **DECODER | GEMMA | dict(num_hidden_layers=3),
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
            rope_parameters={"full_attention": ROPE | dict(rope_theta=1e6), "sliding_attention": ROPE | dict(rope_theta=100.0)},
        ),
        dict(sliding_window=1000),
    ),
}

# As VIT, with what the family adds. DINOv2's images are not of the size that its positions are stored for.
DEIT = VIT | dict(hidden_size=24, num_attention_heads=3, num_channels=3, hidden_act="relu")
DINOV2 = {key: DEIT[key] for key in DEIT if key not in ("intermediate_size", "hidden_act")} | dict(
    image_size=20, mlp_ratio=3, qkv_bias=False, layerscale_value=1.0
)
DINOV2_PIXELS = 28
TORCH_ENCODER = dict(
    n_heads=4, norm_first=False, activation="relu", layer_norm_eps=0.1, image_mean=[0.4, 0.5, 0.6], image_std=[0.2, 0.25, 0.3]
)
N_VPT = 3
FAMILIES = ("vit", "deit", "dinov2", "vit_postnorm", "clip", "llama", *DECODERS)


def normal(rng: np.random.Generator, *shape: int, std: float = 1.0) -> Tensor:
    return torch.from_numpy((std * rng.standard_normal(shape)).astype(np.float32))


def random_weight(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> Tensor:
    """Large enough that no part of the network is close to the identity or to zero."""
    if not shape:  # CLIP's logarithmic logit scale
        return torch.tensor(1.7)
    if len(shape) == 1:
        is_norm = "norm" in name and name.endswith("weight")
        return normal(rng, *shape, std=0.2) + float(is_norm)
    if "embed_tokens" in name or "token_embedding" in name or "position_embedding.weight" in name:
        return normal(rng, *shape, std=0.5)
    if len(shape) == 3:  # class token and positions
        return normal(rng, *shape, std=0.3)
    fan_in = int(np.prod(shape[1:]))
    return normal(rng, *shape, std=1.5 / fan_in**0.5)


def save_model(model: PreTrainedModel, folder: Path, seed: int, extra_config: dict) -> PreTrainedModel:
    """Saves in the hub's layout, then replaces the weights by seeded ones, which depend on the hub's names alone."""
    model.save_pretrained(folder)
    file, config = folder / "model.safetensors", folder / "config.json"
    rng = np.random.default_rng(seed)
    shapes = {name: tuple(tensor.shape) for name, tensor in load_file(file).items()}
    save_file({name: random_weight(rng, name, shapes[name]) for name in sorted(shapes)}, file, {"format": "pt"})
    (folder / "generation_config.json").unlink(missing_ok=True)
    config.write_text(json.dumps(json.loads(config.read_text()) | extra_config, indent=2, sort_keys=True) + "\n")
    loaded = type(model).from_pretrained(folder, attn_implementation="eager", dtype=torch.float32)
    return loaded.eval().requires_grad_(False)


def save_expected(tensors: Tensors, folder: Path) -> None:
    def plain(tensor: Tensor) -> Tensor:
        tensor = tensor.detach().reshape(tensor.shape or (1,)).contiguous().clone()
        return tensor if tensor.is_floating_point() else tensor.to(torch.int32)

    save_file({name: plain(tensor) for name, tensor in tensors.items()}, folder / "expected.safetensors")


def vit_expected(model: PreTrainedModel, pixels: Tensor, labels: Tensor, image: Tensor, delta: Tensor, prompts: Tensor) -> Tensors:
    """`pixels` fill the model's input; `image` is smaller and gets a frame of `delta`; `prompts` stand behind the class token."""
    out: Tensors = {"pixel_values": pixels, "labels": labels}

    x = pixels.clone().requires_grad_()
    result = model(pixel_values=x, output_hidden_states=True)
    loss = F.cross_entropy(result.logits, labels)
    out |= {"logits": result.logits, "loss": loss, "grad_pixel_values": torch.autograd.grad(loss, x)[0]}
    out |= {f"hidden.{i}": hidden for i, hidden in enumerate(result.hidden_states)}

    margin = (pixels.shape[-1] - image.shape[-1]) // 2
    canvas = F.pad(image, (margin,) * 4)
    mask = 1 - F.pad(torch.ones(1, 1, *image.shape[-2:]), (margin,) * 4)
    d = delta.clone().requires_grad_()
    logits = model(pixel_values=canvas + d * mask).logits
    loss = F.cross_entropy(logits, labels)
    out |= {"vp.image": image, "vp.mask": mask, "vp.delta": delta, "vp.logits": logits, "vp.loss": loss}
    out["vp.grad_delta"] = torch.autograd.grad(loss, d)[0]

    p = prompts.clone().requires_grad_()

    def insert(_module: object, _args: object, tokens: Tensor) -> Tensor:
        return torch.cat([tokens[:, :1], p.expand(len(tokens), -1, -1), tokens[:, 1:]], dim=1)

    hook = model.vit.embeddings.register_forward_hook(insert)
    logits = model(pixel_values=pixels).logits
    hook.remove()
    loss = F.cross_entropy(logits, labels)
    out |= {"vpt_shallow.prompts": prompts, "vpt_shallow.logits": logits, "vpt_shallow.loss": loss}
    out["vpt_shallow.grad"] = torch.autograd.grad(loss, p)[0]
    return out


def shifted_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of every label that is not ignored, under the logits one position earlier."""
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED)


def greedy(model: PreTrainedModel, prompt: Tensor, n_tokens: int) -> Tensor:
    """Recomputes the whole sequence for each token: no cache, no end-of-text. Refuses near ties."""
    ids = prompt
    for _ in range(n_tokens):
        best = model(input_ids=ids).logits[:, -1].topk(2)
        gap = (best.values[:, 0] - best.values[:, 1]).min().item()
        assert gap > 0.01, f"greedy decoding is decided by {gap}: take another seed"
        ids = torch.cat([ids, best.indices[:, :1]], dim=1)
    return ids


def llama_expected(
    model: PreTrainedModel, ids: Tensor, labels: Tensor, mask: Tensor, prompts: Tensor, start: Tensor, n_generated: int
) -> Tensors:
    """`mask` pads on the right; `prompts` stand in front of every row, `start` is continued greedily."""
    out: Tensors = {"input_ids": ids, "labels": labels}

    result = model(input_ids=ids, output_hidden_states=True)
    out |= {"logits": result.logits, "loss": shifted_loss(result.logits, labels)}
    out |= {f"hidden.{i}": hidden for i, hidden in enumerate(result.hidden_states)}
    out |= {"masked.attention_mask": mask, "masked.logits": model(input_ids=ids, attention_mask=mask).logits}

    p = prompts.clone().requires_grad_()
    embedded = model.get_input_embeddings()(ids)
    logits = model(inputs_embeds=torch.cat([p.expand(len(ids), -1, -1), embedded], dim=1)).logits
    ignored = torch.full((len(ids), len(prompts)), IGNORED)
    loss = shifted_loss(logits, torch.cat([ignored, labels], dim=1))
    out |= {"prompt_tuning.prompts": prompts, "prompt_tuning.logits": logits, "prompt_tuning.loss": loss}
    out["prompt_tuning.grad"] = torch.autograd.grad(loss, p)[0]

    out |= {"greedy.prompt": start, "greedy.output": greedy(model, start, n_generated)}
    return out


def make_vit(folder: Path) -> None:
    model = save_model(ViTForImageClassification(ViTConfig(**VIT)), folder, seed=1, extra_config={})
    rng = np.random.default_rng(2)
    edge, small, n = VIT["image_size"], VIT["image_size"] - 6, 2
    pixels, image = (torch.from_numpy(rng.random((n, 1, size, size), dtype=np.float32)) for size in (edge, small))
    labels = torch.tensor([3, 1])
    delta, prompts = normal(rng, 1, 1, edge, edge, std=0.5), normal(rng, N_PROMPT, VIT["hidden_size"], std=0.5)
    save_expected(vit_expected(model, pixels, labels, image, delta, prompts), folder)


Hidden = list[Tensor]


class TorchViT(torch.nn.Module):
    """A ViT of nn.TransformerEncoder, under the names that training scripts give one; pixels in 0 to 1."""

    def __init__(self, rule: dict) -> None:
        super().__init__()
        dim, patch, grid = 24, 4, 4
        self.rule = rule
        self.cls_token = torch.nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = torch.nn.Parameter(torch.zeros(1, 1 + grid * grid, dim))
        self.patch_embed = torch.nn.Module()
        self.patch_embed.proj = torch.nn.Conv2d(3, dim, patch, patch)
        layer = torch.nn.TransformerEncoderLayer(
            dim,
            rule["n_heads"],
            dim_feedforward=40,
            dropout=0.0,
            activation=rule["activation"],
            layer_norm_eps=rule["layer_norm_eps"],
            batch_first=True,
            norm_first=rule["norm_first"],
        )
        self.transformer = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.mlp_head = torch.nn.Sequential(torch.nn.LayerNorm(dim, eps=rule["layer_norm_eps"]), torch.nn.Linear(dim, 5))

    def embed(self, pixels: Tensor) -> Tensor:
        mean, std = (torch.tensor(self.rule[key])[None, :, None, None] for key in ("image_mean", "image_std"))
        patches = self.patch_embed.proj((pixels - mean) / std).flatten(2).transpose(1, 2)
        return torch.cat([self.cls_token.expand(len(pixels), -1, -1), patches], dim=1) + self.pos_embed


def encoder_parts(model: torch.nn.Module) -> tuple:
    """The embedding map, the blocks, and the map from the last block's tokens to logits."""
    if isinstance(model, TorchViT):
        return model.embed, model.transformer.layers, lambda x: model.mlp_head(x[:, 0])
    base = getattr(model, model.base_model_prefix)
    if isinstance(model, DeiTForImageClassificationWithTeacher):

        def head(x: Tensor) -> Tensor:
            x = base.layernorm(x)
            return (model.cls_classifier(x[:, 0]) + model.distillation_classifier(x[:, 1])) / 2

        return base.embeddings, base.layers, head

    def pooled(x: Tensor) -> Tensor:
        x = base.layernorm(x)
        return model.classifier(torch.cat([x[:, 0], x[:, 1 + N_VPT :].mean(1)], dim=1))

    return base.embeddings, base.encoder.layer, pooled


def run(model: torch.nn.Module, pixels: Tensor, prompts: Tensor | None, n_special: int) -> tuple[Hidden, Tensor]:
    """Hidden states and logits; `prompts` (layer, prompt, width) stand behind the special tokens, those of a later layer in
    the place of those before."""
    embed, blocks, head = encoder_parts(model)
    x = embed(pixels)
    states = [x]
    for layer, block in enumerate(blocks):
        if prompts is not None and layer < len(prompts):
            behind = n_special + (N_VPT if layer else 0)
            x = torch.cat([x[:, :n_special], prompts[layer].expand(len(x), -1, -1), x[:, behind:]], dim=1)
        x = block(x)
        states.append(x)
    return states, head(x)


def encoder_expected(model: torch.nn.Module, logits_of, pixels: Tensor, labels: Tensor, prompts: Tensor, n_special: int) -> Tensors:
    """`logits_of` is the model's own forward pass; prompts go in by hand, in front of the first block or of every one."""
    out: Tensors = {"pixel_values": pixels, "labels": labels}
    x = pixels.clone().requires_grad_()
    logits = logits_of(x)
    loss = F.cross_entropy(logits, labels)
    out |= {"logits": logits, "loss": loss, "grad_pixel_values": torch.autograd.grad(loss, x)[0]}
    out |= {f"hidden.{i}": hidden for i, hidden in enumerate(run(model, pixels, None, n_special)[0])}
    out["vpt.prompts"] = prompts
    for name, n_layers in (("vpt_shallow", 1), ("vpt_deep", len(prompts))):
        p = prompts[:n_layers].clone().requires_grad_()
        logits = run(model, pixels, p, n_special)[1]
        loss = F.cross_entropy(logits, labels)
        grad = torch.autograd.grad(loss, p)[0]
        out |= {f"{name}.logits": logits, f"{name}.loss": loss, f"{name}.grad": grad if n_layers > 1 else grad[0]}
    return out


def assert_matters(family: str, rule: str, with_it: Tensor, without_it: Tensor) -> None:
    effect = (with_it - without_it).abs().max().item()
    assert effect > 0.01, f"{family}: {rule} changes the logits by {effect} only"


def encoder_inputs(edge: int, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    rng = np.random.default_rng(10)
    pixels = torch.from_numpy(rng.random((2, 3, edge, edge), dtype=np.float32))
    return pixels, torch.tensor([3, 1]), normal(rng, 2, N_VPT, dim, std=0.5)


def make_deit(folder: Path) -> None:
    model = save_model(DeiTForImageClassificationWithTeacher(DeiTConfig(**DEIT)), folder, seed=9, extra_config={})
    pixels, labels, prompts = encoder_inputs(DEIT["image_size"], DEIT["hidden_size"])
    expected = encoder_expected(model, lambda x: model(pixel_values=x).logits, pixels, labels, prompts, n_special=2)
    assert_matters("deit", "the distillation token", expected["logits"], model(pixel_values=pixels).cls_logits)
    save_expected(expected, folder)


def make_dinov2(folder: Path) -> None:
    model = save_model(Dinov2ForImageClassification(Dinov2Config(**DINOV2)), folder, seed=11, extra_config={})
    # The size that images come in stands here; the configuration has that of the stored positions.
    crop = dict(height=DINOV2_PIXELS, width=DINOV2_PIXELS)
    preprocessor = dict(do_center_crop=True, crop_size=crop, image_mean=[0.0] * 3, image_std=[1.0] * 3)
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=2, sort_keys=True) + "\n")
    pixels, labels, prompts = encoder_inputs(DINOV2_PIXELS, DINOV2["hidden_size"])
    expected = encoder_expected(model, lambda x: model(pixel_values=x).logits, pixels, labels, prompts, n_special=1)
    logits = expected["logits"]
    bicubic = F.interpolate
    F.interpolate = lambda x, size, mode, align_corners: bicubic(x, size=size, mode="bilinear", align_corners=align_corners)
    assert_matters("dinov2", "bicubic interpolation", logits, model(pixel_values=pixels).logits)
    F.interpolate = bicubic
    class_token = model.dinov2(pixel_values=pixels).pooler_output
    assert_matters("dinov2", "the patches' mean", logits, model.classifier(torch.cat([class_token, class_token], dim=1)))
    for name, parameter in model.named_parameters():
        if "lambda" in name:
            parameter.fill_(1.0)
    assert_matters("dinov2", "the branches' scale", logits, model(pixel_values=pixels).logits)
    save_expected(expected, folder)


def make_vit_postnorm(folder: Path) -> None:
    """No model of the hub: `config.json` says what the tensors of an nn.TransformerEncoder do not."""
    rng = np.random.default_rng(12)
    shapes = {name: tensor.shape for name, tensor in TorchViT(TORCH_ENCODER).state_dict().items()}
    weights = {name: random_weight(rng, name, tuple(shapes[name])) for name in sorted(shapes)}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(TORCH_ENCODER, indent=2, sort_keys=True) + "\n")

    def build(**other: object) -> TorchViT:
        model = TorchViT(TORCH_ENCODER | other)
        model.load_state_dict(weights)
        return model.eval().requires_grad_(False)

    def logits(model: TorchViT, x: Tensor) -> Tensor:
        return model.mlp_head(model.transformer(model.embed(x))[:, 0])

    torch.backends.mha.set_fastpath_enabled(False)
    model = build()
    pixels, labels, prompts = encoder_inputs(16, 24)
    expected = encoder_expected(model, lambda x: logits(model, x), pixels, labels, prompts, n_special=1)
    for other in (dict(norm_first=True), dict(activation="gelu"), dict(layer_norm_eps=1e-5)):
        assert_matters("vit_postnorm", str(other), expected["logits"], logits(build(**other), pixels))
    save_expected(expected, folder)


def make_llama(folder: Path) -> None:
    model = save_model(LlamaForCausalLM(LlamaConfig(**LLAMA)), folder, seed=3, extra_config={})
    rng = np.random.default_rng(4)
    ids = torch.from_numpy(rng.integers(3, LLAMA["vocab_size"], (2, 12)))
    labels = ids.clone()
    labels[:, 0] = IGNORED  # predicted by the last prompt token, or by nothing
    mask = torch.ones_like(ids)
    mask[1, 8:] = 0
    prompts = normal(rng, N_PROMPT, LLAMA["hidden_size"], std=0.5)
    save_expected(llama_expected(model, ids, labels, mask, prompts, ids[:1, :6], N_GENERATED), folder)


def clip_expected(model: CLIPModel, pixels: Tensor, ids: Tensor, labels: Tensor, context: Tensor) -> Tensors:
    """`ids` end with the end token and padding; `context` takes the place of the tokens behind the start token (CoOp)."""
    out: Tensors = {"pixel_values": pixels, "input_ids": ids, "labels": labels}
    x = pixels.clone().requires_grad_()
    result = model(input_ids=ids, pixel_values=x)
    loss = F.cross_entropy(result.logits_per_image, labels)
    names = ("image_embeds", "text_embeds", "logits_per_image", "logits_per_text")
    out |= {name: result[name] for name in names} | {"loss": loss, "grad_pixel_values": torch.autograd.grad(loss, x)[0]}
    for prefix, tower, inputs in (
        ("vision", model.vision_model, {"pixel_values": pixels}),
        ("text", model.text_model, {"input_ids": ids}),
    ):
        states = tower(**inputs, output_hidden_states=True).hidden_states
        out |= {f"{prefix}.hidden.{i}": hidden for i, hidden in enumerate(states)}

    c = context.clone().requires_grad_()

    def insert(_module: object, _args: object, tokens: Tensor) -> Tensor:
        return torch.cat([tokens[:, :1], c.expand(len(tokens), -1, -1), tokens[:, 1 + len(c) :]], dim=1)

    hook = model.text_model.embeddings.token_embedding.register_forward_hook(insert)
    result = model(input_ids=ids, pixel_values=pixels)
    hook.remove()
    loss = F.cross_entropy(result.logits_per_image, labels)
    out |= {"coop.ctx": context, "coop.input_ids": ids, "coop.text_embeds": result.text_embeds}
    out |= {"coop.logits": result.logits_per_image, "coop.loss": loss, "coop.grad_ctx": torch.autograd.grad(loss, c)[0]}
    return out


def decoder_expected(model: PreTrainedModel, ids: Tensor, labels: Tensor, mask: Tensor) -> Tensors:
    """`mask` pads on the right; the same rows are then padded on the left."""
    result = model(input_ids=ids, output_hidden_states=True)
    out: Tensors = {"input_ids": ids, "labels": labels, "logits": result.logits, "loss": shifted_loss(result.logits, labels)}
    out |= {f"hidden.{i}": hidden for i, hidden in enumerate(result.hidden_states)}
    out |= {"masked.attention_mask": mask, "masked.logits": model(input_ids=ids, attention_mask=mask).logits}
    left = [torch.cat([row[keep == 0], row[keep == 1]]) for row, keep in zip(ids, mask)]
    left_ids, left_mask = torch.stack(left), mask.flip(1)
    positions = (left_mask.cumsum(1) - 1).clamp(min=0)
    logits = model(input_ids=left_ids, attention_mask=left_mask, position_ids=positions).logits[:, -1]
    out |= {"leftpad.input_ids": left_ids, "leftpad.attention_mask": left_mask, "leftpad.last_logits": logits}
    return out


def make_clip(folder: Path) -> None:
    model = save_model(CLIPModel(CLIPConfig(**CLIP)), folder, seed=5, extra_config={})
    rng = np.random.default_rng(6)
    text, edge = CLIP["text_config"], CLIP["vision_config"]["image_size"]
    pixels = normal(rng, 2, 3, edge, edge)
    ids = torch.full((3, 10), text["pad_token_id"])
    for row, length in zip(ids, (10, 7, 8)):
        row[:length] = torch.from_numpy(rng.integers(0, text["bos_token_id"], length))
        row[0], row[length - 1] = text["bos_token_id"], text["eos_token_id"]
    context = normal(rng, 4, text["hidden_size"], std=0.5)
    save_expected(clip_expected(model, pixels, ids, torch.tensor([2, 0]), context), folder)


def make_decoder(folder: Path) -> None:
    config, switched_off = DECODERS[folder.name]
    model = save_model(AutoModelForCausalLM.from_config(config), folder, seed=7, extra_config={})
    rng = np.random.default_rng(8)
    ids = torch.from_numpy(rng.integers(3, LLAMA["vocab_size"], (2, 12)))
    mask = torch.ones_like(ids)
    mask[1, 8:] = 0
    expected = decoder_expected(model, ids, ids, mask)
    off = type(config).from_pretrained(folder, **switched_off)
    other = AutoModelForCausalLM.from_pretrained(folder, config=off, attn_implementation="eager", dtype=torch.float32).eval()
    effect = (other(input_ids=ids).logits - expected["logits"]).abs().max().item()
    assert effect > 0.01, f"{folder.name}: {switched_off} changes the logits by {effect} only"
    save_expected(expected, folder)


def make(out: Path) -> None:
    makers = {"vit": make_vit, "deit": make_deit, "dinov2": make_dinov2, "vit_postnorm": make_vit_postnorm}
    makers |= {"clip": make_clip, "llama": make_llama}
    for family in FAMILIES:
        (out / family).mkdir(parents=True, exist_ok=True)
        makers.get(family, make_decoder)(out / family)
    versions = {name: version(name) for name in ("numpy", "safetensors", "torch", "transformers")}
    (out / "versions.json").write_text(json.dumps({"python": platform.python_version()} | versions, indent=2) + "\n")


def differences(committed: Path, made: Path) -> list[str]:
    """Of every tensor and configuration; package versions may differ."""
    found = []
    for family in FAMILIES:
        config = [json.loads((root / family / "config.json").read_text()) for root in (committed, made)]
        for one in config:
            one.pop("transformers_version", None)
        if config[0] != config[1]:
            found.append(f"{family}/config.json differs")
        for file in ("model.safetensors", "expected.safetensors"):
            old, new = (load_file(root / family / file) for root in (committed, made))
            if old.keys() != new.keys():
                found.append(f"{family}/{file}: tensors {sorted(old.keys() ^ new.keys())}")
            worst = 0.0
            for name in sorted(old.keys() & new.keys()):
                if old[name].shape != new[name].shape or old[name].dtype != new[name].dtype:
                    found.append(f"{family}/{file} {name}: {old[name].shape} became {new[name].shape}")
                    continue
                delta = (old[name].double() - new[name].double()).abs().max().item()
                worst = max(worst, delta)
                if not delta <= TOLERANCE:
                    found.append(f"{family}/{file} {name}: differs by {delta:.2e}")
            print(f"{family}/{file}: {len(old)} tensors, max |difference| {worst:.2e}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--check", action="store_true", help="compare with what lies in OUT, write nothing there")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if not args.check:
        return make(args.out)
    with tempfile.TemporaryDirectory() as made:
        make(Path(made))
        found = differences(args.out, Path(made))
    sys.exit("\n".join(found) if found else None)


if __name__ == "__main__":
    main()
