"""Parity fixture of what is learned in both towers of a CLIP: image-conditioned contexts (CoCoOp) and coupled prompts (MaPLe).

    pip install torch transformers safetensors numpy
    python make_prompted_clip.py FIXTURES            # writes FIXTURES/clip/prompted.safetensors
    python make_prompted_clip.py FIXTURES --check    # makes it again and compares each number with what lies there

FIXTURES/clip holds the tiny model of `make_fixtures.py`. The towers are written out below from the papers' formulae and compared with the
hub's `CLIPModel` where nothing is learned; gradients are PyTorch's. What each tensor is stands in tests/fixtures/README.md.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F
from transformers import CLIPModel

TOLERANCE = 1e-5
END = 38
START = 37
# Tokens of the classes' names; every text is [start] context [name] 5 [end].
NAMES = [[3], [7, 9], [11], [4, 6, 8]]
DOT = 5
# MaPLe's texts go on behind the two learned tokens with a word: [start] P P 2 [name] 5 [end].
WORD = 2


def attention(x: Tensor, layer, heads: int, causal: bool) -> Tensor:
    batch, seq, dim = x.shape
    split = lambda y: y.view(batch, seq, heads, dim // heads).transpose(1, 2)
    q, k, v = (split(getattr(layer.self_attn, name)(x)) for name in ("q_proj", "k_proj", "v_proj"))
    scores = q @ k.transpose(-1, -2) / (dim // heads) ** 0.5
    if causal:
        scores = scores.masked_fill(torch.ones(seq, seq).triu(1).bool(), float("-inf"))
    return layer.self_attn.out_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, seq, dim))


def block(x: Tensor, layer, config, causal: bool) -> Tensor:
    x = x + attention(layer.layer_norm1(x), layer, config.num_attention_heads, causal)
    y = layer.mlp.fc1(layer.layer_norm2(x))
    y = y * torch.sigmoid(1.702 * y) if config.hidden_act == "quick_gelu" else F.gelu(y)
    return x + layer.mlp.fc2(y)


def text_features(model: CLIPModel, context: Tensor, behind: list[int], deep: list[Tensor]) -> Tensor:
    """`[start] context behind… [end]`, tokens behind the start replaced in front of block l by `deep[l - 1]`."""
    tower, n = model.text_model, context.shape[0]
    words = tower.embeddings.token_embedding.weight
    x = torch.cat([words[[START]], context, words[behind + [END]]])[None]
    x = x + tower.embeddings.position_embedding.weight[: x.shape[1]]
    for number, layer in enumerate(tower.encoder.layers):
        if 0 < number <= len(deep):
            x = torch.cat([x[:, :1], deep[number - 1][None], x[:, 1 + n :]], 1)
        x = block(x, layer, model.config.text_config, causal=True)
    return model.text_projection(tower.final_layer_norm(x[:, -1]))[0]


def image_features(model: CLIPModel, pixels: Tensor, prompts: list[Tensor]) -> Tensor:
    """Prompts behind the patches: at the embedding `prompts[0]`, in front of block l `prompts[l]` in their place."""
    tower = model.vision_model
    embeddings = tower.embeddings
    patches = embeddings.patch_embedding(pixels).flatten(2).transpose(1, 2)
    x = torch.cat([embeddings.class_embedding.expand(len(pixels), 1, -1), patches], 1) + embeddings.position_embedding.weight
    x = tower.pre_layrnorm(x)
    n_own = x.shape[1]
    for number, layer in enumerate(tower.encoder.layers):
        if number < len(prompts):
            x = torch.cat([x[:, :n_own], prompts[number].expand(len(pixels), -1, -1)], 1)
        x = block(x, layer, model.config.vision_config, causal=False)
    return model.visual_projection(tower.post_layernorm(x[:, 0]))


def unit(x: Tensor) -> Tensor:
    return x / x.norm(dim=-1, keepdim=True)


def leaf(rng: np.random.Generator, *shape: int) -> Tensor:
    return torch.from_numpy(rng.normal(0, 0.3, shape).astype(np.float32)).requires_grad_()


def finished(name: str, learned: dict[str, Tensor], logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    loss = F.cross_entropy(logits, labels)
    gradients = torch.autograd.grad(loss, list(learned.values()))
    out = {f"{name}.param.{key}": value for key, value in learned.items()} | {f"{name}.logits": logits, f"{name}.loss": loss}
    return out | {f"{name}.grad.{key}": gradient for key, gradient in zip(learned, gradients)}


def cocoop(model: CLIPModel, pixels: Tensor, labels: Tensor) -> dict[str, Tensor]:
    rng, (joint, dim) = np.random.default_rng(41), (model.config.projection_dim, model.config.text_config.hidden_size)
    hidden = joint // 16
    shapes = {"tokens": (4, dim), "down.weight": (hidden, joint), "down.bias": (hidden,), "up.weight": (dim, hidden), "up.bias": (dim,)}
    learned = {key: leaf(rng, *shape) for key, shape in shapes.items()}
    images = unit(image_features(model, pixels, []))
    moved = F.linear(images, learned["down.weight"], learned["down.bias"]).relu()
    moved = F.linear(moved, learned["up.weight"], learned["up.bias"])
    rows = []
    for image, by in zip(images, moved):
        texts = torch.stack([text_features(model, learned["tokens"] + by, name + [DOT], []) for name in NAMES])
        rows.append(model.logit_scale.exp() * unit(texts) @ image)
    return finished("cocoop", learned, torch.stack(rows), labels)


def maple(model: CLIPModel, pixels: Tensor, labels: Tensor) -> dict[str, Tensor]:
    rng = np.random.default_rng(42)
    text, vision = model.config.text_config.hidden_size, model.config.vision_config.hidden_size
    learned = {"tokens": leaf(rng, 2, 2, text)}
    for number in range(2):
        learned |= {f"maps.{number}.weight": leaf(rng, vision, text), f"maps.{number}.bias": leaf(rng, vision)}
    tokens = learned["tokens"]
    prompts = [F.linear(tokens[i], learned[f"maps.{i}.weight"], learned[f"maps.{i}.bias"]) for i in range(2)]
    texts = torch.stack([text_features(model, tokens[0], [WORD] + name + [DOT], [tokens[1]]) for name in NAMES])
    logits = model.logit_scale.exp() * unit(image_features(model, pixels, prompts)) @ unit(texts).T
    return finished("maple", learned, logits, labels)


def compare_with_hub(model: CLIPModel, pixels: Tensor) -> None:
    ids = torch.tensor([[START] + name + [DOT, END] for name in NAMES if len(name) == 1])
    result = model(input_ids=ids, pixel_values=pixels)
    none = torch.zeros(0, model.config.text_config.hidden_size)
    texts = torch.stack([text_features(model, none, name + [DOT], []) for name in NAMES if len(name) == 1])
    for own, hub in ((texts, result.text_embeds), (image_features(model, pixels, []), result.image_embeds)):
        apart = (unit(own) - hub).abs().max().item()
        assert apart < 1e-5, f"{apart} from the hub's"


def make(folder: Path) -> dict[str, Tensor]:
    model = CLIPModel.from_pretrained(folder / "clip", attn_implementation="eager").eval()
    pixels = torch.from_numpy(np.random.default_rng(40).random((3, 3, 16, 16), dtype=np.float32))
    labels = torch.tensor([2, 0, 3])
    compare_with_hub(model, pixels)
    out = {"pixel_values": pixels, "labels": labels.int()} | cocoop(model, pixels, labels) | maple(model, pixels, labels)
    return {name: value.detach().contiguous() for name, value in out.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    made, path = make(arguments.folder), arguments.folder / "clip" / "prompted.safetensors"
    if not arguments.check:
        return save_file(made, path)
    there = load_file(path)
    worst = max((made[name].float() - there[name].float()).abs().max().item() for name in made)
    if made.keys() != there.keys() or worst > TOLERANCE:
        sys.exit(f"{path} differs by {worst}")
    print(f"{len(made)} tensors, apart by {worst} at most")


if __name__ == "__main__":
    main()
