/**
 * The page around a call: buttons in, pictures and plain words out.
 */

import { AvatarCall } from "./avatar.js";
import { ExpressionControls } from "./expression.js";
import { InterruptControl } from "./interruption.js";
import { LevelDisplay } from "./level_display.js";
import { LevelMeter, listMicrophones, openMicrophone } from "./microphone.js";
import { StatisticsPanel } from "./statistics_panel.js";

const STATISTICS_INTERVAL_MS = 1000;
const PORTRAIT_SETTLE_MS = 350;

const at = (id) => document.getElementById(id);
const call = new AvatarCall();
const meter = new LevelMeter();
const levelDisplay = new LevelDisplay({ video: at("avatar"), bar: at("level"), halo: at("halo") });
const statistics = new StatisticsPanel(at);
const interruption = new InterruptControl({ call, button: at("interrupt"), notice: at("interrupt-notice") });
const expression = new ExpressionControls({
  emotions: at("emotion-choices"),
  motions: at("motions"),
  reset: at("motions-reset"),
});

const remembered = {
  read: (key) => {
    try {
      return localStorage.getItem(key) ?? "";
    } catch {
      return ""; // storage is closed to this page: choices last as long as it does
    }
  },
  write: (key, value) => {
    try {
      localStorage.setItem(key, value);
    } catch {
      // as above
    }
  },
};

let microphone = null;
let isViewOnly = false;
let isBusy = false;
let liveSince_ms = 0;
let portraits = [];
let portrait = null;
let settling = 0;
let serverWords = "";

// ---------------------------------------------------------------- words

const MICROPHONE_TROUBLE = {
  NotAllowedError: [
    "The microphone is not allowed",
    "Allow it in the browser's address bar and press Start again, or just watch.",
  ],
  NotFoundError: ["No microphone was found", "Plug one in and press Start again, or just watch."],
  NotReadableError: ["The microphone is in use", "Another program holds it. Close that program, or just watch."],
  OverconstrainedError: ["That microphone is gone", "Choose another one, or just watch."],
  SecurityError: [
    "This page may not use a microphone",
    "Browsers give microphones to https pages and to localhost only. You can still watch.",
  ],
};

async function isReady() {
  return (await fetch("readyz").catch(() => null))?.ok ?? false;
}

async function callTrouble(error) {
  switch (error.kind) {
    case "full": {
      const wait = error.retryAfter_s ? `Try again in about ${Math.ceil(error.retryAfter_s)} seconds.` : "Try again soon.";
      if (!(await isReady())) return ["The server is not ready yet", `It is starting or stopping. ${wait}`];
      return ["The server is full", `Every place is taken right now. ${wait}`];
    }
    case "unreachable":
      return ["The server can't be reached", "Check that it is running and that you are online."];
    case "lost":
      return ["The connection was lost", serverWords || "Several attempts to reach the server again have failed."];
    case "no-media":
      return ["No picture came through", "The server answered, but a firewall between you and it may block the media."];
    default:
      return [error.title ?? "The call did not start", error.detail ?? error.message ?? ""];
  }
}

function say(title, text, action = null) {
  at("message-title").textContent = title;
  at("message-text").textContent = text;
  at("message").hidden = false;
  const button = at("message-action");
  button.hidden = !action;
  button.textContent = action?.text ?? "";
  button.onclick = action?.run ?? null;
}

const hush = () => {
  at("message").hidden = true;
};

// ---------------------------------------------------------------- portraits

function showPoster(isShown) {
  const poster = at("poster");
  if (portrait && poster.getAttribute("src") !== portrait.picture) poster.src = portrait.picture;
  poster.hidden = !portrait;
  poster.classList.toggle("is-faded", !isShown);
}

function choosePortrait(next) {
  portrait = next;
  remembered.write("portrait", next.name);
  at("avatar").setAttribute("aria-label", `The speaking face: ${next.title}`);
  if (call.state === "idle") {
    showPoster(true);
    return;
  }
  // Arrow keys walk through the portraits: go to the one where the walk ends.
  clearTimeout(settling);
  settling = setTimeout(() => {
    if (call.state === "idle" || call.portrait === portrait.name) return;
    showPoster(true);
    call.switchPortrait(portrait.name).catch(() => {}); // told by the "failure" event
  }, PORTRAIT_SETTLE_MS);
}

function drawChoices() {
  const choices = portraits.map((entry) => {
    const label = document.createElement("label");
    label.className = "choice";
    const radio = Object.assign(document.createElement("input"), { type: "radio", name: "portrait", value: entry.name });
    radio.checked = entry === portrait;
    radio.addEventListener("change", () => choosePortrait(entry));
    const picture = Object.assign(new Image(72, 72), { src: entry.picture, alt: "" });
    const title = Object.assign(document.createElement("span"), { textContent: entry.title });
    label.append(radio, picture, title);
    return label;
  });
  at("portrait-choices").replaceChildren(...choices);
  at("portraits").hidden = portraits.length === 0;
}

async function fetchPortraits() {
  const response = await fetch("v1/portraits").catch(() => null);
  return response?.ok ? response.json() : null;
}

async function loadPortraits() {
  const listed = await fetchPortraits();
  if (!listed) {
    say("The server can't be reached", "The portraits could not be loaded.", { text: "Try again", run: loadPortraits });
    return;
  }
  hush();
  loadControls();
  portraits = listed;
  // The server's own choice is the first.
  portrait = portraits.find(({ name }) => name === remembered.read("portrait")) ?? portraits[0] ?? null;
  drawChoices();
  showPoster(true);
}

// ---------------------------------------------------------------- the face

async function loadControls() {
  const response = await fetch("v1/controls").catch(() => null);
  if (!response?.ok) return; // a call goes without them
  expression.draw(await response.json(), remembered.read("emotion") || null);
  at("emotions").hidden = !expression.hasEmotions;
  at("expression").hidden = at("call-bar").hidden || !expression.hasMotions;
}

// ---------------------------------------------------------------- microphone

const showLevel = (level) => levelDisplay.show(microphone?.enabled ? level : 0);

async function listChoices() {
  const devices = await listMicrophones();
  const options = devices.map(({ deviceId, label }, index) => new Option(label || `Microphone ${index + 1}`, deviceId));
  if (options.length === 0) options.push(new Option("Default microphone", ""));
  const select = at("microphone-choice");
  const wanted = microphone?.getSettings().deviceId ?? (select.value || remembered.read("microphone"));
  select.replaceChildren(...options);
  if (devices.some(({ deviceId }) => deviceId === wanted)) select.value = wanted;
}

function takeMicrophone(track) {
  if (microphone && microphone !== track) microphone.stop();
  const isMuted = microphone ? !microphone.enabled : false;
  microphone = track;
  if (track) {
    track.enabled = !isMuted;
    track.addEventListener("ended", () => {
      if (track === microphone) say("The microphone is gone", "Choose another one to go on speaking.");
    });
  }
  meter.follow(track, showLevel);
}

async function askMicrophone() {
  const wanted = at("microphone-choice").value || remembered.read("microphone");
  try {
    return await openMicrophone(wanted);
  } catch (error) {
    // A remembered microphone may have been unplugged since.
    if (wanted && ["OverconstrainedError", "NotFoundError"].includes(error.name)) return openMicrophone();
    throw error;
  }
}

async function changeMicrophone() {
  const deviceId = at("microphone-choice").value;
  remembered.write("microphone", deviceId);
  if (!microphone) return;
  try {
    const track = await openMicrophone(deviceId);
    if (!microphone) {
      // The call ended meanwhile, and nobody else would let go of this one.
      track.stop();
      return;
    }
    takeMicrophone(track);
    await call.replaceMicrophone(track);
    hush();
  } catch (error) {
    say(...(MICROPHONE_TROUBLE[error.name] ?? ["That microphone did not open", error.message]));
  }
}

// ---------------------------------------------------------------- the call

async function start({ viewOnly = false } = {}) {
  if (isBusy || call.state !== "idle") return;
  isBusy = true;
  serverWords = "";
  hush();
  isViewOnly = viewOnly;
  showState("asking");
  try {
    if (!viewOnly) {
      takeMicrophone(await askMicrophone());
      await listChoices();
    }
    setHearing(viewOnly);
    setMuted(false);
    isBusy = false;
    await call.start({ microphone, portrait: portrait?.name, emotion: expression.emotion });
  } catch (error) {
    if (error instanceof DOMException) {
      const trouble = MICROPHONE_TROUBLE[error.name] ?? ["The microphone did not open", error.message];
      say(...trouble, { text: "Watch without a microphone", run: () => start({ viewOnly: true }) });
    }
    // Any other error has been told by the "failure" event.
  } finally {
    isBusy = false;
    if (call.state === "idle") rest();
  }
}

/** Let go of everything that a call holds. */
function rest() {
  takeMicrophone(null);
  at("avatar").srcObject = null;
  at("unblock").hidden = true;
  expression.rest();
  showPoster(true);
  showState("idle");
}

async function stop() {
  hush();
  await call.stop();
  at("start").focus();
}

function setMuted(isMuted) {
  if (microphone) microphone.enabled = !isMuted;
  const button = at("mute");
  button.setAttribute("aria-pressed", `${isMuted}`);
  button.disabled = isViewOnly;
  button.querySelector("use").setAttribute("href", isMuted ? "#icon-microphone-off" : "#icon-microphone");
}

function setHearing(isHearing) {
  at("avatar").muted = !isHearing;
  at("hear").setAttribute("aria-pressed", `${isHearing}`);
  at("hear").querySelector("use").setAttribute("href", isHearing ? "#icon-sound" : "#icon-sound-off");
  const echo = isHearing ? "Without headphones your voice will echo." : "Use headphones to hear your voice come back.";
  at("hear-hint").textContent = isViewOnly ? "You are watching without a microphone." : echo;
}

function playStream(stream) {
  const video = at("avatar");
  video.srcObject = stream;
  statistics.reset();
  video.requestVideoFrameCallback?.(() => showPoster(false));
  if (!video.requestVideoFrameCallback) video.addEventListener("playing", () => showPoster(false), { once: true });
  video.play().catch((error) => {
    if (error.name === "NotAllowedError") at("unblock").hidden = false;
  });
}

const STATE_TEXT = {
  idle: "Ready",
  asking: "Waiting for the microphone",
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
};

function showState(state, { attempt = 0, delay_s = 0 } = {}) {
  const wasInCall = !at("call-bar").hidden;
  const isInCall = ["connecting", "live", "reconnecting"].includes(state);
  document.body.dataset.state = state;
  document.body.classList.toggle("is-view-only", isViewOnly && isInCall);
  at("state-text").textContent = STATE_TEXT[state];
  at("start").hidden = isInCall;
  at("start").disabled = state === "asking";
  at("start-text").textContent = state === "asking" ? "Waiting for the microphone" : "Start";
  at("call-bar").hidden = !isInCall;
  at("hear-hint").hidden = !isInCall;
  at("badges").hidden = !isInCall;
  at("expression").hidden = !isInCall || !expression.hasMotions;
  if (!isInCall) statistics.toggle(false);
  if (isInCall && !wasInCall) at(isViewOnly ? "stop" : "mute").focus();
  if (state === "live") {
    liveSince_ms ||= performance.now();
    serverWords = "";
    hush();
  }
  if (state === "idle") liveSince_ms = 0;
  if (state === "reconnecting") {
    say("The connection was lost", `Attempt ${attempt} to reach the server in ${delay_s} s.`);
  }
}

// ---------------------------------------------------------------- statistics

async function showStatistics() {
  if (call.state !== "live") return;
  const elapsed_s = Math.floor((performance.now() - liveSince_ms) / 1000);
  at("clock").textContent = `${Math.floor(elapsed_s / 60)}:${`${elapsed_s % 60}`.padStart(2, "0")}`;
  const report = await call.getStats();
  if (report) statistics.show(report);
}

// ---------------------------------------------------------------- wiring

call.addEventListener("state", ({ detail }) => {
  showState(detail.state, detail);
  if (detail.state === "idle") rest();
  if (detail.state === "reconnecting") showPoster(true);
});
call.addEventListener("stream", ({ detail }) => playStream(detail.stream));
call.addEventListener("message", ({ detail: { message } }) => {
  if (message?.type === "error") serverWords = message.detail ?? "";
  if (message?.type === "expression") expression.show(message);
  if (message?.type === "stats") statistics.take(message);
});
call.addEventListener("failure", async ({ detail }) => {
  say(...(await callTrouble(detail.error)), { text: "Try again", run: () => start({ viewOnly: isViewOnly }) });
});

expression.addEventListener("direct", ({ detail }) => {
  if ("emotion" in detail) remembered.write("emotion", detail.emotion ?? "");
  call.direct(detail);
});

at("start").addEventListener("click", () => start());
at("stop").addEventListener("click", stop);
at("mute").addEventListener("click", () => setMuted(microphone?.enabled ?? false));
at("hear").addEventListener("click", () => setHearing(at("avatar").muted));
at("unblock").addEventListener("click", () => {
  at("unblock").hidden = true;
  at("avatar").play();
});
at("microphone-choice").addEventListener("change", changeMicrophone);
navigator.mediaDevices?.addEventListener?.("devicechange", listChoices);
addEventListener("keydown", (event) => {
  // In a list that is open, Escape shuts the list.
  if (event.key !== "Escape" || event.repeat || event.target instanceof HTMLSelectElement) return;
  if (statistics.isShown && statistics.hasFocus) statistics.leave();
  else interruption.interrupt();
});
setInterval(showStatistics, STATISTICS_INTERVAL_MS);
loadPortraits();
