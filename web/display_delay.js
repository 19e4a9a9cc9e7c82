/**
 * How long a picture takes from its last packet to the screen: jitter buffer, decoder and display together.
 *
 * In: the video that shows a call. Out: the mean of each stretch of time, NaN in browsers that do not tell.
 */

export class DisplayDelay {
  #sum_ms = 0;
  #num = 0;

  /** video: HTMLVideoElement, watched for as long as it lives */
  constructor(video) {
    const look = (_, { receiveTime, expectedDisplayTime }) => {
      this.add(expectedDisplayTime - receiveTime);
      video.requestVideoFrameCallback(look);
    };
    video?.requestVideoFrameCallback?.(look);
  }

  /** Take one picture's delay; a browser that tells none gives NaN, which is nothing to count. */
  add(delay_ms) {
    if (!Number.isFinite(delay_ms)) return;
    this.#sum_ms += delay_ms;
    this.#num += 1;
  }

  /** The mean since it was last taken, NaN where no picture came. */
  take() {
    const mean_ms = this.#num > 0 ? this.#sum_ms / this.#num : NaN;
    this.#sum_ms = 0;
    this.#num = 0;
    return mean_ms;
  }
}
