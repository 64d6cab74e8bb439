"""Writes down what is said in a sound file: the text alone on stdout, as it is understood."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from roboego.commands.common import WithModel, open_model, sampling_of


@dataclass(frozen=True, kw_only=True)
class Args(WithModel):
    sound: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="IN.wav")]
    """The sound: 8 to 192 kHz, one to eight channels, of any length."""


def run(args: Args) -> dict[str, Any]:
    from roboego.runtime.modes import captions
    from roboego.sound.reading import SoundReader
    from roboego.timebase import frames_to_seconds

    tokens: list[dict[str, Any]] = []
    with SoundReader(args.sound) as sound:
        loaded = open_model(args)
        try:
            for caption in captions(loaded, sound, sampling_of(args, loaded)):
                print(caption.text if tokens else caption.text.lstrip(), end="", flush=True)
                # Frame t is heard, and its token written, when it is over.
                tokens.append({"time_s": round(frames_to_seconds(caption.frame + 1), 2), "text": caption.text})
        except BaseException:
            # The error's line is not to follow on the text's.
            print(end="\n" if tokens else "", flush=True)
            raise
        print(flush=True)
        text = "".join(token["text"] for token in tokens).strip()
        return {"model": loaded.name, "source": str(args.sound), "duration_s": sound.duration_s, "text": text, "tokens": tokens}
