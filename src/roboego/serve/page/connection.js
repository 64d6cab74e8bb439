// The page's side of /api/live: sound and messages up, frames with their sound down.

const SOUND = 1;

export class Connection extends EventTarget {
  constructor() {
    super();
    this.socket = null;
    this.frame = null;
  }

  /** Opens a session; resolves with the server's `hello`. */
  open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/live${location.search}`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    return new Promise((resolve, reject) => {
      socket.onmessage = (message) => {
        if (typeof message.data !== "string") {
          this.#tell("frame", { ...this.frame, sound: new Int16Array(message.data) });
          return;
        }
        const told = JSON.parse(message.data);
        if (told.type === "hello") resolve(told);
        else if (told.type === "frame") this.frame = told;
        else if (told.type === "queue") this.#tell("queue", told);
        else this.#tell("trouble", told.message);
      };
      socket.onclose = (event) => {
        const reason = event.reason || (event.code === 1006 ? "the connection was lost" : "the server has ended the session");
        reject(new Error(reason));
        if (this.socket === socket) this.#tell("closed", reason);
      };
    });
  }

  /** A block of 16-bit samples. */
  hear(samples) {
    const message = new Uint8Array(1 + samples.byteLength);
    message[0] = SOUND;
    message.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), 1);
    this.#send(message);
  }

  read(text) {
    this.#send(JSON.stringify({ type: "read", text }));
  }

  cut() {
    this.#send(JSON.stringify({ type: "cut" }));
  }

  close() {
    const socket = this.socket;
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
