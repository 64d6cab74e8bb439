// How loud was what a step heard: known when it is captured, shown when the step is done.

export class Levels {
  constructor() {
    this.clear();
  }

  /** What is on its way does not arrive. */
  clear() {
    this.waiting = [];
  }

  /** A frame's sound has been captured. */
  add(level) {
    this.waiting.push(level);
  }

  /** The level of what a step heard. What was lost before it is left out; when no sound had come, it heard nothing. */
  take({ events, times }) {
    for (const event of events) if (event.type === "overrun") this.waiting.splice(0, event.frames);
    if (times && times[0] === times[1]) return 0; // without sound, it came when the step was done
    return this.waiting.shift() ?? 0;
  }
}
