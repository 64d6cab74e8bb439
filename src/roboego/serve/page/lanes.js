// The signature picture: every stream as a lane on one axis of 80 ms steps, the newest at the right.

const SECONDS = 14;
const SECOND_WIDTH = 40; // at least, in points: on a phone fewer seconds are shown
export const LABELS = 56;

export class Lanes {
  constructor(canvas, frameSeconds) {
    this.canvas = canvas;
    this.frameSeconds = frameSeconds;
    this.clear();
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** Frames that are shown. */
  get most() {
    const seconds = Math.max(1, Math.min(SECONDS, (this.canvas.clientWidth - LABELS) / SECOND_WIDTH));
    return Math.ceil(seconds / this.frameSeconds);
  }

  clear() {
    this.frames = [];
    this.reply = [];
    this.first = 0;
    this.draw();
  }

  /** One step: levels from 0 to 1, what was heard and written, how much of the reply is audible, what happened. */
  add({ listen, speak, heard, text, spoken, events }) {
    const frame = { listen, speak, heard, text, events, said: false };
    if (events.some((event) => event.type === "reply_started")) this.reply = [];
    if (text) this.reply.push(frame);
    this.reply.slice(0, spoken).forEach((token) => {
      token.said = true;
    });
    this.frames.push(frame);
    const most = Math.ceil(SECONDS / this.frameSeconds);
    this.first += Math.max(0, this.frames.length - most);
    this.frames = this.frames.slice(-most);
    this.draw();
  }

  draw() {
    const { canvas } = this;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const paint = canvas.getContext("2d");
    paint.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const lanes = [
      ["listen", 0.0, 0.2], ["heard", 0.2, 0.42], ["text", 0.42, 0.64], ["speak", 0.64, 0.86], ["events", 0.86, 0.94],
    ];
    const place = Object.fromEntries(lanes.map(([name, top, bottom]) => [name, [top * height, bottom * height]]));
    const frames = this.frames.slice(-this.most);
    const first = this.first + this.frames.length - frames.length;
    const step = (width - LABELS) / this.most;
    const x = (i) => width - (frames.length - i) * step;

    paint.font = "12px system-ui, sans-serif";
    paint.textBaseline = "middle";
    paint.strokeStyle = colour("line");
    paint.fillStyle = colour("soft");
    for (const [name, [top, bottom]] of Object.entries(place)) {
      paint.fillText(name, 8, (top + bottom) / 2);
      paint.beginPath();
      paint.moveTo(0, bottom);
      paint.lineTo(width, bottom);
      paint.stroke();
    }
    frames.forEach((_, i) => {
      const index = first + i;
      const seconds = index * this.frameSeconds;
      if (Math.floor(seconds) === Math.floor(seconds - this.frameSeconds) && index !== 0) return;
      paint.fillStyle = colour("line");
      paint.fillRect(x(i), 0, 1, height * 0.94);
      paint.fillStyle = colour("soft");
      paint.fillText(`${Math.floor(seconds)} s`, x(i) + 3, height * 0.97);
    });
    frames.forEach((frame, i) => {
      this.#bar(paint, place.listen, x(i), step, frame.listen, colour("user"));
      this.#bar(paint, place.speak, x(i), step, frame.speak, colour("ego"));
      for (const event of frame.events) this.#event(paint, place.events, x(i), event, colour);
    });
    this.#words(paint, frames, place.heard, x, "heard", () => colour("user"));
    this.#words(paint, frames, place.text, x, "text", (frame) => (frame.said ? colour("ego") : colour("unsaid")));
  }

  #bar(paint, [top, bottom], x, step, level, colour) {
    const tall = Math.max(1, Math.min(1, level) * (bottom - top - 4));
    paint.fillStyle = colour;
    paint.fillRect(x, (top + bottom - tall) / 2, Math.max(1, step - 1), tall);
  }

  #event(paint, [top, bottom], x, event, colour) {
    const shown = { cut: "✂", overrun: "!", not_seen: "?", reply_started: "▸", reply_spoken: "■", call: "ƒ", call_failed: "ƒ?" }[event.type];
    if (!shown) return;
    paint.fillStyle = event.type === "overrun" ? colour("bad") : colour("soft");
    paint.fillText(shown, x, (top + bottom) / 2);
  }

  // Tokens come faster than they can be read side by side: each goes to the first of a few rows that is free at its place.
  #words(paint, frames, [top, bottom], x, name, colour) {
    const rows = [0, 0, 0].fill(-Infinity);
    frames.forEach((frame, i) => {
      if (!frame[name]) return;
      const word = frame[name].trim();
      let row = rows.findIndex((end) => end <= x(i));
      if (row < 0) row = rows.indexOf(Math.min(...rows));
      const at = Math.max(x(i), rows[row]);
      paint.fillStyle = colour(frame);
      paint.fillText(word, at, top + ((row + 0.5) * (bottom - top)) / rows.length);
      rows[row] = at + paint.measureText(word).width + 3;
    });
  }
}
