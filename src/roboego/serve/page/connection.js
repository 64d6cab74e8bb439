// The page's side of /api/live: sound and messages up, frames with their sound down.

import { Pending } from "./pending.js";
import { ELSEWHERE, LOST, whyRefused } from "./refusal.js";

const [SOUND, PICTURE] = [1, 2];
const QUALITY = 0.8; // of a JPEG

const RESUME_MS = 30000;
const RETRY_MS = 1000;
const PATIENCE_MS = 4000; // a connection that hears nothing for so long is lost
const LOOK_MS = 500; // how often is looked whether it is
const PING_LOOKS = 4; // from one look at how long a round trip takes to the next
const TAKEN_OVER = 4001; // closes a connection whose session goes on in another one, as `roboego.serve.parking` has it
const OVER = [1000, 1003, 1008, 1013, TAKEN_OVER]; // close codes after which there is nothing to come back to
const GIVEN_UP = 4000; // closes a connection that is lost, whose session goes on in another one
const KEPT_BLOCKS = 450; // of sound that has been sent, to be sent again: 36 s, until a loss is noticed and as long as is tried to resume

export class Connection extends EventTarget {
  constructor() {
    super();
    this.socket = null;
    this.greeted = null; // the socket whose `hello` has come
    this.frame = null;
    this.last = -1;
    this.key = null;
    this.sent = []; // [first sample, block]
    this.samples = 0;
    this.pinged = null; // when a ping was sent that is not answered yet
    this.pending = new Pending();
  }

  /** Opens a session; resolves with the server's `hello`. A connection that is lost later is resumed by itself. */
  open() {
    return this.#connect("");
  }

  #connect(query) {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const parameters = [location.search.slice(1), query].filter(Boolean).join("&");
    const socket = new WebSocket(`${scheme}://${location.host}/api/live${parameters ? `?${parameters}` : ""}`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    return new Promise((resolve, reject) => {
      const lost = (reason, over) => {
        this.#leave(socket);
        reject(Object.assign(new Error(reason), { over }));
        if (this.greeted === socket && this.socket === socket) this.#lost(reason, over);
      };
      let refused = query === "";
      socket.onopen = () => {
        refused = false;
      };
      socket.onmessage = (message) => {
        if (this.socket === socket) this.#take(message.data, socket, resolve);
      };
      socket.onclose = async (event) => {
        const told = event.code === TAKEN_OVER ? ELSEWHERE : event.reason;
        const reason = told || (event.code === 1006 ? LOST : "the server has ended the session");
        lost(refused && this.socket === socket ? await whyRefused() : reason, OVER.includes(event.code));
      };
      this.#watch(socket, () => lost(LOST, false));
    });
  }

  #take(data, socket, greet) {
    const told = typeof data === "string" ? JSON.parse(data) : null;
    if (told?.type === "pong") { // which says nothing of the session
      this.#tell("roundtrip", performance.now() - this.pinged);
      this.pinged = null;
      return;
    }
    this.quiet = 0;
    if (told === null) {
      this.last = this.frame.index;
      this.#tell("frame", { ...this.frame, sound: new Int16Array(data) });
    } else if (told.type === "hello") {
      this.greeted = socket;
      this.key = told.resume;
      this.#ping();
      this.#sendAgain(told.samples);
      greet(told);
    } else if (told.type === "frame") this.frame = told;
    else if (told.type === "queue") this.#tell("queue", told);
    else this.#tell("trouble", told.message);
  }

  // Frames come every 80 ms once there has been one. Time is counted while the page runs: one that slept has not been deaf.
  #watch(socket, deaf) {
    clearInterval(this.watching);
    this.quiet = 0;
    this.pinged = null;
    let looks = 0;
    this.watching = setInterval(() => {
      looks += 1;
      if (looks % PING_LOOKS === 0) this.#ping();
      this.quiet += LOOK_MS;
      if (this.last < 0) this.quiet = 0;
      if (this.quiet >= PATIENCE_MS) deaf();
    }, LOOK_MS);
  }

  // One at a time: while a network stalls, more of them would only wait as well.
  #ping() {
    if (this.pinged === null && this.#send(JSON.stringify({ type: "ping" }))) this.pinged = performance.now();
  }

  #leave(socket) {
    if (this.socket === socket) clearInterval(this.watching);
    socket.onmessage = socket.onclose = null;
    socket.close(GIVEN_UP);
  }

  async #lost(reason, over) {
    this.greeted = null;
    const until = performance.now() + RESUME_MS;
    while (!over && this.socket && performance.now() < until) {
      this.#tell("resuming", reason);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      if (!this.socket) return;
      try {
        this.#tell("resumed", await this.#connect(`resume=${encodeURIComponent(this.key)}&after=${this.last}`));
        return;
      } catch (error) {
        over = error.over;
        if (over) reason = error.message;
      }
    }
    if (this.socket) this.#tell("closed", reason);
  }

  /** Goes on where the server is: what it has not heard is sent, and then what was asked for meanwhile. */
  #sendAgain(samples) {
    const missed = this.sent.filter(([first]) => first >= samples);
    [this.sent, this.samples] = [[], samples];
    for (const [, block] of missed) this.hear(block);
    for (const message of this.pending.taken()) this.#ask(message);
  }

  /** A block of 16-bit samples. */
  hear(samples) {
    this.sent.push([this.samples, samples]);
    this.samples += samples.length;
    if (this.sent.length > KEPT_BLOCKS) this.sent.shift();
    this.#binary(SOUND, new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
  }

  /** What there is to be seen on a canvas now. */
  see(canvas) {
    canvas.toBlob((blob) => blob?.arrayBuffer().then((picture) => this.#binary(PICTURE, new Uint8Array(picture))), "image/jpeg", QUALITY);
  }

  #binary(kind, bytes) {
    const message = new Uint8Array(1 + bytes.byteLength);
    message[0] = kind;
    message.set(bytes, 1);
    this.#send(message);
  }

  read(text) {
    this.#ask({ type: "read", text });
  }

  cut() {
    this.#ask({ type: "cut" });
  }

  /** What this session is to be like; see `roboego.serve.settings`. */
  choose(settings) {
    this.#ask({ type: "settings", ...settings });
  }

  close() {
    const socket = this.socket;
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "end" }));
    clearInterval(this.watching);
    this.socket = null;
    socket?.close();
  }

  #ask(message) {
    if (!this.#send(JSON.stringify(message))) this.pending.keep(message);
  }

  /** Sends a message if the server has greeted this page. Returns whether. */
  #send(message) {
    const ready = this.socket !== null && this.greeted === this.socket && this.socket.readyState === WebSocket.OPEN;
    if (ready) this.socket.send(message);
    return ready;
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
