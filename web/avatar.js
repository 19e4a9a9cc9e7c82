/**
 * A call with an avatar: one RTCPeerConnection signalled by a WHIP-shaped resource.
 *
 * In: a microphone track (or none), the name of a portrait, what is asked of the face.
 * Out: events of the call, all CustomEvents:
 *   "state"    {state, attempt, delay_s}   idle, connecting, live, reconnecting
 *   "stream"   {stream}                    the avatar's picture and sound, once for each connection
 *   "message"  {message}                   one JSON message of the server, as its "events" channel brings it
 *   "failure"  {error}                     a CallError that ended the call
 *
 * Knows nothing of the page; `page.js` is one user of it.
 */

const GATHERING_LIMIT_MS = 300;
const ANSWER_LIMIT_MS = 15_000;
const CONNECT_LIMIT_MS = 12_000;
const CONNECT_LOOK_MS = 20;
const FAREWELL_LIMIT_MS = 2_000;
const DISCONNECTED_LIMIT_MS = 3_000;
const RETRY_DELAYS_S = [0.5, 1, 2, 4, 8, 8];
const STABLE_AFTER_MS = 10_000;

/** Why a call ended or never began. kind: full, unreachable, refused, lost or no-media. */
export class CallError extends Error {
  constructor(kind, title, detail = "", { status = 0, retryAfter_s = null } = {}) {
    super(detail ? `${title}: ${detail}` : title);
    this.name = "CallError";
    this.kind = kind;
    this.title = title;
    this.detail = detail;
    this.status = status;
    this.retryAfter_s = retryAfter_s;
  }
}

/** Read an application/problem+json answer; anything else gives its status line. */
async function problemOf(response) {
  const problem = await response.json().catch(() => ({}));
  const retryAfter_s = Number.parseFloat(response.headers.get("Retry-After") ?? "");
  return new CallError(
    response.status === 503 ? "full" : "refused",
    problem.title || response.statusText || "The server refused the call",
    problem.detail ?? "",
    { status: response.status, retryAfter_s: Number.isFinite(retryAfter_s) ? retryAfter_s : null },
  );
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function gathered(connection) {
  if (connection.iceGatheringState === "complete") return Promise.resolve();
  const complete = new Promise((resolve) => {
    connection.addEventListener("icegatheringstatechange", () => {
      if (connection.iceGatheringState === "complete") resolve();
    });
  });
  return Promise.race([complete, pause(GATHERING_LIMIT_MS)]);
}

async function connected(connection) {
  const end_ms = performance.now() + CONNECT_LIMIT_MS;
  // Closing a connection makes no event, so its state is looked at from time to time.
  while (performance.now() < end_ms) {
    if (connection.connectionState === "connected") return;
    if (["failed", "closed"].includes(connection.connectionState)) break;
    await pause(CONNECT_LOOK_MS);
  }
  throw new CallError("no-media", "No sound or picture came through");
}

export class AvatarCall extends EventTarget {
  #endpoint;
  #iceServers;
  #connection = null;
  #resource = null;
  #sender = null;
  #microphone = null;
  #portrait = null;
  #channel = null;
  #emotion = null;
  #motion = {};
  #state = "idle";
  #numRetries = 0;
  #liveSince_ms = 0;
  // Every new connection, and every stop, takes the next number: whoever wakes up with an old one gives up.
  #turn = 0;

  constructor({ endpoint = "v1/whip", iceServers = [] } = {}) {
    super();
    this.#endpoint = new URL(endpoint, document.baseURI);
    this.#iceServers = iceServers;
    addEventListener("pagehide", () => this.stop());
  }

  get state() {
    return this.#state;
  }

  get portrait() {
    return this.#portrait;
  }

  /** The live connection's statistics, or null between connections. */
  async getStats() {
    return this.#connection ? this.#connection.getStats() : null;
  }

  /** Begin a call; without a microphone track it is view only. Resolves when live, rejects with CallError. */
  async start({ microphone = null, portrait = null, emotion = null } = {}) {
    this.#microphone = microphone;
    this.#portrait = portrait;
    this.#emotion = emotion;
    this.#motion = {};
    await this.#begin();
  }

  /** Go on with another portrait: a new session, the same microphone. */
  async switchPortrait(portrait) {
    this.#portrait = portrait;
    const farewell = this.#leave();
    const turn = this.#turn;
    this.#enter("connecting");
    // The old session must be gone first, or a server with one place left would refuse the new one.
    await farewell;
    if (turn === this.#turn) await this.#begin();
  }

  /** Send another microphone track (null: nothing) without a new session. */
  async replaceMicrophone(track) {
    this.#microphone = track;
    await this.#sender?.replaceTrack(track);
  }

  /**
   * Ask something of the face: an emotion (null: the server's own), and how far motions are moved, by name
   * (null: none of them). What is not named stays. It outlives new connections, and ends with the call.
   */
  direct({ emotion, motion }) {
    if (emotion !== undefined) this.#emotion = emotion;
    if (motion !== undefined) this.#motion = motion === null ? {} : { ...this.#motion, ...motion };
    this.#ask({ emotion, motion });
  }

  /** Take back what was said and is not shown yet; false where nobody is there to be told. */
  interrupt() {
    const isHeard = this.#state === "live" && this.#channel?.readyState === "open";
    if (isHeard) this.#channel.send(JSON.stringify({ type: "interrupt" }));
    return isHeard;
  }

  /** End the call. */
  async stop() {
    const farewell = this.#leave();
    if (this.#state !== "idle") this.#enter("idle");
    await farewell;
  }

  async #begin() {
    const turn = ++this.#turn;
    this.#numRetries = 0;
    this.#enter("connecting");
    try {
      await this.#connect(turn);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#fail(error);
      throw error;
    }
  }

  async #connect(turn) {
    const connection = new RTCPeerConnection({ iceServers: this.#iceServers, bundlePolicy: "max-bundle" });
    this.#connection = connection;
    this.#resource = null;
    this.#sender = null;
    if (this.#microphone) {
      this.#sender = connection.addTransceiver(this.#microphone, { direction: "sendrecv" }).sender;
    } else {
      connection.addTransceiver("audio", { direction: "recvonly" });
    }
    connection.addTransceiver("video", { direction: "recvonly" });
    const channel = connection.createDataChannel("events");
    this.#channel = channel;
    channel.addEventListener("open", () => {
      // What was asked of the last session, or since the offer was made, this one does not know.
      const isAsked = this.#emotion !== null || Object.keys(this.#motion).length > 0;
      if (channel === this.#channel && isAsked) this.#ask({ emotion: this.#emotion, motion: this.#motion });
    });
    channel.addEventListener("message", (event) => {
      if (channel === this.#channel) this.#read(event.data);
    });

    const stream = new MediaStream();
    connection.addEventListener("track", ({ track, receiver }) => {
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
      stream.addTrack(track);
      if (stream.getTracks().length === 1) this.#emit("stream", { stream });
    });

    await connection.setLocalDescription();
    await gathered(connection);
    if (turn !== this.#turn) throw new CallError("lost", "The call was ended");
    const answer = await this.#offer(connection.localDescription.sdp);
    if (turn !== this.#turn) {
      // The caller left while the server was answering: nobody else knows this session's address.
      this.#farewell(connection, answer.resource);
      throw new CallError("lost", "The call was ended");
    }
    this.#resource = answer.resource;
    try {
      await connection.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    } catch (error) {
      throw new CallError("refused", "The server's answer can't be used", error.message);
    }
    await connected(connection);
    if (turn !== this.#turn) throw new CallError("lost", "The call was ended");
    this.#liveSince_ms = performance.now();
    this.#watch(connection, channel, turn);
    this.#enter("live");
  }

  async #offer(sdp) {
    const url = new URL(this.#endpoint);
    if (this.#portrait) url.searchParams.set("portrait", this.#portrait);
    if (this.#emotion) url.searchParams.set("emotion", this.#emotion);
    let response;
    try {
      response = await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/sdp" },
        body: sdp,
        signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
      });
    } catch (error) {
      throw new CallError("unreachable", "The server can't be reached", error.message);
    }
    if (!response.ok) throw await problemOf(response);
    const location = response.headers.get("Location");
    return { sdp: await response.text(), resource: location ? new URL(location, response.url) : null };
  }

  #watch(connection, channel, turn) {
    let patience = null;
    let gone = false;
    const lost = () => {
      clearTimeout(patience);
      if (gone || turn !== this.#turn) return;
      gone = true;
      this.#reconnect();
    };
    connection.addEventListener("connectionstatechange", () => {
      clearTimeout(patience);
      if (["failed", "closed"].includes(connection.connectionState)) lost();
      if (connection.connectionState === "disconnected") patience = setTimeout(lost, DISCONNECTED_LIMIT_MS);
    });
    // A server that goes away in good order closes the channel at once; ICE would need half a minute to notice.
    channel.addEventListener("close", lost);
    if (channel.readyState === "closed") lost();
  }

  async #reconnect() {
    // A call that breaks as soon as it is live must not begin its attempts anew each time.
    if (performance.now() - this.#liveSince_ms > STABLE_AFTER_MS) this.#numRetries = 0;
    let reason = new CallError("lost", "The connection was lost");
    while (this.#numRetries < RETRY_DELAYS_S.length) {
      this.#leave();
      const turn = ++this.#turn;
      const delay_s = Math.max(RETRY_DELAYS_S[this.#numRetries], reason.retryAfter_s ?? 0);
      this.#numRetries += 1;
      this.#enter("reconnecting", { attempt: this.#numRetries, delay_s });
      await pause(delay_s * 1000);
      if (turn !== this.#turn) return;
      try {
        await this.#connect(turn);
        return;
      } catch (error) {
        if (turn !== this.#turn) return;
        reason = error;
        if (error.kind === "refused" || !(error instanceof CallError)) break;
      }
    }
    this.#fail(new CallError("lost", "The connection was lost", reason.detail || reason.title || reason.message));
  }

  #ask(wish) {
    if (this.#channel?.readyState === "open") this.#channel.send(JSON.stringify({ type: "direct", ...wish }));
  }

  #read(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return; // a message that is not JSON is for some other client
    }
    if (message?.type === "expression") {
      // Whoever asked for it, over HTTP perhaps: the next session is to be told the same.
      this.#emotion = message.emotion ?? null;
      this.#motion = message.motion ?? {};
    }
    this.#emit("message", { message });
  }

  #fail(error) {
    this.#leave();
    this.#enter("idle");
    this.#emit("failure", { error });
  }

  /** Close the connection and tell the server; what still runs for it finds its turn over. */
  #leave() {
    this.#turn += 1;
    const [connection, resource] = [this.#connection, this.#resource];
    this.#connection = null;
    this.#resource = null;
    this.#sender = null;
    this.#channel = null;
    return this.#farewell(connection, resource);
  }

  async #farewell(connection, resource) {
    if (resource) {
      // keepalive lets the request outlive the page; a server that is gone needs no farewell.
      const told = fetch(resource, { method: "DELETE", keepalive: true }).catch(() => {});
      // Closed any sooner, the server would forget the session before it is told to.
      await Promise.race([told, pause(FAREWELL_LIMIT_MS)]);
    }
    connection?.close();
  }

  #enter(state, detail = {}) {
    this.#state = state;
    this.#emit("state", { state, ...detail });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
