/** Remembers the page's peer connections, so that a test can read the statistics of the one in use. */
(() => {
  const connections = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...settings) {
      super(...settings);
      connections.push(this);
    }
  };
  const inUse = () => connections.filter((connection) => connection.connectionState === "connected").at(-1);
  window.readConnection = async () => {
    if (!inUse()) return null;
    return [...(await inUse().getStats()).values()].filter((entry) => entry.type === "inbound-rtp");
  };
  window.readPair = async () => {
    const report = await inUse().getStats();
    const entries = [...report.values()];
    const transport = entries.find((entry) => entry.type === "transport");
    return report.get(transport?.selectedCandidatePairId) ?? null;
  };
  window.microphoneTrack = () => inUse()?.getSenders()[0]?.track ?? null;
  window.readMicrophone = () => {
    const track = inUse()?.getSenders()[0]?.track;
    return track ? { label: track.label, isEnabled: track.enabled, numConnections: connections.length } : null;
  };
})();
