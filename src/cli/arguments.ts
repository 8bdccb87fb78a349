import { readFileSync } from "node:fs";
import type { Client } from "../client/client.ts";
import { parseObject } from "../core/json-object.ts";
import { CliFailure, messageOf } from "./failure.ts";
import { everyPage, PAGE_OF_OTHERS, SOURCES_PER_PAGE } from "./pages.ts";
import { answer } from "./verb.ts";

/* What a person types, as what it means. */

type Named = { id: string; name: string };

/** A source named by its id, or by its name where that is unique. */
export function findSource(client: Client, name: string): Promise<string> {
  return findNamed("source", name, () => sourcesNamed(client, name));
}

/** A migration project by its id or its name. */
export function findMigproject(client: Client, name: string): Promise<string> {
  return findNamed("project", name, async () => {
    const { items } = await everyPage(PAGE_OF_OTHERS, Number.POSITIVE_INFINITY, async (page) => {
      const { count, migprojects } = await answer(client.v3.migprojects.$get({ query: page }));
      return { count, items: migprojects };
    });
    return items.filter((project) => project.name === name);
  });
}

/** A template by its id, or by its name where that is unique. */
export function findTemplate(client: Client, name: string): Promise<string> {
  return findNamed("template", name, async () => {
    const { items } = await everyPage(PAGE_OF_OTHERS, Number.POSITIVE_INFINITY, async (page) => {
      const { count, templates } = await answer(client.v3.vm.templates.$get({ query: { name, ...page } }));
      return { count, items: templates };
    });
    return items.filter((template) => template.name === name);
  });
}

async function findNamed(what: string, name: string, named: () => Promise<Named[]>): Promise<string> {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(name)) return name;
  const [only, ...others] = await named().catch((error) => {
    if (!(error instanceof CliFailure) || error.reason !== "refused") throw error;
    throw new CliFailure("refused", `this key may not look up ${what}s by name: give the id of ${name}`);
  });
  if (!only) throw new CliFailure("notFound", `there is no ${what} named ${name}`);
  if (others.length > 0) {
    const ids = [only, ...others].map(({ id }) => id).join(", ");
    throw new CliFailure("usage", `${others.length + 1} ${what}s are named ${name}; use an id: ${ids}`);
  }
  return only.id;
}

/** Every source of exactly that name; the service looks for parts of names. */
export async function sourcesNamed(client: Client, name: string): Promise<Named[]> {
  const { items } = await everyPage(SOURCES_PER_PAGE, Number.POSITIVE_INFINITY, async (page) => {
    const { count, source_servers } = await answer(client.v3.sources.$get({ query: { name, ...page } }));
    return { count, items: source_servers };
  });
  return items.filter((source) => source.name === name);
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

/** The JSON object of a --data: text, @FILE or - for standard input. */
export function dataOf(value: string | undefined): Record<string, unknown> {
  if (value === undefined) return {};
  const object = parseObject(readValue(value));
  if (!object) throw new CliFailure("usage", "--data takes a JSON object");
  return object;
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
