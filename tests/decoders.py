"""Tiny decoders in the hub's format: random weights, and a real tokenizer.json, learned from a few sentences."""

import json
from pathlib import Path

import tokenizers
import torch
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

SENTENCES = (
    "the red cup is on the table.", "put the blue ball into the bowl, please.", "what is seven plus two?", "it's nine, i think.",
    "yes, i can see it.", "my name is anna.", "there is a green box beside the lamp.",
)  # fmt: skip
PADDING = 5
"""Rows of the embedding that no token of the tokenizer has, as in Qwen2."""
QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
SIZES = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}  # fmt: skip


def bytes_tokenizer(sentences: tuple[str, ...] = SENTENCES) -> tokenizers.Tokenizer:
    """Byte-level byte-pair pieces, as of Qwen2 and Llama 3: special tokens come last, and a text begins without a space."""
    inner = tokenizers.Tokenizer(models.BPE())
    inner.normalizer = normalizers.NFC()
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(QWEN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=340, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    inner.train_from_iterator([" " + sentence for sentence in sentences], trainer)
    inner.add_special_tokens(SPECIALS)
    return inner


def spaces_tokenizer(sentences: tuple[str, ...] = SENTENCES) -> tokenizers.Tokenizer:
    """Pieces that carry their spaces as "▁", as of Llama 2: special tokens come first, and a text is given its space."""
    inner = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    alphabet = [*(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<unk>", "<s>", "</s>", *alphabet], show_progress=False)
    inner.train_from_iterator(sentences, trainer)
    as_llama = json.loads(inner.to_str()) | {
        "pre_tokenizer": None,
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "Prepend", "prepend": "▁"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
            ],
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0},
            ],
        },
    }
    as_llama["added_tokens"] = [token for token in as_llama["added_tokens"] if not token["content"].startswith("<0x")]
    return tokenizers.Tokenizer.from_str(json.dumps(as_llama))


def qwen2(folder: Path, *, seed: int = 0, tied: bool = True) -> Path:
    """A folder that holds a Qwen2: config.json, model.safetensors, tokenizer.json."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    inner = bytes_tokenizer()
    config = Qwen2Config(**SIZES, vocab_size=inner.get_vocab_size() + PADDING, tie_word_embeddings=tied)
    torch.manual_seed(seed)
    Qwen2ForCausalLM(config).save_pretrained(folder)
    inner.save(str(folder / "tokenizer.json"))
    return folder


def llama(folder: Path, *, seed: int = 0) -> Path:
    """A folder that holds a Llama, as `qwen2`."""
    from transformers import LlamaConfig, LlamaForCausalLM

    inner = spaces_tokenizer()
    torch.manual_seed(seed)
    LlamaForCausalLM(LlamaConfig(**SIZES, vocab_size=inner.get_vocab_size())).save_pretrained(folder)
    inner.save(str(folder / "tokenizer.json"))
    return folder
