import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { makeEstate } from "../../demo/estate.ts";
import { capacityOf, kinds, warehouse } from "../../demo/kinds.ts";
import { Random } from "../../demo/random.ts";
import { roleAt } from "../../demo/roles.ts";
import { PostSourceServerBody } from "../../src/sources/schema.ts";

describe("makeEstate", () => {
  test("makes the same estate of the same seed, and another one of another", () => {
    expect(makeEstate(7, 60)).toEqual(makeEstate(7, 60));
    expect(makeEstate(7, 60)).not.toEqual(makeEstate(8, 60));
  });

  test("begins a larger fleet with the machines of a smaller one", () => {
    expect(makeEstate(7, 60).slice(0, 24)).toEqual(makeEstate(7, 24));
  });

  test("gives each of 2,000 machines a name and addresses of its own, and nothing the service refuses", () => {
    const estate = makeEstate(1, 2000);
    const own = (what: (machine: (typeof estate)[number]) => unknown) => new Set(estate.map(what)).size;
    expect([own(({ registration }) => registration.name), own(({ registration }) => registration.ip)]).toEqual([
      2000, 2000,
    ]);
    for (const { registration } of estate) {
      const { success, issues } = v.safeParse(PostSourceServerBody, registration);
      expect([registration.name, success, issues]).toEqual([registration.name, true, undefined]);
      for (const address of [registration.ip, ...registration.networks.map(({ ip }) => ip)])
        expect(address).toMatch(/^(10\.(20|2[1-9]|3\d)\.\d{1,3}\.\d{1,3}|203\.0\.113\.\d{1,3})$/);
    }
  });

  test("puts no more on a disk than it holds, and all of the load on the disks", () => {
    for (const { registration, load } of makeEstate(3, 200)) {
      const disks = registration.disks ?? [];
      for (const { size = 0, used_size = 0 } of disks) expect(used_size).toBeLessThanOrEqual(size);
      const used = disks.reduce((sum, { used_size = 0 }) => sum + used_size, 0);
      expect(Math.abs(used - load.bytes)).toBeLessThan(disks.length + 1);
    }
  });

  test("has one machine with many disks and networks, and one that does not pass the environment check", () => {
    const estate = makeEstate(1, 24);
    const large = estate.find(({ role }) => role === "large");
    expect([large?.registration.disks?.length, large?.registration.networks.length]).toEqual([15, 9]);
    expect(large?.load.bytes).toBeLessThan(capacityOf(warehouse));
    expect(estate.find(({ role }) => role === "unfit")?.registration.has_rsync).toBe(false);
  });

  test("uses every kind of machine", () => {
    const names = new Set(makeEstate(1, 60).map(({ registration }) => registration.name.replace(/-\d+$/, "")));
    expect(kinds.filter(({ name }) => !names.has(name))).toEqual([]);
  });
});

describe("Random", () => {
  const drawn = (name: string) => {
    const random = new Random(5, name);
    return Array.from({ length: 2000 }, () => random.next());
  };

  test("draws the same again, spread evenly, and other numbers for another name", () => {
    expect(drawn("a")).toEqual(drawn("a"));
    expect(drawn("a").filter((value, place) => value === drawn("b")[place])).toEqual([]);
    const tenths = Array.from({ length: 10 }, (_, tenth) =>
      drawn("a").filter((value) => Math.floor(value * 10) === tenth),
    );
    for (const { length } of tenths) expect(Math.abs(length - 200)).toBeLessThan(80);
  });

  test("draws whole numbers with both ends", () => {
    const random = new Random(5, "whole");
    expect(new Set(Array.from({ length: 200 }, () => random.whole(3, 6)))).toEqual(new Set([3, 4, 5, 6]));
  });
});

test("every part of the story is there in a fleet of the usual size, and most of a large one is plain", () => {
  const roles = makeEstate(1, 24).map(({ role }) => role);
  expect(new Set(roles).size).toBe(18 + 1);
  const many = Array.from({ length: 2000 }, (_, place) => roleAt(place, new Random(1, `role ${place}`)));
  expect(many.filter((role) => role === "plain").length).toBeGreaterThan(1000);
});
