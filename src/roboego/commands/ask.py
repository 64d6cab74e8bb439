"""Shows a model a picture and asks about it: in writing, or aloud by a synthetic voice."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from roboego.commands.common import Sight, WithModel, check_at_least, open_model, sampling_of
from roboego.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Args(WithModel):
    image: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="IMAGE")]
    """The picture: PNG, JPEG, or whatever else Pillow reads."""
    question: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="QUESTION")]
    """What to ask, in English."""
    spoken: bool = False
    """Ask aloud, not in writing."""
    voice: str = "heart-changed"
    """Who asks aloud. (see `roboego eval --voices`)"""
    out: Annotated[Path | None, tyro.conf.arg(metavar="OUT.wav")] = None
    """Write the spoken answer to this sound file: 24 kHz, mono."""
    sight: Sight | None = None
    """How pictures reach the model: stream, context or auto. (default: the engine's own choice)"""
    wait_s: float = 6.0
    """Seconds after the question in which an answer has to begin."""
    longest_s: float = 30.0
    """Seconds after the question in which it has to end."""


def run(args: Args) -> dict[str, Any]:
    from contextlib import ExitStack

    import numpy as np

    from roboego.commands.staged.asking import asked
    from roboego.data.voices import check_voices, open_voice
    from roboego.perception.picture import open_picture
    from roboego.runtime.engine import Engine
    from roboego.sound.files import check_target
    from roboego.sound.writing import WavWriter
    from roboego.streams.alphabet import normalize

    check_at_least(0, wait_s=args.wait_s, longest_s=args.longest_s)
    picture = open_picture(args.image)
    if args.out is not None:
        check_target(args.out)
    if args.spoken:
        check_voices(args.voice)
    loaded = open_model(args)
    if not loaded.model.config.sees:
        raise InputError(f"{args.model} does not see; give a --model with sight")
    question = normalize(args.question)
    said = open_voice(args.voice).say(question, np.random.default_rng(args.seed or 0)).pcm if args.spoken else question
    options: dict[str, Any] = {} if args.sight is None else {"sight": args.sight}
    # Without a clock nothing may depend on when a picture is ready.
    with ExitStack() as stack:
        engine = stack.enter_context(Engine(loaded, see_in_background=False))
        session = stack.enter_context(engine.open(sampling=sampling_of(args, loaded), **options))
        wav = None if args.out is None else stack.enter_context(WavWriter(args.out, channels=1))
        written = ""
        for frame in asked(session, picture, said, wait_s=args.wait_s, longest_s=args.longest_s):
            written += frame.text
            if wav is not None:
                wav.write(frame.speech)
    answer = written.strip()
    print(answer or "(no answer)")
    if args.out is not None:
        print(f"Written: {args.out}")
    return {"model": loaded.name, "image": str(args.image), "question": question, "spoken": args.spoken, "answer": answer}
