"""Fixtures of weight formats: small files with what their own libraries decode from them.

    pip install gguf numpy onnx safetensors torch
    python make_formats.py OUT            # writes OUT/quantised/{blocks.gguf,expected.safetensors} and OUT/torch/
    python make_formats.py --seeds OUT    # writes a small whole file for each fuzz target: OUT is crates/models/fuzz/seeds

OUT/quantised: one tensor `TYPE.weight` (2, 512) in each GGUF type that is read, and what gguf decodes it to. Seeded normal
values where gguf can quantise; for Q4_K, Q5_K and Q6_K random blocks under finite scales.

OUT/torch: one state dict in both forms of `torch.save` (`zip.pt`, `legacy.pt`), under `model` beside an epoch and a learning
rate (`nested.pt`), twice (`ambiguous.pt`), and a whole module (`module.pt`); `expected.safetensors` has its tensors as f32.
The keys of storages in `legacy.pt` are addresses: compare tensors, not bytes.
"""

import argparse
import json
from collections import OrderedDict
from pathlib import Path

import numpy as np
import onnx
import torch
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter, quants
from gguf.constants import GGML_QUANT_SIZES
from onnx import helper, numpy_helper
from safetensors.numpy import save_file

Shape = tuple[int, int]
QUANTISED = [Type.F16, Type.BF16, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0]
SCALES_AT = {Type.Q4_K: (0, 2), Type.Q5_K: (0, 2), Type.Q6_K: (208,)}
PLAIN = {Type.F32: np.float32, Type.F64: np.float64, Type.I8: np.int8, Type.I16: np.int16, Type.I32: np.int32, Type.I64: np.int64}


def random_blocks(rng: np.random.Generator, kind: Type, shape: Shape) -> np.ndarray:
    """Any bytes are a block, but for its 16-bit scales."""
    elements, size = GGML_QUANT_SIZES[kind]
    n_blocks = shape[0] * shape[1] // elements
    blocks = rng.integers(0, 256, (n_blocks, size), dtype=np.uint8)
    for at in SCALES_AT[kind]:
        scales = rng.uniform(-0.01, 0.01, n_blocks).astype(np.float16)
        blocks[:, at : at + 2] = scales.view(np.uint8).reshape(n_blocks, 2)
    return blocks.reshape(shape[0], -1)


def write_gguf(path: Path, shape: Shape) -> dict[str, np.ndarray]:
    """One tensor in each type, and what it is decoded to."""
    rng = np.random.default_rng(20)
    writer = GGUFWriter(path, "blocks")
    expected = {}
    for kind, dtype in PLAIN.items():
        values = 1000 * rng.standard_normal(shape) if kind.name.startswith("I") else rng.standard_normal(shape)
        values = np.clip(values, -128, 127).astype(dtype) if kind == Type.I8 else values.astype(dtype)
        writer.add_tensor(f"{kind.name}.weight", values)
        expected[f"{kind.name}.weight"] = values.astype(np.float32)
    for kind in QUANTISED:
        data = quants.quantize(rng.standard_normal(shape).astype(np.float32), kind)
        writer.add_tensor(f"{kind.name}.weight", data, raw_dtype=kind)
        expected[f"{kind.name}.weight"] = quants.dequantize(data, kind)
    for kind in SCALES_AT:
        data = random_blocks(rng, kind, shape)
        writer.add_tensor(f"{kind.name}.weight", data, raw_dtype=kind)
        expected[f"{kind.name}.weight"] = quants.dequantize(data, kind)
    finish(writer)
    return {name: np.ascontiguousarray(values.reshape(shape)) for name, values in expected.items()}


def finish(writer: GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


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


def legacy(value: object, path: Path) -> None:
    torch.save(value, path, _use_new_zipfile_serialization=False)


def write_fixtures(out: Path) -> None:
    (out / "quantised").mkdir(parents=True, exist_ok=True)
    expected = write_gguf(out / "quantised" / "blocks.gguf", (2, 512))
    save_file(expected, out / "quantised" / "expected.safetensors")

    folder = out / "torch"
    folder.mkdir(parents=True, exist_ok=True)
    state = state_dict()
    torch.save(state, folder / "zip.pt")
    legacy(state, folder / "legacy.pt")
    legacy({"epoch": 3, "lr": 0.1, "model": state, "best": None}, folder / "nested.pt")
    few = {"weight": torch.ones(1)}
    legacy({"model": few, "state_dict": few}, folder / "ambiguous.pt")
    torch.save(torch.nn.Linear(1, 1), folder / "module.pt")
    save_file({name: tensor.detach().float().contiguous().numpy() for name, tensor in state.items()}, folder / "expected.safetensors")


def write_tokenizer(path: Path) -> None:
    control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokens = [*"abdehikmnrstuy:Ġ0236Ċ'<|>_", "in", "er", "Ġi", "Ġs", "Ġit"]
    writer = GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(control + tokens)
    writer.add_token_types([3] * len(control) + [1] * len(tokens))
    writer.add_token_merges(["i n", "e r", "Ġ i", "Ġ s", "Ġi t"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    finish(writer)


def onnx_model() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["y"], name="/head/Gemm", alpha=0.5, transB=1),
        helper.make_node("Pad", ["y", "p"], ["z"], pads=[1, 2], scales=[0.5, 1.0]),
    ]
    values = [
        numpy_helper.from_array(np.ones((2, 3), np.float32), "w"),
        helper.make_tensor("b", onnx.TensorProto.FLOAT16, [2], [1.0, 2.0]),
        helper.make_tensor("p", onnx.TensorProto.INT64, [2], [1, -1]),
        helper.make_tensor("f", onnx.TensorProto.FLOAT, [2], [1.0, 2.0]),
    ]
    return helper.make_model(helper.make_graph(nodes, "graph", [], [], values))


def write_seeds(out: Path) -> None:
    for target in ["gguf", "onnx", "safetensors", "safetensors_index", "tokenizer", "torch"]:
        (out / target).mkdir(parents=True, exist_ok=True)
    write_gguf(out / "gguf" / "types.gguf", (1, 256))
    write_tokenizer(out / "tokenizer" / "smollm.gguf")
    few = {"a": np.ones((2, 3), np.float32), "b": np.ones(4, np.float16), "c": np.arange(3)}
    save_file(few, out / "safetensors" / "small.safetensors")
    files = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    index = {"metadata": {"total_size": 3}, "weight_map": files}
    (out / "safetensors_index" / "two.json").write_text(json.dumps(index))
    (out / "onnx" / "linear.onnx").write_bytes(onnx_model().SerializeToString())
    state = {"weight": torch.arange(6.0).reshape(2, 3).t(), "n": torch.tensor(3)}
    torch.save(state, out / "torch" / "zip.pt")
    legacy({"epoch": 1, "model": state}, out / "torch" / "legacy.pt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", action="store_true", help="the seeds of the fuzz targets instead of the fixtures")
    arguments = parser.parse_args()
    write = write_seeds if arguments.seeds else write_fixtures
    write(arguments.out)


if __name__ == "__main__":
    main()
