/**
 * Lets a page measure itself: its sound is taken as it is, every frame's way through the server is asked for, and the
 * moments of the offer and of the first picture are kept. Times are performance.now().
 */
(() => {
  const messages = [];
  let offeredAt = null;
  let firstFrameAt = null;

  const asIs = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const devices = navigator.mediaDevices;
  const open = devices.getUserMedia.bind(devices);
  devices.getUserMedia = ({ audio }) => open({ audio: { ...(typeof audio === "object" ? audio : {}), ...asIs } });

  const post = window.fetch.bind(window);
  window.fetch = (address, request = {}) => {
    if (request.method === "POST" && String(address).includes("/v1/whip")) offeredAt = performance.now();
    return post(address, request);
  };

  window.RTCPeerConnection = class extends RTCPeerConnection {
    createDataChannel(label, ...settings) {
      const channel = super.createDataChannel(label, ...settings);
      channel.addEventListener("open", () => channel.send(JSON.stringify({ type: "trace" })));
      channel.addEventListener("message", ({ data }) => {
        const message = JSON.parse(data);
        if (["trace", "stats"].includes(message.type)) messages.push({ at: performance.now(), message });
      });
      return channel;
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelector("#avatar").requestVideoFrameCallback((_now, { expectedDisplayTime }) => {
      firstFrameAt = expectedDisplayTime;
    });
  });

  window.readMeasured = () => ({ messages, offeredAt, firstFrameAt });
})();
