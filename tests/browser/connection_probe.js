/** Remembers the page's peer connections, so that a test can read the statistics of the one in use. */
(() => {
  const connections = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...settings) {
      super(...settings);
      connections.push(this);
    }
  };
  window.readConnection = async () => {
    const live = connections.filter((connection) => connection.connectionState === "connected").at(-1);
    if (!live) return null;
    return [...(await live.getStats()).values()].filter((entry) => entry.type === "inbound-rtp");
  };
})();
