// The page: a session begins with a button or a file, and everything that its frames hold is shown.

import { Connection } from "./connection.js";
import { Lanes, thumbnail } from "./lanes.js";
import { Levels } from "./levels.js";
import { Looker } from "./look.js";
import { PeerConnection } from "./peer.js";
import { Settings } from "./settings.js";
import { Loudspeaker, listenToFile, listenToMicrophone, openAudio, readyAudio, toInt16, wavOf } from "./sound.js";
import { Transcript } from "./transcript.js";

const SAMPLE_RATE = 24000; // of all models: the audio context is made in the click, before the server is asked
const MOST_KEPT_MINUTES = 30;
const VOICED = 0.01;
const find = (id) => document.getElementById(id);
const transcript = new Transcript(find("transcript"));
const lanes = new Lanes(find("lanes"), 0.08);
const settings = new Settings(document, find("fixed"));
const looker = new Looker(find("seen"), (canvas) => {
  if (!session) return;
  session.connection.see(canvas);
  session.look = thumbnail(canvas);
});
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
  const context = openAudio(SAMPLE_RATE);
  await end();
  tell("connecting");
  const connection = find("transport").value === "webrtc" ? new PeerConnection() : new Connection();
  const opened = { connection, context, levels: new Levels(), meter: new ResponseMeter(), look: null };
  session = opened;
  find("stop").disabled = false;
  follow(opened);
  try {
    const hello = await connection.open();
    if (session !== opened) return;
    greeted(hello, opened);
    await readyAudio(context);
    const sink = find("loudspeakers").value;
    if (sink && context.setSinkId) await context.setSinkId(sink);
    opened.loudspeaker = connection.loudspeaker?.(context, hello.frame_samples, sink) ?? new Loudspeaker(context);
    connection.addEventListener("frame", ({ detail }) => shown(detail, opened));
    const carry = connection.carry?.bind(connection);
    opened.endSource = await source(context, hello.frame_samples, (samples) => heard(samples, opened), carry);
    if (session !== opened) {
      opened.endSource();
      return;
    }
    for (const id of ["stop", "cut", "save"]) find(id).disabled = false;
    tell(["listening", ...settings.overruled].join("; "));
    listDevices();
  } catch (error) {
    if (session === opened) await end(error.message, true);
  }
}

/** Tells what becomes of a connection. */
function follow(opened) {
  const { connection } = opened;
  connection.addEventListener("queue", ({ detail }) => {
    const wait = detail.eta_s === null ? "" : `, about ${Math.max(1, Math.round(detail.eta_s / 60))} min`;
    tell(`all sessions are taken; you are number ${detail.position} in the queue${wait}`);
  });
  const roundTrip = (text) => {
    if (session === opened) find("roundtrip").textContent = text;
  };
  roundTrip("-");
  connection.addEventListener("roundtrip", ({ detail }) => roundTrip(detail < 1 ? "< 1 ms" : `${Math.round(detail)} ms`));
  connection.addEventListener("resuming", () => roundTrip("-"));
  connection.addEventListener("trouble", ({ detail }) => tell(detail, true));
  connection.addEventListener("resuming", ({ detail }) => tell(`${detail}: resuming`, true));
  connection.addEventListener("resumed", () => {
    if (connection.carry) opened.levels.clear(); // a track's sound is not sent again
    tell("listening again");
  });
  connection.addEventListener("closed", ({ detail }) => {
    if (session === opened) end(detail, true);
  });
}

/** Shows what the server says of the session that begins. */
function greeted(hello, { connection }) {
  if (hello.sample_rate !== SAMPLE_RATE) throw new Error(`this page's sound has ${SAMPLE_RATE} samples a second, the server's ${hello.sample_rate}: reload it`);
  find("model").textContent = hello.model;
  find("write").hidden = !hello.reads;
  find("seeing").hidden = !hello.sees;
  find("recorded").hidden = !hello.recorded;
  find("recorded").textContent = "● recording: the server keeps this conversation";
  settings.allow(hello.settings);
  choose(connection, hello);
  transcript.clear();
  lanes.clear({ sees: hello.sees, acts: hello.acts, bins: hello.action_bins });
  recording = { user: [], ego: [], rate: hello.sample_rate, most: (MOST_KEPT_MINUTES * 60 * 1000) / hello.frame_ms };
}

/** A frame of the user's sound. */
function heard(samples, { connection, context, levels, meter }) {
  const pcm = toInt16(samples);
  const loud = level(samples, 1);
  levels.add(loud);
  meter.user(loud > VOICED, context.currentTime);
  if (recording.user.length < recording.most) recording.user.push(pcm);
  connection.hear(pcm);
}

/** What the settings of the page ask for, where it is not what the model does by itself. */
function choose(connection, { reads }) {
  const { prompt, ...chosen } = settings.chosen;
  if (reads && prompt) chosen.prompt = prompt;
  if (Object.keys(chosen).length) connection.choose(chosen);
}

/** Shows Ego something, or tells why not. */
async function show(something) {
  try {
    await something();
  } catch (error) {
    tell(error.message, true);
  }
}

function shown(frame, opened) {
  const sound = opened.loudspeaker.play(frame.sound);
  const waiting = opened.loudspeaker.waitingSeconds;
  const speak = level(sound, 32767);
  opened.meter.ego(speak > VOICED, opened.context.currentTime + (waiting ?? 0));
  // Ego's frame is heard while the next frame of the user's is captured.
  if (recording.ego.length === 0) recording.ego.push(new Int16Array(sound.length));
  if (recording.ego.length < recording.most) recording.ego.push(sound);
  lanes.add({ ...frame, look: opened.look, listen: opened.levels.take(frame) * 5, speak: speak * 5 });
  opened.look = null;
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
  find("recorded").textContent = "this server records conversations";
  if (!ended) return;
  ended.endSource?.();
  ended.connection.close();
  ended.loudspeaker?.end();
  await ended.context.close();
  tell(reason, bad);
}

/** Says that conversations are recorded, and which settings can be chosen, before one begins, if the server tells. */
async function foretell() {
  const told = await fetch("readyz").then((answer) => answer.json()).catch(() => ({}));
  if (session) return; // which has been told
  find("recorded").hidden = !told.recorded;
  if (told.settings) settings.allow(told.settings);
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
find("liveliness").addEventListener("input", () => {
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
foretell();
