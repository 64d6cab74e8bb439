// Small copies of a recording's pictures: fetched when they come into sight, a few at a time, and the latest of them kept.

import { THUMBNAIL, thumbnail } from "./lanes.js";

const AT_ONCE = 2; // the sound is fetched from the same server
const MOST_KEPT = 500;

export class Thumbnails {
  /** `come` is called whenever there is one more. */
  constructor(come) {
    this.come = come;
    this.blank = Object.assign(document.createElement("canvas"), { width: THUMBNAIL, height: THUMBNAIL });
    this.clear();
  }

  clear() {
    this.kept = new Map(); // by address, in the order in which they came
    this.loading = new Set();
    this.wanted = [];
  }

  /** The small copy of a picture; an empty one if it is not there yet, or cannot be had. */
  of(address) {
    return this.kept.get(address) ?? this.blank;
  }

  /** What is in sight now; what was wanted before is not fetched any more. */
  want(addresses) {
    this.wanted = addresses;
    this.#more();
  }

  #more() {
    for (const address of this.wanted) {
      if (this.loading.size >= AT_ONCE) return;
      if (!this.kept.has(address) && !this.loading.has(address)) this.#load(address);
    }
  }

  async #load(address) {
    const { kept, loading } = this;
    loading.add(address);
    const image = new Image();
    image.src = address;
    const small = await image.decode().then(() => thumbnail(image)).catch(() => this.blank);
    kept.set(address, small);
    loading.delete(address);
    if (kept !== this.kept) return; // of a conversation that is closed
    if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
    this.come();
    this.#more();
  }
}
