"""Inputs and outputs of every operation that the backbones use, as PyTorch computes them in float64.

    pip install torch safetensors numpy
    python crates/harness/scripts/make_selftest.py crates/harness/assets/selftest.safetensors

Each operation OP has OP.input, what else it takes, OP.output, and OP.gradient: that of sum(output * OP.weight) with respect to
OP.input. Sizes are odd on purpose, so that no tile of a kernel is full.
"""

import math
import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

GENERATOR = np.random.default_rng(20261124)
TENSORS: dict[str, np.ndarray] = {}


def random(*shape: int, scale: float = 1.0) -> torch.Tensor:
    # What is stored is f32, so that both sides start from the same numbers.
    return torch.tensor((GENERATOR.standard_normal(shape) * scale).astype(np.float32), dtype=torch.float64)


def store(name: str, value: torch.Tensor) -> None:
    kind = np.int32 if value.dtype in (torch.int64, torch.int32) else np.float32
    TENSORS[name] = np.ascontiguousarray(value.detach().numpy().astype(kind))


def operation(name: str, function, x: torch.Tensor, **others: torch.Tensor) -> None:
    x = x.clone().requires_grad_(True)
    output = function(x, **others)
    weight = random(*output.shape)
    (output * weight).sum().backward()
    for key, value in {"input": x, "output": output, "weight": weight, "gradient": x.grad, **others}.items():
        store(f"{name}.{key}", value)


def rms_norm(x, scale):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-5) * scale


def rope(x, cos, sin):
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


def attention(x, key, value, hidden=None, causal=False):
    scores = x @ key.transpose(-1, -2) / math.sqrt(x.shape[-1])
    n_queries, n_keys = scores.shape[-2:]
    if causal:
        # The last query sees the last key; keys may reach further back than queries.
        order = torch.arange(n_keys)[None, :] > torch.arange(n_queries)[:, None] + n_keys - n_queries
        scores = scores.masked_fill(order, -math.inf)
    if hidden is not None:
        scores = scores.masked_fill(hidden.bool(), -math.inf)
    return scores.softmax(-1) @ value


def share(x, group):
    return x.repeat_interleave(group, dim=1)


def patches(x, kernel, bias):
    return F.conv2d(x, kernel, bias, stride=kernel.shape[-1]).flatten(2).transpose(1, 2)


def main(out: str) -> None:
    operation("matmul", lambda x, other: x @ other, random(2, 3, 17, 33), other=random(2, 3, 33, 19))
    operation("linear", lambda x, matrix, bias: x @ matrix + bias, random(3, 13, 35), matrix=random(35, 21), bias=random(21))
    heads = dict(key=random(2, 6, 11, 8), value=random(2, 6, 11, 8))
    operation("attention", attention, random(2, 6, 9, 8), **heads)
    operation("causal_attention", lambda x, **o: attention(x, causal=True, **o), random(2, 6, 11, 8), **heads)
    hidden = torch.zeros(2, 1, 9, 11, dtype=torch.int64)
    hidden[0, :, :, 7:] = 1
    hidden[1, :, :, :3] = 1
    operation("masked_attention", attention, random(2, 6, 9, 8), hidden=hidden, **heads)
    operation("softmax", lambda x: x.softmax(-1), random(5, 37, scale=4.0))
    operation("layer_norm", lambda x, scale, bias: F.layer_norm(x, (45,), scale, bias, 1e-5), random(2, 7, 45), scale=random(45), bias=random(45))
    operation("rms_norm", rms_norm, random(2, 7, 45), scale=random(45))
    for name, function in {
        "gelu": F.gelu,
        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
        "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
        "silu": F.silu,
        "relu": F.relu,
        "relu6": F.relu6,
        "tanh": torch.tanh,
    }.items():
        operation(name, function, random(3, 67, scale=3.0))
    angle = torch.arange(13.0, dtype=torch.float64)[:, None] / 10000 ** (torch.arange(6.0, dtype=torch.float64) / 6)
    table = torch.cat([angle, angle], -1)
    rounded = lambda t: t.to(torch.float32).to(torch.float64)
    operation("rope", rope, random(2, 3, 13, 12), cos=rounded(table.cos()), sin=rounded(table.sin()))
    ids = torch.tensor([[3, 0, 6, 6, 2], [1, 1, 4, 5, 0]])
    operation("embedding", lambda x, ids: F.embedding(ids, x), random(7, 11), ids=ids)
    operation("select", lambda x, ids: x[ids], random(9, 5), ids=torch.tensor([8, 0, 3, 3]))
    operation("cut_and_join", lambda x, other: torch.cat([x[:, :1], other.expand(2, -1, -1), x[:, 1:]], 1), random(2, 5, 9), other=random(1, 3, 9))
    operation("pad", lambda x: F.pad(x, (3, 2, 1, 4)), random(2, 3, 7, 5))
    operation("patches", patches, random(2, 3, 12, 20), kernel=random(10, 3, 4, 4, scale=0.3), bias=random(10))
    operation("conv2d", lambda x, kernel: F.conv2d(x, kernel, stride=2, padding=1), random(2, 3, 11, 13), kernel=random(6, 3, 3, 3, scale=0.4))
    operation("depthwise_conv2d", lambda x, kernel: F.conv2d(x, kernel, padding=2, groups=6), random(2, 6, 9, 7), kernel=random(6, 1, 5, 5, scale=0.4))
    operation("mean", lambda x: x.mean(1), random(3, 29, 5))
    labels = torch.tensor([2, 0, 36, 17, 5])
    operation("cross_entropy", lambda x, labels: F.cross_entropy(x, labels).reshape(1), random(5, 37, scale=3.0), labels=labels)
    scores = random(6, 41)
    # What came later stands behind, so that the numbers above stay as they are.
    grouped = dict(key=random(2, 2, 11, 8), value=random(2, 2, 11, 8))
    operation("grouped_attention", lambda x, key, value: attention(x, share(key, 3), share(value, 3), causal=True), random(2, 6, 11, 8), **grouped)
    operation("grouped_keys", lambda x, query: query @ share(x, 3).transpose(-1, -2), random(2, 2, 11, 8), query=random(2, 6, 9, 8))
    operation("sum", lambda x: x.sum(-1), random(3, 5, 29))
    store("argmax.input", scores)
    store("argmax.output", scores.argmax(1))
    save_file(TENSORS, out)
    print(len(TENSORS), "tensors,", sum(tensor.nbytes for tensor in TENSORS.values()), "bytes")


if __name__ == "__main__":
    main(sys.argv[1])
