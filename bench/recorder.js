/**
 * Records, in the page, the pictures of one <video> and the sound of its stream against performance.now().
 *
 * window.startRecording({selector, box: [left, top, right, bottom] of 0..1, width, height, track}) begins; where a track is
 * given (connection_probe.js has the microphone's), its sound is recorded beside that of the stream;
 * window.stopRecording() gives everything, in the form that Recording.from_page reads.
 */
(() => {
  const RATE = 48000;
  const HOP_SAMPLES = 48;
  const CLOCK_INTERVAL_MS = 50;

  // Sums every millisecond of sound; sends what it has ten times a second.
  const WORKLET = `
    registerProcessor("sound-recorder", class extends AudioWorkletProcessor {
      constructor() { super(); this.power = 0; this.peak = 0; this.count = 0; this.first = null; this.hops = []; }
      process([input]) {
        this.first ??= currentFrame;
        const samples = input[0] ?? new Float32Array(128);
        for (const sample of samples) {
          this.power += sample * sample;
          this.peak = Math.max(this.peak, Math.abs(sample));
          if (++this.count === ${HOP_SAMPLES}) {
            this.hops.push(this.power / ${HOP_SAMPLES}, this.peak);
            this.power = this.peak = this.count = 0;
          }
        }
        if (this.hops.length >= 200) { this.port.postMessage({ first: this.first, hops: this.hops }); this.hops = []; }
        return true;
      }
    });`;

  let stop = null;

  window.startRecording = async ({ selector, box, width, height, track = null }) => {
    const video = document.querySelector(selector);
    const canvas = new OffscreenCanvas(width, height);
    const drawing = canvas.getContext("2d", { willReadFrequently: true });
    const frameTimes = [];
    const presented = [];
    const pixels = [];
    const clockPairs = [];
    let isRunning = true;

    const context = new AudioContext({ sampleRate: RATE });
    await context.resume();
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([WORKLET], { type: "text/javascript" })));
    const recordSound = (stream) => {
      const sound = { firstSample: null, powers: [], peaks: [] };
      const recorder = new AudioWorkletNode(context, "sound-recorder", { numberOfOutputs: 0 });
      recorder.port.onmessage = ({ data }) => {
        sound.firstSample ??= data.first;
        for (let i = 0; i < data.hops.length; i += 2) {
          sound.powers.push(data.hops[i]);
          sound.peaks.push(data.hops[i + 1]);
        }
      };
      context.createMediaStreamSource(stream).connect(recorder);
      return sound;
    };
    const returned = recordSound(video.srcObject);
    const spoken = track ? recordSound(new MediaStream([track])) : null;
    const clock = setInterval(() => clockPairs.push([context.currentTime, performance.now()]), CLOCK_INTERVAL_MS);

    const onFrame = (_now, { expectedDisplayTime, presentedFrames, width: wide, height: high }) => {
      if (!isRunning) return;
      const [left, top, right, bottom] = box;
      drawing.drawImage(
        video, left * wide, top * high, (right - left) * wide, (bottom - top) * high, 0, 0, width, height,
      );
      const { data } = drawing.getImageData(0, 0, width, height);
      for (let i = 0; i < data.length; i += 4) {
        pixels.push(Math.round(0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2]));
      }
      frameTimes.push(expectedDisplayTime);
      presented.push(presentedFrames);
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);

    stop = async () => {
      isRunning = false;
      clearInterval(clock);
      const outputLatency = context.outputLatency;
      await context.close();
      const url = await new Promise((resolve) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result);
        reader.readAsDataURL(new Blob([new Uint8Array(pixels)]));
      });
      return {
        frameTimes, presented, width, height, pixels: url.slice(url.indexOf(",") + 1),
        ...returned, spoken, hopSamples: HOP_SAMPLES, rate: RATE, clockPairs, outputLatency,
      };
    };
  };

  window.stopRecording = () => stop();
})();
