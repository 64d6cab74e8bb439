// What Ego is shown: a camera, a screen or a picture. A few times a second it is drawn, small, and told; the latest is what Ego sees.

const EVERY_MS = 320;
const STILL_MS = 1000; // a picture is told again: one that is lost on its way does not stay lost
const MOST_SIDE = 448;

export class Looker {
  /** `canvas` is what is shown, on the page too; `tell` is called with it whenever there is something new on it. */
  constructor(canvas, tell) {
    this.canvas = canvas;
    this.tell = tell;
    this.timer = null;
    this.stream = null;
  }

  /** A camera. Rejects with what to do if there is none. */
  camera(device) {
    const video = { width: { ideal: 640 }, frameRate: { ideal: 10 }, ...(device ? { deviceId: { exact: device } } : { facingMode: "environment" }) };
    return this.#watch(() => navigator.mediaDevices.getUserMedia({ video }), "camera");
  }

  /** A screen, a window or a tab. */
  screen() {
    return this.#watch(() => navigator.mediaDevices.getDisplayMedia({ video: { frameRate: 5 } }), "screen");
  }

  /** A picture of a file, until something else is shown. */
  async picture(file) {
    const image = await createImageBitmap(file).catch(() => {
      throw new Error(`${file.name} is no picture that this browser can read`);
    });
    this.stop();
    const draw = () => this.#draw(image, image.width, image.height);
    draw();
    this.timer = setInterval(draw, STILL_MS);
  }

  stop() {
    clearInterval(this.timer);
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.timer = this.stream = null;
    this.canvas.hidden = true;
  }

  async #watch(open, what) {
    if (!navigator.mediaDevices) throw new Error(`browsers give a ${what} only to secure pages: open this one as https:// or at localhost`);
    const stream = await open().catch((error) => {
      throw new Error(error.name === "NotAllowedError" ? `the ${what} is not allowed: see the browser's settings for this page` : `no ${what}: ${error.message}`);
    });
    this.stop();
    this.stream = stream;
    const video = document.createElement("video");
    Object.assign(video, { srcObject: stream, muted: true, playsInline: true });
    await video.play();
    stream.getVideoTracks()[0].onended = () => this.stop(); // the browser's own button ends it
    const draw = () => this.#draw(video, video.videoWidth, video.videoHeight);
    draw();
    this.timer = setInterval(draw, EVERY_MS);
  }

  #draw(source, width, height) {
    if (!width) return;
    const scale = Math.min(1, MOST_SIDE / Math.max(width, height));
    this.canvas.width = Math.max(1, Math.round(width * scale));
    this.canvas.height = Math.max(1, Math.round(height * scale));
    this.canvas.getContext("2d").drawImage(source, 0, 0, this.canvas.width, this.canvas.height);
    this.canvas.hidden = false;
    this.tell(this.canvas);
  }
}
