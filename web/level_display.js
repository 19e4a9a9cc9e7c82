/**
 * How loud the microphone is, on the page: a bar, and a halo about the picture.
 *
 * It is drawn when a picture is: a redraw of its own, thirty or sixty times a second, would cost a browser that paints
 * without a GPU half of what the whole call does.
 */

const LONGEST_WAIT_MS = 90; // for a picture

export class LevelDisplay {
  #video;
  #bar;
  #halo;
  #level = 0;
  #drawn = -1;
  #drawnAt_ms = 0;

  constructor({ video, bar, halo }) {
    this.#video = video;
    this.#bar = bar;
    this.#halo = halo;
    this.#follow();
  }

  /** Show this level, 0 to 1, with the next picture; soon where none comes, and at once where it is 0. */
  show(level) {
    this.#level = level;
    // After the last 0 of a call neither a picture nor another level may come.
    if (level === 0 || performance.now() - this.#drawnAt_ms > LONGEST_WAIT_MS) this.#draw();
  }

  #follow() {
    this.#video.requestVideoFrameCallback?.(() => {
      this.#draw();
      this.#follow();
    });
  }

  #draw() {
    this.#drawnAt_ms = performance.now();
    const level = Math.round(100 * this.#level);
    if (level === this.#drawn) return;
    this.#drawn = level;
    for (const element of [this.#bar, this.#halo]) element.style.setProperty("--level", `${level / 100}`);
    this.#bar.setAttribute("aria-valuenow", `${level}`);
  }
}
