// Sound in, from a microphone or a file, and out, to a loudspeaker: all at the model's rate, in frames.

const MOST_BLOCKS = 12; // of sound that has been played and not been shown

/** An audio context at the model's rate. Some browsers let it sound only if this is called while a click is handled, before anything is awaited. */
export function openAudio(rate) {
  const context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
  context.resume().catch(() => {}); // it is closed before it has begun
  return context;
}

/** Resolves when a context runs and has the worklets in it. */
export async function readyAudio(context) {
  await context.audioWorklet.addModule("worklets.js");
  await context.resume();
}

export function toInt16(samples) {
  return Int16Array.from(samples, (value) => Math.round(Math.max(-1, Math.min(1, value)) * 32767));
}

export function toFloat(samples) {
  return Float32Array.from(samples, (value) => value / 32767);
}

/** Tells `hear` of a stream in blocks. Returns a function that ends it. */
function captured(context, stream, samples, hear) {
  const source = context.createMediaStreamSource(stream);
  const capture = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0, processorOptions: { samples } });
  capture.port.onmessage = ({ data }) => hear(data);
  source.connect(capture);
  return () => source.disconnect();
}

/** Frames of the microphone, told to `hear` as they come; its track goes to `carry`, if there is one. Resolves with a function that ends it. */
export async function listenToMicrophone(context, samples, options, hear, carry) {
  if (!navigator.mediaDevices) throw new Error("browsers give a microphone only to secure pages: open this one as https:// or at localhost");
  const audio = { channelCount: 1, echoCancellation: options.echo, noiseSuppression: options.noise, autoGainControl: true };
  if (options.device) audio.deviceId = { exact: options.device };
  const stream = await navigator.mediaDevices.getUserMedia({ audio }).catch((error) => {
    throw new Error(error.name === "NotAllowedError" ? "the microphone is not allowed: see the browser's settings for this page" : `no microphone: ${error.message}`);
  });
  carry?.(stream.getAudioTracks()[0]);
  const leave = captured(context, stream, samples, hear);
  return () => {
    leave();
    for (const track of stream.getTracks()) track.stop();
  };
}

/** A file's sound at the pace of a microphone, then silence; as a track too, if `carry` takes one. Resolves with a function that ends it. */
export async function listenToFile(context, samples, file, hear, carry) {
  const buffer = await context.decodeAudioData(await file.arrayBuffer()).catch(() => {
    throw new Error(`${file.name} is no sound file that this browser can read`);
  });
  const mono = new Float32Array(buffer.length);
  for (let c = 0; c < buffer.numberOfChannels; c += 1) {
    const channel = buffer.getChannelData(c);
    for (let i = 0; i < mono.length; i += 1) mono[i] += channel[i] / buffer.numberOfChannels;
  }
  const player = context.createBufferSource();
  if (carry) {
    const track = context.createMediaStreamDestination();
    player.buffer = buffer;
    player.connect(track);
    player.start();
    carry(track.stream.getAudioTracks()[0]);
  }
  const began = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) / 1000) * context.sampleRate / samples);
    for (; sent < due; sent += 1) {
      const frame = new Float32Array(samples);
      frame.set(mono.subarray(sent * samples, (sent + 1) * samples));
      hear(frame);
    }
  }, 20);
  return () => {
    clearInterval(timer);
    player.disconnect();
  };
}

/** A loudspeaker that plays what it is given, one block after another; of pauses less, while more than `earlySeconds` wait. */
export class Loudspeaker {
  constructor(context, aheadSeconds = 0.1, earlySeconds = 0.2) {
    const processorOptions = { ahead: aheadSeconds * context.sampleRate, early: earlySeconds * context.sampleRate };
    this.node = new AudioWorkletNode(context, "play", { outputChannelCount: [1], processorOptions });
    this.node.connect(context.destination);
    this.waitingSeconds = 0;
    this.node.port.onmessage = ({ data }) => {
      this.waitingSeconds = data / context.sampleRate;
    };
  }

  /** Returns what is played. */
  play(samples) {
    this.node.port.postMessage(toFloat(samples));
    return samples;
  }

  end() {
    this.node.port.postMessage(null);
    this.node.disconnect();
  }
}

/** Plays an audio element; that it is paused before it has begun is no error. */
export function started(audio) {
  return audio.play().catch((error) => {
    if (error.name !== "AbortError") throw error;
  });
}

/** Sound that comes as a stream and is played by itself. `waitingSeconds`: nobody knows. */
export class RemoteSound {
  constructor(context, stream, samples, sink) {
    this.waitingSeconds = null;
    this.silence = new Int16Array(samples);
    this.blocks = [];
    this.context = context;
    this.player = new Audio();
    if (sink && this.player.setSinkId) this.player.setSinkId(sink);
    this.follow(stream);
  }

  /** Plays another stream from now on. */
  follow(stream) {
    this.leave?.();
    this.player.srcObject = stream;
    started(this.player);
    this.leave = captured(this.context, stream, this.silence.length, (block) => {
      this.blocks.push(toInt16(block));
      if (this.blocks.length > MOST_BLOCKS) this.blocks.shift();
    });
  }

  /** Returns a frame of what is played, to be shown beside the frame that has come. */
  play() {
    return this.blocks.shift() ?? this.silence;
  }

  end() {
    this.leave();
    this.player.srcObject = null;
  }
}

/** A stereo wav file, the user left and Ego right, of frames of 16-bit samples. */
export function wavOf(user, ego, rate) {
  const frames = Math.max(user.length, ego.length);
  const length = frames ? (user[0] ?? ego[0]).length : 0;
  const stereo = new Int16Array(frames * length * 2);
  for (let f = 0; f < frames; f += 1) {
    for (let i = 0; i < length; i += 1) {
      stereo[2 * (f * length + i)] = user[f]?.[i] ?? 0;
      stereo[2 * (f * length + i) + 1] = ego[f]?.[i] ?? 0;
    }
  }
  const head = new DataView(new ArrayBuffer(44));
  const letters = (at, text) => [...text].forEach((letter, i) => head.setUint8(at + i, letter.charCodeAt(0)));
  letters(0, "RIFF");
  head.setUint32(4, 36 + stereo.byteLength, true);
  letters(8, "WAVEfmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true);
  head.setUint16(22, 2, true);
  head.setUint32(24, rate, true);
  head.setUint32(28, rate * 4, true);
  head.setUint16(32, 4, true);
  head.setUint16(34, 16, true);
  letters(36, "data");
  head.setUint32(40, stereo.byteLength, true);
  return new Blob([head, stereo], { type: "audio/wav" });
}
