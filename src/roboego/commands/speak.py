"""Says a text, in Ego's voice."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from roboego.commands.common import WithModel, open_model, sampling_of
from roboego.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Args(WithModel):
    text: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="TEXT")]
    """What to say, in English: numbers up to 999 and most signs are read out."""
    out: Annotated[Path, tyro.conf.arg(metavar="OUT.wav")]
    """The sound file to write: 24 kHz, mono."""


def run(args: Args) -> dict[str, Any]:
    import time

    from roboego.runtime.modes import speech
    from roboego.sound.files import check_target
    from roboego.sound.writing import WavWriter
    from roboego.streams.alphabet import normalize, words
    from roboego.streams.tokenizer import Tokenizer

    check_target(args.out)
    if not args.text.strip():
        raise InputError("there is nothing to say: give a text, in quotes")
    loaded = open_model(args)
    text = args.text
    if isinstance(loaded.tokenizer, Tokenizer):
        text = normalize(args.text)
        if not words(text):
            raise InputError(f"there are no words in {args.text!r}; give a text in English")
    start_s = time.perf_counter()
    with WavWriter(args.out, channels=1) as wav:
        for pcm in speech(loaded, text, sampling_of(args, loaded)):
            wav.write(pcm)
    took_s = time.perf_counter() - start_s
    print(f"Written: {args.out} ({wav.duration_s:.2f} s of speech in {took_s:.2f} s)")
    return {"model": loaded.name, "text": text, "path": str(args.out), "duration_s": wav.duration_s, "took_s": round(took_s, 3)}
