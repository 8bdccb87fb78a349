import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cloudMembers, cloudRegionMembers } from "../../src/core/words.ts";
import { cloudConfig } from "../../src/meta/cloud-config.ts";
import { type Ferry, startFerry } from "../harness.ts";

let ferry: Ferry;
beforeAll(async () => {
  ferry = await startFerry();
});
afterAll(() => ferry.stop());

const settings = { region: "region-1", availability_zones: {}, service_domain: "ferry.internal", agent_config: {} };

describe("showConfig", () => {
  test("tells of the configured region, with this service where it was reached", async () => {
    const { status, json } = await ferry.call("agent", "GET", "/v3/config", { headers: { host: "192.0.2.1:8900" } });
    expect(status).toBe(200);
    expect(json).toEqual({
      config: { disktype: "SAS", mainRegion: "region-1", obs_domain: "obs.region-1.ferry.internal" },
      regions: [
        {
          cloud_type: "private",
          desc: "region-1",
          project_name: "region-1",
          region_name: "region-1",
          kms_address: "kms.region-1.ferry.internal",
          dns_domain: "dns.region-1.ferry.internal",
          ecs_domain: "ecs.region-1.ferry.internal",
          evs_domain: "evs.region-1.ferry.internal",
          iam_domain: "192.0.2.1:8900",
          ims_domain: "ims.region-1.ferry.internal",
          obs_domain: "obs.region-1.ferry.internal",
          sms_domain: "192.0.2.1:8900",
          vpc_domain: "vpc.region-1.ferry.internal",
          linux_image_id: "linux",
          linux_uefi_image_id: "linux-uefi",
          create_linux_image_id: "create-linux",
          windows_image_id: "windows",
          windows_ssh_image_id: "windows-ssh",
          windows_uefi_image_id: "windows-uefi",
        },
      ],
    });
  });

  test.each(["viewer", "agent", "operator", "admin", "foreign"] as const)(
    "%s may ask; a body is ignored",
    async (as) => {
      expect((await ferry.call(as, "GET", "/v3/config", { headers: { "content-type": "x/y" } })).status).toBe(200);
    },
  );

  test("every member is told and none is empty, also without a Host", () => {
    const { config, regions } = cloudConfig(settings, undefined);
    expect(Object.keys(config)).toEqual([...cloudMembers]);
    expect(Object.keys(regions[0] ?? {})).toEqual([...cloudRegionMembers]);
    for (const text of [...Object.values(config), ...Object.values(regions[0] ?? {})]) expect(text).not.toBe("");
    expect(regions[0]?.sms_domain).toBe("sms.region-1.ferry.internal");
  });

  test("every region with zones is told, the configured one first and once", () => {
    const availability_zones = { "region-2": ["x"], "region-1": ["y"] };
    const { config, regions } = cloudConfig({ ...settings, availability_zones }, "h");
    expect(config.mainRegion).toBe("region-1");
    expect(regions.map(({ region_name, ecs_domain }) => [region_name, ecs_domain])).toEqual([
      ["region-1", "ecs.region-1.ferry.internal"],
      ["region-2", "ecs.region-2.ferry.internal"],
    ]);
  });

  test("configured members take the place of the others, {region} in them the region's name", () => {
    const agent_config = {
      obs_domain: "s3.{region}.{region}",
      linux_image_id: "i-1",
      disktype: "SSD",
      sms_domain: "s",
    };
    const { config, regions } = cloudConfig(
      { ...settings, availability_zones: { "region-2": [] }, service_domain: "example.com", agent_config },
      "h",
    );
    expect(config).toEqual({ disktype: "SSD", mainRegion: "region-1", obs_domain: "s3.region-1.region-1" });
    const told = { linux_image_id: "i-1", sms_domain: "s", iam_domain: "h" };
    expect(regions).toMatchObject([
      { ...told, obs_domain: "s3.region-1.region-1", ecs_domain: "ecs.region-1.example.com" },
      { ...told, obs_domain: "s3.region-2.region-2", ecs_domain: "ecs.region-2.example.com" },
    ]);
  });
});
