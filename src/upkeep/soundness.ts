import { type Check, checked, fail, ok, warn } from "./check.ts";
import { countRows, usableSchema } from "./contents.ts";
import { damage } from "./duplicate.ts";
import { fingerprint, type KeyAtHand } from "./master-key.ts";
import { type Place, type Reader, reading } from "./place.ts";
import { describeOpened, openSecrets } from "./sealed-secrets.ts";

/** Whether a ferry with this key could serve what a copy holds. Changes nothing. */
export async function soundness(place: Place, key: KeyAtHand): Promise<Check[]> {
  const whole = await checked("integrity", () =>
    reading(place, async (reader) => {
      const problems = await damage(reader);
      return problems.length > 0 ? fail(problems.join("; ")) : ok("every page and every reference is sound");
    }),
  );
  if (whole.status === "fail") return [whole];
  const schema = await checked("schema", () =>
    reading(place, async (reader) => {
      const { ferry_version, applied } = await usableSchema(reader, place.shown);
      const { tables, rows } = await countRows(reader);
      return ok(`of ferry ${ferry_version} (${applied.at(-1)}): ${rows} rows in ${tables} tables`);
    }),
  );
  if (schema.status === "fail") return [whole, schema];
  return [whole, schema, await checked("master key", () => reading(place, (reader) => keyCheck(reader, key)))];
}

/** Whether the key opens what is sealed in the database. */
export async function keyCheck(reader: Reader, { key, where, reason }: KeyAtHand) {
  const found = await openSecrets(reader, key ?? new Uint8Array(32));
  const count = found.reduce((sum, kind) => sum + kind.count, 0);
  const opened = found.reduce((sum, kind) => sum + kind.opened, 0);
  const sealed = found.map((kind) => `${kind.count} ${kind.what}`).join(", ");
  if (!key) {
    const message = `${reason}; put the master key that belongs to the database there, or set FERRY_MASTER_KEY`;
    return count === 0 ? warn(message) : fail(`${sealed} cannot be opened: ${message}`);
  }
  const named = `${where} (fingerprint ${fingerprint(key)})`;
  if (count > 0 && opened === 0)
    return fail(
      `${named} is not the key of this database: it opens none of ${sealed}. Without its key ferry does not serve it`,
    );
  if (opened < count)
    return warn(`${named} opens ${describeOpened(found)}; what does not open was changed, and has to be made anew`);
  return ok(`${named} opens what is sealed: ${describeOpened(found)}`);
}
