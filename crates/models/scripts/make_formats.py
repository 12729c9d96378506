"""Fixtures of weight formats: small files with what their own libraries decode from them.

    pip install gguf numpy safetensors torch
    python make_formats.py OUT    # writes OUT/quantised/{blocks.gguf,expected.safetensors} and OUT/torch/

OUT/quantised: one tensor `TYPE.weight` (2, 512) in each GGUF type that is read, and what gguf decodes it to. Seeded normal
values where gguf can quantise; for Q4_K, Q5_K and Q6_K random blocks under finite scales.

OUT/torch: one state dict in both forms of `torch.save` (`zip.pt`, `legacy.pt`), under `model` beside an epoch and a learning
rate (`nested.pt`), twice (`ambiguous.pt`), and a whole module (`module.pt`); `expected.safetensors` has its tensors as f32.
The keys of storages in `legacy.pt` are addresses: compare tensors, not bytes.
"""

import argparse
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter, quants
from gguf.constants import GGML_QUANT_SIZES
from safetensors.numpy import save_file

SHAPE = (2, 512)
QUANTISED = [Type.F16, Type.BF16, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0]
SCALES_AT = {Type.Q4_K: (0, 2), Type.Q5_K: (0, 2), Type.Q6_K: (208,)}
PLAIN = {Type.F32: np.float32, Type.F64: np.float64, Type.I8: np.int8, Type.I16: np.int16, Type.I32: np.int32, Type.I64: np.int64}


def random_blocks(rng: np.random.Generator, kind: Type) -> np.ndarray:
    """Any bytes are a block, but for its 16-bit scales."""
    elements, size = GGML_QUANT_SIZES[kind]
    n_blocks = SHAPE[0] * SHAPE[1] // elements
    blocks = rng.integers(0, 256, (n_blocks, size), dtype=np.uint8)
    for at in SCALES_AT[kind]:
        scales = rng.uniform(-0.01, 0.01, n_blocks).astype(np.float16)
        blocks[:, at : at + 2] = scales.view(np.uint8).reshape(n_blocks, 2)
    return blocks.reshape(SHAPE[0], -1)


def write_quantised(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20)
    writer = GGUFWriter(folder / "blocks.gguf", "blocks")
    expected = {}
    for kind, dtype in PLAIN.items():
        values = 1000 * rng.standard_normal(SHAPE) if kind.name.startswith("I") else rng.standard_normal(SHAPE)
        values = np.clip(values, -128, 127).astype(dtype) if kind == Type.I8 else values.astype(dtype)
        writer.add_tensor(f"{kind.name}.weight", values)
        expected[f"{kind.name}.weight"] = values.astype(np.float32)
    for kind in QUANTISED:
        data = quants.quantize(rng.standard_normal(SHAPE).astype(np.float32), kind)
        writer.add_tensor(f"{kind.name}.weight", data, raw_dtype=kind)
        expected[f"{kind.name}.weight"] = quants.dequantize(data, kind)
    for kind in SCALES_AT:
        data = random_blocks(rng, kind)
        writer.add_tensor(f"{kind.name}.weight", data, raw_dtype=kind)
        expected[f"{kind.name}.weight"] = quants.dequantize(data, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file({name: np.ascontiguousarray(values.reshape(SHAPE)) for name, values in expected.items()}, folder / "expected.safetensors")


def state_dict() -> OrderedDict:
    generator = torch.Generator().manual_seed(20)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    shared = normal(4, 6)
    state = OrderedDict(
        plain=normal(2, 3),
        transposed=normal(3, 4).t(),
        kernel=normal(2, 3, 2, 2).contiguous(memory_format=torch.channels_last),
        rows=shared[1:3],
        columns=shared[:, 1::2],
        parameter=torch.nn.Parameter(normal(5)),
        half=normal(2, 3).half(),
        brain=normal(3, 2).bfloat16().t(),
        double=normal(3).double(),
        flags=torch.tensor([True, False]),
        bytes=torch.arange(250, 256, dtype=torch.uint8),
        num_batches_tracked=torch.tensor(12345),
        nothing=torch.zeros(0, 3),
    )
    state._metadata = OrderedDict({"": {"version": 1}})  # as a module's own has
    return state


def write_torch(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    state = state_dict()
    torch.save(state, folder / "zip.pt")
    torch.save(state, folder / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save({"epoch": 3, "lr": 0.1, "model": state, "best": None}, folder / "nested.pt", _use_new_zipfile_serialization=False)
    few = {"weight": torch.ones(1)}
    torch.save({"model": few, "state_dict": few}, folder / "ambiguous.pt", _use_new_zipfile_serialization=False)
    torch.save(torch.nn.Linear(1, 1), folder / "module.pt")
    save_file({name: tensor.detach().float().contiguous().numpy() for name, tensor in state.items()}, folder / "expected.safetensors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    write_quantised(out / "quantised")
    write_torch(out / "torch")


if __name__ == "__main__":
    main()
