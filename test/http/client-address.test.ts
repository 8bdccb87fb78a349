import { describe, expect, test } from "bun:test";
import { clientAddress, parseProxies } from "../../src/http/client-address.ts";

describe("clientAddress", () => {
  const proxies = parseProxies("10.0.0.0/8, 192.0.2.1,fd00::/8");

  test.each([
    // peer, X-Forwarded-For, who called
    ["203.0.113.5", null, "203.0.113.5"],
    ["203.0.113.5", "198.51.100.1", "203.0.113.5"], // nobody's proxy: what it says counts for nothing
    ["10.1.2.3", null, "10.1.2.3"],
    ["10.1.2.3", "198.51.100.1", "198.51.100.1"],
    ["10.1.2.3", "6.6.6.6, 198.51.100.1", "198.51.100.1"], // what the client wrote itself
    ["10.1.2.3", "198.51.100.1, 192.0.2.1, 10.9.9.9", "198.51.100.1"],
    ["10.1.2.3", "10.0.0.9", "10.0.0.9"], // the client is among the proxies
    ["10.1.2.3", "198.51.100.1, unknown", "10.1.2.3"],
    ["10.1.2.3", "", "10.1.2.3"],
    ["::ffff:10.1.2.3", "198.51.100.1:4711", "198.51.100.1"],
    ["fd00::1", "[2001:db8::7]:4711", "2001:db8::7"],
    ["2001:db8::1", "198.51.100.1", "2001:db8::1"],
  ])("peer %p, forwarded for %p: %p", (peer, forwarded, client) => {
    expect(clientAddress(peer, forwarded, proxies)).toBe(client);
  });

  test.each(["", "10.0.0.0/33", "10.0.0.0/x", "10.0.0.0/8/9", "host", "10.0.0.1,,", "fd00::/129"])(
    "refuses %p",
    (list) => {
      expect(() => parseProxies(list)).toThrow("is neither an address nor a range");
    },
  );
});
