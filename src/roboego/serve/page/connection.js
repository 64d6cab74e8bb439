// The page's side of /api/live: sound and messages up, frames with their sound down.

const [SOUND, PICTURE] = [1, 2];
const QUALITY = 0.8; // of a JPEG

const RESUME_MS = 30000;
const RETRY_MS = 1000;
const OVER = [1000, 1003, 1008, 1013, 4001]; // close codes after which there is nothing to come back to
const KEPT_BLOCKS = 250; // of sound that has been sent, to be sent again

export class Connection extends EventTarget {
  constructor() {
    super();
    this.socket = null;
    this.frame = null;
    this.last = -1;
    this.key = null;
    this.sent = []; // [first sample, block]
    this.samples = 0;
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
      socket.onmessage = (message) => {
        if (typeof message.data !== "string") {
          this.last = this.frame.index;
          this.#tell("frame", { ...this.frame, sound: new Int16Array(message.data) });
          return;
        }
        const told = JSON.parse(message.data);
        if (told.type === "hello") {
          this.key = told.resume;
          resolve(told);
        } else if (told.type === "frame") this.frame = told;
        else if (told.type === "queue") this.#tell("queue", told);
        else this.#tell("trouble", told.message);
      };
      socket.onclose = (event) => {
        const reason = event.reason || (event.code === 1006 ? "the connection was lost" : "the server has ended the session");
        const greeted = this.key !== null;
        reject(Object.assign(new Error(reason), { over: OVER.includes(event.code) }));
        if (this.socket !== socket || !greeted) return;
        if (query === "" || this.resumed) this.#lost(reason, OVER.includes(event.code));
      };
    });
  }

  async #lost(reason, over) {
    this.resumed = false;
    const until = performance.now() + RESUME_MS;
    while (!over && this.socket && performance.now() < until) {
      this.#tell("resuming", reason);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      if (!this.socket) return;
      try {
        const hello = await this.#connect(`resume=${encodeURIComponent(this.key)}&after=${this.last}`);
        this.resumed = true;
        for (const [first, block] of this.sent) if (first >= hello.samples) this.#sound(block);
        this.#tell("resumed", hello);
        return;
      } catch (error) {
        over = error.over;
        if (over) reason = error.message;
      }
    }
    if (this.socket) this.#tell("closed", reason);
  }

  /** A block of 16-bit samples. */
  hear(samples) {
    this.sent.push([this.samples, samples]);
    this.samples += samples.length;
    if (this.sent.length > KEPT_BLOCKS) this.sent.shift();
    this.#sound(samples);
  }

  /** What there is to be seen on a canvas now. */
  see(canvas) {
    canvas.toBlob((blob) => blob?.arrayBuffer().then((picture) => this.#binary(PICTURE, new Uint8Array(picture))), "image/jpeg", QUALITY);
  }

  #sound(samples) {
    this.#binary(SOUND, new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
  }

  #binary(kind, bytes) {
    const message = new Uint8Array(1 + bytes.byteLength);
    message[0] = kind;
    message.set(bytes, 1);
    this.#send(message);
  }

  read(text) {
    this.#send(JSON.stringify({ type: "read", text }));
  }

  cut() {
    this.#send(JSON.stringify({ type: "cut" }));
  }

  /** What this session is to be like; see `roboego.serve.settings`. */
  choose(settings) {
    this.#send(JSON.stringify({ type: "settings", ...settings }));
  }

  close() {
    const socket = this.socket;
    this.#send(JSON.stringify({ type: "end" }));
    this.socket = null;
    socket?.close();
  }

  #send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(message);
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
