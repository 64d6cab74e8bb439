// The page's side of /api/webrtc: sound travels as tracks, everything else over a data channel, in the JSON of /api/live.

import { Pending } from "./pending.js";
import { ELSEWHERE, LOST, reasonOf, UNREACHABLE } from "./refusal.js";
import { RemoteSound } from "./sound.js";

const GATHER_MS = 2000; // addresses that are found later are left out
const RESUME_MS = 30000;
const RETRY_MS = 1000;
const PATIENCE_MS = 4000; // a connection that hears nothing for so long is lost
const MEASURE_MS = 2000; // from one look at how long a round trip takes to the next
const TAKEN_OVER = "the session goes on in another connection"; // told as `roboego.serve.parking` has it: data channels know no close codes

export class PeerConnection extends EventTarget {
  constructor() {
    super();
    this.peer = null;
    this.channel = null;
    this.greeted = null; // the channel whose `hello` has come
    this.pending = new Pending();
    this.track = null; // that is heard
    this.shown = null; // the canvas that is seen
    this.sound = null; // what plays Ego's
    this.reason = null; // the last error, if nothing came after it
    this.key = null;
    this.last = -1;
    this.measuring = null;
    this.lost = []; // connections before this one: closed now they would end the session
  }

  /** Opens a session; resolves with the server's `hello`. A connection that is lost later is resumed by itself. */
  open() {
    return this.#connect({});
  }

  async #connect(again) {
    const peer = new RTCPeerConnection();
    if (this.peer) this.lost.push(this.peer);
    [this.peer, this.remote] = [peer, new MediaStream()];
    this.sender = peer.addTransceiver("audio").sender;
    this.shower = peer.addTransceiver("video", { direction: "sendonly" }).sender;
    if (this.track) this.sender.replaceTrack(this.track);
    if (this.shown) this.shower.replaceTrack(this.shown.captureStream().getVideoTracks()[0]);
    this.channel = peer.createDataChannel("events");
    peer.ontrack = ({ track }) => this.remote.addTrack(track);
    const greeted = this.#greeted(peer, this.channel);
    greeted.catch(() => {}); // what fails before tells the reason itself
    await peer.setLocalDescription();
    await this.#gathered();
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify({ ...peer.localDescription.toJSON(), ...again });
    const answer = await fetch(`api/webrtc${location.search}`, { method: "POST", headers, body }).catch(() => {
      throw new Error(UNREACHABLE);
    });
    if (!answer.ok) throw Object.assign(new Error(await reasonOf(answer)), { over: true });
    await peer.setRemoteDescription(await answer.json());
    const hello = await greeted;
    for (const lost of this.lost.splice(0)) lost.close();
    return hello;
  }

  #greeted(peer, channel) {
    return new Promise((resolve, reject) => {
      let greeted = false;
      const current = () => this.peer === peer && this.channel;
      const over = (reason, lost) => {
        if (!current()) return;
        reject(new Error(reason));
        if (!greeted) return;
        if (lost) this.#lost(reason);
        else this.#tell("closed", reason);
        greeted = false;
      };
      const takenOver = () => {
        this.channel = null; // neither resumed nor told to end: the session is another's
        clearInterval(this.measuring);
        reject(Object.assign(new Error(ELSEWHERE), { over: true }));
        if (greeted) this.#tell("closed", ELSEWHERE);
      };
      channel.onmessage = (message) => {
        if (!current()) return; // one that was given up, and is told that this page has come back on another
        const told = JSON.parse(message.data);
        if (told.type === "error" && told.message === TAKEN_OVER) {
          takenOver();
          return;
        }
        this.reason = told.type === "error" ? told.message : null;
        if (told.type === "hello") {
          greeted = true;
          this.greeted = channel;
          this.key = told.resume;
          this.#measure();
          clearInterval(this.measuring);
          this.measuring = setInterval(() => this.#measure(), MEASURE_MS);
          for (const kept of this.pending.taken()) this.#ask(kept);
          resolve(told);
          return;
        }
        if (told.type === "frame") this.last = told.index;
        this.#tell(told.type === "error" ? "trouble" : told.type, told.type === "error" ? told.message : told);
      };
      channel.onclose = () => over(this.reason ?? "the server has ended the session", peer.connectionState === "failed");
      peer.onconnectionstatechange = () => {
        if (peer.connectionState === "failed") over(LOST, true);
        if (peer.connectionState === "disconnected") {
          setTimeout(() => peer.connectionState === "disconnected" && over(LOST, true), PATIENCE_MS);
        }
      };
    });
  }

  async #lost(reason) {
    const until = performance.now() + RESUME_MS;
    while (this.channel && performance.now() < until) {
      this.#tell("resuming", reason);
      try {
        const hello = await this.#connect({ resume: this.key, after: this.last });
        this.sound?.follow(this.remote);
        this.#tell("resumed", hello);
        return;
      } catch (error) {
        if (error.over) {
          this.#tell("closed", error.message);
          return;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    if (this.channel) this.#tell("closed", reason);
  }

  // Browsers measure it by themselves, with the packets that keep a connection open.
  async #measure() {
    const { peer } = this;
    const reports = [...(await peer.getStats()).values()];
    const pair = reports.find(({ type, nominated, currentRoundTripTime }) => type === "candidate-pair" && nominated && currentRoundTripTime !== undefined);
    if (pair && this.peer === peer && this.channel) this.#tell("roundtrip", 1000 * pair.currentRoundTripTime);
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
    this.track = track;
    this.sender.replaceTrack(track);
  }

  /** Ego's sound. */
  loudspeaker(context, samples, sink) {
    this.sound = new RemoteSound(context, this.remote, samples, sink);
    return this.sound;
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
    this.#ask({ type: "read", text });
  }

  cut() {
    this.#ask({ type: "cut" });
  }

  choose(settings) {
    this.#ask({ type: "settings", ...settings });
  }

  close() {
    if (this.channel?.readyState === "open") this.channel.send(JSON.stringify({ type: "end" }));
    this.channel = null;
    clearInterval(this.measuring);
    for (const peer of [...this.lost, this.peer]) peer.close();
  }

  /** Sends a message, or keeps it until the server has greeted this page. */
  #ask(message) {
    const ready = this.channel !== null && this.greeted === this.channel && this.channel.readyState === "open";
    if (ready) this.channel.send(JSON.stringify(message));
    else this.pending.keep(message);
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
