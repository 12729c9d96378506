"""Parity fixtures of the encoders: BERT, EfficientNet-Lite, and the acoustic network.

    pip install torch transformers safetensors numpy onnx onnxruntime
    python make_encoder_fixtures.py OUT            # writes OUT/{bert,efficientnet,acoustic}
    python make_encoder_fixtures.py OUT --check    # makes them again and compares each number with what lies in OUT

BERT is the hub's own class. EfficientNet-Lite and the spectrogram are written here in plain PyTorch, as their papers and
files describe them; the acoustic graphs are written as ONNX and run with ONNX Runtime, which must agree with the PyTorch
form that gives the gradient. What each tensor is stands in tests/fixtures/README.md.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from make_fixtures import TOLERANCE, Tensors, normal, save_expected
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F
from transformers import BertConfig, BertModel
from transformers.models.bert import modeling_bert

# A rule that is switched off must change the result by at least this much.
NOTICEABLE = 0.01

BERT = dict(
    hidden_size=32,
    num_hidden_layers=3,
    num_attention_heads=4,
    intermediate_size=48,
    vocab_size=64,
    max_position_embeddings=24,
    type_vocab_size=2,
    layer_norm_eps=1e-3,  # a reader that ignores the key must fail
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
)
START, END = 60, 61
N_PROMPT, N_PREFIX = 4, 3

# blocks, kernel, stride, expansion, channels
STAGES = [(1, 3, 1, 1, 4), (2, 3, 2, 6, 6), (2, 5, 2, 6, 8), (1, 3, 1, 2, 8)]
STEM, FEATURES, CLASSES, EDGE, EPS = 8, 24, 7, 30, 1e-3
MEAN, STD = 127 / 255, 128 / 255

FRAME, HOP, MELS, WINDOW, STEP, SAMPLES = 64, 20, 8, 12, 8, 611
AMPLITUDE, RANGE, LEAST, FLOOR, SLOPE = 32768.0, 80.0, 1e-10, -0.4, 0.2


def noticeable(what: str, a: Tensor, b: Tensor) -> None:
    change = (a - b).abs().max().item()
    print(f"  without {what}: {change:.2g}")
    assert change > NOTICEABLE, f"{what} changes the result by {change:.1e} only"


# BERT ---------------------------------------------------------------------------------------------------------------


def bert_model(folder: Path) -> BertModel:
    """A hub folder of seeded weights, which depend on the hub's names alone."""
    BertModel(BertConfig(**BERT)).save_pretrained(folder)
    file, config = folder / "model.safetensors", folder / "config.json"
    rng = np.random.default_rng(31)

    def weight(name: str, shape: tuple[int, ...]) -> Tensor:
        if len(shape) == 1:
            return normal(rng, *shape, std=0.2) + float(name.endswith("LayerNorm.weight"))
        return normal(rng, *shape, std=0.7 if "embeddings" in name else 0.9 / shape[1] ** 0.5)

    shapes = {name: tuple(tensor.shape) for name, tensor in load_file(file).items()}
    save_file({name: weight(name, shapes[name]) for name in sorted(shapes)}, file, {"format": "pt"})
    config.write_text(json.dumps(json.loads(config.read_text()), indent=2, sort_keys=True) + "\n")
    return BertModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval().requires_grad_(False)


def pooled(hidden: Tensor, mask: Tensor) -> Tensor:
    """Mean of the real tokens, the special ones included, of length 1: all-MiniLM-L6-v2's modules."""
    mask = mask[..., None].float()
    return F.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1)


def with_prefix(model: BertModel, keys: Tensor, values: Tensor, **inputs: Tensor) -> Tensor:
    """Last hidden states with learned keys and values, [layer, head, prefix, head_dim], in front of each block's own."""
    plain, layer = modeling_bert.eager_attention_forward, iter(range(len(keys)))

    def attend(module, query, key, value, attention_mask, *args, **kwargs):
        i, batch = next(layer), len(query)
        key = torch.cat([keys[i].expand(batch, -1, -1, -1), key], dim=2)
        value = torch.cat([values[i].expand(batch, -1, -1, -1), value], dim=2)
        return plain(module, query, key, value, F.pad(attention_mask, (keys.shape[2], 0)), *args, **kwargs)

    modeling_bert.eager_attention_forward = attend
    try:
        return model(**inputs).last_hidden_state
    finally:
        modeling_bert.eager_attention_forward = plain


def make_bert(folder: Path) -> None:
    model = bert_model(folder)
    rng = np.random.default_rng(32)
    ids = torch.zeros(3, 12, dtype=torch.long)
    mask = torch.zeros(3, 12, dtype=torch.long)
    for row, seen, length in zip(ids, mask, (12, 7, 9)):
        row[:length] = torch.from_numpy(rng.integers(1, START, length))
        row[0], row[length - 1], seen[:length] = START, END, 1
    probe = normal(rng, 3, BERT["hidden_size"])
    out: Tensors = {"input_ids": ids, "attention_mask": mask, "probe": probe}
    result = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
    features = pooled(result.last_hidden_state, mask)
    out |= {f"hidden.{i}": hidden for i, hidden in enumerate(result.hidden_states)} | {"features": features}

    prompt = normal(rng, N_PROMPT, BERT["hidden_size"], std=0.7).requires_grad_()
    words = model.embeddings.word_embeddings(ids)
    words = torch.cat([words[:, :1], prompt.expand(3, -1, -1), words[:, 1:]], dim=1)
    seen = torch.cat([mask[:, :1], torch.ones(3, N_PROMPT, dtype=torch.long), mask[:, 1:]], dim=1)
    hidden = model(inputs_embeds=words, attention_mask=seen).last_hidden_state
    text = torch.cat([mask[:, :1], torch.zeros(3, N_PROMPT, dtype=torch.long), mask[:, 1:]], dim=1)
    prompted = pooled(hidden, text)
    loss = (prompted * probe).sum()
    out |= {"prompt.prompts": prompt, "prompt.features": prompted, "prompt.grad": torch.autograd.grad(loss, prompt)[0]}

    shape = (BERT["num_hidden_layers"], BERT["num_attention_heads"], N_PREFIX, BERT["hidden_size"] // BERT["num_attention_heads"])
    keys, values = normal(rng, *shape).requires_grad_(), normal(rng, *shape).requires_grad_()
    positions = (N_PREFIX + torch.arange(12))[None]
    hidden = with_prefix(model, keys, values, input_ids=ids, attention_mask=mask, position_ids=positions)
    prefixed = pooled(hidden, mask)
    grads = torch.autograd.grad((prefixed * probe).sum(), [keys, values])
    out |= {"prefix.keys": keys, "prefix.values": values, "prefix.features": prefixed}
    out |= {"prefix.grad_keys": grads[0], "prefix.grad_values": grads[1]}

    others = result.last_hidden_state, torch.cat([torch.zeros(3, 1, dtype=torch.long), mask[:, 1:]], dim=1)
    noticeable("the start token in the mean", features, pooled(*others))
    other = model(input_ids=ids, attention_mask=mask, token_type_ids=torch.ones_like(ids)).last_hidden_state
    noticeable("the first token type", features, pooled(other, mask))
    noticeable("the padding mask", features, pooled(model(input_ids=ids).last_hidden_state, mask))
    noticeable("the prompt", features, prompted)
    unmoved = pooled(with_prefix(model, keys, values, input_ids=ids, attention_mask=mask), mask)
    noticeable("the prefix's positions", prefixed, unmoved)
    save_expected(out, folder)


# EfficientNet-Lite --------------------------------------------------------------------------------------------------


def same(x: Tensor, weight: Tensor, stride: int = 1, groups: int = 1, symmetric: bool = False) -> Tensor:
    """A convolution with TensorFlow's SAME padding: the odd zero stands behind."""
    padding = []
    for size, kernel in zip(x.shape[-1:1:-1], weight.shape[-1:1:-1]):
        zeros = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        padding += [zeros - zeros // 2, zeros // 2] if symmetric else [zeros // 2, zeros - zeros // 2]
    return F.conv2d(F.pad(x, padding), weight, stride=stride, groups=groups)


def efficientnet(weights: Tensors, pixels: Tensor, cap: float = 6.0, eps: float = EPS, symmetric: bool = False) -> tuple[Tensor, Tensor]:
    """Features and logits."""

    def norm(x: Tensor, name: str) -> Tensor:
        row = [weights[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *row, training=False, eps=eps)

    def act(x: Tensor) -> Tensor:
        return x.clamp(0, cap)

    x = (pixels - MEAN) / STD
    x = act(norm(same(x, weights["_conv_stem.weight"], 2, symmetric=symmetric), "_bn0"))
    i = 0
    for n_blocks, _, stride, expansion, channels in STAGES:
        for first in [True] + [False] * (n_blocks - 1):
            block, inner = f"_blocks.{i}.", x
            if expansion != 1:
                inner = act(norm(same(inner, weights[block + "_expand_conv.weight"]), block + "_bn0"))
            depthwise, step = weights[block + "_depthwise_conv.weight"], stride if first else 1
            inner = act(norm(same(inner, depthwise, step, inner.shape[1], symmetric), block + "_bn1"))
            inner = norm(same(inner, weights[block + "_project_conv.weight"]), block + "_bn2")
            x = x + inner if step == 1 and inner.shape[1] == x.shape[1] else inner
            assert x.shape[1] == channels
            i += 1
    features = act(norm(same(x, weights["_conv_head.weight"]), "_bn1")).mean((2, 3))
    return features, F.linear(features, weights["_fc.weight"], weights["_fc.bias"])


def efficientnet_weights(rng: np.random.Generator) -> Tensors:
    weights: Tensors = {}

    def conv(name: str, norm: str, shape: tuple[int, int, int, int]) -> None:
        n = shape[0]
        weights[f"{name}.weight"] = normal(rng, *shape, std=0.12 / (shape[1] * shape[2] * shape[3]) ** 0.5)
        # Small variances, so that the epsilon counts.
        weights[f"{norm}.running_var"] = torch.from_numpy(rng.uniform(0.01, 0.1, n).astype(np.float32))
        weights[f"{norm}.running_mean"] = normal(rng, n, std=0.1)
        weights[f"{norm}.weight"] = normal(rng, n, std=0.3) + 1.5
        weights[f"{norm}.bias"] = normal(rng, n, std=0.5) + 1
        weights[f"{norm}.num_batches_tracked"] = torch.tensor(7)

    conv("_conv_stem", "_bn0", (STEM, 3, 3, 3))
    width, i = STEM, 0
    for n_blocks, kernel, _, expansion, channels in STAGES:
        for _ in range(n_blocks):
            block, inner = f"_blocks.{i}.", width * expansion
            if expansion != 1:
                conv(block + "_expand_conv", block + "_bn0", (inner, width, 1, 1))
            conv(block + "_depthwise_conv", block + "_bn1", (inner, 1, kernel, kernel))
            conv(block + "_project_conv", block + "_bn2", (channels, inner, 1, 1))
            width, i = channels, i + 1
    conv("_conv_head", "_bn1", (FEATURES, width, 1, 1))
    weights["_fc.weight"], weights["_fc.bias"] = normal(rng, CLASSES, FEATURES, std=0.5), normal(rng, CLASSES)
    return weights


def make_efficientnet(folder: Path) -> None:
    rng = np.random.default_rng(41)
    weights = efficientnet_weights(rng)
    save_file(weights, folder / "model.safetensors")
    pixels = torch.from_numpy(rng.random((2, 3, EDGE, EDGE)).astype(np.float32)).requires_grad_()
    labels = torch.tensor([4, 1])
    features, logits = efficientnet(weights, pixels)
    loss = F.cross_entropy(logits, labels)
    out = {"pixel_values": pixels, "labels": labels, "features": features, "logits": logits, "loss": loss}
    out["grad_pixel_values"] = torch.autograd.grad(loss, pixels)[0]
    noticeable("the odd zero behind", logits, efficientnet(weights, pixels, symmetric=True)[1])
    noticeable("the bound of ReLU6", logits, efficientnet(weights, pixels, cap=1e9)[1])
    noticeable("the epsilon", logits, efficientnet(weights, pixels, eps=1e-5)[1])
    save_expected(out, folder)


# Acoustic -----------------------------------------------------------------------------------------------------------


def mel_graph(cosines: np.ndarray, sines: np.ndarray, filters: np.ndarray) -> onnx.ModelProto:
    """The operations of openWakeWord's melspectrogram.onnx, one by one."""
    nodes = []

    def constant(name: str, value: object, dtype: type = np.float32) -> str:
        nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array(value, dtype))))
        return name

    def node(operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    conv = dict(dilations=[1], group=1, kernel_shape=[FRAME], pads=[0, 0], strides=[HOP])
    x = node("Unsqueeze", ["input", constant("one_a", [1], np.int64)], "channel")
    real, imaginary = node("Conv", [x, "cosines"], "conv_real", **conv), node("Conv", [x, "sines"], "conv_imag", **conv)
    parts = []
    for part, name in ((real, "real"), (imaginary, "imag")):
        part = node("Unsqueeze", [part, constant(f"one_{name}", [1], np.int64)], f"{name}_4d")
        parts.append(node("Transpose", [part], name, perm=[0, 1, 3, 2]))
    squares = [node("Pow", [part, constant(f"two_{part}", 2.0)], f"{part}_squared") for part in parts]
    power = node("Add", squares, "power")
    mel = node("MatMul", [power, "filters"], "mel")
    clipped = node("Clip", [mel, "least", "above"], "clipped")
    decibels = node("Mul", [node("Log", [clipped], "log"), constant("ten", 10.0)], "times_ten")
    decibels = node("Div", [decibels, constant("ln_ten", 2.3025851)], "decibels")
    decibels = node("Sub", [decibels, constant("reference", 0.0)], "relative")
    loudest = node("ReduceMax", [decibels], "loudest", keepdims=0)
    bound = node("Cast", [node("Sub", [loudest, constant("range", RANGE)], "bound")], "bound_f32", to=TensorProto.FLOAT)
    node("Clip", [decibels, bound, "highest"], "output")
    tensors = dict(cosines=cosines, sines=sines, filters=filters, least=np.float32(LEAST))
    return onnx_model(nodes, tensors | dict(above=np.float32(np.inf), highest=np.float32(np.inf)), ["batch", "samples"], 4)


# Convolutions (kernel, input, output, zeros left and right), poolings, and the last convolution, which has no bias.
NETWORK = [
    ("conv", (3, 3), 1, 4, 1), ("conv", (1, 3), 4, 4, 1), ("conv", (3, 1), 4, 4, 0), ("pool", (2, 2), (2, 2)),
    ("conv", (1, 3), 4, 6, 1), ("conv", (3, 1), 6, 6, 0), ("pool", (1, 2), (1, 2)), ("pool", (2, 2), (2, 2)), ("last", (1, 1), 6, 5, 0),
]  # fmt: skip


def network_graph(weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    """The operations of openWakeWord's embedding_model.onnx, in the same order, fewer of them."""
    nodes = [helper.make_node("Reshape", ["input", "shape_in"], ["x"], name="reshape_in")]
    x = "x"
    for i, step in enumerate(NETWORK):
        if step[0] == "pool":
            nodes.append(helper.make_node("MaxPool", [x], [f"pool{i}"], name=f"pool{i}", kernel_shape=step[1], strides=step[2]))
            x = f"pool{i}"
            continue
        bias = [] if step[0] == "last" else [f"conv{i}.bias"]
        attributes = dict(dilations=[1, 1], strides=[1, 1], kernel_shape=step[1], group=1)
        if step[4]:
            attributes["pads"] = [0, step[4], 0, step[4]]
        nodes.append(helper.make_node("Conv", [x, f"conv{i}.weight", *bias], [f"conv{i}"], name=f"conv{i}", **attributes))
        x = f"conv{i}"
        if step[0] == "conv":
            nodes.append(helper.make_node("LeakyRelu", [x], [f"leaky{i}"], name=f"leaky{i}", alpha=SLOPE))
            nodes.append(helper.make_node("Max", [f"leaky{i}", "floor"], [f"max{i}"], name=f"max{i}"))
            x = f"max{i}"
    nodes.append(helper.make_node("Reshape", [x, "shape_out"], ["output"], name="reshape_out"))
    shapes = dict(shape_in=np.array([-1, 1, WINDOW, MELS]), shape_out=np.array([-1, 1, 1, NETWORK[-1][3]]))
    tensors = weights | shapes | dict(floor=np.full((1, 1, 1, 1), FLOOR, np.float32))
    return onnx_model(nodes, tensors, ["n", WINDOW, MELS, 1], 4)


def onnx_model(nodes: list, tensors: dict[str, np.ndarray], shape: list, rank: int) -> onnx.ModelProto:
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, [None] * rank)]
    initialisers = [numpy_helper.from_array(np.ascontiguousarray(value) if value.ndim else value, name) for name, value in tensors.items()]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, initialisers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def log_mel(waves: Tensor, tables: list[Tensor], own: bool = True, bound: float = RANGE) -> Tensor:
    """[batch, sample] in −1..1 to decibels [batch, frame, mel]; the loudest value is each recording's own."""
    cosines, sines, filters = tables
    x = waves[:, None] * AMPLITUDE
    power = F.conv1d(x, cosines, stride=HOP) ** 2 + F.conv1d(x, sines, stride=HOP) ** 2
    decibels = 10 * (power.transpose(1, 2) @ filters).clamp(min=LEAST).log() / 2.3025851
    loudest = decibels.amax((1, 2), keepdim=True) if own else decibels.max()
    return torch.maximum(decibels, loudest - bound)


def network(weights: Tensors, windows: Tensor, floor: float = FLOOR) -> Tensor:
    """[window, 1, frame, mel] to [window, feature]."""
    x = windows
    for i, step in enumerate(NETWORK):
        if step[0] == "pool":
            x = F.max_pool2d(x, step[1], step[2])
            continue
        x = F.conv2d(x, weights[f"conv{i}.weight"], weights.get(f"conv{i}.bias"), padding=(0, step[4]))
        if step[0] == "conv":
            x = F.leaky_relu(x, SLOPE).clamp(min=floor)
    return x.flatten(1)


def acoustic(tables: list[Tensor], weights: Tensors, waves: Tensor, floor: float = FLOOR, **rule: object) -> Tensor:
    """Features of every window, [batch, window, feature]."""
    frames = log_mel(waves, tables, **rule) / 10 + 2
    windows = frames.unfold(1, WINDOW, STEP).transpose(2, 3)
    return network(weights, windows.flatten(0, 1)[:, None], floor).unflatten(0, windows.shape[:2])


def make_acoustic(folder: Path) -> None:
    rng = np.random.default_rng(51)
    times, frequencies = np.arange(FRAME), np.arange(FRAME // 2 + 1)[:, None]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * times / FRAME)
    angle = 2 * np.pi * frequencies * times / FRAME
    waves = [(table(angle) * hann).astype(np.float32)[:, None] for table in (np.cos, lambda angle: -np.sin(angle))]
    filters = (rng.random((len(frequencies), MELS)) * (rng.random((len(frequencies), MELS)) < 0.3) / 10).astype(np.float32)
    tables = [torch.from_numpy(table) for table in (*waves, filters)]
    weights: Tensors = {}
    for i, step in enumerate(NETWORK):
        if step[0] != "pool":
            shape = (step[3], step[2], *step[1])
            weights[f"conv{i}.weight"] = normal(rng, *shape, std=1.2 / np.prod(shape[1:]) ** 0.5)
        if step[0] == "conv":
            weights[f"conv{i}.bias"] = normal(rng, step[3], std=0.5)
    mel, net = mel_graph(*waves, filters), network_graph({name: tensor.numpy() for name, tensor in weights.items()})
    onnx.save(mel, folder / "mel.onnx")
    onnx.save(net, folder / "network.onnx")

    # A tone that fades, quiet noise, and a tone, digital silence behind both; noise in the tones, for a gradient that fp32 can tell.
    t = np.arange(SAMPLES) / SAMPLES
    noise = 0.05 * rng.standard_normal((3, SAMPLES))
    tones = [np.sin(400 * t * (1 + t)) * np.exp(-4 * t), 0 * t, np.sin(700 * t)]
    recordings = (np.stack(tones) + noise) * np.stack([t < 2, 0.01 * (t < 0.7), t < 0.5])
    x = torch.from_numpy((0.8 * recordings).clip(-1, 1).astype(np.float32)).requires_grad_()
    probe = normal(rng, 3, NETWORK[-1][3])
    windows = acoustic(tables, weights, x)
    features = windows.mean(1)
    out = {"waveform": x, "probe": probe, "windows": windows, "features": features}
    out["grad_waveform"] = torch.autograd.grad((features * probe).sum(), x)[0]
    precise = x.detach().double().requires_grad_()
    doubles = [table.double() for table in tables], {name: tensor.double() for name, tensor in weights.items()}
    gradient = torch.autograd.grad((acoustic(*doubles, precise).mean(1) * probe).sum(), precise)[0]
    error = ((out["grad_waveform"] - gradient).abs().max() / gradient.abs().max()).item()
    print(f"  the gradient in fp32 is off by {error:.1e} of the largest")
    assert error < TOLERANCE
    # Noise around the least power.
    quiet = normal(rng, 1, SAMPLES, std=1e-10)
    out |= {"quiet.waveform": quiet, "quiet.features": acoustic(tables, weights, quiet).mean(1)}
    assert 0.1 < (log_mel(quiet, tables) < 10 * np.log10(LEAST) + 1e-3).float().mean() < 0.9, "the least power must show"

    sessions = [onnxruntime.InferenceSession(str(folder / name), providers=["CPUExecutionProvider"]) for name in ("mel.onnx", "network.onnx")]
    for name, waves in (("waveform", x), ("quiet", quiet)):
        for row in waves.detach():
            (decibels,) = sessions[0].run(None, {"input": (row * AMPLITUDE)[None].numpy()})
            frames = torch.from_numpy(decibels)[0, 0] / 10 + 2
            batch = frames.unfold(0, WINDOW, STEP).transpose(1, 2)[..., None].contiguous()
            (run,) = sessions[1].run(None, {"input": batch.numpy()})
            delta = (torch.from_numpy(run)[:, 0, 0] - acoustic(tables, weights, row[None])[0]).abs().max().item()
            print(f"  {name}: ONNX Runtime and PyTorch differ by {delta:.1e}")
            assert delta < TOLERANCE
    noticeable("each recording's own loudest value", windows, acoustic(tables, weights, x, own=False))
    noticeable("80 dB", windows, acoustic(tables, weights, x, bound=1e9))
    noticeable("the floor", windows, acoustic(tables, weights, x, floor=-1e9))
    save_expected(out, folder)


MAKERS = {"bert": make_bert, "efficientnet": make_efficientnet, "acoustic": make_acoustic}


def make(out: Path) -> None:
    for family, maker in MAKERS.items():
        print(family)
        (out / family).mkdir(parents=True, exist_ok=True)
        maker(out / family)


def read(file: Path) -> Tensors:
    if file.suffix == ".onnx":
        return {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in onnx.load(file).graph.initializer}
    return load_file(file)


def differences(committed: Path, made: Path) -> list[str]:
    found = []
    for file in sorted(path.relative_to(made) for path in made.glob("*/*") if path.suffix != ".json"):
        old, new = read(committed / file), read(made / file)
        if {name: tensor.shape for name, tensor in old.items()} != {name: tensor.shape for name, tensor in new.items()}:
            found.append(f"{file}: other tensors")
            continue
        deltas = [(old[name].double() - new[name].double()).nan_to_num().abs().max().item() for name in new]
        print(f"{file}: {len(new)} tensors, max |difference| {max(deltas):.2e}")
        if max(deltas) > TOLERANCE:
            found.append(f"{file}: differs by {max(deltas):.2e}")
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
