/**
 * Microphones: opening one, listing them, and how loud one is.
 */

const PROCESSING = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const LEVEL_INTERVAL_MS = 50;
const FLOOR_DB = -60;

/** Open the microphone with this id ("" = the browser's choice); raises the browser's DOMException. */
export async function openMicrophone(deviceId = "") {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new DOMException("microphones are given to https pages and localhost only", "SecurityError");
  }
  const audio = deviceId ? { ...PROCESSING, deviceId: { exact: deviceId } } : PROCESSING;
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  return stream.getAudioTracks()[0];
}

/** The microphones as {deviceId, label}; labels are there only once permission was given. */
export async function listMicrophones() {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  return devices.filter((device) => device.kind === "audioinput" && device.deviceId);
}

/** Calls `onLevel` with the track's loudness, 0 to 1 over 60 dB, twenty times a second. */
export class LevelMeter {
  #context = null;
  #source = null;
  #timer = 0;

  /** Measure this track from now on; null stops. */
  follow(track, onLevel) {
    this.#source?.disconnect();
    clearInterval(this.#timer);
    if (!track) {
      this.#context?.suspend();
      onLevel(0);
      return;
    }
    this.#context ??= new AudioContext();
    this.#context.resume();
    const analyser = new AnalyserNode(this.#context, { fftSize: 2048 });
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      const level_db = 10 * Math.log10(power + 1e-12);
      onLevel(Math.min(1, Math.max(0, 1 - level_db / FLOOR_DB)));
    }, LEVEL_INTERVAL_MS);
  }
}
