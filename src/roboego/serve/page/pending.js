// What was asked for while there was no connection: kept, to be sent once there is one.

export class Pending {
  constructor() {
    this.messages = [];
  }

  /** Every text is kept; of settings the last of each, and one cut is as good as many. */
  keep(message) {
    const same = message.type === "read" ? null : this.messages.find(({ type }) => type === message.type);
    if (same) Object.assign(same, message);
    else this.messages.push({ ...message });
  }

  /** All of them, in order; they are kept no longer. */
  taken() {
    return this.messages.splice(0);
  }
}
