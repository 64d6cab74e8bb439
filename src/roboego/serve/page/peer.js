// The page's side of /api/webrtc: sound travels as tracks, everything else over a data channel, in the JSON of /api/live.

import { RemoteSound } from "./sound.js";

const GATHER_MS = 2000; // addresses that are found later are left out

export class PeerConnection extends EventTarget {
  constructor() {
    super();
    this.peer = new RTCPeerConnection();
    this.sender = this.peer.addTransceiver("audio").sender;
    this.shower = this.peer.addTransceiver("video", { direction: "sendonly" }).sender;
    this.shown = null; // the canvas that is seen
    this.channel = this.peer.createDataChannel("events");
    this.remote = new MediaStream();
    this.peer.ontrack = ({ track }) => this.remote.addTrack(track);
    this.reason = null; // the last error, if nothing came after it
  }

  /** Opens a session; resolves with the server's `hello`. One whose connection is lost is over. */
  async open() {
    const greeted = this.#greeted();
    greeted.catch(() => {}); // what fails before tells the reason itself
    await this.peer.setLocalDescription();
    await this.#gathered();
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(`api/webrtc${location.search}`, { method: "POST", headers, body: JSON.stringify(this.peer.localDescription) });
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(told.detail ?? told.error ?? `the server answers ${answer.status}`);
    await this.peer.setRemoteDescription(told);
    return greeted;
  }

  #greeted() {
    return new Promise((resolve, reject) => {
      const over = (reason) => {
        reject(new Error(reason));
        if (this.channel) this.#tell("closed", reason);
      };
      this.channel.onmessage = (message) => {
        const told = JSON.parse(message.data);
        this.reason = told.type === "error" ? told.message : null;
        if (told.type === "hello") resolve(told);
        else this.#tell(told.type === "error" ? "trouble" : told.type, told.type === "error" ? told.message : told);
      };
      this.channel.onclose = () => over(this.reason ?? "the server has ended the session");
      this.peer.onconnectionstatechange = () => {
        if (this.peer.connectionState === "failed") over("the connection was lost");
      };
    });
  }

  #gathered() {
    return new Promise((resolve) => {
      const look = () => this.peer.iceGatheringState === "complete" && resolve();
      this.peer.onicegatheringstatechange = look;
      setTimeout(resolve, GATHER_MS);
      look();
    });
  }

  /** The track that is heard from now on. */
  carry(track) {
    this.sender.replaceTrack(track);
  }

  /** Ego's sound. */
  loudspeaker(context, samples, sink) {
    return new RemoteSound(context, this.remote, samples, sink);
  }

  /** What was heard is on its way by itself. */
  hear() {}

  /** What there is to be seen on a canvas, from now on. */
  see(canvas) {
    if (this.shown === canvas) return;
    this.shown = canvas;
    this.shower.replaceTrack(canvas.captureStream().getVideoTracks()[0]);
  }

  read(text) {
    this.#send({ type: "read", text });
  }

  cut() {
    this.#send({ type: "cut" });
  }

  choose(settings) {
    this.#send({ type: "settings", ...settings });
  }

  close() {
    this.#send({ type: "end" });
    this.channel = null;
    this.peer.close();
  }

  #send(message) {
    if (this.channel?.readyState === "open") this.channel.send(JSON.stringify(message));
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
