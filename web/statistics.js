/**
 * What the browser and the server know about a running call, as rows of label and text.
 */

const byteRate = (now, before, seconds) => (seconds > 0 ? (8 * (now - before)) / seconds : NaN);
const sum = (reports, field) => reports.reduce((total, report) => total + (report[field] ?? 0), 0);

/** Turns successive RTCStatsReports of one connection into figures of the time between them. */
export class StatisticsReader {
  #before = null;

  /** Forget the last report: the next one belongs to another connection. */
  reset() {
    this.#before = null;
  }

  /** report: RTCStatsReport. Figures that can't be known yet are NaN. */
  read(report) {
    const all = [...report.values()];
    const inbound = all.filter((entry) => entry.type === "inbound-rtp");
    const video = inbound.find((entry) => entry.kind === "video") ?? {};
    const audio = inbound.find((entry) => entry.kind === "audio") ?? {};
    const transport = all.find((entry) => entry.type === "transport");
    // Not every browser names the pair in use.
    const pairs = all.filter((entry) => entry.type === "candidate-pair" && entry.nominated && entry.state === "succeeded");
    const pair = report.get(transport?.selectedCandidatePairId) ?? pairs[0] ?? {};
    const codec = report.get(video.codecId);
    const now = {
      time_ms: video.timestamp ?? performance.timeOrigin + performance.now(),
      received_bytes: sum(inbound, "bytesReceived"),
      sent_bytes: sum(all.filter((entry) => entry.type === "outbound-rtp"), "bytesSent"),
      decoded_frames: video.framesDecoded ?? 0,
      video,
      audio,
    };
    const before = this.#before ?? now;
    this.#before = now;
    const seconds = (now.time_ms - before.time_ms) / 1000;
    return {
      picture_fps: seconds > 0 ? (now.decoded_frames - before.decoded_frames) / seconds : NaN,
      round_trip_ms: 1000 * (pair.currentRoundTripTime ?? NaN),
      received_bps: byteRate(now.received_bytes, before.received_bytes, seconds),
      sent_bps: byteRate(now.sent_bytes, before.sent_bytes, seconds),
      video_buffer_ms: buffered(now.video, before.video),
      audio_buffer_ms: buffered(now.audio, before.audio),
      decode_ms: spent(now.video, before.video, "totalDecodeTime", "framesDecoded"),
      skew_ms: audio.estimatedPlayoutTimestamp - video.estimatedPlayoutTimestamp,
      num_dropped_frames: video.framesDropped ?? 0,
      num_freezes: video.freezeCount ?? 0,
      num_lost_packets: sum(inbound, "packetsLost"),
      picture_px: video.frameWidth ? `${video.frameWidth} × ${video.frameHeight}` : "",
      codec: codec?.mimeType?.split("/")[1] ?? "",
    };
  }
}

/** Mean time in ms that each of what was counted since the last report took. */
function spent(now, before, seconds, count) {
  const counted = (now[count] ?? 0) - (before[count] ?? 0);
  return counted > 0 ? (1000 * (now[seconds] - before[seconds])) / counted : NaN;
}

/** Mean time that what left the jitter buffer since the last report had spent in it. */
const buffered = (now, before) => spent(now, before, "jitterBufferDelay", "jitterBufferEmittedCount");

const known = (value, text) => (Number.isFinite(value) ? text : "–");

export const asRate = (bps) =>
  known(bps, bps >= 1e6 ? `${(bps / 1e6).toFixed(1)} Mb/s` : `${Math.round(bps / 1000)} kb/s`);
export const asTime = (ms) => {
  const size = Math.abs(ms);
  if (size >= 10_000) return known(ms, `${(ms / 1000).toFixed(size < 100_000 ? 1 : 0)} s`);
  return known(ms, `${size < 10 ? ms.toFixed(1) : Math.round(ms)} ms`);
};
export const asCount = (value) => known(value, `${Math.round(value)}`);

/** The browser's figures as [label, text]. */
export function browserRows(figures) {
  return [
    ["Pictures", `${asCount(figures.picture_fps)} FPS`],
    ["Size", [figures.picture_px, figures.codec].filter(Boolean).join(" ") || "–"],
    ["Round trip", asTime(figures.round_trip_ms)],
    ["Received", asRate(figures.received_bps)],
    ["Sent", asRate(figures.sent_bps)],
    ["Video buffer", asTime(figures.video_buffer_ms)],
    ["Audio buffer", asTime(figures.audio_buffer_ms)],
    ["Dropped frames", asCount(figures.num_dropped_frames)],
    ["Freezes", asCount(figures.num_freezes)],
    ["Lost packets", asCount(figures.num_lost_packets)],
  ];
}

const UNITS = [
  ["_ms", (value) => asTime(value)],
  ["_s", (value) => (value < 1 ? asTime(1000 * value) : `${value.toFixed(1)} s`)],
  ["_fps", (value) => `${value.toFixed(1)} FPS`],
  ["_bps", (value) => asRate(value)],
  ["_bytes", (value) => `${(value / 2 ** 20).toFixed(1)} MiB`],
];

/**
 * Every number of a server message as [label, text]. Names tell their unit by their ending, as everywhere here; a group
 * gives its unit to its members. Zeros in a group only say that nothing happened, and are left out.
 */
export function serverRows(message, group = "") {
  return Object.entries(message).flatMap(([name, value]) => {
    if (value !== null && typeof value === "object") return serverRows(value, name);
    if (typeof value !== "number" || (group && value === 0)) return [];
    const unitOf = (words) => UNITS.find(([ending]) => words.endsWith(ending));
    const [ending, write] = unitOf(name) ?? unitOf(group) ?? ["", (number) => `${+number.toFixed(2)}`];
    const words = name.endsWith(ending) ? name.slice(0, name.length - ending.length) : name;
    const label = words.replace(/^num_/, "").replaceAll("_", " ");
    return [[label.charAt(0).toUpperCase() + label.slice(1), write(value)]];
  });
}
