// What a session is to be like: of the page's settings those that the server leaves to its clients. The others are told, and not shown.

export class Settings {
  /** `place` has a control for each in a label, whose `data-setting` is its name in `roboego.serve.settings`; in `fixed` is told which cannot be chosen. */
  constructor(place, fixed) {
    this.labels = [...place.querySelectorAll("[data-setting]")];
    this.fixed = fixed;
    for (const { control, dataset } of this.labels) {
      control.addEventListener("input", () => {
        dataset.chosen = "yes";
      });
    }
  }

  /** From now on settings of these names can be chosen, and no others. */
  allow(names) {
    for (const label of this.labels) label.hidden = !names.includes(label.dataset.setting);
    const fixed = this.labels.filter(({ hidden }) => hidden);
    this.fixed.hidden = fixed.length === 0;
    this.fixed.textContent = `Fixed by this server: ${fixed.map(({ dataset }) => dataset.called).join(", ")}`;
  }

  /** What is asked for, where it is not what the model does by itself. */
  get chosen() {
    return Object.fromEntries(this.#given.filter(({ hidden }) => !hidden).map(({ dataset, control }) => {
      return [dataset.setting, control.type === "range" ? Number(control.value) : control.value.trim()];
    }));
  }

  /** What is asked for and cannot be had, in words. */
  get overruled() {
    return this.#given.filter(({ hidden }) => hidden).map(({ dataset }) => `${dataset.called} is fixed by this server`);
  }

  // A slider always has a value: it counts once somebody has moved it.
  get #given() {
    return this.labels.filter(({ dataset, control }) => (control.type === "range" ? dataset.chosen : control.value.trim()));
  }
}
