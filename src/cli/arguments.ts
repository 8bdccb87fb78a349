import { readFileSync } from "node:fs";
import type { Client } from "../client/client.ts";
import { CliFailure, messageOf } from "./failure.ts";
import { answer } from "./verb.ts";

/* What a person types, as what it means. */

/** The most listServers gives at once. */
export const SOURCES_PER_PAGE = 200;

/** A source named by its id, or by its name where that is unique. */
export async function findSource(client: Client, name: string): Promise<string> {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(name)) return name;
  const [only, ...others] = await sourcesNamed(client, name).catch((error) => {
    if (!(error instanceof CliFailure) || error.reason !== "refused") throw error;
    throw new CliFailure("refused", `this key may not look up sources by name: give the id of ${name}`);
  });
  if (!only) throw new CliFailure("notFound", `there is no source named ${name}`);
  if (others.length > 0) {
    const ids = [only, ...others].map(({ id }) => id).join(", ");
    throw new CliFailure("usage", `${others.length + 1} sources are named ${name}; use an id: ${ids}`);
  }
  return only.id;
}

/** Every source of exactly that name; the service looks for parts of names. */
export async function sourcesNamed(client: Client, name: string): Promise<{ id: string }[]> {
  const same: { id: string }[] = [];
  for (let offset = 0; ; offset += SOURCES_PER_PAGE) {
    const query = { name, limit: String(SOURCES_PER_PAGE), offset: String(offset) };
    const { source_servers } = await answer(client.v3.sources.$get({ query }));
    same.push(...source_servers.filter((source) => source.name === name));
    if (source_servers.length < SOURCES_PER_PAGE) return same;
  }
}

/** A value given as text, as @FILE or as - for standard input. */
export function readValue(value: string): string {
  if (value === "-") return readFileSync(0, "utf8");
  if (!value.startsWith("@")) return value;
  try {
    return readFileSync(value.slice(1), "utf8");
  } catch (error) {
    throw new CliFailure("usage", `${value} cannot be read: ${messageOf(error)}`);
  }
}

/** A flag's whole number. */
export function wholeNumber(flag: string, value: string | undefined, min: number, max: number): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < min || number > max) {
    throw new CliFailure("usage", `${flag} takes a whole number from ${min} to ${max}, not ${JSON.stringify(value)}`);
  }
  return number;
}

/** A flag's moment: milliseconds since 1970, or a date as text. */
export function moment(flag: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) : Date.parse(value);
  if (Number.isNaN(ms)) {
    throw new CliFailure(
      "usage",
      `${flag} takes a date (2030-01-31T12:00:00Z) or milliseconds since 1970, not ${JSON.stringify(value)}`,
    );
  }
  return ms;
}

/** One of a list of words. */
export function oneOf<const Word extends string>(what: string, value: string, words: readonly Word[]): Word {
  const word = words.find((candidate) => candidate === value);
  if (word === undefined)
    throw new CliFailure("usage", `${what} is one of ${words.join(", ")}, not ${JSON.stringify(value)}`);
  return word;
}
