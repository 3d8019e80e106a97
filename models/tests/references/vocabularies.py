"""Tokenises texts with a tiny vocabulary and the pre-tokenizers of each model's tokenizer file.

    venv/bin/pip install tokenizers gguf
    venv/bin/python models/tests/references/vocabularies.py [FOLDER]

Run by hand, never by a test. It writes `vocabularies.json`: the vocabulary, the texts, and the ids
for each name of a pre-tokenizer. Pairs of the vocabulary merge across words, digits and lines, so
that the ids show every cut. FOLDER receives a GGUF file for each name, the texts (`.inp`) and the
ids (`.out`), in the format of llama.cpp's tests of vocabularies: `VOCABULARIES=FOLDER` compares
these, or llama.cpp's own files, with ours.
"""

import json
import sys
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

HERE = Path(__file__).parent
SEPARATOR = "\n__ggml_vocab_test__\n"

TEXTS = [
    "fn main() {\n\tlet x: Vec<u8> = vec![0xff; 1_000];\r\n    println!(\"{x:?}\");\n}\n\n",
    "I'm YOU'RE we'll it'S don't 's 'Tis camelCase HTTPServer ÉcoleÀ straßeÄ snake_case",
    "1 12 123 1234 12345 1234567 3.14 1,234 1234567890 ½ Ⅷ ١٢٣٤ ๑๒ 一二",
    "日本語のテキスト。漢字、カタカナ! 中文123abc 한국어 문장 １２３，ａｂ",
    "देवनागरी क्षत्रिय العربية، עברית ไทย Русский №5 «кавычки»…",
    "👩‍👩‍👧 😀😀text😀 1️⃣ cafe\u0301 e\u0301\u0302 Å x\u0336",
    "   a  b   c \t\td \n \n\n  e\r\n\r\n\tf        \n\u00a0\u3000g ",
    "(a)[b] \"q\" ??? !!! a.b,c;d:e/f\\g|h+i=j*k&l^m%n$o#p@q~r`s http://x.org/y?z=1 -- => ::\n/",
]

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|" + REST
QWEN2 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|" + REST
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"


def cased(after, digits):
    first = rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{after}"
    second = rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{after}"
    rest = r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    return f"{first}|{second}|{digits}|{rest}"


DEEPSEEK = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
EAST_ASIAN = "[一-龥぀-ゟ゠-ヿ]+"
GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


def patterns(*all_patterns):
    parts = [pre_tokenizers.Split(Regex(one), "isolated") for one in all_patterns]
    return [*parts, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]


def digits_first():
    return [pre_tokenizers.Digits(individual_digits=True), GPT2]


def falcon():
    punctuation = pre_tokenizers.Punctuation("contiguous")
    three = pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated")
    return [punctuation, GPT2, pre_tokenizers.Digits(individual_digits=False), three]


# Names, parts, whether a text is normalised (NFC), whether whole tokens are used without merges.
CASES = [
    (["llama-bpe", "llama3", "falcon3", "pixtral", "lfm2"], patterns(LLAMA3), False, True),
    (["glm4"], patterns(LLAMA3), False, True),
    (["dbrx", "smaug-bpe", "chatglm-bpe"], patterns(LLAMA3), False, False),
    (["qwen2", "deepseek-r1-qwen", "stablelm2", "hunyuan"], patterns(QWEN2), True, False),
    (["solar-open", "megrez"], patterns(QWEN2), False, False),
    (["qwen35"], patterns(
        CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"), True, False),
    (["tekken"], patterns(cased("", r"\p{N}")), False, True),
    (["gpt-4o", "llama4"], patterns(cased(CONTRACTIONS + "?", r"\p{N}{1,3}")), False, False),
    (["deepseek-v3", "hunyuan-dense"], patterns(r"\p{N}{1,3}", EAST_ASIAN, DEEPSEEK), False, False),
    (["deepseek-coder"], patterns(
        r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", r"\p{N}"), False, False),
    (["bailingmoe"], patterns(
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*"
        r"|\s*[\r\n]|\s+(?!\S)|\s+"), False, False),
    (["seed-coder"], patterns(
        CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+"
        r"|\s+(?!\S)|\s+"), False, False),
    (["falcon"], falcon(), False, False),
    (["smollm", "starcoder", "refact", "codeshell", "exaone"], digits_first(), False, False),
    (["command-r"], digits_first(), True, False),
    (["gpt-2", "phi-2", "jais", "exaone4"], [GPT2], False, False),
    (["mpt", "olmo"], [GPT2], True, False),
    (["bloom", "poro-chat"], patterns(" ?[^(\\s|.,!?…。，、।۔،)]+"), False, False),
    (["viking"], patterns(" ?[^(\\s|.,!?…。，、।۔،)]+", r"\p{N}"), False, False),
]


def vocabulary():
    """Tokens by id and merges, of a text that is never cut."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=620, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    tokenizer.train_from_iterator(TEXTS * 4, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    return tokens, [tuple(pair) for pair in model["merges"]]


def ids(tokens, merges, parts, is_composed, ignores_merges):
    vocab = {token: at for at, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab, merges, ignore_merges=ignores_merges))
    if is_composed:
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(parts)
    return [tokenizer.encode(text).ids for text in TEXTS]


def write_gguf(folder, name, tokens, merges, found):
    import gguf

    path = folder / f"{name}.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(name)
    writer.add_token_list(tokens)
    writer.add_token_types([1] * len(tokens))
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_add_bos_token(False)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    path.with_suffix(".gguf.inp").write_bytes(SEPARATOR.join(TEXTS).encode())
    lines = [" ".join(map(str, one)) for one in found]
    path.with_suffix(".gguf.out").write_text("\n".join(lines) + "\n")


def main():
    tokens, merges = vocabulary()
    cases = []
    for names, parts, is_composed, ignores_merges in CASES:
        found = ids(tokens, merges, parts, is_composed, ignores_merges)
        cases.append({"names": names, "ids": found})
        if len(sys.argv) > 1:
            for name in names:
                write_gguf(Path(sys.argv[1]), name, tokens, merges, found)
    stored = {"texts": TEXTS, "tokens": tokens, "merges": merges, "cases": cases}
    text = json.dumps(stored, ensure_ascii=False, separators=(",", ":"))
    (HERE / "vocabularies.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
