// Run in the audio thread: blocks of one frame out of the microphone, and a queue of samples into the loudspeaker.

class Capture extends AudioWorkletProcessor {
  constructor(options) {
    super();
    this.block = new Float32Array(options.processorOptions.samples);
    this.filled = 0;
  }

  process([input]) {
    const channel = input[0];
    if (!channel) return true;
    for (let at = 0; at < channel.length; ) {
      const count = Math.min(channel.length - at, this.block.length - this.filled);
      this.block.set(channel.subarray(at, at + count), this.filled);
      this.filled += count;
      at += count;
      if (this.filled === this.block.length) {
        this.port.postMessage(this.block.slice());
        this.filled = 0;
      }
    }
    return true;
  }
}

const SILENT = 10 ** (-50 / 20); // of full scale: below it nothing is to be heard

// What waits is played late. While more than `early` samples wait, blocks in which nothing is to be heard are left out: pauses become shorter, and no
// word is lost.
class Play extends AudioWorkletProcessor {
  constructor(options) {
    super();
    this.blocks = [];
    this.at = 0;
    this.waiting = 0;
    [this.ahead, this.early] = [options.processorOptions.ahead, options.processorOptions.early];
    this.playing = false;
    this.port.onmessage = ({ data }) => {
      if (data === null) {
        this.blocks = [];
        this.at = this.waiting = 0;
        return;
      }
      if (this.waiting <= this.early || data.some((value) => Math.abs(value) >= SILENT)) {
        this.blocks.push(data);
        this.waiting += data.length;
      }
      this.port.postMessage(this.waiting);
    };
  }

  process(inputs, [output]) {
    const channel = output[0];
    // Play begins, and begins anew after a gap, when a little has come: networks are never even.
    if (this.waiting >= this.ahead) this.playing = true;
    for (let i = 0; this.playing && i < channel.length; i += 1) {
      if (!this.blocks.length) {
        this.playing = false;
        break;
      }
      channel[i] = this.blocks[0][this.at];
      this.at += 1;
      this.waiting -= 1;
      if (this.at === this.blocks[0].length) {
        this.blocks.shift();
        this.at = 0;
      }
    }
    for (let i = 1; i < output.length; i += 1) output[i].set(channel);
    return true;
  }
}

registerProcessor("capture", Capture);
registerProcessor("play", Play);
