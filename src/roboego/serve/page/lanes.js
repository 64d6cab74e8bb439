// The signature picture: every stream as a lane on one axis of 80 ms steps, the newest at the right.

const SECONDS = 14;
const SECOND_WIDTH = 40; // at least, in points: on a phone fewer seconds are shown
export const LABELS = 56;
export const AXIS = 0.94; // of the height: below it stand the seconds
const LANES = { listen: 20, heard: 22, look: 22, text: 22, speak: 22, act: 22, events: 8 }; // how tall each is beside the others
export const THUMBNAIL = 48; // points of height

/** A small copy of a canvas or an image. */
export function thumbnail(picture) {
  const small = document.createElement("canvas");
  small.height = THUMBNAIL;
  small.width = Math.max(1, Math.round((THUMBNAIL * picture.width) / picture.height));
  small.getContext("2d").drawImage(picture, 0, 0, small.width, small.height);
  return small;
}

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

  /** Begins anew. `sees`: the model does; `acts`: in so many dimensions; `bins`: how many values each has, if that is known. */
  clear({ sees = false, acts = 0, bins = 1 } = {}) {
    this.frames = [];
    this.reply = [];
    this.first = 0;
    this.acts = acts;
    this.bins = bins;
    this.lanes = Object.keys(LANES).filter((name) => (name !== "look" || sees) && (name !== "act" || acts > 0));
    this.canvas.dataset.lanes = this.lanes.join(" ");
    this.draw();
  }

  /** One step: levels from 0 to 1, what was heard, seen (an image) and written, how much of the reply is audible, what was done and happened. */
  add({ listen, speak, heard, look = null, text, spoken, action = null, events }) {
    const frame = { listen, speak, heard, look, text, action, events, said: false };
    this.bins = Math.max(this.bins, ...(action ?? []).map((bin) => bin + 1));
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
    const place = this.#places(height);
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
      paint.fillRect(x(i), 0, 1, height * AXIS);
      paint.fillStyle = colour("soft");
      paint.fillText(`${Math.floor(seconds)} s`, x(i) + 3, height * 0.97);
    });
    frames.forEach((frame, i) => {
      this.#bar(paint, place.listen, x(i), step, frame.listen, colour("user"));
      this.#bar(paint, place.speak, x(i), step, frame.speak, colour("ego"));
      if (place.act && frame.action) this.#action(paint, place.act, x(i), step, frame.action, colour("ego"));
      for (const event of frame.events) this.#event(paint, place.events, x(i), event, colour);
    });
    if (place.look) this.#looks(paint, frames, place.look, x, width, colour("user"));
    this.#words(paint, frames, place.heard, x, "heard", () => colour("user"));
    this.#words(paint, frames, place.text, x, "text", (frame) => (frame.said ? colour("ego") : colour("unsaid")));
  }

  /** Top and bottom of each lane. */
  #places(height) {
    const whole = this.lanes.reduce((sum, name) => sum + LANES[name], 0);
    let above = 0;
    return Object.fromEntries(this.lanes.map((name) => {
      const top = above;
      above += (LANES[name] / whole) * AXIS * height;
      return [name, [top, above]];
    }));
  }

  // A strip of film: each picture as far as the next one, its middle if there is no place for more.
  #looks(paint, frames, [top, bottom], x, width, colour) {
    const seen = frames.map((_, i) => i).filter((i) => frames[i].look);
    seen.forEach((i, n) => {
      const { look } = frames[i];
      const tall = bottom - top - 4;
      const whole = (tall * look.width) / look.height;
      const wide = Math.min(whole, (n + 1 < seen.length ? x(seen[n + 1]) : width) - x(i));
      const part = (look.width * wide) / whole;
      paint.drawImage(look, (look.width - part) / 2, 0, part, look.height, x(i), top + 2, wide, tall);
      paint.fillStyle = colour;
      paint.fillRect(Math.round(x(i)), top + 2, 2, tall);
    });
  }

  /** A row for each dimension, and in it a bar as tall as its bin is high. */
  #action(paint, [top, bottom], x, step, action, colour) {
    const row = (bottom - top - 4) / this.acts;
    paint.fillStyle = colour;
    action.forEach((bin, d) => {
      const tall = ((bin + 1) / this.bins) * (row - 1);
      paint.fillRect(x, top + 2 + (d + 1) * row - tall, Math.max(1, step - 1), tall);
    });
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
