// The lanes of a conversation that is over: a stretch of it around a cursor that moves with the sound.

import { AXIS, LABELS, Lanes } from "./lanes.js";
import { Thumbnails } from "./thumbnails.js";

const BEHIND = 0.6; // of the width lies behind the cursor, in the middle of a conversation
const NOTHING = { listen: 0, speak: 0, heard: "", text: "", events: [] };

export class PlayedLanes extends Lanes {
  /** `seek` is called with the seconds at which somebody clicks. */
  constructor(canvas, frameSeconds, seek) {
    super(canvas, frameSeconds);
    this.thumbnails = new Thumbnails(() => this.show(this.at));
    new ResizeObserver(() => this.show(this.at)).observe(canvas);
    this.load([]);
    canvas.addEventListener("click", (event) => {
      const frame = this.first + (event.offsetX - LABELS) / this.#step;
      if (event.offsetX >= LABELS && frame < this.all.length) seek(frame * frameSeconds);
    });
  }

  /** All frames, each with `saidAt`: from which frame on its token is audible, and `address`: of the picture that was seen, if one was. */
  load(frames) {
    this.all = frames;
    this.thumbnails.clear();
    const actions = frames.map(({ action }) => action).filter(Boolean);
    const most = (numbers, least) => numbers.reduce((one, other) => Math.max(one, other), least);
    this.clear({
      sees: frames.some(({ address }) => address),
      acts: most(actions.map((action) => action.length), 0),
      bins: most(actions.flat(), 0) + 1, // as tall as the highest: a recording does not tell how many there are
    });
    this.show(0);
  }

  /** Draws what is around a frame (a number with a fraction). */
  show(at) {
    const { most } = this;
    this.at = at;
    this.first = Math.max(0, Math.min(Math.floor(at - most * BEHIND), this.all.length - most));
    this.frames = Array.from({ length: most }, (_, i) => this.all[this.first + i] ?? NOTHING);
    for (const frame of this.frames) if (frame.text) frame.said = frame.saidAt <= at;
    const seen = this.frames.filter(({ address }) => address);
    for (const frame of seen) frame.look = this.thumbnails.of(frame.address);
    this.thumbnails.want(seen.map(({ address }) => address));
    this.draw();
  }

  draw() {
    super.draw();
    if (!this.all?.length) return;
    const paint = this.canvas.getContext("2d");
    const x = LABELS + (this.at - this.first) * this.#step;
    paint.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--ink");
    paint.fillRect(x - 1, 0, 2, this.canvas.clientHeight * AXIS);
  }

  get #step() {
    return (this.canvas.clientWidth - LABELS) / this.most;
  }
}
