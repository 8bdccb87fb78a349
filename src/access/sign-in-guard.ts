import { Failure } from "../core/failure.ts";

/** Failures in a row from one address for one name, and how long that pair is then refused. */
const MAX_FAILURES = 5;
const LOCKED_MS = 5 * 60 * 1000;
/** Pairs remembered; beyond, the oldest is forgotten. */
const MAX_PAIRS = 10_000;
/** Each check costs a fifth of a second of one core, and nobody has signed in yet. */
const MAX_AT_ONCE = 16;
const MAX_AT_ONCE_PER_ADDRESS = 4;

/**
 * Stands before the check of a password. It locks the pair of name and address: whoever knows a name must not be able
 * to shut its owner out. Where the runtime tells no address nothing is locked.
 */
export class SignInGuard {
  readonly #now: () => number;
  readonly #failures = new Map<string, { count: number; until: number }>();
  readonly #checking = new Map<string, number>();
  #atOnce = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The answer of `isRight`. Throws `signInRefused` for a locked pair and `unavailable` where too many are at it. */
  async check(name: string, address: string | null, isRight: () => Promise<boolean>): Promise<boolean> {
    const pair = JSON.stringify([address, name]);
    const locked = this.#failures.get(pair);
    if (locked && locked.count >= MAX_FAILURES && locked.until > this.#now()) {
      const seconds = Math.ceil((locked.until - this.#now()) / 1000);
      throw new Failure("signInRefused", `too many failed attempts from this address: try again in ${seconds} s`);
    }
    const right = await this.#inTurn(address ?? "", isRight);
    if (right) this.#failures.delete(pair);
    else if (address !== null) this.#countFailure(pair);
    return right;
  }

  #countFailure(pair: string): void {
    const earlier = this.#failures.get(pair);
    const count = earlier && earlier.until > this.#now() ? earlier.count + 1 : 1;
    // Taken out first: the map's order is then that of the latest failure.
    this.#failures.delete(pair);
    this.#failures.set(pair, { count, until: this.#now() + LOCKED_MS });
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > MAX_PAIRS && oldest !== undefined) this.#failures.delete(oldest);
  }

  async #inTurn(address: string, check: () => Promise<boolean>): Promise<boolean> {
    const here = this.#checking.get(address) ?? 0;
    if (this.#atOnce >= MAX_AT_ONCE || here >= MAX_AT_ONCE_PER_ADDRESS) {
      throw new Failure("unavailable", "too many are signing in at this moment: try again");
    }
    this.#atOnce += 1;
    this.#checking.set(address, here + 1);
    try {
      return await check();
    } finally {
      this.#atOnce -= 1;
      const left = (this.#checking.get(address) ?? 1) - 1;
      if (left === 0) this.#checking.delete(address);
      else this.#checking.set(address, left);
    }
  }
}
