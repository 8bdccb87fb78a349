import { Failure } from "../core/failure.ts";
import { errorFields } from "../core/log.ts";
import type { Platform } from "../core/platform.ts";

/** While the database is away every request fails alike: so often one of them is told of. */
const TELL_EVERY_MS = 1_000;

/** What of failed requests is worth a line in the log. */
export class FailureLog {
  readonly #platform: Platform;
  #quietUntil = 0;
  #untold = 0;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  tell(failure: unknown, request: { request_id: string; method: string; path: string }): void {
    // A Failure without a cause says all there is to say, to the caller.
    if (failure instanceof Failure && (failure.kind !== "unavailable" || failure.cause === undefined)) return;
    const fields = { ...request, ...errorFields(failure) };
    if (!(failure instanceof Failure)) {
      this.#platform.log("error", "a request failed", fields);
      return;
    }
    const now = this.#platform.now();
    if (now < this.#quietUntil && now > this.#quietUntil - TELL_EVERY_MS) {
      this.#untold += 1;
      return;
    }
    this.#platform.log("error", "a request failed", this.#untold === 0 ? fields : { ...fields, others: this.#untold });
    this.#quietUntil = now + TELL_EVERY_MS;
    this.#untold = 0;
  }
}
