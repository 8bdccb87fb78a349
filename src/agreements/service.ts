import type { Principal } from "../auth/principal.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import { record } from "../events/service.ts";
import { insertAgreement, isAccepted } from "./store.ts";

/** Whether an account has accepted the privacy agreement: agents ask before they do anything. */
export class Agreements {
  readonly #platform: Platform;
  readonly #database: Database;

  constructor(platform: Platform, database: Database) {
    this.#platform = platform;
    this.#database = database;
  }

  /** Accepts for the caller's account, for good. Again: nothing changes and nothing is recorded. */
  async createPrivacyAgreements(principal: Principal): Promise<void> {
    const { account_seq, actor } = principal;
    if (await isAccepted(this.#database.reader, account_seq)) return;
    await this.#database.writer.transaction(async (tx) => {
      const accepted_at = this.#platform.now();
      if (!(await insertAgreement(tx, { account_seq, accepted_at, actor }))) return;
      await record(tx, principal, accepted_at, { type: "agreement.accepted" });
    });
  }

  async showPrivacyAgreements({ account_seq }: Principal): Promise<{ flag: boolean }> {
    return { flag: await isAccepted(this.#database.reader, account_seq) };
  }
}
