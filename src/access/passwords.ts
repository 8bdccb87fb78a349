import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import { asIfWrong, hashPassword, isPassword, SALT_BYTES } from "./password.ts";

/** Failures in a row from one network for one user, and how long that pair is then refused. */
const MAX_FAILURES = 5;
const LOCKED_MS = 5 * 60 * 1000;
/** Pairs remembered; beyond, the one that failed longest ago is forgotten. */
const MAX_PAIRS = 10_000;
/** Each takes a fifth of a second of one core and 32 MB: so many run at once, the others wait in line. */
const AT_ONCE = 2;
const MAX_WAITING = 64;
/** Of one network, running and waiting: nobody fills the line alone. */
const MAX_OF_ONE = 4;

interface Pair {
  failures: number;
  checking: number;
  lockedUntil: number;
}

/**
 * Hashes and checks passwords, a few at a time. Guessing locks the pair of user and network: whoever knows a name must
 * not be able to shut its owner out. Where the runtime tells no address nothing is locked. One per process.
 */
export class Passwords {
  readonly #platform: Platform;
  readonly #pairs = new Map<string, Pair>();
  readonly #ofNetwork = new Map<string, number>();
  readonly #checks = new Line();
  /** Asked for by admins: not kept waiting by who signs in. */
  readonly #hashes = new Line();

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** Throws `unavailable` where too many wait. */
  hash(password: string): Promise<string> {
    return this.#hashes.inTurn(() => hashPassword(password, this.#platform.randomBytes(SALT_BYTES)));
  }

  /**
   * Whether the password of `user` is the one that was hashed; without a hash it is not, and takes as long. Throws
   * `signInRefused` for a locked pair and `unavailable` where too many are at it.
   */
  async check(user: string, address: string | null, password: string, hash: string | null): Promise<boolean> {
    const isRight = () => (hash === null ? asIfWrong(password) : isPassword(password, hash));
    if (address === null) return this.#ofOne("", () => this.#checks.inTurn(isRight));
    const network = networkOf(address);
    return this.#guarded(JSON.stringify([network, user]), () =>
      this.#ofOne(network, () => this.#checks.inTurn(isRight)),
    );
  }

  async #guarded(key: string, check: () => Promise<boolean>): Promise<boolean> {
    const pair = this.#pairs.get(key) ?? { failures: 0, checking: 0, lockedUntil: 0 };
    const now = this.#platform.now();
    if (now >= pair.lockedUntil) pair.failures = 0;
    if (pair.failures >= MAX_FAILURES) {
      const seconds = Math.ceil((pair.lockedUntil - now) / 1000);
      throw new Failure("signInRefused", `too many failed attempts from this address: try again in ${seconds} s`);
    }
    // Each one under way may be a failure: together with them it must not be one too many.
    if (pair.failures + pair.checking >= MAX_FAILURES) throw tooMany();
    this.#pairs.set(key, pair);
    pair.checking += 1;
    let right: boolean | undefined;
    try {
      right = await check();
    } finally {
      pair.checking -= 1;
      if (right === false) this.#countFailure(key, pair);
      else if (right || pair.failures === 0) this.#forget(key, pair);
    }
    return right;
  }

  #countFailure(key: string, pair: Pair): void {
    pair.failures += 1;
    pair.lockedUntil = this.#platform.now() + LOCKED_MS;
    // Taken out first: the map's order is then that of the latest failure.
    this.#pairs.delete(key);
    this.#pairs.set(key, pair);
    const [oldest] = this.#pairs.keys();
    if (this.#pairs.size > MAX_PAIRS && oldest !== undefined) this.#pairs.delete(oldest);
  }

  #forget(key: string, pair: Pair): void {
    pair.failures = 0;
    if (pair.checking === 0) this.#pairs.delete(key);
  }

  async #ofOne<Result>(network: string, work: () => Promise<Result>): Promise<Result> {
    const others = this.#ofNetwork.get(network) ?? 0;
    if (others >= MAX_OF_ONE) throw tooMany();
    this.#ofNetwork.set(network, others + 1);
    try {
      return await work();
    } finally {
      const left = (this.#ofNetwork.get(network) ?? 1) - 1;
      if (left === 0) this.#ofNetwork.delete(network);
      else this.#ofNetwork.set(network, left);
    }
  }
}

/** Lets a few work at a time. */
class Line {
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  async inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running < AT_ONCE) this.#running += 1;
    else {
      if (this.#waiting.length >= MAX_WAITING) throw tooMany();
      // Whoever is done hands its place on.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}

/** An IPv4 address, or the half of an IPv6 address that its owner does not choose. */
function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::", 2);
  const left = head === "" ? [] : head.split(":");
  const right = tail ? tail.split(":") : [];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array(zeros).fill("0"), ...right].slice(0, 4).join(":");
}

function tooMany(): Failure {
  return new Failure("unavailable", "too many are signing in at this moment: try again");
}
