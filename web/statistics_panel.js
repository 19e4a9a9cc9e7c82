/**
 * The panel of figures beside the face: a bar from microphone to eye, its stages, and all else that is known.
 *
 * In: a call's reports, once a second, and the server's "stats" messages. Out: rows of text; nothing lies over the face.
 */

import { DisplayDelay } from "./display_delay.js";
import { make } from "./elements.js";
import { StageReader, frameCounts, profileWords, segmentsOf } from "./stages.js";
import { StatisticsReader, asCount, asRate, asTime, browserRows, serverRows } from "./statistics.js";

const asSigned = (ms) => (ms > 0 ? `+${asTime(ms)}` : asTime(ms).replace("-", "\u2212"));

const showRows = (list, rows) =>
  list.replaceChildren(
    ...rows.map(([label, text]) =>
      make("div", {}, make("dt", { textContent: label }), make("dd", { textContent: text })),
    ),
  );

export class StatisticsPanel {
  #at;
  #statistics = new StatisticsReader();
  #stages = new StageReader();
  #display;
  #message = null;
  #profile = "";

  /** at: gives an element of the page by its id. */
  constructor(at) {
    this.#at = at;
    this.#display = new DisplayDelay(at("avatar"));
    at("statistics-toggle").addEventListener("click", () => this.toggle());
    at("statistics-close").addEventListener("click", () => this.leave());
  }

  get isShown() {
    return !this.#at("statistics").hidden;
  }

  /** True where the keyboard is in the panel, or on the button that opened it. */
  get hasFocus() {
    const { activeElement } = document;
    return this.#at("statistics").contains(activeElement) || activeElement === this.#at("statistics-toggle");
  }

  toggle(isShown = !this.isShown) {
    this.#at("statistics").hidden = !isShown;
    this.#at("statistics-toggle").setAttribute("aria-expanded", `${isShown}`);
  }

  /** Close it, the keyboard back on the button that opens it. */
  leave() {
    this.toggle(false);
    this.#at("statistics-toggle").focus();
  }

  /** Forget what was read: another connection begins. */
  reset() {
    this.#statistics.reset();
    this.#stages.reset();
    this.#message = null;
    this.#askProfile();
  }

  /** Take the server's "stats" message. */
  take(message) {
    this.#message = message;
    if (message.profile) this.#profile = profileWords(message.profile);
    const rows = serverRows(message);
    this.#at("server-heading").hidden = rows.length === 0;
    showRows(this.#at("server-rows"), rows);
  }

  /** Show what has come about since the last report. report: RTCStatsReport */
  show(report) {
    const figures = { ...this.#statistics.read(report), display_ms: this.#display.take() };
    const read = this.#stages.read(figures, this.#message);
    if (Number.isFinite(figures.picture_fps)) {
      this.#at("headline").textContent = `${asCount(figures.picture_fps)} FPS · ${asTime(read.eye.now_ms)}`;
      this.#at("headline-rate").textContent = `· ${asRate(figures.received_bps)}`;
    }
    this.#at("to-eye").textContent = asTime(read.eye.now_ms);
    this.#at("to-eye-p95").textContent = asTime(read.eye.p95_ms);
    this.#showStages(read);
    this.#showFrames(figures);
    showRows(this.#at("statistics-rows"), browserRows(figures));
  }

  #showStages({ stages, ear, skew }) {
    const segments = segmentsOf(stages);
    this.#at("stage-bar").replaceChildren(...segments.map((segment) => this.#segment(segment)));
    const rows = stages.map((stage) => this.#stageRow(stage, segments.find(({ name }) => name === stage.name)));
    this.#at("stage-rows").replaceChildren(...rows);
    const sums = [this.#row("Mic to ear", asTime(ear.now_ms), asTime(ear.p95_ms))];
    // Not every browser tells when it plays what.
    if (Number.isFinite(skew.p95_ms)) {
      sums.push(this.#row("Picture behind voice", asSigned(skew.now_ms), `±${asTime(skew.p95_ms)}`));
    }
    this.#at("stage-sums").replaceChildren(...sums);
  }

  #segment({ kind, from, width }) {
    const segment = make("i");
    segment.dataset.kind = kind;
    segment.style.setProperty("--from", from.toFixed(4));
    segment.style.setProperty("--width", width.toFixed(4));
    return segment;
  }

  #stageRow({ name, label, now_ms, p95_ms }, segment) {
    const row = this.#row(label, asTime(now_ms), asTime(p95_ms), segment ? [this.#segment(segment)] : []);
    row.dataset.stage = name;
    return row;
  }

  #row(label, now, p95, marks = []) {
    return make(
      "tr",
      {},
      make("th", { scope: "row", textContent: label }),
      make("td", { className: "lane" }, ...marks),
      make("td", { textContent: now }),
      make("td", { textContent: p95 }),
    );
  }

  #showFrames(figures) {
    const counts = frameCounts(figures, this.#message).map(([label, value]) => `${asCount(value)} ${label}`);
    this.#at("frame-counts").textContent = counts.length > 0 ? `Frames: ${counts.join(", ")}` : "";
    this.#at("profile").textContent = this.#profile ? `Profile: ${this.#profile}` : "";
  }

  async #askProfile() {
    const capacity = await fetch("v1/capacity")
      .then((response) => (response.ok ? response.json() : null))
      .catch(() => null); // the figures go without it
    this.#profile = profileWords(capacity?.profile ?? null) || this.#profile;
  }
}
