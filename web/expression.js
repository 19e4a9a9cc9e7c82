/**
 * The controls of the face: a row of emotions to choose from and sliders that move it.
 *
 * In: what the server lists at v1/controls, and what it says was asked for. Out: "direct" events {emotion?, motion?},
 * as AvatarCall.direct takes them.
 */

import { make } from "./elements.js";

const SEND_INTERVAL_MS = 40;
// The server's word comes a moment after the hand's: as long as that moves, it is not corrected.
const OWN_HAND_MS = 600;
const STEP = 0.1;

// name: title, and a face of brows, eyes and mouth inside a circle on a 24 x 24 field
const EMOTIONS = {
  neutral: ["Neutral", "M8.7 10v.6M15.3 10v.6M8.5 15.2h7"],
  happy: ["Happy", "M7.6 10.4q1.1-1.5 2.2 0M14.2 10.4q1.1-1.5 2.2 0M7.8 14q4.2 4.6 8.4 0"],
  surprise: ["Surprised", "M7.5 7.6q1.2-1 2.4 0M14.1 7.6q1.2-1 2.4 0M8.7 10.6v.5M15.3 10.6v.5M12 14a1.6 1.9 0 1 0 .01 0"],
  sad: ["Sad", "M7.5 8.6l2.4-1.2M16.5 8.6l-2.4-1.2M8.7 11v.5M15.3 11v.5M8.6 16.6q3.4-3 6.8 0"],
  fear: ["Afraid", "M7.5 8.4l2.4-1.4M16.5 8.4l-2.4-1.4M8.7 10.8v.5M15.3 10.8v.5M8 16l1.6-1.3 1.6 1.3 1.6-1.3 1.6 1.3 1.6-1.3"],
  disgust: ["Disgusted", "M7.6 10.6l2.4-.5M16.4 10.6l-2.4-.5M8 16q2-2.4 4-.8t4-1"],
  angry: ["Angry", "M7.4 7.8l2.6 1.5M16.6 7.8l-2.6 1.5M8.9 11.3v.5M15.1 11.3v.5M8.6 16.4q3.4-2.2 6.8 0"],
};
const FACE = "M12 3a9 9 0 1 0 .01 0";
const HEARD = ["From the voice", "M4 11.6v.8M8 8.5v7M12 5v14M16 8.5v7M20 11.6v.8"];

// name: title, and what lies below and above the middle. Sides are those of the picture.
// Movements that speech needs for itself, such as closed lips, are left to it.
const GROUPS = {
  Mouth: {
    smile: ["Smile", "less", "more"],
    jaw: ["Jaw", "shut", "open"],
    lip_width: ["Lip width", "narrow", "wide"],
    lip_rounding: ["Lip rounding", "flat", "round"],
  },
  Brows: {
    brow_raise: ["Brow height", "low", "high"],
    brow_furrow: ["Frown", "worried", "stern"],
    sneer: ["Nose", "smooth", "wrinkled"],
  },
  Eyes: {
    blink: ["Eyelids", "wide", "shut"],
    gaze_x: ["Gaze, sideways", "left", "right"],
    gaze_y: ["Gaze, height", "down", "up"],
  },
  Head: {
    yaw: ["Turn", "left", "right"],
    pitch: ["Nod", "down", "up"],
    roll: ["Tilt", "left", "right"],
  },
};

function glyph(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/** A slider's place in words: "0", "1.2 left", or "+1.2" where there are none for it. */
function asWords(value, [below, above]) {
  const amount = Math.abs(value).toFixed(1);
  if (Number(amount) === 0) return "0";
  if (above) return `${amount} ${value > 0 ? above : below}`;
  return `${value > 0 ? "+" : "\u2212"}${amount}`;
}

/** The groups of sliders for the motions that the server lists; numbered ones make a group of their own. */
function groupsOf(motion) {
  const listed = new Map(motion.map((entry) => [entry.name, entry]));
  const groups = Object.entries(GROUPS).map(([title, titles]) => [
    title,
    Object.entries(titles)
      .filter(([name]) => listed.has(name))
      .map(([name, [label, ...ends]]) => ({ ...listed.get(name), label, ends })),
  ]);
  const numbered = motion.filter(({ name }) => /^\d+$/.test(name));
  // Two groups, one for each column.
  const half = Math.ceil(numbered.length / 2);
  for (const some of [numbered.slice(0, half), numbered.slice(half)]) {
    const title = `Directions ${some.at(0)?.name} to ${some.at(-1)?.name}`;
    groups.push([title, some.map((entry) => ({ ...entry, label: `Direction ${entry.name}`, ends: [] }))]);
  }
  return groups.filter(([, entries]) => entries.length > 0);
}

export class ExpressionControls extends EventTarget {
  #emotions;
  #motions;
  #reset;
  #radios = new Map();
  #sliders = new Map();
  #ends = new WeakMap();
  #unsent = {};
  #sending = 0;
  #lastMoved_ms = -Infinity;
  #defaultEmotion = null;

  /** emotions, motions: elements to fill; reset: the button that lets go of all sliders. */
  constructor({ emotions, motions, reset }) {
    super();
    this.#emotions = emotions;
    this.#motions = motions;
    this.#reset = reset;
    reset.addEventListener("click", () => this.#letGo());
  }

  get hasEmotions() {
    return this.#radios.size > 0;
  }

  get hasMotions() {
    return this.#sliders.size > 0;
  }

  /** The emotion chosen, null where it is left to the server. */
  get emotion() {
    for (const [name, radio] of this.#radios) if (radio.checked) return name === this.#defaultEmotion ? null : name;
    return null;
  }

  /** Draw what can be asked for. controls: the answer of v1/controls; emotion: the one chosen before, or null. */
  draw({ emotions, default_emotion, motion }, emotion = null) {
    this.#defaultEmotion = default_emotion;
    this.#radios.clear();
    this.#sliders.clear();
    // In the order of their mood, and those that are not known here at the end.
    const known = Object.keys(EMOTIONS).filter((name) => emotions.includes(name));
    const names = [...known, ...emotions.filter((name) => !known.includes(name))];
    if (names.length > 0 && default_emotion === null) names.unshift(null);
    this.#emotions.replaceChildren(...names.map((name) => this.#chip(name)));
    this.#motions.replaceChildren(
      ...groupsOf(motion).map(([title, entries]) =>
        make(
          "fieldset",
          { className: "motion-group" },
          make("legend", { textContent: title }),
          ...entries.map((entry) => this.#slider(entry)),
        ),
      ),
    );
    this.#check(emotion);
    this.#showReset();
  }

  /** Show what the server says is asked for now. */
  show({ emotion, motion }) {
    if (performance.now() - this.#lastMoved_ms < OWN_HAND_MS) return;
    this.#check(emotion);
    for (const [name, slider] of this.#sliders) this.#move(slider, motion?.[name] ?? 0);
    this.#showReset();
  }

  /** All sliders back to the middle, without a word to the server. */
  rest() {
    this.#unsent = {};
    for (const slider of this.#sliders.values()) this.#move(slider, 0);
    this.#showReset();
  }

  #chip(name) {
    const [title, path] = name === null ? HEARD : (EMOTIONS[name] ?? [name, ""]);
    const radio = make("input", { type: "radio", name: "emotion", value: name ?? "" });
    radio.addEventListener("change", () => this.#send({ emotion: this.emotion }));
    this.#radios.set(name, radio);
    const picture = glyph(name === null ? path : FACE + path);
    return make("label", { className: "chip" }, radio, picture, make("span", { textContent: title }));
  }

  #slider({ name, label, ends, lowest, highest }) {
    const value = make("span", { className: "motion-value" });
    value.setAttribute("aria-hidden", "true"); // the slider says it itself
    const slider = make("input", { type: "range", min: lowest, max: highest, step: STEP, value: 0 });
    slider.dataset.motion = name;
    slider.addEventListener("input", () => {
      // The middle holds on to the thumb a little, so that it can be found again by hand.
      this.#move(slider, Math.abs(slider.valueAsNumber) < 1.5 * STEP && this.#isDragged(slider) ? 0 : slider.valueAsNumber);
      this.#showReset();
      this.#send({ motion: { [name]: slider.valueAsNumber } });
    });
    slider.addEventListener("pointerdown", () => slider.classList.add("is-dragged"));
    for (const end of ["pointerup", "pointercancel"]) {
      slider.addEventListener(end, () => slider.classList.remove("is-dragged"));
    }
    this.#sliders.set(name, slider);
    this.#ends.set(slider, ends);
    const row = make("label", { className: "motion" }, make("span", { textContent: label }), value, slider);
    this.#move(slider, 0);
    return row;
  }

  #isDragged(slider) {
    return slider.classList.contains("is-dragged");
  }

  #move(slider, value) {
    slider.value = value;
    const { valueAsNumber: at, min, max } = slider;
    slider.style.setProperty("--at", `${(at - min) / (max - min)}`);
    const words = asWords(at, this.#ends.get(slider));
    slider.setAttribute("aria-valuetext", words);
    slider.parentElement.querySelector(".motion-value").textContent = words;
    slider.parentElement.classList.toggle("is-moved", at !== 0);
  }

  #check(emotion) {
    const radio = this.#radios.get(emotion ?? this.#defaultEmotion) ?? this.#radios.get(this.#defaultEmotion);
    if (!radio || radio.checked) return;
    radio.checked = true;
    // Where the row scrolls, what is chosen should be seen.
    const chip = radio.parentElement;
    this.#emotions.scrollLeft = chip.offsetLeft - (this.#emotions.clientWidth - chip.offsetWidth) / 2;
  }

  #letGo() {
    this.rest();
    this.#send({ motion: null });
  }

  #showReset() {
    this.#reset.disabled = [...this.#sliders.values()].every((slider) => slider.valueAsNumber === 0);
  }

  /** A hand gives a hundred values a second; a picture comes every 40 ms. */
  #send({ emotion, motion }) {
    this.#lastMoved_ms = performance.now();
    if (emotion !== undefined) this.#unsent.emotion = emotion;
    if (motion === null) this.#unsent.motion = null;
    if (motion) this.#unsent.motion = { ...this.#unsent.motion, ...motion };
    if (this.#sending) return;
    this.#sending = setTimeout(() => {
      this.#sending = 0;
      const wish = this.#unsent;
      this.#unsent = {};
      if (Object.keys(wish).length > 0) this.dispatchEvent(new CustomEvent("direct", { detail: wish }));
    }, SEND_INTERVAL_MS);
  }
}
