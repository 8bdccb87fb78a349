import type { ShowConfigResponse } from "./schema.ts";

/** What is configured of the cloud that targets are in. */
export interface CloudSettings {
  region: string;
  /** Regions beyond that one are those with zones. */
  availability_zones: Readonly<Record<string, unknown>>;
  service_domain: string;
  /** Members to tell instead. */
  agent_config: Readonly<Record<string, string>>;
}

/**
 * What agents are told of the cloud that targets are in. A self-hosted service cannot know it: names follow from the
 * region's unless they are configured. SMS and IAM are this service, at the `host` where the caller reached it.
 */
export function cloudConfig(settings: CloudSettings, host: string | undefined): ShowConfigResponse {
  const { region: mainRegion, availability_zones, service_domain, agent_config } = settings;
  const names = [...new Set([mainRegion, ...Object.keys(availability_zones)])];
  const domain = (service: string, region: string) => `${service}.${region}.${service_domain}`;
  const configured = <Members extends Record<string, string>>(members: Members, region: string): Members => {
    const told = Object.entries(members).map(([name, text]) => {
      const own = Object.hasOwn(agent_config, name) ? agent_config[name]?.replaceAll("{region}", region) : undefined;
      return [name, own ?? text];
    });
    return Object.fromEntries(told);
  };
  return {
    config: configured({ disktype: "SAS", mainRegion, obs_domain: domain("obs", mainRegion) }, mainRegion),
    regions: names.map((region) =>
      configured(
        {
          cloud_type: "private",
          desc: region,
          project_name: region,
          region_name: region,
          kms_address: domain("kms", region),
          dns_domain: domain("dns", region),
          ecs_domain: domain("ecs", region),
          evs_domain: domain("evs", region),
          iam_domain: host || domain("iam", region),
          ims_domain: domain("ims", region),
          obs_domain: domain("obs", region),
          sms_domain: host || domain("sms", region),
          vpc_domain: domain("vpc", region),
          linux_image_id: "linux",
          linux_uefi_image_id: "linux-uefi",
          create_linux_image_id: "create-linux",
          windows_image_id: "windows",
          windows_ssh_image_id: "windows-ssh",
          windows_uefi_image_id: "windows-uefi",
        },
        region,
      ),
    ),
  };
}
