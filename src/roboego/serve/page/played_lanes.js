// The lanes of a conversation that is over: a stretch of it around a cursor that moves with the sound.

import { AXIS, LABELS, Lanes } from "./lanes.js";

const BEHIND = 0.6; // of the width lies behind the cursor, in the middle of a conversation
const NOTHING = { listen: 0, speak: 0, heard: "", text: "", events: [] };

export class PlayedLanes extends Lanes {
  /** `seek` is called with the seconds at which somebody clicks. */
  constructor(canvas, frameSeconds, seek) {
    super(canvas, frameSeconds);
    new ResizeObserver(() => this.show(this.at)).observe(canvas);
    this.load([]);
    canvas.addEventListener("click", (event) => {
      const frame = this.first + (event.offsetX - LABELS) / this.#step;
      if (event.offsetX >= LABELS && frame < this.all.length) seek(frame * frameSeconds);
    });
  }

  /** All frames, each with `saidAt`: from which frame on its token is audible. */
  load(frames) {
    this.all = frames;
    this.show(0);
  }

  /** Draws what is around a frame (a number with a fraction). */
  show(at) {
    const { most } = this;
    this.at = at;
    this.first = Math.max(0, Math.min(Math.floor(at - most * BEHIND), this.all.length - most));
    this.frames = Array.from({ length: most }, (_, i) => this.all[this.first + i] ?? NOTHING);
    for (const frame of this.frames) if (frame.text) frame.said = frame.saidAt <= at;
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
