"""Parity fixtures of two-tower models beside CLIP in the hub's layout: SigLIP, open_clip's layout, CLIP's other rule of a text's end.

    pip install torch transformers safetensors numpy open_clip_torch
    python make_two_tower_fixtures.py OUT            # writes OUT/{siglip,open_clip,clip_largest}/…
    python make_two_tower_fixtures.py OUT --check    # makes them again and compares each number with what lies in OUT

What each tensor is stands in tests/fixtures/README.md. Everything is drawn with NumPy from fixed seeds and computed in fp32 on one
thread. The forward of `open_clip` is the package's own, and so independent of the hub's, with which it is compared here.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import open_clip
import torch
from make_fixtures import Tensors, normal, random_weight, save_expected, save_model
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F
from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel

TOLERANCE = 1e-5
FILES = {
    "siglip": ("config.json", "preprocessor_config.json", "model.safetensors", "expected.safetensors"),
    "open_clip": ("open_clip_config.json", "model.safetensors", "expected.safetensors"),
    "clip_largest": ("config.json", "model.safetensors", "expected.safetensors"),
}

TOWER = dict(num_attention_heads=2, num_hidden_layers=2, intermediate_size=32, layer_norm_eps=1e-3)
SIGLIP = dict(
    vision_config=TOWER | dict(hidden_size=24, image_size=16, patch_size=4),
    text_config=TOWER
    | dict(hidden_size=20, vocab_size=40, max_position_embeddings=12, projection_size=24, bos_token_id=38, eos_token_id=39, pad_token_id=3),
)
PIXELS = dict(image_mean=[0.5, 0.4, 0.3], image_std=[0.5, 0.25, 0.2])
OPEN_CLIP = dict(
    embed_dim=20,
    quick_gelu=True,
    vision_cfg=dict(image_size=16, layers=2, width=32, head_width=16, patch_size=4, mlp_ratio=1.5),
    text_cfg=dict(context_length=16, vocab_size=40, width=24, heads=2, layers=2, mlp_ratio=2.0),
)
LARGEST = dict(
    projection_dim=12,
    vision_config=TOWER | dict(hidden_size=16, image_size=8, patch_size=4, num_hidden_layers=1, hidden_act="quick_gelu"),
    text_config=TOWER
    | dict(hidden_size=20, vocab_size=40, max_position_embeddings=12, hidden_act="quick_gelu", bos_token_id=0, eos_token_id=2, pad_token_id=1),
)


def assert_matters(what: str, one: Tensor, other: Tensor) -> None:
    effect = (one - other).abs().max().item()
    assert effect > 0.01, f"{what} changes the result by {effect} only"


def standardised(pixels: Tensor) -> Tensor:
    mean, std = (torch.tensor(PIXELS[key]).view(1, 3, 1, 1) for key in ("image_mean", "image_std"))
    return (pixels - mean) / std


def make_siglip(folder: Path) -> None:
    """Pixels come in 0..=1 and are normalised as `preprocessor_config.json` says; texts are filled up with token 3, which is seen."""
    model = save_model(SiglipModel(SiglipConfig(**SIGLIP)), folder, seed=21, extra_config={})
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True} | PIXELS, indent=2, sort_keys=True) + "\n")
    rng = np.random.default_rng(22)
    text = SIGLIP["text_config"]
    pixels = torch.from_numpy(rng.random((3, 3, 16, 16), dtype=np.float32))
    ids = torch.full((4, text["max_position_embeddings"]), text["pad_token_id"])
    lengths = torch.tensor([5, 12, 2, 8])
    for row, length in zip(ids, lengths):
        row[:length] = torch.from_numpy(rng.integers(4, text["bos_token_id"], int(length)))
        row[length - 1] = text["eos_token_id"]
    x = pixels.clone().requires_grad_()
    result = model(input_ids=ids, pixel_values=standardised(x))
    labels = torch.tensor([2, 0, 3])
    signs = 2.0 * F.one_hot(labels, len(ids)) - 1
    loss = -F.logsigmoid(signs * result.logits_per_image).sum() / len(pixels)
    out: Tensors = {"pixel_values": pixels, "input_ids": ids, "lengths": lengths, "labels": labels, "loss": loss}
    out |= {name: result[name] for name in ("image_embeds", "text_embeds", "logits_per_image")}
    out |= {"probabilities": result.logits_per_image.sigmoid(), "grad_pixel_values": torch.autograd.grad(loss, x)[0]}
    for prefix, tower, inputs in (
        ("vision", model.vision_model, {"pixel_values": standardised(pixels)}),
        ("text", model.text_model, {"input_ids": ids}),
    ):
        states = tower(**inputs, output_hidden_states=True).hidden_states[:3]
        out |= {f"{prefix}.hidden.{i}": hidden for i, hidden in enumerate(states)}

    mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
    assert_matters("seeing what texts are filled up with", result.text_embeds, model(input_ids=ids, pixel_values=pixels, attention_mask=mask).text_embeds)
    assert_matters("filling texts up", result.text_embeds[2], model(input_ids=ids[2:3, :2], pixel_values=pixels).text_embeds[0])
    assert_matters("normalising pixels", result.image_embeds, model(input_ids=ids, pixel_values=pixels).image_embeds)
    assert model.logit_bias.abs().item() > 0.01, "the bias is next to nothing"
    save_expected(out, folder)


def open_clip_weight(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> Tensor:
    if name.endswith("positional_embedding") or name == "token_embedding.weight":
        return normal(rng, *shape, std=0.5)
    if len(shape) == 1 and "ln_" in name:
        return normal(rng, *shape, std=0.2) + float(name.endswith("weight"))
    return random_weight(rng, name, shape)


def as_hub(state: Tensors) -> CLIPModel:
    """A converter of its own, for the comparison of both libraries."""
    vision, text = OPEN_CLIP["vision_cfg"], OPEN_CLIP["text_cfg"]
    config = CLIPConfig(
        projection_dim=OPEN_CLIP["embed_dim"],
        vision_config=dict(
            hidden_size=32, image_size=16, patch_size=4, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=int(vision["width"] * vision["mlp_ratio"]), hidden_act="quick_gelu",
        ),
        text_config=dict(
            hidden_size=24, vocab_size=40, max_position_embeddings=16, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=int(text["width"] * text["mlp_ratio"]), hidden_act="quick_gelu", eos_token_id=2, bos_token_id=0, pad_token_id=1,
        ),
    )
    model = CLIPModel(config).eval()
    with torch.no_grad():
        model.logit_scale.copy_(state["logit_scale"])
        for tower, prefix, embeddings, projection, names in (
            (model.vision_model, "visual.", None, model.visual_projection, ("proj", "ln_post")),
            (model.text_model, "", None, model.text_projection, ("text_projection", "ln_final")),
        ):
            projection.weight.copy_(state[prefix + names[0]].T)
            final = tower.post_layernorm if prefix else tower.final_layer_norm
            final.weight.copy_(state[f"{prefix}{names[1]}.weight"])
            final.bias.copy_(state[f"{prefix}{names[1]}.bias"])
            tower.embeddings.position_embedding.weight.copy_(state[f"{prefix}positional_embedding"])
            for i, layer in enumerate(tower.encoder.layers):
                block = f"{prefix}transformer.resblocks.{i}."
                for kind in ("weight", "bias"):
                    packed = state[f"{block}attn.in_proj_{kind}"].chunk(3)
                    attention = layer.self_attn
                    for linear, part in zip((attention.q_proj, attention.k_proj, attention.v_proj), packed):
                        getattr(linear, kind).copy_(part)
                    for module, name in (
                        (attention.out_proj, "attn.out_proj"), (layer.layer_norm1, "ln_1"), (layer.layer_norm2, "ln_2"),
                        (layer.mlp.fc1, "mlp.c_fc"), (layer.mlp.fc2, "mlp.c_proj"),
                    ):
                        getattr(module, kind).copy_(state[f"{block}{name}.{kind}"])
        embeddings = model.vision_model.embeddings
        embeddings.class_embedding.copy_(state["visual.class_embedding"])
        embeddings.patch_embedding.weight.copy_(state["visual.conv1.weight"])
        for kind in ("weight", "bias"):
            getattr(model.vision_model.pre_layrnorm, kind).copy_(state[f"visual.ln_pre.{kind}"])
        model.text_model.embeddings.token_embedding.weight.copy_(state["token_embedding.weight"])
    return model


def make_open_clip(folder: Path) -> None:
    """The package's own model and forward; pixels come in 0..=1."""
    model = open_clip.model.CLIP(**OPEN_CLIP).eval()
    rng = np.random.default_rng(23)
    state = {name: open_clip_weight(rng, name, tuple(tensor.shape)) for name, tensor in sorted(model.state_dict().items())}
    model.load_state_dict(state)
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, folder / "model.safetensors")
    config = {"model_cfg": OPEN_CLIP, "preprocess_cfg": {"mean": PIXELS["image_mean"], "std": PIXELS["image_std"]}}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    pixels = torch.from_numpy(rng.random((2, 3, 16, 16), dtype=np.float32))
    ids = torch.zeros((3, OPEN_CLIP["text_cfg"]["context_length"]), dtype=torch.long)
    for row, length in zip(ids, (16, 6, 9)):
        row[:length] = torch.from_numpy(rng.integers(1, 38, length))
        row[0], row[length - 1] = 38, 39
    with torch.no_grad():
        image, text = model.encode_image(standardised(pixels), normalize=True), model.encode_text(ids, normalize=True)
        logits = model.logit_scale.exp() * image @ text.T
        hub = as_hub(state)(input_ids=ids, pixel_values=standardised(pixels)).logits_per_image
        assert (hub - logits).abs().max() < 1e-4, "the two libraries differ"
        other = open_clip.model.CLIP(**OPEN_CLIP | dict(quick_gelu=False)).eval()
        other.load_state_dict(state)
        images, texts, scale = other(standardised(pixels), ids)
        assert_matters("quick_gelu", logits, scale * images @ texts.T)
    save_expected({"pixel_values": pixels, "input_ids": ids, "image_embeds": image, "text_embeds": text, "logits_per_image": logits}, folder)


def make_clip_largest(folder: Path) -> None:
    """`eos_token_id = 2` in the configuration: a text is read at its largest id, wherever a 2 may stand."""
    model = save_model(CLIPModel(CLIPConfig(**LARGEST)), folder, seed=24, extra_config={})
    rng = np.random.default_rng(25)
    pixels = normal(rng, 2, 3, 8, 8)
    # The end is 39; a 2 stands in front of it, and the largest id is there twice in one row: the first counts.
    ids = torch.tensor([[0, 7, 2, 9, 39, 1, 1, 1], [0, 39, 30, 2, 39, 1, 1, 1], [0, 12, 13, 14, 2, 15, 16, 39]])
    result = model(input_ids=ids, pixel_values=pixels)
    model.text_model.eos_token_id = model.config.text_config.eos_token_id = 9  # the other rule: the first 9, or else the first token
    assert_matters("the largest id", result.text_embeds[0], model(input_ids=ids, pixel_values=pixels).text_embeds[0])
    save_expected({"pixel_values": pixels, "input_ids": ids, "text_embeds": result.text_embeds, "logits_per_image": result.logits_per_image}, folder)


def make(out: Path) -> None:
    for family, maker in {"siglip": make_siglip, "open_clip": make_open_clip, "clip_largest": make_clip_largest}.items():
        (out / family).mkdir(parents=True, exist_ok=True)
        maker(out / family)


def differences(committed: Path, made: Path) -> list[str]:
    found = []
    for family, files in FILES.items():
        for file in files:
            old, new = (root / family / file for root in (committed, made))
            if file.endswith(".json"):
                texts = [json.loads(path.read_text()) for path in (old, new)]
                for text in texts:
                    text.pop("transformers_version", None)
                if texts[0] != texts[1]:
                    found.append(f"{family}/{file} differs")
                continue
            tensors = [load_file(path) for path in (old, new)]
            if tensors[0].keys() != tensors[1].keys():
                found.append(f"{family}/{file}: other tensors")
                continue
            worst = max((tensors[0][name].double() - tensors[1][name].double()).abs().max().item() for name in tensors[0])
            print(f"{family}/{file}: {len(tensors[0])} tensors, max |difference| {worst:.2e}")
            if not worst <= TOLERANCE:
                found.append(f"{family}/{file}: differs by {worst:.2e}")
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
