/**
 * Where the time goes between the microphone and the eye.
 *
 * In: the browser's figures (`StatisticsReader.read`) and the server's "stats" message. Out: stages in the order in which
 * a sound and its picture pass them, the sums of them, and what happened to frames. What is not known is NaN.
 */

const READINGS_KEPT = 60; // a minute of them

// name: label, kind. They are the stages that the benchmark of sessions reports, and some that only a page can see.
const BEFORE_SERVER = { uplink: ["Network, there", "network"] };
const SERVER = {
  ingest: ["Capture to ingest", "wait"],
  window: ["Window wait", "wait"],
  audio: ["Audio", "work"],
  flow: ["Flow", "work"],
  queue: ["Engine queue", "wait"],
  decode: ["Decode", "work"],
  render: ["Audio, flow, decode", "work"],
  python: ["Python", "work"],
  convert: ["Convert", "work"],
  playout: ["Playout wait", "wait"],
  encode: ["Encode", "work"],
};
const AFTER_SERVER = {
  network: ["Network, back", "network"],
  jitter_buffer: ["Jitter buffer", "screen"],
  screen: ["Screen", "screen"],
};
const OTHER_NAMES = { wait: "playout" };
// What a server may tell as one, or in its parts: both would count twice.
const PARTS_OF_RENDER = ["audio", "flow", "decode"];
const AFTER_RELEASE = ["encode"]; // "total" ends at the release, and sound does not wait for this
const LEAST_REST_MS = 0.5;

/** The nearest-rank percentile of what is finite in values; NaN where nothing is. */
export function percentile(values, share) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted.length > 0 ? sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] : NaN;
}

const inWords = (name) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
const sumOf = (values) => values.reduce((total, value) => total + value, 0);

/** The server's stages as a Map of name to {now_ms, p95_ms}, and its own total, from capture to release, the same way. */
function serverTimes(message) {
  const times = new Map();
  const take = (given, read) => {
    for (const [told, value] of Object.entries(given ?? {})) {
      const name = OTHER_NAMES[told] ?? told;
      times.set(name, { now_ms: NaN, p95_ms: NaN, ...times.get(name), ...read(value) });
    }
  };
  // A second without frames has no mean: the median of those before says more than nothing.
  take(message?.stage_percentiles_ms, ([p50, p95]) => ({ now_ms: p50 ?? NaN, p95_ms: p95 ?? NaN }));
  take(message?.stages_ms, (now_ms) => ({ now_ms }));
  const total = times.get("total") ?? { now_ms: NaN, p95_ms: NaN };
  times.delete("total");
  if (PARTS_OF_RENDER.some((name) => times.has(name))) times.delete("render");
  return { times, total };
}

/** What "total" holds and no stage does. A server that does not name the window's wait leaves it there. */
function restOf(times, total) {
  const told_ms = [...times].filter(([name]) => !AFTER_RELEASE.includes(name)).map(([, { now_ms }]) => now_ms);
  const rest_ms = total.now_ms - sumOf(told_ms.filter(Number.isFinite));
  if (!(rest_ms >= LEAST_REST_MS)) return null;
  return [times.has("window") ? "elsewhere" : "window", { now_ms: rest_ms, p95_ms: NaN }];
}

/** From the jitter buffer to the screen; a browser that does not tell when it shows a picture tells how long it decodes. */
function screen_ms({ display_ms, video_buffer_ms, decode_ms }) {
  return Number.isFinite(display_ms) ? Math.max(0, display_ms - video_buffer_ms) : decode_ms;
}

/** Every stage as {name, label, kind, now_ms, p95_ms}, in order; p95_ms is NaN where the server does not tell it. */
export function stagesNow(figures, message) {
  const { times, total } = serverTimes(message);
  const rest = restOf(times, total);
  if (rest) times.set(...rest);
  const known = Object.keys(SERVER).filter((name) => times.has(name));
  const order = [...known, ...[...times.keys()].filter((name) => !known.includes(name))];
  const browser = (now_ms) => ({ now_ms, p95_ms: NaN });
  const stage = (words, time, name) => {
    const [label, kind] = words[name] ?? [inWords(name), "wait"];
    return { name, label, kind, ...time };
  };
  return [
    stage(BEFORE_SERVER, browser(figures.round_trip_ms / 2), "uplink"),
    ...order.map((name) => stage(SERVER, times.get(name), name)),
    stage(AFTER_SERVER, browser(figures.round_trip_ms / 2), "network"),
    stage(AFTER_SERVER, browser(figures.video_buffer_ms), "jitter_buffer"),
    stage(AFTER_SERVER, browser(screen_ms(figures)), "screen"),
  ];
}

/**
 * Milliseconds from the microphone to the eye and to the ear: NaN as long as a part that always is there is unknown. Where
 * the server tells its total, that counts: a stage that only some frames pass has a mean of its own.
 */
export function sumsOf(stages, figures, message) {
  const { total } = serverTimes(message);
  const time = (name) => stages.find((stage) => stage.name === name)?.now_ms ?? NaN;
  const orNothing = (ms) => (Number.isFinite(ms) ? ms : 0);
  const ofServer = stages.filter(({ name }) => !(name in BEFORE_SERVER || name in AFTER_SERVER));
  const toRelease = ofServer.filter(({ name }) => !AFTER_RELEASE.includes(name));
  const told_ms = toRelease.length > 0 ? sumOf(toRelease.map(({ now_ms }) => orNothing(now_ms))) : NaN;
  const released_ms = (Number.isFinite(total.now_ms) ? total.now_ms : told_ms) + time("uplink") + time("network");
  const coded_ms = sumOf(AFTER_RELEASE.map((name) => orNothing(time(name))));
  return {
    eye_ms: released_ms + coded_ms + time("jitter_buffer") + orNothing(time("screen")),
    ear_ms: released_ms + figures.audio_buffer_ms,
  };
}

/** Follows one connection's stages: what each takes now, and what 95 of 100 stay below. */
export class StageReader {
  #readings = new Map();

  /** Forget what was read: the next reading belongs to another connection. */
  reset() {
    this.#readings.clear();
  }

  /**
   * One reading a second. Out: stages as `stagesNow` gives them, with p95_ms over the server's frames where it tells that
   * and over the last minute's readings elsewhere; eye, ear, skew: {now_ms, p95_ms}, of the skew over its distance from 0.
   */
  read(figures, message) {
    const stages = stagesNow(figures, message);
    for (const stage of stages) {
      const p95_ms = this.#follow(stage.name, stage.now_ms);
      if (!Number.isFinite(stage.p95_ms)) stage.p95_ms = p95_ms;
    }
    const { eye_ms, ear_ms } = sumsOf(stages, figures, message);
    const { total } = serverTimes(message);
    // Its total's percentile knows single frames; on top of it comes that of the way to it and from it.
    const followed = (name, now_ms) => ({
      now_ms,
      p95_ms: Number.isFinite(total.p95_ms)
        ? total.p95_ms + this.#follow(name, now_ms - total.now_ms)
        : this.#follow(name, now_ms),
    });
    const skew_ms = figures.skew_ms ?? NaN;
    return {
      stages,
      eye: followed("to eye", eye_ms),
      ear: followed("to ear", ear_ms),
      skew: { now_ms: skew_ms, p95_ms: this.#follow("skew", Math.abs(skew_ms)) },
    };
  }

  #follow(name, value) {
    const readings = this.#readings.get(name) ?? [];
    readings.push(value);
    this.#readings.set(name, readings.slice(-READINGS_KEPT));
    return percentile(readings.slice(-READINGS_KEPT), 0.95);
  }
}

/** Where each stage lies on a bar from 0 to 1: {name, kind, from, width}, without those that are unknown or nothing. */
export function segmentsOf(stages) {
  const shown = stages.filter(({ now_ms }) => now_ms > 0);
  const total_ms = sumOf(shown.map(({ now_ms }) => now_ms));
  let from = 0;
  return shown.map(({ name, kind, now_ms }) => {
    const segment = { name, kind, from, width: now_ms / total_ms };
    from += segment.width;
    return segment;
  });
}

const FRAME_COUNTS = [
  ["frames_repeated", "repeated"],
  ["frames_dropped", "dropped"],
  ["frames_late", "late"],
];

/** What happened to frames, as [label, number]; counts that the server does not keep are left out. */
export function frameCounts(figures, message) {
  const told = FRAME_COUNTS.map(([name, label]) => [label, message?.counts?.[name]]);
  return [...told, ["dropped by the browser", figures.num_dropped_frames]].filter(([, value]) => Number.isFinite(value));
}

/** A profile in words, "interactive, hop 5, look-ahead 8"; "" where the server tells none. */
export function profileWords(profile) {
  if (typeof profile === "string") return profile;
  if (profile === null || typeof profile !== "object") return "";
  const { name, hop_frames: hop, lookahead_frames: ahead } = profile;
  return [name, Number.isFinite(hop) && `hop ${hop}`, Number.isFinite(ahead) && `look-ahead ${ahead}`]
    .filter(Boolean)
    .join(", ");
}
