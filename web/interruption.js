/**
 * The control that interrupts the voice: what was said and is not shown yet is not said.
 *
 * In: a press of the button, or `interrupt()`. Out: a word to the server, and what it answered, in plain words.
 */

const ANSWER_LIMIT_MS = 2000;
const NOTICE_MS = 3000;

/** The server's "interrupted" message in words. */
export function interruptedWords({ sound_dropped_ms: dropped_ms }) {
  if (!(dropped_ms > 0)) return "Interrupted.";
  return `Interrupted: ${(dropped_ms / 1000).toFixed(1)} s of voice will not be heard.`;
}

export class InterruptControl {
  #call;
  #button;
  #notice;
  #asked = 0;
  #noticed = 0;

  /** call: AvatarCall; button: what is pressed; notice: element for the answer, hidden while there is none. */
  constructor({ call, button, notice }) {
    this.#call = call;
    this.#button = button;
    this.#notice = notice;
    button.addEventListener("click", () => this.interrupt());
    call.addEventListener("state", () => this.#follow());
    call.addEventListener("message", ({ detail: { message } }) => {
      if (message?.type === "interrupted") this.#answer(message);
    });
    this.#follow();
  }

  /** Interrupt the voice; false, and nothing happens, where there is no live call. */
  interrupt() {
    if (!this.#call.interrupt()) return false;
    this.#button.setAttribute("aria-busy", "true");
    clearTimeout(this.#asked);
    this.#asked = setTimeout(() => {
      this.#button.removeAttribute("aria-busy");
      this.#say("The server did not answer the interruption.");
    }, ANSWER_LIMIT_MS);
    return true;
  }

  #follow() {
    this.#button.disabled = this.#call.state !== "live";
    if (this.#call.state === "live") return;
    clearTimeout(this.#asked);
    this.#button.removeAttribute("aria-busy");
    this.#button.classList.remove("is-done");
    this.#say("");
  }

  /** Somebody else may have asked for it: it is told all the same. */
  #answer(message) {
    clearTimeout(this.#asked);
    this.#button.removeAttribute("aria-busy");
    this.#button.classList.add("is-done");
    this.#say(interruptedWords(message));
  }

  #say(words) {
    clearTimeout(this.#noticed);
    this.#notice.textContent = words;
    if (!words) return;
    this.#noticed = setTimeout(() => {
      this.#notice.textContent = "";
      this.#button.classList.remove("is-done");
    }, NOTICE_MS);
  }
}
