import type { Principal } from "../auth/principal.ts";
import type { Platform } from "../core/platform.ts";
import type { ShowTrafficResponse } from "./schema.ts";

const MINUTE_MS = 60_000;
/** Minutes that are kept, the current one among them. */
const KEPT_MINUTES = 60;

/** What came of one account in the last minutes; a minute's place is its remainder. */
class Minutes {
  readonly polls = new Uint32Array(KEPT_MINUTES);
  readonly reports = new Uint32Array(KEPT_MINUTES);
  /** The latest minute that something was counted in. */
  latest: number;

  constructor(minute: number) {
    this.latest = minute;
  }

  /** The place to count in, with nothing in it of an hour ago. */
  placeOf(minute: number): number {
    if (minute > this.latest) {
      for (let passed = Math.max(this.latest + 1, minute - KEPT_MINUTES + 1); passed <= minute; passed += 1) {
        this.polls[passed % KEPT_MINUTES] = 0;
        this.reports[passed % KEPT_MINUTES] = 0;
      }
      this.latest = minute;
    } else if (!this.has(minute)) {
      // The clock was set back by more than is kept: what was counted lies ahead.
      this.polls.fill(0);
      this.reports.fill(0);
      this.latest = minute;
    }
    return minute % KEPT_MINUTES;
  }

  has(minute: number): boolean {
    return minute <= this.latest && minute > this.latest - KEPT_MINUTES;
  }
}

/**
 * Polls and reports by the minute, in the memory of this process. Counting is on the way of every poll, so it makes
 * nothing and asks nobody: who counts hands in the time.
 */
export class Traffic {
  readonly #platform: Platform;
  readonly #since: number;
  /** By account: there are no more than admins have made. */
  readonly #accounts = new Map<number, Minutes>();

  constructor(platform: Platform) {
    this.#platform = platform;
    this.#since = platform.now();
  }

  polled(account_seq: number, now: number): void {
    const minute = minuteOf(now);
    const minutes = this.#of(account_seq, minute);
    const place = minutes.placeOf(minute);
    minutes.polls[place] = (minutes.polls[place] ?? 0) + 1;
  }

  reported(account_seq: number, now: number): void {
    const minute = minuteOf(now);
    const minutes = this.#of(account_seq, minute);
    const place = minutes.placeOf(minute);
    minutes.reports[place] = (minutes.reports[place] ?? 0) + 1;
  }

  showTraffic({ account_seq }: Principal): ShowTrafficResponse {
    const current = minuteOf(this.#platform.now());
    // A clock that was set back may say less than at the start.
    const first = Math.max(Math.min(minuteOf(this.#since), current), current - KEPT_MINUTES + 1);
    const counted = this.#accounts.get(account_seq);
    const minutes = Array.from({ length: current - first + 1 }, (_, index) => {
      const minute = first + index;
      const place = minute % KEPT_MINUTES;
      const isKept = counted?.has(minute) ?? false;
      return {
        at: minute * MINUTE_MS,
        polls: (isKept && counted?.polls[place]) || 0,
        reports: (isKept && counted?.reports[place]) || 0,
      };
    });
    return { since: this.#since, minutes };
  }

  #of(account_seq: number, minute: number): Minutes {
    let minutes = this.#accounts.get(account_seq);
    if (minutes === undefined) {
      minutes = new Minutes(minute);
      this.#accounts.set(account_seq, minutes);
    }
    return minutes;
  }
}

function minuteOf(ms: number): number {
  return Math.floor(ms / MINUTE_MS);
}
