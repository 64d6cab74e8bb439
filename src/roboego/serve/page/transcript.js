// Who said what: Ego's words appear as they are thought and light up as they are spoken.

const PAUSE_FRAMES = 15; // without a word of the user's; after it a new turn begins

export class Transcript {
  constructor(place) {
    this.place = place;
    this.clear();
  }

  clear() {
    this.place.replaceChildren();
    this.user = this.ego = null;
    this.lastHeard = -Infinity;
    this.tokens = [];
  }

  add({ index, heard, text, spoken, events }) {
    for (const event of events) {
      if (event.type === "reply_started") this.#begin("ego", "Ego");
      if (event.type === "cut") this.ego?.classList.add("cut");
    }
    if (heard) this.#heard(heard, index);
    if (text) this.#token(text);
    this.tokens.slice(0, spoken).forEach((token) => token.classList.add("said"));
  }

  /** Something the user typed. */
  typed(text) {
    this.#begin("user", "you").append(text);
    this.user = null;
  }

  // Ego may begin while the last words of a turn are still being written down: they belong to that turn.
  #heard(piece, index) {
    if (!this.user || index - this.lastHeard > PAUSE_FRAMES) this.user = this.#begin("user", "you");
    this.lastHeard = index;
    const word = document.createElement("span");
    word.textContent = this.user.childNodes.length > 1 ? piece : piece.trimStart();
    this.user.append(word);
    this.#scroll();
  }

  #token(piece) {
    if (!this.ego) this.#begin("ego", "Ego");
    const token = document.createElement("span");
    token.textContent = this.tokens.length ? piece : piece.trimStart();
    this.tokens.push(token);
    this.ego.append(token);
    this.#scroll();
  }

  #begin(kind, name) {
    const line = document.createElement("p");
    line.className = kind;
    const who = document.createElement("b");
    who.textContent = name;
    line.append(who);
    this.place.append(line);
    if (kind === "ego") {
      this.ego = line;
      this.tokens = [];
    }
    this.#scroll();
    return line;
  }

  #scroll() {
    this.place.scrollTop = this.place.scrollHeight;
  }
}
