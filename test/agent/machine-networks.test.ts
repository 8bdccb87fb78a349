import { describe, expect, test } from "bun:test";
import { machine, rawMachine, withFiles } from "./raw-machine.ts";

describe("networks", () => {
  test("IPv6 only: the global address before a local one, the gateway of the route", () => {
    const { ip, ipv6, networks, platform, firmware, boot_loader } = machine("ipv6-only");
    expect({ ip, ipv6, networks, platform, firmware, boot_loader }).toEqual({
      ip: undefined,
      ipv6: "2001:db8:0:1::2",
      networks: [
        { name: "eth0", ipv6: "fd12:3456::1", mtu: 1500, mac: "06:00:00:00:00:01" },
        { name: "eth1", ipv6: "2001:db8:0:1::2", gateway: "fe80::1", mtu: 1500, mac: "06:00:00:00:00:02" },
      ],
      platform: "aws",
      // Not every machine without EFI has a BIOS.
      firmware: undefined,
      boot_loader: "systemd-boot",
    });
  });

  test("many: cards and what has an address over them, in the system's order; the preferred route's address", () => {
    const { ip, ipv6, networks = [] } = machine("many-nics");
    expect([ip, ipv6]).toEqual(["192.0.2.40", "2001:db8::5"]);
    expect(networks.map(({ name, ip, gateway, mtu }) => [name, ip, gateway, mtu])).toEqual([
      ["eth2", undefined, undefined, 1500],
      ["eth3", "192.0.2.40", "192.0.2.1", 1500],
      ["br0", "192.10.100.7", "192.10.100.254", 1500],
      ["bond0", "10.0.0.5", undefined, 9000],
    ]);
  });

  test("the main address is of the interface with the default route, of each family its own", () => {
    const card = (name: string, address: string, ipv6: string) => ({
      name,
      mac: "06:00:00:00:00:01",
      addresses: [
        { family: "IPv4" as const, address, netmask: "255.255.255.0" },
        { family: "IPv6" as const, address: ipv6, netmask: "ffff:ffff:ffff:ffff::" },
      ],
    });
    const interfaces = [
      card("a", "192.0.2.1", "2001:db8::1"),
      card("b", "192.0.2.2", "2001:db8::2"),
      card("c", "192.0.2.3", "2001:db8::3"),
    ];
    const zero = "0".repeat(32);
    const ipv6Route = (name: string, metric: string, flags: string, prefix = "00", next = zero) =>
      `${zero} ${prefix} ${zero} 00 ${next} ${metric} 00000001 00000000 ${flags}     ${name}\n`;
    const files = {
      "/proc/net/route":
        "b\t00000000\t00000000\t0001\t0\t0\t50\t00000000\na\t00000000\t010200C0\t0203\t0\t0\t10\t00000000\n",
      "/proc/net/ipv6_route":
        ipv6Route("a", "00000001", "00000003", "40") +
        ipv6Route("a", "00000001", "00000200") +
        ipv6Route("b", "00000400", "00000003", "00", "20010db8000000000000000000000099") +
        ipv6Route("c", "00000064", "00000001"),
    };
    const { ip, ipv6, networks = [] } = machine("many-nics", { interfaces, files });
    expect([ip, ipv6]).toEqual(["192.0.2.2", "2001:db8::3"]);
    // The interface's IPv4 route has no gateway: its IPv6 one is told.
    expect(networks.map(({ gateway }) => gateway)).toEqual([undefined, "2001:db8::99", undefined]);
  });

  test("an address that a card gave itself is better than none; without a hardware address a card is none", () => {
    const address = { family: "IPv4" as const, address: "169.254.1.2", netmask: "255.255.0.0" };
    const { ip, networks } = machine("many-nics", {
      interfaces: [
        { name: "zero0", mac: "00:00:00:00:00:00", addresses: [address] },
        { name: "eth0", mac: "06:00:00:00:00:01", addresses: [address] },
      ],
    });
    expect(ip).toBe("169.254.1.2");
    expect(networks?.map(({ name }) => name)).toEqual(["eth0"]);
  });

  test("without a default route the first that is no loopback and not made by software for itself", () => {
    expect(withFiles("many-nics", { "/proc/net/route": undefined }).ip).toBe("192.0.2.40");
    const [docker0] = rawMachine("many-nics").interfaces;
    expect(machine("many-nics", { interfaces: docker0 ? [docker0] : [] })).toMatchObject({
      ip: "172.17.0.1",
      networks: [],
    });
    expect(machine("vm-gpt-efi", { interfaces: [] })).not.toHaveProperty("ip");
  });
});
