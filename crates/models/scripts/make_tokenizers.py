"""Tokenizer fixtures: small tokenizers of each kind in the hub's layout, and the ids that Python gets with them.

    pip install transformers tokenizers
    python make_tokenizers.py OUT --clip-vocabulary bpe_simple_vocab_16e6.txt.gz --class-names en_classnames.json.gz

Writes OUT/KIND.json (a tokenizer.json), OUT/KIND.config.json (a tokenizer_config.json), OUT/expected.json, and
OUT/clip.json: ids of CLIP's own vocabulary, which is read but not copied.
"""

import argparse
import gzip
import json
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import CLIPTokenizer, PreTrainedTokenizerFast

CORPUS = """A photo of a red fruit on the table. The photos of two dogs, running over green grass, were taken in 2019.
It's not what they'd said: we've seen it, haven't we? I'll go; she's going, you're gone.
def main(argument: int) -> None:\n    return argument + 1234567\n\n\n        # eight spaces
Der Fluß fließt über die Brücke; größere Häuser stehen daneben. L'été dernier, nous étions à la plage.
Быстрая лиса прыгает через ленивую собаку. 素早い狐が犬を飛び越える。敏捷的狐狸跳过懒狗。
the quick brown fox jumps over the lazy dog and the lazy dog does not jump over the quick brown fox
""".split("\n")

TEXTS = [
    "",
    " ",
    "a",
    "A photo of a dog.",
    "a photo of two  dogs,   running",
    "It's what THEY'D said: we've seen it, haven't we?",
    "12345 67 and 8, 3.14159, 1,000,000",
    "def main() -> int:\n    return 1\n\n\n\treturn 2\r\n",
    "trailing spaces   ",
    "   leading spaces",
    "größere Häuser, Straße",
    "gro\u0308ßer: a decomposed letter",
    "l'été à la plage",
    "Быстрая лиса",
    "素早い狐が犬を飛び越える。",
    "敏捷的狐狸",
    "an emoji 🦊 and a family 👩‍👩‍👧",
    "a\u00a0no-break\u2003em space\u200bzero width",
    "x = {'key': [1, 2]} # !?&%$§",
    "<s> and </s> inside, [CLS] [MASK] [SEP] and <|begin_of_text|> too<|end_of_text|>",
    "NUL\x00 and \x7f",
    "العربية من اليمين",
    "한국어 문장입니다",
    "Ａ full-width ﬁ ligature ①",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
]

LLAMA3_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def word_piece() -> tuple[Tokenizer, dict]:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=260, special_tokens=special, show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer, dict(pad_token="[PAD]", unk_token="[UNK]")


def byte_level() -> tuple[Tokenizer, dict]:
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(LLAMA3_WORDS), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    special = ["<|begin_of_text|>", "<|end_of_text|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{special[0]} $A", pair=f"{special[0]} $A {special[0]}:1 $B:1", special_tokens=[(special[0], 0)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer, dict(bos_token=special[0], eos_token=special[1])


def sentence_piece() -> tuple[Tokenizer, dict]:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    special = ["<unk>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(vocab_size=520, special_tokens=special + BYTES, limit_alphabet=80, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] in special]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A", pair="$A $B:1", special_tokens=[])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    # An explicit wish takes the place of the post-processor.
    return tokenizer, dict(bos_token="<s>", eos_token="</s>", add_bos_token=True, add_eos_token=False)


def unigram() -> tuple[Tokenizer, dict]:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=240, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B:1 </s>:1", special_tokens=[("</s>", 1)]
    )
    tokenizer.decoder = decoders.Metaspace()
    pad = AddedToken("<pad>", special=True)
    return tokenizer, dict(eos_token="</s>", pad_token={"__type": "AddedToken", "content": pad.content}, unk_token="<unk>")


KINDS = dict(word_piece=word_piece, byte_level=byte_level, sentence_piece=sentence_piece, unigram=unigram)


def expected(file: Path, config: dict) -> dict:
    named = {key: value["content"] if isinstance(value, dict) else value for key, value in config.items()}
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(file), **named)
    cases = []
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False)
        decoded = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        cases.append(dict(text=text, ids=ids, with_special_tokens=tokenizer.encode(text), decoded=decoded))
    special = dict(bos=tokenizer.bos_token_id, eos=tokenizer.eos_token_id, pad=tokenizer.pad_token_id)
    return dict(special=special, cases=cases)


def clip_files(vocabulary: Path) -> tuple[dict[str, int], list[str]]:
    """OpenAI's rule: bytes, bytes that end a word, merges in order, start and end."""
    lines = gzip.decompress(vocabulary.read_bytes()).decode().split("\n")[1 : 49152 - 256 - 2 + 1]
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    characters = [chr(byte) for byte in printable] + [chr(256 + i) for i in range(256 - len(printable))]
    pieces = characters + [f"{c}</w>" for c in characters] + ["".join(line.split()) for line in lines]
    return {piece: i for i, piece in enumerate([*pieces, "<|startoftext|>", "<|endoftext|>"])}, lines


def clip_texts(class_names: Path) -> list[str]:
    names = json.loads(gzip.decompress(class_names.read_bytes()))
    chosen = [name for classes in names.values() for name in (classes if isinstance(classes, list) else classes.values())]
    step = max(1, len(chosen) // 175)
    texts = [text for text in TEXTS if text.strip()] + ["A PHOTO of a   Dog\n\nat   night", "<|startoftext|>a<|endoftext|>", "naïve café ÉTÉ İstanbul"]
    return texts + [f"a photo of a {name}." for name in chosen[::step]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--clip-vocabulary", type=Path)
    parser.add_argument("--class-names", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    results = {}
    for kind, make in KINDS.items():
        tokenizer, config = make()
        file = arguments.out / f"{kind}.json"
        file.write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")) + "\n")
        (arguments.out / f"{kind}.config.json").write_text(json.dumps(config, indent=1) + "\n")
        results[kind] = expected(file, config)
    (arguments.out / "expected.json").write_text(json.dumps(results, separators=(",", ":")) + "\n")
    if arguments.clip_vocabulary:
        vocabulary, merges = clip_files(arguments.clip_vocabulary)
        tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[tuple(line.split()) for line in merges])
        texts = clip_texts(arguments.class_names)
        cases = [dict(text=text, ids=tokenizer.encode(text), decoded=tokenizer.decode(tokenizer.encode(text))) for text in texts]
        (arguments.out / "clip.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")
        print(len(texts), "texts for CLIP")


if __name__ == "__main__":
    main()
