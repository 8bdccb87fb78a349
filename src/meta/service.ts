import { Failure } from "../core/failure.ts";
import { errorFields } from "../core/log.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import { type CloudSettings, cloudConfig } from "./cloud-config.ts";
import type { Readiness, ShowConfigResponse } from "./schema.ts";
import { writeReadiness } from "./store.ts";

const REFUSAL_STANDS_MS = 1_000;
/** Whoever probes does not wait long, and a write that takes longer is none to count on. */
const LONGEST_WRITE_MS = 3_000;

/** Whether this process can do its work, and what agents are told of the cloud around it. */
export class Meta {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #cloud: CloudSettings;
  readonly #warnings: readonly string[];
  #checking: Promise<void> | undefined;

  constructor(platform: Platform, database: Database, cloud: CloudSettings, warnings: readonly string[]) {
    this.#platform = platform;
    this.#database = database;
    this.#cloud = cloud;
    this.#warnings = warnings;
  }

  /**
   * Resolves when a write has gone through; reads do not prove the write path. Whoever asks meanwhile shares that write:
   * no credentials are needed to ask. Throws `unavailable` if it does not go through.
   */
  async ready(): Promise<Readiness> {
    this.#checking ??= this.#check().then(
      () => this.#forget(),
      (error) => {
        // A refusal stands for a moment: asking without end must not keep a full disk busy.
        this.#platform.after(REFUSAL_STANDS_MS, () => this.#forget());
        throw error;
      },
    );
    await this.#checking;
    return { status: "ok", ...(this.#warnings.length > 0 && { warnings: [...this.#warnings] }) };
  }

  /** `host`: where the caller reached this service. */
  showConfig(host: string | undefined): ShowConfigResponse {
    return cloudConfig(this.#cloud, host);
  }

  #forget(): void {
    this.#checking = undefined;
  }

  async #check(): Promise<void> {
    let callOff = () => {};
    const late = new Promise<never>((_, reject) => {
      const error = new Error(`no answer within ${LONGEST_WRITE_MS / 1000} s`);
      callOff = this.#platform.after(LONGEST_WRITE_MS, () => reject(error));
    });
    try {
      const write = this.#database.writer.transaction((tx) => writeReadiness(tx, this.#platform.now()));
      await Promise.race([write, late]);
    } catch (error) {
      this.#platform.log("error", "not ready: a write did not go through", errorFields(error));
      throw new Failure("unavailable", "not ready: a write to the database did not go through");
    } finally {
      callOff();
    }
  }
}
