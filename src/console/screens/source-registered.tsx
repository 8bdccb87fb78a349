import { answer, api } from "../api.ts";
import { useLoaded } from "../loaded.ts";
import { Problem, State } from "../parts/basics.tsx";
import { Json } from "../parts/json.tsx";
import { When } from "../time.tsx";
import { bytes, plain } from "../words.ts";

/** What the agent told of its machine. */
export function Registered({ id }: { id: string }) {
  const {
    value: source,
    error,
    again,
  } = useLoaded(`registered ${id}`, () => answer(api.v3.sources[":source_id"].$get({ param: { source_id: id } })), {
    on: ({ source_id, type }) => source_id === id && type.startsWith("source."),
  });
  if (!source) return <Problem what={error} again={again} />;
  const facts = {
    system: [plain(source.os_type), source.os_version].join(" "),
    firmware: source.firmware,
    processors: source.cpu_quantity,
    memory: source.memory && bytes(source.memory),
    agent: source.agent_version,
    cycle: plain(source.migration_cycle),
  };
  return (
    <section aria-labelledby="registered">
      <h2 id="registered">Registered</h2>
      <dl class="facts">
        {Object.entries(facts).map(
          ([name, value]) =>
            value !== undefined &&
            value !== "" && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
        <div>
          <dt>registered</dt>
          <dd>
            <When at={source.add_date} />
          </dd>
        </div>
      </dl>
      {source.checks.length > 0 && (
        <Table name="Checks" heads={["Check", "Result", "What is wrong"]}>
          {source.checks.map((check) => (
            <tr key={check.id}>
              <td>{plain(check.name)}</td>
              <td>
                <State word={check.result} />
              </td>
              <td>{[check.error_code, check.error_or_warn, ...(check.params ?? [])].filter(Boolean).join(" ")}</td>
            </tr>
          ))}
        </Table>
      )}
      <Table name="Disks" heads={["Disk", "Size", "Used", "Volumes"]}>
        {source.disks.map((disk) => (
          <tr key={disk.id ?? disk.name}>
            <td>
              {disk.name} {disk.os_disk && <small>system disk</small>}
            </td>
            <td>{disk.size !== undefined && bytes(disk.size)}</td>
            <td>{disk.used_size !== undefined && bytes(disk.used_size)}</td>
            <td>
              {disk.physical_volumes?.map((volume) => (
                <small key={volume.id ?? volume.name}>
                  {[
                    volume.name,
                    volume.mount_point,
                    volume.file_system,
                    volume.size !== undefined && bytes(volume.size),
                  ]
                    .filter(Boolean)
                    .join(" · ")}
                </small>
              ))}
            </td>
          </tr>
        ))}
      </Table>
      <Table name="Networks" heads={["Interface", "Address", "Gateway", "MAC"]}>
        {source.networks.map((network) => (
          <tr key={network.mac}>
            <td>{network.name}</td>
            <td>
              {network.ip} {network.netmask && <small>{network.netmask}</small>}{" "}
              {network.ipv6 && <small>{network.ipv6}</small>}
            </td>
            <td>{network.gateway}</td>
            <td>{network.mac}</td>
          </tr>
        ))}
      </Table>
      <Json name="As JSON" value={source} />
    </section>
  );
}

function Table({ name, heads, children }: { name: string; heads: readonly string[]; children: unknown[] }) {
  if (children.length === 0) return null;
  return (
    <details open={children.length <= 12}>
      <summary>
        {name} <span class="soft">{children.length}</span>
      </summary>
      <section class="scroll" aria-label={name} tabindex={0}>
        <table>
          <thead>
            <tr>
              {heads.map((head) => (
                <th key={head}>{head}</th>
              ))}
            </tr>
          </thead>
          <tbody>{children}</tbody>
        </table>
      </section>
    </details>
  );
}
