import type { Principal } from "../auth/principal.ts";
import type { Platform } from "../core/platform.ts";
import type { Sealer } from "../core/sealed.ts";
import type { Database } from "../db/database.ts";
import { record } from "../events/service.ts";
import { type Certificates, makeCertificates } from "./certificates.ts";
import { insertSecret, type SecretKind, selectSecret } from "./secret-store.ts";
import type { ShowCertKeyQuery, ShowCertKeyResponse, ShowPassphraseResponse } from "./secrets-schema.ts";
import type { Tasks } from "./service.ts";

const PASSPHRASE_BYTES = 32;

/**
 * What the two ends of a migration need to trust each other. Made when first asked for, kept sealed, the same on every
 * call until the task is deleted. The making is an event; reading again is none, as agents read at each start.
 */
export class TaskSecrets {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #sealer: Sealer;
  readonly #tasks: Tasks;

  constructor(platform: Platform, database: Database, sealer: Sealer, tasks: Tasks) {
    this.#platform = platform;
    this.#database = database;
    this.#sealer = sealer;
    this.#tasks = tasks;
  }

  /**
   * 43 characters of A-Z a-z 0-9 - _ that hold 256 random bits: the secret that agent and target machine share, for
   * what certificates do not protect, such as key files they write to disk. The keys of `showCertKey` are not encrypted
   * with it. Throws `notFound` for an unknown task, `forbidden` for one the caller's key is not bound to.
   */
  async showPassphrase(principal: Principal, task_id: string): Promise<ShowPassphraseResponse> {
    const passphrase = await this.#once(principal, task_id, "passphrase", async () =>
      this.#platform.randomBytes(PASSPHRASE_BYTES).toBase64({ alphabet: "base64url", omitPadding: true }),
    );
    return { task_id, passphrase };
  }

  /**
   * The agent's certificate and key; with `enable_ca_cert` also those of the target machine and the authority that
   * signed all three. Throws `notFound` for an unknown task, `forbidden` for one the caller's key is not bound to.
   */
  async showCertKey(
    principal: Principal,
    task_id: string,
    { enable_ca_cert }: ShowCertKeyQuery,
  ): Promise<ShowCertKeyResponse> {
    const made = await this.#once(principal, task_id, "certificates", async () =>
      JSON.stringify(await makeCertificates(this.#platform, task_id)),
    );
    const certificates: Certificates = JSON.parse(made);
    const { cert, private_key } = certificates;
    return enable_ca_cert ? certificates : { cert, private_key };
  }

  async #once(principal: Principal, task_id: string, kind: SecretKind, make: () => Promise<string>): Promise<string> {
    const purpose = `${kind} of task ${task_id}`;
    const { seq } = await this.#tasks.ref(principal, task_id);
    const stored = await selectSecret(this.#database.reader, seq, kind);
    if (stored !== undefined) return this.#sealer.open(stored, purpose);
    // Made before the queue of writes is entered, so that none waits for it: of two first calls one is in vain.
    const plain = await make();
    return this.#database.writer.transaction(async (tx) => {
      const task = await this.#tasks.ref(principal, task_id, tx);
      const earlier = await selectSecret(tx, task.seq, kind);
      if (earlier !== undefined) return this.#sealer.open(earlier, purpose);
      await insertSecret(tx, { task_seq: task.seq, kind, sealed: this.#sealer.seal(plain, purpose) });
      await record(tx, principal, this.#platform.now(), {
        type: "task.updated",
        source_id: task.source_id,
        data: { task_id, made: kind },
      });
      return plain;
    });
  }
}
