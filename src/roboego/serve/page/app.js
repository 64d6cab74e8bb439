// The page: a session begins with a button or a file, and everything that its frames hold is shown.

import { Connection } from "./connection.js";
import { Lanes } from "./lanes.js";
import { Looker } from "./look.js";
import { PeerConnection } from "./peer.js";
import { Loudspeaker, listenToFile, listenToMicrophone, openAudio, toInt16, wavOf } from "./sound.js";
import { Transcript } from "./transcript.js";

const MOST_KEPT_MINUTES = 30;
const VOICED = 0.01;
const find = (id) => document.getElementById(id);
const transcript = new Transcript(find("transcript"));
const lanes = new Lanes(find("lanes"), 0.08);
const looker = new Looker(find("seen"), (canvas) => session?.connection.see(canvas));
let session = null;
let recording = null;

function tell(text, bad = false) {
  find("status").textContent = text;
  find("status").classList.toggle("bad", bad);
}

function level(samples, scale) {
  let sum = 0;
  for (const value of samples) sum += (value / scale) ** 2;
  return Math.sqrt(sum / samples.length);
}

/** How long after the user's voice Ego's begins, as it is played here. */
class ResponseMeter {
  constructor() {
    this.userEnd = null;
    this.speaking = false;
  }

  user(loud, now) {
    if (loud) this.userEnd = now;
  }

  ego(loud, now) {
    if (loud && !this.speaking && this.userEnd !== null) {
      find("response").textContent = `${Math.round((now - this.userEnd) * 1000)} ms`;
      this.userEnd = null;
    }
    this.speaking = loud;
  }
}

async function start(source) {
  await end();
  tell("connecting");
  const connection = find("transport").value === "webrtc" ? new PeerConnection() : new Connection();
  const opened = { connection };
  session = opened;
  find("stop").disabled = false;
  connection.addEventListener("queue", ({ detail }) => {
    const wait = detail.eta_s === null ? "" : `, about ${Math.max(1, Math.round(detail.eta_s / 60))} min`;
    tell(`all sessions are taken; you are number ${detail.position} in the queue${wait}`);
  });
  try {
    const hello = await connection.open();
    if (session !== opened) return;
    find("model").textContent = hello.model;
    find("write").hidden = !hello.reads;
    find("seeing").hidden = !hello.sees;
    choose(connection, hello);
    opened.context = await openAudio(hello.sample_rate);
    const sink = find("loudspeakers").value;
    if (sink && opened.context.setSinkId) await opened.context.setSinkId(sink);
    opened.loudspeaker = connection.loudspeaker?.(opened.context, hello.frame_samples, sink) ?? new Loudspeaker(opened.context);
    transcript.clear();
    lanes.clear();
    recording = { user: [], ego: [], rate: hello.sample_rate, most: (MOST_KEPT_MINUTES * 60 * 1000) / hello.frame_ms };
    const heard = [];
    const meter = new ResponseMeter();
    connection.addEventListener("frame", ({ detail }) => shown(detail, opened, heard.shift() ?? 0, meter));
    connection.addEventListener("trouble", ({ detail }) => tell(detail, true));
    connection.addEventListener("resuming", ({ detail }) => tell(`${detail}: resuming`, true));
    connection.addEventListener("resumed", () => tell("listening again"));
    connection.addEventListener("closed", ({ detail }) => {
      if (session === opened) end(detail, true);
    });
    const carry = connection.carry?.bind(connection);
    const hear = (samples) => {
      const pcm = toInt16(samples);
      const loud = level(samples, 1);
      heard.push(loud);
      meter.user(loud > VOICED, opened.context.currentTime);
      if (recording.user.length < recording.most) recording.user.push(pcm);
      connection.hear(pcm);
    };
    opened.endSource = await source(opened.context, hello.frame_samples, hear, carry);
    if (session !== opened) opened.endSource();
    for (const id of ["stop", "cut", "save"]) find(id).disabled = false;
    tell(hello.recorded ? "listening; this server records the conversation" : "listening");
    listDevices();
  } catch (error) {
    if (session === opened) await end(error.message, true);
  }
}

/** What the settings of the page ask for, where it is not what the model does by itself. */
function choose(connection, hello) {
  const settings = {};
  if (find("liveliness").dataset.chosen) settings.speech_temperature = Number(find("liveliness").value);
  if (hello.reads && find("prompt").value.trim()) settings.prompt = find("prompt").value.trim();
  if (Object.keys(settings).length) connection.choose(settings);
}

/** Shows Ego something, or tells why not. */
async function show(something) {
  try {
    await something();
  } catch (error) {
    tell(error.message, true);
  }
}

function shown(frame, opened, listen, meter) {
  const sound = opened.loudspeaker.play(frame.sound);
  const waiting = opened.loudspeaker.waitingSeconds;
  const speak = level(sound, 32767);
  meter.ego(speak > VOICED, opened.context.currentTime + (waiting ?? 0));
  // Ego's frame is heard while the next frame of the user's is captured.
  if (recording.ego.length === 0) recording.ego.push(new Int16Array(sound.length));
  if (recording.ego.length < recording.most) recording.ego.push(sound);
  lanes.add({ ...frame, listen: listen * 5, speak: speak * 5 });
  transcript.add(frame);
  find("step").textContent = `${frame.step_ms.toFixed(1)} ms`;
  find("buffered").textContent = waiting === null ? "-" : `${Math.round(waiting * 1000)} ms`;
  const seconds = Math.floor(frame.index * 0.08);
  find("time").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  document.body.dataset.frames = frame.index + 1;
}

async function end(reason = "ended", bad = false) {
  const ended = session;
  session = null;
  for (const id of ["stop", "cut"]) find(id).disabled = true;
  looker.stop();
  find("seeing").hidden = true;
  if (!ended) return;
  ended.endSource?.();
  ended.connection.close();
  ended.loudspeaker?.end();
  await ended.context?.close();
  tell(reason, bad);
}

async function listDevices() {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  for (const [id, kind] of [["microphones", "audioinput"], ["loudspeakers", "audiooutput"]]) {
    const select = find(id);
    const chosen = select.value;
    const options = devices.filter((device) => device.kind === kind && device.deviceId && device.deviceId !== "default");
    select.replaceChildren(new Option("the system's", ""), ...options.map((d) => new Option(d.label || d.deviceId, d.deviceId)));
    select.value = [...select.options].some((option) => option.value === chosen) ? chosen : "";
  }
}

find("talk").addEventListener("click", () => {
  const options = { device: find("microphones").value, echo: find("echo").checked, noise: find("noise").checked };
  start((context, samples, hear, carry) => listenToMicrophone(context, samples, options, hear, carry));
});
find("file").addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (file) start((context, samples, hear, carry) => listenToFile(context, samples, file, hear, carry));
  event.target.value = "";
});
find("camera").addEventListener("click", () => show(() => looker.camera()));
find("screen").addEventListener("click", () => show(() => looker.screen()));
find("picture").addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (file) show(() => looker.picture(file));
  event.target.value = "";
});
find("blind").addEventListener("click", () => looker.stop());
find("liveliness").addEventListener("input", (event) => {
  event.target.dataset.chosen = "yes";
  if (session) choose(session.connection, { reads: false });
});
find("stop").addEventListener("click", () => end());
find("cut").addEventListener("click", () => session?.connection.cut());
find("save").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(wavOf(recording.user, recording.ego, recording.rate));
  link.download = "conversation.wav";
  link.click();
  URL.revokeObjectURL(link.href);
});
find("write").addEventListener("submit", (event) => {
  event.preventDefault();
  const words = find("words").value.trim();
  if (!words || !session) return;
  session.connection.read(words);
  transcript.typed(words);
  find("words").value = "";
});
if (new URLSearchParams(location.search).get("transport") === "webrtc") find("transport").value = "webrtc";
listDevices();
