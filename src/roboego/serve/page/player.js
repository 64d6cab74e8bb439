// Plays one recorded conversation: its sound, a cursor on its lanes, and a transcript that lights up.

import { PlayedLanes } from "./played_lanes.js";
import { started } from "./sound.js";
import { Transcript } from "./transcript.js";

const FRAME_SECONDS = 0.08;
const LEVEL_RATE = 8000; // samples a second that are enough to tell how loud a frame is
const MOST_LEVELS_SECONDS = 3600; // of longer conversations the sound is played, but not drawn: it would take too much memory

/** Minutes and seconds, as m:ss. */
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
const blank = () => ({ listen: 0, speak: 0, heard: "", text: "", read_text: "", picture: "", address: "", action: null, spoken: 0, events: [], saidAt: Infinity });

/** Every frame of a conversation, of the lines that tell of some. What cannot be read is left out, as the end of a killed recording. */
export function framesOf(lines, count) {
  const frames = Array.from({ length: count }, blank);
  let reply = [];
  for (const line of lines.split("\n")) {
    let told = null;
    try {
      told = JSON.parse(line);
    } catch {
      continue;
    }
    if (!(told?.frame >= 0 && told.frame < count)) continue;
    const frame = Object.assign(frames[told.frame], told);
    if (frame.events.some((event) => event.type === "reply_started")) reply = [];
    if (frame.text) reply.push(frame);
    for (const token of reply.slice(0, frame.spoken)) token.saidAt = Math.min(token.saidAt, told.frame + 1);
  }
  return frames;
}

export class Player {
  constructor(find) {
    this.find = find;
    this.sound = find("sound");
    this.lanes = new PlayedLanes(find("lanes"), FRAME_SECONDS, (seconds) => this.seek(seconds));
    this.transcript = new Transcript(find("transcript"));
    this.frames = this.words = this.pictures = [];
    for (const event of ["timeupdate", "seeked", "loadedmetadata"]) this.sound.addEventListener(event, () => this.show());
    this.sound.addEventListener("play", () => this.#follow());
  }

  /** Takes in a conversation. Rejects if its sound cannot be had. */
  async open(lines, sound, session, pictureAddress) {
    this.opened = sound;
    this.frames = framesOf(lines, session.frames || this.#last(lines) + 1);
    for (const frame of this.frames) if (frame.picture) frame.address = pictureAddress(frame.picture);
    this.lanes.load(this.frames);
    this.#write();
    this.sound.src = sound;
    this.show();
    if (session.seconds <= MOST_LEVELS_SECONDS) await this.#levels(sound);
    this.show();
    document.body.dataset.opened = session.id;
  }

  close() {
    this.opened = null;
    this.frames = this.words = this.pictures = [];
    this.sound.pause();
    this.sound.removeAttribute("src");
    this.transcript.clear();
    this.lanes.load([]);
    for (const id of ["sight", "done"]) this.find(id).hidden = true;
    delete document.body.dataset.opened;
  }

  seek(seconds) {
    this.sound.currentTime = seconds;
    this.show();
  }

  /** Puts everything to where the sound is. */
  show() {
    const at = this.sound.currentTime / FRAME_SECONDS;
    this.lanes.show(at);
    for (const word of this.words) {
      const said = word.at <= at;
      if (said !== word.said) word.span.classList.toggle("said", said);
      word.said = said;
    }
    const seen = this.pictures.findLast(({ frame }) => frame <= at);
    this.find("sight").hidden = !seen;
    if (seen && this.find("picture").getAttribute("src") !== seen.address) {
      this.find("picture").src = seen.address;
      this.find("shown").textContent = `shown at ${clock(seen.frame * FRAME_SECONDS)}`;
    }
    const done = this.frames[Math.floor(at)]?.action;
    this.find("done").hidden = this.lanes.acts === 0;
    this.find("done").textContent = done ? `action ${done.join(", ")}` : "no action";
  }

  #follow() {
    this.show();
    if (!this.sound.paused && !this.sound.ended) requestAnimationFrame(() => this.#follow());
  }

  // The server does not know yet how long a conversation is that goes on.
  #last(lines) {
    let last = -1;
    for (const [, frame] of lines.matchAll(/"frame": (\d+)/g)) last = Math.max(last, Number(frame));
    return last;
  }

  /** All that was said, with a button before each turn that plays from there. */
  #write() {
    this.transcript.clear();
    this.words = [];
    this.pictures = [];
    let typed = null;
    this.frames.forEach((frame, index) => {
      if (frame.address) this.pictures.push({ frame: index, address: frame.address });
      if (frame.read_text) typed = { index: typed?.index ?? index, text: (typed?.text ?? "") + frame.read_text };
      else if (typed) {
        this.transcript.typed(typed.text.trim());
        this.#button(this.transcript.place.lastChild, typed.index);
        typed = null;
      }
      const before = this.transcript.place.lastChild;
      this.transcript.add({ ...frame, index, spoken: 0 });
      if (this.transcript.place.lastChild !== before) this.#button(this.transcript.place.lastChild, index);
      if (frame.heard) this.words.push({ span: this.transcript.user.lastChild, at: index + 1, said: false });
      if (frame.text) {
        const span = this.transcript.tokens.at(-1);
        span.classList.toggle("never", frame.saidAt === Infinity);
        this.words.push({ span, at: frame.saidAt, said: false });
      }
    });
    this.transcript.place.scrollTop = 0;
  }

  #button(line, index) {
    const seconds = index * FRAME_SECONDS;
    const button = document.createElement("button");
    button.textContent = clock(seconds);
    button.setAttribute("aria-label", `play from ${button.textContent}`);
    button.addEventListener("click", () => {
      this.seek(seconds);
      started(this.sound);
    });
    line.firstChild.prepend(button);
  }

  /** How loud each frame is. Ego's sound of a step is heard while the next frame is captured. */
  async #levels(address) {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error("this conversation has no sound");
    const decoder = new OfflineAudioContext(2, 1, LEVEL_RATE);
    const sound = await decoder.decodeAudioData(await answer.arrayBuffer()).catch(() => {
      throw new Error("the sound cannot be read by this browser; download it");
    });
    if (this.opened !== address) return;
    const samples = LEVEL_RATE * FRAME_SECONDS;
    const level = (side, frame) => {
      const pcm = sound.getChannelData(side).subarray(frame * samples, (frame + 1) * samples);
      return Math.sqrt(pcm.reduce((sum, value) => sum + value * value, 0) / Math.max(1, pcm.length));
    };
    this.frames.forEach((frame, index) => {
      frame.listen = 5 * level(0, index);
      frame.speak = 5 * level(1, index + 1);
    });
  }
}
